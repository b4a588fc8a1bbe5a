"""kubectl as a second client: it takes what a dry run prints, and finds nothing to change afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane import texts
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.program import CREATE, HOSTS, OBJECTS, PRIORITIES, WORKLOAD, Program, program, remove
from tests.controlplane.world import World
from xpk.cloud.kube import Kube

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

Json = dict[str, Any]
_SERVER_SIDE = ("apply", "--server-side", "-f", "-")
_NOT_KNOWN_BEFORE = {f"/data/{name}" for name in ("mtc_grant", "jobset_manifest", "kueue_manifest")}
_OF_THIS_WORKLOAD = "kueue.x-k8s.io/workload"
"""Kueue writes the name of its Workload, made from the JobSet's uid, into the pods' annotations."""
_KUEUES = "kueue.x-k8s.io/"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OF_THE_OBJECT = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


class Kubectl:
    """Runs kubectl as the administrator, with a text as its input."""

    def __init__(self, kubeconfig: str, home: Path) -> None:
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBECACHEDIR": str(home / "cache"),
            "KUBECONFIG": kubeconfig,
            "NO_PROXY": "127.0.0.1",
        }

    def __call__(self, *words: str, text: str) -> subprocess.CompletedProcess[str]:
        """What it printed and its exit code."""
        command = ["kubectl", *words]
        return subprocess.run(
            command, env=self._env, input=text, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def kubectl(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """The tests are skipped where there is none."""
    for needed in ("kubectl", "diff"):
        if shutil.which(needed) is None:
            pytest.skip(f"no {needed} on PATH: it is what these tests run as a second client")
    return Kubectl(control_plane.kubeconfig(), tmp_path_factory.mktemp("kubectl"))


@pytest.fixture(scope="module")
def xpk(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """The program, with its cluster created."""
    with program(control_plane, tmp_path_factory.mktemp("home")) as found:
        found.works(*CREATE)
        yield found


@pytest.fixture
def world(control_plane: ControlPlane, kube: Kube, xpk: Program) -> Iterator[World]:
    """No workload is left for the next test."""
    yield World(control_plane, kube)
    xpk.works("workload", "delete", "--cluster", "c1", "--yes")


def comparable(found: Json) -> Json:
    """An object without what differs between any two objects, and without its status."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in _OF_THE_OBJECT}
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Every leaf by its path, so that a difference can be read."""
    if isinstance(value, dict) and value:
        return {p: leaf for key, one in value.items() for p, leaf in flat(one, f"{path}/{key}").items()}
    if isinstance(value, list) and value:
        return {p: leaf for n, one in enumerate(value) for p, leaf in flat(one, f"{path}/{n}").items()}
    return {path: repr(value)}


def without_kueues_name(jobset: Json) -> dict[str, str]:
    """The leaves of a JobSet that are the same each time."""
    return {
        path: leaf
        for path, leaf in flat(comparable(jobset)).items()
        if not path.endswith(f"/annotations/{_OF_THIS_WORKLOAD}")
    }


def pod_metadata(jobset: Json) -> Json:
    """What the pod template says of its pods beside their spec."""
    found: Json = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["metadata"]
    return found


def managers(found: Json) -> set[str]:
    """Who owns fields."""
    return {str(entry["manager"]) for entry in found["metadata"]["managedFields"]}


def test_kubectl_makes_of_a_dry_run_the_workload_that_the_program_makes(
    xpk: Program, kubectl: Kubectl, world: World
) -> None:
    printed = xpk.works(*WORKLOAD, "--workload", "w1", "--dry-run")
    applied = kubectl(*_SERVER_SIDE, text=printed)
    assert applied.returncode == 0, applied.stderr
    assert applied.stderr == ""  # no warning either
    world.wait_running("default", "w1", HOSTS)
    by_kubectl = world.jobset("default", "w1")
    assert "kubectl" in managers(by_kubectl)
    xpk.works("workload", "delete", "--cluster", "c1", "--workload", "w1", "--yes")
    xpk.works(*WORKLOAD, "--workload", "w1")
    world.wait_running("default", "w1", HOSTS)
    by_us = world.jobset("default", "w1")
    assert "kubectl" not in managers(by_us)
    assert by_us["metadata"]["uid"] != by_kubectl["metadata"]["uid"]
    assert without_kueues_name(by_kubectl) == without_kueues_name(by_us)


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "plain"])
def test_kubectl_reads_any_text_as_it_was_typed(
    server_side: bool, xpk: Program, kubectl: Kubectl, world: World
) -> None:
    """But for DEL and NEL, which kubectl itself cannot send to be applied by the server.

    It writes JSON, in which both stand as they are, and the server reads that as YAML, which forbids
    DEL and takes NEL for the end of a line, folded into a blank. A plain apply and xpk keep both.
    """
    command = "echo " + "|".join((*texts.PIECES, *texts.LOOKALIKES))
    env = dict(texts.EVERYTHING)
    how = _SERVER_SIDE if server_side else ("apply", "-f", "-")
    if server_side:
        refused = kubectl(*how, text=_with_texts(xpk, command, {}))
        assert "yaml: control characters are not allowed" in refused.stderr
        command = command.replace("\x7f", "")
        env = {name: value.replace("\x7f", "") for name, value in env.items()}
    applied = kubectl(*how, text=_with_texts(xpk, command, env))
    assert (applied.returncode, applied.stderr) == (0, "")
    seen_command, seen_env = texts.seen(texts.container(world.jobset("default", "w1")))
    nel = " " if server_side else "\x85"
    assert seen_command == command.replace("\x85", nel)
    assert seen_env.items() >= {name: value.replace("\x85", nel) for name, value in env.items()}.items()


def _with_texts(xpk: Program, command: str, env: dict[str, str]) -> str:
    words = [f"--env={name}={value}" for name, value in env.items()]
    return xpk.works(*WORKLOAD, "--workload", "w1", "--command", command, *words, "--dry-run")


def test_nothing_differs_after_the_program_applied_a_workload(
    xpk: Program, kubectl: Kubectl, world: World
) -> None:
    xpk.works(*WORKLOAD, "--workload", "w1")
    world.wait_running("default", "w1", HOSTS)
    printed = xpk.works(*WORKLOAD, "--workload", "w1", "--dry-run")
    same = kubectl("diff", "--server-side", "-f", "-", text=printed)
    assert (same.returncode, same.stdout) == (0, ""), same.stderr
    other = printed.replace("ttlSecondsAfterFinished: 43200", "ttlSecondsAfterFinished: 43201")
    differs = kubectl("diff", "--server-side", "--force-conflicts", "-f", "-", text=other)
    assert (differs.returncode, "+  ttlSecondsAfterFinished: 43201" in differs.stdout) == (1, True)


def test_the_program_has_nothing_to_do_after_kubectl_applied_a_workload(
    xpk: Program, kubectl: Kubectl, world: World
) -> None:
    printed = xpk.works(*WORKLOAD, "--workload", "w1", "--dry-run")
    assert kubectl(*_SERVER_SIDE, text=printed).returncode == 0
    again = xpk(*WORKLOAD, "--workload", "w1")
    assert (again.returncode, "Nothing to do" in again.stderr) == (0, True), again.stderr


@pytest.mark.parametrize("how", [("--server-side",), ()], ids=["server-side", "plain"])
def test_nothing_differs_after_the_program_created_a_cluster(
    xpk: Program, kubectl: Kubectl, how: tuple[str, ...]
) -> None:
    printed = xpk.works(*CREATE, "--dry-run")
    same = kubectl("diff", *how, "-f", "-", text=printed)
    assert (same.returncode, same.stdout) == (0, ""), same.stderr
    other = printed.replace("inMemoryVolumeSize: 20Gi", "inMemoryVolumeSize: 21Gi")
    forced = ("--server-side", "--force-conflicts") if how else ()
    differs = kubectl("diff", *forced, "-f", "-", text=other)
    assert (differs.returncode, "+  inMemoryVolumeSize: 21Gi" in differs.stdout) == (1, True), differs.stderr


def test_a_plain_diff_of_a_workload_that_waits_is_empty(xpk: Program, kubectl: Kubectl, world: World) -> None:
    xpk.works(*WORKLOAD, "--workload", "w1")
    world.wait_running("default", "w1", HOSTS)
    xpk.works(*WORKLOAD, "--workload", "w2")
    assert world.jobset("default", "w2")["spec"]["suspend"] is True
    printed = xpk.works(*WORKLOAD, "--workload", "w2", "--dry-run")
    same = kubectl("diff", "-f", "-", text=printed)
    assert (same.returncode, same.stdout) == (0, ""), same.stderr


def test_a_plain_diff_of_an_admitted_workload_is_refused_for_kueues_marks_alone(
    xpk: Program, kubectl: Kubectl, world: World
) -> None:
    """Without `--server-side` kubectl sends a merge patch, in which the list `replicatedJobs` is whole.

    Kueue marked its pod template when it admitted the workload; the patch would remove the marks, and
    JobSet keeps the list as it is while the workload is not suspended. No manifest can be so that
    it passes: one mark is made of the object's uid.
    """
    xpk.works(*WORKLOAD, "--workload", "w1")
    world.wait_running("default", "w1", HOSTS)
    printed = xpk.works(*WORKLOAD, "--workload", "w1", "--dry-run")
    for words in (("diff", "-f", "-"), ("apply", "-f", "-")):
        refused = kubectl(*words, text=printed)
        assert refused.returncode > 0
        assert 'JobSet "w1" is invalid: spec.replicatedJobs: Invalid value' in refused.stderr
        assert refused.stderr.rstrip().endswith("field is immutable")
    (ours,) = yaml.safe_load_all(printed)
    stored = pod_metadata(world.jobset("default", "w1"))
    mine = pod_metadata(ours)
    marks = {path for path in flat(stored) if path not in flat(mine)}
    assert {path.split("/", 2)[2].startswith(_KUEUES) for path in marks} == {True}
    assert any(path.endswith(_OF_THIS_WORKLOAD) for path in marks)
    mine.update(stored)
    same = kubectl("diff", "-f", "-", text=json.dumps(ours))
    assert (same.returncode, same.stdout) == (0, ""), same.stderr


def test_a_plain_apply_makes_the_workload_too_and_only_adds_its_own_note(
    xpk: Program, kubectl: Kubectl, world: World
) -> None:
    printed = xpk.works(*WORKLOAD, "--workload", "w1", "--dry-run")
    applied = kubectl("apply", "-f", "-", text=printed)
    assert (applied.returncode, applied.stderr) == (0, "")
    world.wait_running("default", "w1", HOSTS)
    by_kubectl = world.jobset("default", "w1")
    del by_kubectl["metadata"]["annotations"][_LAST_APPLIED]
    xpk.works("workload", "delete", "--cluster", "c1", "--workload", "w1", "--yes")
    xpk.works(*WORKLOAD, "--workload", "w1")
    world.wait_running("default", "w1", HOSTS)
    assert without_kueues_name(by_kubectl) == without_kueues_name(world.jobset("default", "w1"))


def test_kubectl_makes_the_kubernetes_half_of_a_cluster_that_the_program_makes(
    xpk: Program, kubectl: Kubectl, control_plane: ControlPlane
) -> None:
    """Its kinds are there; the controllers are the program's to install.

    The record of what was granted and installed has facts that a dry run does not know.
    """
    api = control_plane.api
    paths = (*OBJECTS, *PRIORITIES)
    by_us = {path: flat(comparable(api.get(path) or {})) for path in paths}
    printed = xpk.works(*CREATE, "--dry-run")
    remove(control_plane, paths)
    applied = kubectl(*_SERVER_SIDE, text=printed)
    assert applied.returncode == 0, applied.stderr
    for path in paths:
        found = api.get(path) or {}
        assert "kubectl" in managers(found)
        differing = dict(flat(comparable(found)).items() ^ by_us[path].items())
        assert set(differing) <= _NOT_KNOWN_BEFORE, path
