"""Every manifest that plans hold is taken by a real API server, JobSet's and Kueue's webhooks included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.jobs import jobs_of
from xpk.catalog.slices import SliceType, resolve
from xpk.cloud.kube import Kube
from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import Observed
from xpk.plan.steps import ApplyObject, Json, ReplaceObject
from xpk.plan.workload import plan_workload
from xpk.render.workload import render_workload
from xpk.spec.capacity import Capacity, FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.environment import EnvVar, parse_env
from xpk.spec.mounts import parse_mount
from xpk.spec.mtc import MtcFlags, check_mtc
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import parse_exit_codes, restart_policy
from xpk.spec.workload import WorkloadSpec

pytestmark = [pytest.mark.xdist_group("controlplane"), pytest.mark.slow]

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
GOLDENS = sorted((Path(__file__).parent.parent / "golden").rglob("*.yaml"))
TYPES = ("v4-16", "v5litepod-16", "v5p-32", "v6e-16", "v6e-256")
CAPACITIES: dict[str, Capacity] = {
    "on-demand": OnDemand(),
    "spot": Spot(),
    "flex-start": FlexStart(),
    "reservation": Reservation("r1"),
    "reservation-block": Reservation("r1", project="p2", block="b1", sub_block="s1"),
}
STORAGE = {
    "none": (False, ()),
    "ramdisk": (True, ()),
    "mounts": (False, ("gs://data1/books=/data:ro", "gs://out1=/out")),
    "ramdisk-and-mounts": (True, ("gs://data1/books=/data:ro", "gs://out1=/out")),
}
COMMANDS = {
    "quotes": """python3 -c 'print("a'"'"'b")' && echo "$HOME" `date`""",
    "references": "echo $(HOME) $$(HOME) $$ ${HOME} $(",
    "lines": "set -e\n\techo one\n\n# not a comment: yes\necho 'two: three'\n",
    "yaml": "- a: {b: [c]}\n--- \n...\n&anchor *alias !tag | > % @ `",
    "template": "echo {{ view }} {% raw %} {# comment #}",
    "unicode": "echo \u00fc \u4e2d \ufeff \u2028 \u0085 \u007f \u001b[0m",
    "emoji": "echo \U0001f600 \U0010ffff",
    "long": "echo " + "x" * 100_000,
    "null": "null",
    "number": "0x10",
}
ENVS = {
    "words": ("A=yes", "B=no", "C=null", "D=1e3", "E=0o17", "F=", "G=~"),
    "text": ("A=$(B)", "B=$$", "C=a=b", "D='\"", "E=line\nline", "F= spaces ", "G=\ttab"),
    "names": ("a.b-c=1", "_=2", "-x=3", "lower=4"),
    "own": ("JOBSET_NAME=mine", "JOB_INDEX=7", "PROCESSES_IN_JOB=1"),
    "unicode": ("A=\u00fc\u4e2d", "B=\u0001\u007f\u2028\u0085"),
    "emoji": ("A=\U0001f600",),
}
RESTARTS = {
    "never": (0, None, False),
    "some": (3, None, False),
    "codes": (3, "1,3-5", False),
    "all-codes": (3, "1-255", False),
    "mtc-never": (0, None, True),
    "mtc-codes": (5, "1,3-5", True),
    "mtc-most": (2**31 - 1, "1-254", True),
}


def workload(slice_type: str = "v5p-32", **changes: Any) -> WorkloadSpec:
    """Two slices of a plain workload."""
    values: dict[str, Any] = {
        "name": "w1",
        "cluster": "c1",
        "slice_type": resolve(slice_type),
        "num_slices": 2,
        "image": "gcr.io/p1/i:1",
        "command": "python3 train.py",
        "restarts": restart_policy(None, None, mtc="ramdisk" in changes),
        "command_checks": False,
    }
    return WorkloadSpec(**(values | changes))


def cluster(slice_type: SliceType, capacity: Capacity, **changes: Any) -> ClusterSpec:
    """Two slices with a ramdisk."""
    flags = MtcFlags(enabled=True, ramdisk_size="20Gi", bucket="gs://b1")
    values: dict[str, Any] = {
        "name": "c1",
        "place": parse_place("p1", "us-east5-b"),
        "slice_type": slice_type,
        "num_slices": 2,
        "capacity": capacity,
        "mtc": check_mtc(flags, slice_type),
    }
    return ClusterSpec(**(values | changes))


def planned(plan: Any) -> Iterator[Json]:
    """The manifests that a plan applies."""
    for entry in plan.steps:
        if isinstance(entry.step, ApplyObject | ReplaceObject):
            yield entry.step.manifest


def take(plane: ControlPlane, kube: Kube, manifest: Json) -> None:
    """Have the server check a manifest, and for a JobSet also the Jobs that its controller would create."""
    kube.apply(manifest, dry_run=True)
    if manifest["kind"] == "JobSet":
        for job in jobs_of(manifest):
            path = f"/apis/batch/v1/namespaces/{job['metadata']['namespace']}/jobs"
            plane.api.request("POST", path, job, query={"dryRun": "All", "fieldValidation": "Strict"})


@pytest.mark.parametrize("capacity", CAPACITIES)
@pytest.mark.parametrize("slice_type", [*TYPES, "v6e-1", "v5litepod-8", "v5p-8"])
def test_cluster(slice_type: str, capacity: str, control_plane: ControlPlane, kube: Kube) -> None:
    spec = cluster(resolve(slice_type), CAPACITIES[capacity], cpu_limit="100", memory_limit="1Ti")
    manifests = list(planned(plan_cluster(spec, Observed.nothing())))
    assert {m["kind"] for m in manifests} >= {"ClusterQueue", "ConfigMap", "CheckpointConfiguration"}
    for manifest in manifests:
        take(control_plane, kube, manifest)


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("capacity", CAPACITIES)
@pytest.mark.parametrize("slice_type", TYPES)
def test_workload(
    slice_type: str, capacity: str, storage: str, control_plane: ControlPlane, kube: Kube
) -> None:
    ramdisk, mounts = STORAGE[storage]
    changes: dict[str, Any] = {"ramdisk": Ramdisk("/ramdisk")} if ramdisk else {}
    spec = workload(
        slice_type,
        capacity=CAPACITIES[capacity],
        mounts=tuple(parse_mount(text) for text in mounts),
        **changes,
    )
    plan = plan_workload(spec, parse_place("p1", "us-east5-b"), Observed.nothing())
    (jobset,) = planned(plan)
    take(control_plane, kube, jobset)
    take(control_plane, kube, render_workload(spec, fuse_host_network=False))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_odd_command(command: str, control_plane: ControlPlane, kube: Kube) -> None:
    jobset = render_workload(workload(command=command), fuse_host_network=True)
    take(control_plane, kube, jobset)
    stored = kube.apply(jobset, dry_run=True)
    assert _container(stored)["command"] == _container(jobset)["command"]


@pytest.mark.parametrize("items", ENVS.values(), ids=ENVS)
def test_odd_environment(items: tuple[str, ...], control_plane: ControlPlane, kube: Kube) -> None:
    jobset = render_workload(workload(env=parse_env(items)), fuse_host_network=True)
    take(control_plane, kube, jobset)
    stored = {
        entry["name"]: entry.get("value", "") for entry in _container(kube.apply(jobset, dry_run=True))["env"]
    }
    assert {name: stored[name] for name, _, _ in (item.partition("=") for item in items)} == {
        entry["name"]: entry["value"]
        for entry in _container(jobset)["env"]
        if entry["name"] in {item.partition("=")[0] for item in items}
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=_TEXT.filter(str.strip), value=_TEXT)
def test_any_text(command: str, value: str, control_plane: ControlPlane, kube: Kube) -> None:
    """Through xpk's own client; `test_printed.py` sends the printed form."""
    jobset = render_workload(workload(command=command, env=(EnvVar("A", value),)), fuse_host_network=True)
    stored = _container(kube.apply(jobset, dry_run=True))
    assert stored["command"] == _container(jobset)["command"]
    assert [e["value"] for e in stored["env"] if e["name"] == "A"] == [
        e["value"] for e in _container(jobset)["env"] if e["name"] == "A"
    ]


@pytest.mark.parametrize("name", RESTARTS)
def test_restarts(name: str, control_plane: ControlPlane, kube: Kube) -> None:
    budget, codes, mtc = RESTARTS[name]
    policy = restart_policy(budget, parse_exit_codes(codes) if codes else None, mtc=mtc)
    changes: dict[str, Any] = {"ramdisk": Ramdisk("/ramdisk")} if mtc else {}
    take(
        control_plane,
        kube,
        render_workload(workload(restarts=policy, **changes), fuse_host_network=True),
    )


def test_every_option(control_plane: ControlPlane, kube: Kube) -> None:
    spec = workload(
        namespace="default",
        priority="very-high",
        scheduler="my-scheduler",
        service_account="trainer",
        pull_secret="key",
        privileged=True,
        debug_logs=True,
        grace_seconds=0,
        ttl_seconds=0,
        container="trainer",
    )
    take(control_plane, kube, render_workload(spec, fuse_host_network=True))


@pytest.mark.parametrize("path", GOLDENS, ids=[f"{p.parent.name}-{p.stem}" for p in GOLDENS])
def test_golden(path: Path, control_plane: ControlPlane, kube: Kube) -> None:
    manifests = [item for item in yaml.safe_load_all(path.read_text()) if item]
    assert manifests
    for manifest in manifests:
        control_plane.has_namespace(manifest["metadata"].get("namespace", "default"))
        take(control_plane, kube, manifest)


def _container(jobset: Json) -> Json:
    pod = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    container: Json = pod["containers"][0]
    return container
