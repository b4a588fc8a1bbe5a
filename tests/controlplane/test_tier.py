"""The tier itself: it is what it says, it refuses what Kubernetes refuses, and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane import build
from tests.controlplane.api import Refused
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.jobs import jobs_of
from xpk.catalog.slices import resolve
from xpk.catalog.versions import JOBSET, KUEUE
from xpk.cloud.kube import Kube
from xpk.errors import AccessError, XpkError
from xpk.render.workload import render_workload
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import restart_policy
from xpk.spec.workload import WorkloadSpec

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

Json = dict[str, Any]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def jobset() -> Json:
    """A good JobSet, for tests to spoil."""
    spec = WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=resolve("v6e-16"),
        num_slices=2,
        image="gcr.io/p1/i:1",
        command="true",
        ramdisk=Ramdisk("/ramdisk"),
        restarts=restart_policy(None, None, mtc=True),
        command_checks=False,
    )
    return render_workload(spec, fuse_host_network=True)


def pod_of(jobset: Json) -> Json:
    """The pod template's spec."""
    found: Json = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    return found


def test_the_versions_are_those_of_the_catalog(control_plane: ControlPlane) -> None:
    module = (build.MODULE / "go.mod").read_text()
    assert control_plane.api.request("GET", "/version")["gitVersion"] == build.KUBERNETES
    assert f"k8s.io/kubernetes {build.KUBERNETES}\n" in module
    assert f"sigs.k8s.io/jobset {JOBSET.version} " in module
    assert f"sigs.k8s.io/kueue {KUEUE.version} " in module


def test_every_part_runs_on_loopback_alone(control_plane: ControlPlane) -> None:
    assert set(control_plane.pids) == {
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        *("jobset", "kueue", "kwok"),
    }
    inodes = {inode for pid in control_plane.pids.values() for inode in _socket_inodes(pid)}
    listening = [
        row.split()
        for name in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    addresses = {row[1].partition(":")[0] for row in listening if row[3] == "0A" and row[9] in inodes}
    assert addresses == {"0100007F"}


def _socket_inodes(pid: int) -> set[str]:
    links = (os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def test_an_unknown_field_is_refused(kube: Kube, jobset: Json) -> None:
    jobset["spec"]["nope"] = 1
    with pytest.raises(XpkError, match="nope"):
        kube.apply(jobset, dry_run=True)


def test_the_checkpoint_configuration_is_as_strict_as_googles(kube: Kube) -> None:
    manifest: Json = {
        "apiVersion": "checkpointing.gke.io/v1",
        "kind": "CheckpointConfiguration",
        "metadata": {"name": "c1"},
        "spec": {"cloudStorageBucketName": "b1", "inMemoryVolumeSize": "1Gi"},
    }
    kube.apply(manifest, dry_run=True)
    manifest["spec"]["mountOptions"] = ["implicit-dirs"]
    with pytest.raises(XpkError, match="mountOptions"):
        kube.apply(manifest, dry_run=True)


def test_jobsets_own_webhook_answers(kube: Kube, jobset: Json) -> None:
    jobset["metadata"]["name"] = "x" * 60
    with pytest.raises(XpkError, match="JobSet name is too long"):
        kube.apply(jobset, dry_run=True)


def test_kueues_own_webhook_answers(kube: Kube) -> None:
    manifest = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Cohort",
        "metadata": {"name": "a"},
        "spec": {"parentName": "a", "fairSharing": {"weight": "-1"}},
    }
    with pytest.raises(XpkError, match=r"vcohort.kb.io.*must be greater than or equal to 0"):
        kube.apply(manifest, dry_run=True)


def _wrong_restart_policy(jobset: Json) -> str:
    pod_of(jobset)["restartPolicy"] = "Sometimes"
    return 'Unsupported value: "Sometimes"'


def _mount_without_volume(jobset: Json) -> str:
    pod_of(jobset)["volumes"].pop()
    return 'volumeMounts[1].name: Not found: "ramdisk"'


def _always(jobset: Json) -> str:
    pod_of(jobset)["restartPolicy"] = "Always"
    return "spec.template.spec.restartPolicy: Required value"


@pytest.mark.parametrize("spoil", [_wrong_restart_policy, _mount_without_volume, _always])
def test_what_admission_lets_through_the_jobs_show(
    spoil: Callable[[Json], str], control_plane: ControlPlane, kube: Kube, jobset: Json
) -> None:
    expected = spoil(jobset)
    kube.apply(jobset, dry_run=True)
    job = next(jobs_of(jobset))
    with pytest.raises(Refused) as refused:
        control_plane.api.request(
            "POST", "/apis/batch/v1/namespaces/default/jobs", job, query={"dryRun": "All"}
        )
    assert expected in str(refused.value)


def test_a_user_may_do_what_a_role_says_and_no_more(
    control_plane: ControlPlane, make_kube: Callable[..., Kube]
) -> None:
    user = control_plane.new_user()
    as_user = make_kube(user)
    nodes = "/api/v1/nodes"
    with pytest.raises(AccessError):
        as_user.list(nodes)
    name = user.name.partition("@")[0]
    admin = make_kube()
    role = {"rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]}
    subject = {"kind": "User", "name": user.name, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"subjects": [subject], "roleRef": reference}
    for kind, content in (("ClusterRole", role), ("ClusterRoleBinding", binding)):
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}}
        admin.apply({**head, **content})
    control_plane.wait(lambda: _may(lambda: as_user.list(nodes)), "the role")
    with pytest.raises(AccessError):
        as_user.list("/api/v1/namespaces")


def _may(call: Callable[[], object]) -> bool:
    try:
        call()
    except AccessError:
        return False
    return True


_SCRIPT = """
import json, sys, time
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
plane = ControlPlane(build(print))
plane.start()
print(json.dumps(plane.pids), flush=True)
time.sleep(600)
"""


def test_nothing_is_left_when_the_run_is_killed(control_plane: ControlPlane, tmp_path: Path) -> None:
    """SIGKILL, which no program can prepare for: no process and no file remains."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    run = subprocess.Popen([sys.executable, "-c", _SCRIPT], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        pids = json.loads(run.stdout.readline())
        assert len(pids) == 7
        assert [path.name.startswith("xpk-controlplane-") for path in tmp_path.iterdir()] == [True]
    finally:
        run.send_signal(signal.SIGKILL)
        run.communicate()
    end = time.monotonic() + 10
    while any(_alive(pid) for pid in pids.values()) or list(tmp_path.iterdir()):
        assert time.monotonic() < end, f"left: {pids}, {list(tmp_path.iterdir())}"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
