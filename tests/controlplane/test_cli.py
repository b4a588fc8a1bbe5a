"""The program itself on the real control plane, as a process: what it says at every moment of a
workload's life, beside what the objects are. GKE's own API is the emulator's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.gateway import Gateway
from tests.controlplane.gke import GkeHalves
from tests.controlplane.world import World
from xpk.cloud.kube import Kube
from xpk.emulator.server import Emulator

pytestmark = [pytest.mark.xdist_group("controlplane"), pytest.mark.slow]

Json = dict[str, Any]
Xpk = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parent.parent.parent
HOSTS = 8
CREATE = (
    *("cluster", "create", "--cluster", "c1", "--tpu-type", "v6e-16", "--num-slices", "2", "--enable-mtc"),
    *("--mtc-ramdisk-size", "20Gi", "--mtc-gcs-bucket", "my-bucket"),
)
WORKLOAD = (
    *("workload", "create", "--cluster", "c1", "--tpu-type", "v6e-16", "--num-slices", "2", "--yes"),
    *("--mtc-enabled", "--ramdisk-directory", "/ramdisk", "--docker-image", "i:1", "--command", "true"),
)
_LEFT_BEHIND = (
    *("/apis/apps/v1/namespaces/jobset-system/deployments/jobset-controller-manager",),
    *("/apis/apps/v1/namespaces/kueue-system/deployments/kueue-controller-manager",),
    *("/apis/checkpointing.gke.io/v1/checkpointconfigurations/my-checkpointconfiguration",),
    *("/apis/kueue.x-k8s.io/v1beta2/namespaces/default/localqueues/multislice-queue",),
    *("/apis/kueue.x-k8s.io/v1beta2/clusterqueues/cluster-queue",),
    *("/apis/kueue.x-k8s.io/v1beta2/resourceflavors/v6e-4x4",),
    *(f"/api/v1/namespaces/default/configmaps/c1-{name}-configmap" for name in ("resources", "metadata")),
)


@pytest.fixture(scope="module")
def xpk(control_plane: ControlPlane, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Xpk]:
    """Runs it against the emulator's GKE and the real Kubernetes."""
    with (
        Emulator(port=0, time_scale=0.001) as emulator,
        Gateway(control_plane, emulator=emulator.url) as gateway,
        GkeHalves(control_plane, emulator.url, "my-project") as halves,
    ):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path_factory.mktemp("home")),
            "XPK_EMULATOR": gateway.url,
            "CLOUDSDK_CORE_PROJECT": "my-project",
            "CLOUDSDK_COMPUTE_ZONE": "us-east5-b",
        }

        def call(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, str(ROOT / "xpk.py"), *words]
            return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

        yield call
        assert halves.broken is None
    for path in _LEFT_BEHIND:
        kube.delete(path, propagation="Background")
    control_plane.wait(lambda: all(kube.get(path) is None for path in _LEFT_BEHIND), "all removed")


@pytest.fixture(scope="module")
def created(xpk: Xpk) -> subprocess.CompletedProcess[str]:
    """The cluster, and what its creation said."""
    done = xpk(*CREATE)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def world(control_plane: ControlPlane, kube: Kube, xpk: Xpk, created: object) -> Iterator[World]:
    """What happens to pods, and the objects; no workload is left for the next test."""
    yield World(control_plane, kube)
    done = xpk("workload", "delete", "--cluster", "c1", "--yes")
    assert done.returncode == 0, done.stderr
    assert listed(xpk) == {}


def listed(xpk: Xpk) -> dict[str, Json]:
    """What `workload list` says of each workload."""
    done = xpk("workload", "list", "--cluster", "c1", "-o", "json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


def start(xpk: Xpk, name: str, *more: str) -> None:
    """Create a workload."""
    done = xpk(*WORKLOAD, "--workload", name, *more)
    assert done.returncode == 0, done.stderr


def agrees(world: World, said: Json) -> None:
    """The counts that the program names are those of the JobSet."""
    status = world.status("default", said["name"])
    assert said["restarts"] == status.get("restarts", 0)
    assert said["restartsCounted"] == status.get("restartsCountTowardsMax", 0)


def test_a_cluster_and_again_nothing_to_do(xpk: Xpk, world: World) -> None:
    assert world.driver()["numberReady"] == HOSTS
    for namespace in ("jobset-system", "kueue-system"):
        (deployment,) = world.kube.list(f"/apis/apps/v1/namespaces/{namespace}/deployments")
        assert deployment["status"]["availableReplicas"] >= 1
    again = xpk(*CREATE)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stderr


def test_restarts_are_told_apart_and_the_end_is_told(xpk: Xpk, world: World) -> None:
    start(xpk, "w1", "--max-restarts", "1")
    pods = world.wait_running("default", "w1", HOSTS)
    said = listed(xpk)["w1"]
    assert (said["status"], said["hostsReady"]) == ("Running", HOSTS)
    world.evict(pods[1])
    pods = world.wait_running("default", "w1", HOSTS, old=pods)
    said = listed(xpk)["w1"]
    assert (said["restarts"], said["restartsCounted"]) == (1, 0)
    agrees(world, said)
    world.exit(pods[1], 1)
    pods = world.wait_running("default", "w1", HOSTS, old=pods)
    said = listed(xpk)["w1"]
    assert (said["restarts"], said["restartsCounted"]) == (2, 1)
    agrees(world, said)
    world.exit(pods[1], 1)
    world.wait_condition("default", "w1", "Failed")
    ended = xpk("workload", "list", "--cluster", "c1", "--wait-for-job-completion", "w1")
    assert ended.returncode == 125
    labels = pods[1]["metadata"]["labels"]
    host = labels["batch.kubernetes.io/job-completion-index"]
    where = f"slice {labels['jobset.sigs.k8s.io/job-index']} host {host}"
    assert f"Failed: exit 1, {where}, out of restarts" in ended.stderr


def test_a_second_workload_waits_then_runs_and_ends_well(xpk: Xpk, world: World) -> None:
    start(xpk, "w1")
    world.wait_running("default", "w1", HOSTS)
    start(xpk, "w2")
    world.plane.wait(lambda: listed(xpk)["w2"]["queuePosition"] == 1, "its place in the queue")
    assert listed(xpk)["w2"]["status"] == "Queued"
    assert world.pods("default", "w2") == []
    assert xpk("workload", "delete", "--cluster", "c1", "--workload", "w1", "--yes").returncode == 0
    pods = world.wait_running("default", "w2", HOSTS)
    assert set(listed(xpk)) == {"w2"}
    for pod in pods:
        world.exit(pod, 0)
    ended = xpk("workload", "list", "--cluster", "c1", "--wait-for-job-completion", "w2")
    assert ended.returncode == 0, ended.stderr
    assert listed(xpk)["w2"]["status"] == "Succeeded"


def test_a_queued_workload_says_why_it_waits(xpk: Xpk, world: World) -> None:
    """Kueue 0.19 gives the reason `Pending` (its finer ones are behind a gate) and a message."""
    start(xpk, "w1")
    world.wait_running("default", "w1", HOSTS)
    start(xpk, "w2")
    world.plane.wait(lambda: listed(xpk)["w2"]["queuePosition"] == 1, "its place in the queue")
    assert listed(xpk)["w2"]["detail"] != ""


def test_the_same_again_is_nothing_to_do_and_after_its_end_a_new_start(xpk: Xpk, world: World) -> None:
    start(xpk, "w1")
    first = world.wait_running("default", "w1", HOSTS)
    again = xpk(*WORKLOAD, "--workload", "w1")
    assert (again.returncode, "Nothing to do" in again.stderr) == (0, True)
    for pod in first:
        world.exit(pod, 0)
    world.wait_condition("default", "w1", "Completed")
    start(xpk, "w1")
    world.wait_running("default", "w1", HOSTS, old=first)
    assert listed(xpk)["w1"]["status"] == "Running"
