"""A dry run contacts nothing, starts nothing, needs nothing, and says the same thing every time."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]

CLUSTER = shlex.split(
    "cluster create --cluster mtc-1 --cluster-cpu-machine-type=n2-standard-8 --num-slices=2 "
    "--tpu-type=v6e-256 --enable-mtc --enable-gcsfuse-csi-driver --mtc-ramdisk-size=60000Mi "
    "--mtc-gcs-bucket=gs://b11/out --gke-version=1.32.3-gke.1785000"
)
TRAINER = (
    "python3 train.py base.yml checkpoint_period=100 enable_emergency_checkpoint=True "
    "local_checkpoint_period=10 local_checkpoint_directory=/ramdisk"
)
WORKLOAD = shlex.split(
    "workload create --cluster mtc-1 --docker-image gcr.io/p1/runner:latest --workload w1 "
    "--tpu-type=v6e-256 --num-slices=2 --ramdisk-directory=ramdisk --mtc-enabled --command"
)
COMMANDS = {"cluster": CLUSTER, "workload": [*WORKLOAD, TRAINER]}


@pytest.fixture(autouse=True)
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket and no child process, however they are made."""

    def refuse(*args: object, **kwargs: object) -> Any:
        raise AssertionError("a dry run reached out of this process")

    for owner, name in (
        (socket, "socket"),
        (socket, "create_connection"),
        (socket, "getaddrinfo"),
        (subprocess, "Popen"),
        (os, "fork"),
        (os, "posix_spawn"),
        (os, "execv"),
        (os, "system"),
    ):
        monkeypatch.setattr(owner, name, refuse)


@pytest.fixture(params=["bare", "credentials"])
def surroundings(request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With nothing at all in the home, and with credentials and a kubeconfig that must not be used."""
    if request.param == "credentials":
        secrets = project / "adc.json"
        secrets.write_text(
            '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "t"}'
        )
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(secrets))
        kube = project / ".kube"
        kube.mkdir()
        (kube / "config").write_text("apiVersion: v1\nkind: Config\n")
        monkeypatch.setenv("KUBECONFIG", str(kube / "config"))
    return str(request.param)


@pytest.mark.parametrize("form", ["yaml", "text", "json"])
@pytest.mark.parametrize("name", COMMANDS)
def test_it_reaches_nothing_and_repeats_itself(name: str, form: str, surroundings: str, xpk: Xpk) -> None:
    first = xpk(*COMMANDS[name], "--dry-run", "-o", form)
    second = xpk(*COMMANDS[name], "--dry-run", "-o", form)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert first.stderr == second.stderr
    assert first.stdout.endswith("\n")


def test_yaml_is_the_default_and_one_stream_of_objects(project: Path, xpk: Xpk) -> None:
    done = xpk(*CLUSTER, "--dry-run")
    assert done.stdout == xpk(*CLUSTER, "--dry-run", "-o", "yaml").stdout
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout) if document]
    assert {"ResourceFlavor", "ClusterQueue", "LocalQueue", "ConfigMap", "CheckpointConfiguration"} <= set(
        kinds
    )
    assert "# Plan: cluster mtc-1" in done.stdout


def test_json_is_one_document_with_every_request(project: Path, xpk: Xpk) -> None:
    steps = json.loads(xpk(*CLUSTER, "--dry-run", "-o", "json").stdout)["steps"]
    assert all(
        "request" in step or "manifest" in step or "manifests" in step or "id" in step for step in steps
    )
    requests = [step["request"] for step in steps if "request" in step]
    assert all({"method", "path"} <= set(request) for request in requests)
    pools = [r for r in requests if r["method"] == "POST" and r["path"].endswith("/nodePools")]
    assert len(pools) == 2


def test_text_is_for_people(project: Path, xpk: Xpk) -> None:
    done = xpk(*CLUSTER, "--dry-run", "-o", "text")
    assert done.stdout.startswith("Plan: cluster mtc-1, project my-project, us-east5-b\n")
    assert done.stdout.rstrip().endswith("to delete")


def test_what_is_said_beside_the_result(project: Path, xpk: Xpk) -> None:
    err = xpk(*CLUSTER, "--dry-run").stderr
    assert "note: project my-project, from CLOUDSDK_CORE_PROJECT\n" in err
    assert "note: zone us-east5-b, from CLOUDSDK_COMPUTE_ZONE\n" in err
    assert "no capacity flag given: on demand" in err
    assert "the path /out is ignored" in err
    assert "1.32.3-gke.1785000 is older than" in err


def test_the_emulator_is_named_and_not_contacted(
    project: Path, xpk: Xpk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XPK_EMULATOR", "http://127.0.0.1:1")
    done = xpk(*CLUSTER, "--dry-run")
    assert done.returncode == 0
    assert "emulator: http://127.0.0.1:1, nothing here is real\n" in done.stderr


def test_flags_win_over_defaults_and_are_not_remarked_on(project: Path, xpk: Xpk) -> None:
    done = xpk(*CLUSTER, "--dry-run", "--project", "other-project", "--zone=us-central1-a", "-o", "text")
    assert done.stdout.startswith("Plan: cluster mtc-1, project other-project, us-central1-a\n")
    assert ", from " not in done.stderr


def test_a_computed_ramdisk_shows_its_working(project: Path, xpk: Xpk) -> None:
    words = [word for word in CLUSTER if not word.startswith("--mtc-ramdisk-size")]
    done = xpk(*words, "--tpu-type", "v5p-256", "--mtc-model-params", "70B", "--dry-run")
    assert done.returncode == 0
    assert "ramdisk: 70B parameters x 12 bytes = 840 GB" in done.stderr
    assert "60.375 GB" in done.stderr
    (driver,) = [d for d in yaml.safe_load_all(done.stdout) if d and d["kind"] == "CheckpointConfiguration"]
    assert driver["spec"]["inMemoryVolumeSize"] == "57579Mi"


def test_a_manifest_file_is_written_whole(project: Path, xpk: Xpk) -> None:
    target = project / "out.yaml"
    target.write_text("old")
    done = xpk(*COMMANDS["workload"], "--dry-run", "--output-manifest-file", str(target))
    assert done.returncode == 0
    assert target.read_text() == done.stdout
    assert sorted(path.name for path in project.iterdir()) == ["out.yaml"]


def test_values_with_dashes_behind_a_blank(project: Path, xpk: Xpk) -> None:
    done = xpk(*CLUSTER, "--dry-run", "-o", "json", "--custom-nodepool-arguments", "--disk-size=123")
    assert done.returncode == 0, done.stderr
    assert '"diskSizeGb": 123' in done.stdout


def test_ignored_flags_are_said(project: Path, xpk: Xpk) -> None:
    done = xpk(*CLUSTER, "--dry-run", "--skip-validation")
    assert done.returncode == 0
    assert "note: --skip-validation: accepted, without effect" in done.stderr


def test_a_pipe_that_closes_early_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    words = [
        sys.executable,
        "-m",
        "xpk",
        *CLUSTER,
        "--num-slices=512",
        "--dry-run",
        "-ojson",
        "--project=my-project",
    ]
    process = subprocess.Popen(
        [*words, "--zone=us-east5-b"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 141
    assert "Traceback" not in said
    assert "error" not in said


def test_a_broken_release_file_is_a_fault_of_the_request(project: Path, xpk: Xpk) -> None:
    file = project / "jobset.yaml"
    file.write_text("kind: Nonsense\n")
    done = xpk(*CLUSTER, "--dry-run", "--jobset-manifest", str(file))
    assert done.returncode == 2
    assert done.stdout == ""
    assert str(file) in done.stderr
