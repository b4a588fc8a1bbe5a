"""Why a workload waits, as the program tells it, beside what Kueue says and what is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.program import HOSTS
from tests.controlplane.saying import Teller, telling
from tests.controlplane.world import World
from xpk.cloud.kube import Kube

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

Json = dict[str, Any]
_KUEUE = "/apis/kueue.x-k8s.io/v1beta2"
CLUSTER_QUEUE = f"{_KUEUE}/clusterqueues/cluster-queue"
LOCAL_QUEUE = f"{_KUEUE}/namespaces/default/localqueues/multislice-queue"
CHIPS = 32


@pytest.fixture(scope="module")
def cluster(
    control_plane: ControlPlane, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Teller]:
    with telling(control_plane, kube, tmp_path_factory.mktemp("home")) as teller:
        yield teller


@pytest.fixture
def teller(cluster: Teller) -> Iterator[Teller]:
    """The queue is as it was made, and no workload is left for the next test."""
    queue = cluster.world.kube.get(CLUSTER_QUEUE) or {}
    yield cluster
    change(
        cluster.world,
        CLUSTER_QUEUE,
        {"stopPolicy": "None", "resourceGroups": queue["spec"]["resourceGroups"]},
    )
    change(cluster.world, LOCAL_QUEUE, {"stopPolicy": "None"})
    cluster.clear()


@pytest.fixture
def world(teller: Teller) -> World:
    return teller.world


def change(world: World, path: str, spec: Json) -> None:
    """What an administrator does to a queue."""
    world.plane.api.merge(path, {"spec": spec})


def kueue_says(world: World, name: str) -> tuple[str, str]:
    """Reason and message of Kueue's for a workload that waits."""
    for condition in world.workload("default", name)["status"]["conditions"]:
        if condition["type"] == "QuotaReserved" and condition["status"] == "False":
            return condition["reason"], condition["message"]
    return "", ""


def quota(world: World, chips: int) -> None:
    """The queue has so many chips."""
    (group,) = (world.kube.get(CLUSTER_QUEUE) or {})["spec"]["resourceGroups"]
    group["flavors"][0]["resources"][0]["nominalQuota"] = str(chips)
    change(world, CLUSTER_QUEUE, {"resourceGroups": [group]})


def test_the_chips_that_are_short(teller: Teller, world: World) -> None:
    """Half of the queue's chips come on top: half of what a second workload needs is then short."""
    teller.start("w1")
    world.wait_running("default", "w1", HOSTS)
    teller.start("w2")
    for chips, short in ((CHIPS, CHIPS), (CHIPS + 16, CHIPS - 16)):
        quota(world, chips)
        teller.wait_says("w2", "detail", f"{short} more chips needed")
        said = teller.truth("w2", "Queued")
        assert said.listed["words"] == f"Queued 1st: {short} more chips needed"
        reason, message = kueue_says(world, "w2")
        assert (reason, re.findall(r"\d+(?= more needed)", message)) == ("Pending", [str(short)])
    quota(world, 2 * CHIPS)  # no hosts for it, but a share
    world.plane.wait(lambda: teller.truth("w2").listed["status"] == "Starting", "w2 is admitted")
    world.plane.wait(
        lambda: teller.truth("w2").listed["detail"].startswith("Unschedulable on"), "no hosts for w2"
    )
    assert teller.truth("w2", "Starting").listed["hostsReady"] == 0


def test_more_chips_than_the_queue_has(teller: Teller, world: World) -> None:
    change(world, CLUSTER_QUEUE, {"stopPolicy": "Hold"})
    teller.start("w1")
    quota(world, 16)
    change(world, CLUSTER_QUEUE, {"stopPolicy": "None"})
    teller.wait_says("w1", "detail", "asks for more than the queue has")
    teller.truth("w1", "Queued")
    assert "maximum capacity" in kueue_says(world, "w1")[1]


def test_a_queue_that_is_stopped_and_opened_again(teller: Teller, world: World) -> None:
    """Drained, its workloads wait for it; opened, the one that comes last waits for chips."""
    teller.start("w1")
    world.wait_running("default", "w1", HOSTS)
    change(world, CLUSTER_QUEUE, {"stopPolicy": "HoldAndDrain"})
    teller.wait_says("w1", "detail", "cluster-queue is stopped")
    teller.start("w2")
    teller.wait_says("w2", "detail", "cluster-queue is stopped")
    for name in ("w1", "w2"):
        said = teller.truth(name, "Queued")
        assert said.listed["words"].endswith(": cluster-queue is stopped")
        assert kueue_says(world, name) == ("Inadmissible", "ClusterQueue cluster-queue is inactive")
    change(world, CLUSTER_QUEUE, {"stopPolicy": "None"})

    def one_runs_and_one_waits() -> bool:
        details = {one["detail"] for one in teller.listed().values()}
        return details == {"", f"{CHIPS} more chips needed"}

    world.plane.wait(one_runs_and_one_waits, "one has the chips, the other one waits for them", 120)
    assert sorted(teller.truth(name).listed["status"] for name in ("w1", "w2"))[0] == "Queued"


def test_a_local_queue_that_is_stopped(teller: Teller, world: World) -> None:
    change(world, LOCAL_QUEUE, {"stopPolicy": "Hold"})
    teller.start("w1")
    teller.wait_says("w1", "detail", "multislice-queue is stopped")
    teller.truth("w1", "Queued")
    assert kueue_says(world, "w1") == ("Inadmissible", "LocalQueue multislice-queue is inactive")


def test_a_flavor_that_is_missing(teller: Teller, world: World) -> None:
    change(world, CLUSTER_QUEUE, {"stopPolicy": "Hold"})
    teller.start("w1")
    (group,) = (world.kube.get(CLUSTER_QUEUE) or {})["spec"]["resourceGroups"]
    group["flavors"][0]["name"] = "gone"
    change(world, CLUSTER_QUEUE, {"resourceGroups": [group], "stopPolicy": "None"})
    teller.wait_says("w1", "detail", "cluster-queue references missing ResourceFlavor(s): gone")
    teller.truth("w1", "Queued")
    assert kueue_says(world, "w1") == ("Inadmissible", "ClusterQueue cluster-queue is inactive")
