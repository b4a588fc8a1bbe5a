"""The life of workloads of 2 x 4 hosts as the program tells it: at every moment beside what is.

Each test is one course of events; `Teller` compares list and describe with the objects, also while
pods come and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.program import HOSTS
from tests.controlplane.saying import Said, Teller, telling
from tests.controlplane.world import WORKLOADS, World
from xpk.cloud.kube import Kube

pytestmark = [pytest.mark.xdist_group("controlplane-rehearsal"), pytest.mark.slow]

Json = dict[str, Any]
COMING = {"Queued", "Starting", "Running"}
ONE_SLICE = (
    *("workload", "create", "--cluster", "c1", "--tpu-type", "v6e-16", "--num-slices", "1", "--yes"),
    *("--docker-image", "i:1", "--command", "true"),
)
AGAIN = {"Running", "Restarting"}


@pytest.fixture(scope="module")
def cluster(
    control_plane: ControlPlane, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Teller]:
    with telling(control_plane, kube, tmp_path_factory.mktemp("home")) as teller:
        yield teller


@pytest.fixture
def teller(cluster: Teller) -> Iterator[Teller]:
    """No workload is left for the next test, by `workload delete`."""
    yield cluster
    cluster.clear()


@pytest.fixture
def world(teller: Teller) -> World:
    return teller.world


def running(teller: Teller, name: str, old: list[Json]) -> tuple[list[Json], list[str]]:
    """Follow until all hosts run, none of them as before; the pods, and the states that were said."""
    gone = {pod["metadata"]["uid"] for pod in old}

    def new() -> bool:
        pods = teller.world.pods("default", name)
        return len(pods) == HOSTS and all(
            p["status"].get("phase") == "Running" and p["metadata"]["uid"] not in gone for p in pods
        )

    states = teller.follow(name, new)
    teller.world.plane.wait(
        lambda: teller.truth(name).listed["hostsReady"] == HOSTS, f"{name}: all hosts said to be ready"
    )
    teller.world.plane.wait(lambda: kueue_knows(teller, name), f"{name}: Kueue knows that it ran")
    return teller.world.pods("default", name), states


def kueue_knows(teller: Teller, name: str) -> bool:
    """Kueue marks a moment late that all pods were ready; a host lost before looks like one to come."""
    return any(
        item["type"] == "PodsReady" and item["status"] == "True"
        for found in teller.world.kube.list(WORKLOADS.format("default"))
        if name in [owner["name"] for owner in found["metadata"].get("ownerReferences") or ()]
        for item in (found.get("status") or {}).get("conditions") or ()
    )


def place(pod: Json) -> tuple[int, int]:
    """Slice and host of a pod."""
    labels = pod["metadata"]["labels"]
    return int(labels["jobset.sigs.k8s.io/job-index"]), int(
        labels["batch.kubernetes.io/job-completion-index"]
    )


def pools(said: Said) -> list[str]:
    """The node pool of each slice."""
    return [one["nodePool"] for one in said.described["sliceStatus"]]


def test_admitted_running_and_a_second_one_waits_until_the_first_is_deleted(
    teller: Teller, world: World
) -> None:
    first = teller.start("w1")
    _, states = running(teller, "w1", [])
    assert set(states) <= COMING
    assert sorted(pools(teller.truth("w1", "Running"))) == ["c1-np-0", "c1-np-1"]
    teller.start("w2")
    teller.wait_says("w2", "queuePosition", 1)
    teller.wait_says("w2", "detail", "32 more chips needed")
    teller.start("w3", words=ONE_SLICE)
    teller.wait_says("w3", "detail", "16 more chips needed")
    said = teller.truth("w2", "Queued")
    assert said.text.splitlines()[0] == "workload w2: Queued 1st: 32 more chips needed"
    assert teller.truth("w3", "Queued").listed["queuePosition"] == 2
    late = teller.wait("w2", "--timeout", "1")
    assert (late.returncode, "not ended in time: Queued 1st" in late.stderr) == (124, True)
    assert "default/w1  Running" in teller.delete("w1")
    teller.gone("w1", first)
    _, states = running(teller, "w2", [])
    assert set(states) <= COMING
    teller.truth("w2", "Running")
    teller.truth("w3", "Queued")


def test_restarts_are_told_apart_until_none_is_left(teller: Teller, world: World) -> None:
    jobset = teller.start("w1", "--max-restarts", "1")
    pods, _ = running(teller, "w1", [])
    world.evict(pods[1])
    pods, states = running(teller, "w1", pods)
    assert set(states) <= AGAIN
    said = teller.truth("w1", "Running")
    assert (said.listed["restarts"], said.listed["restartsCounted"]) == (1, 0)
    world.exit(pods[1], 1)
    pods, states = running(teller, "w1", pods)
    assert set(states) <= AGAIN
    said = teller.truth("w1", "Running")
    assert (said.listed["restarts"], said.listed["restartsCounted"]) == (2, 1)
    assert sorted(pools(said)) == ["c1-np-0", "c1-np-1"]
    victim = pods[5]
    world.exit(victim, 7)
    ended = teller.wait("w1")
    index, host = place(victim)
    why = f"Failed: exit 7, slice {index} host {host}, out of restarts"
    assert (ended.returncode, f"error: workload w1: {why}" in ended.stderr) == (125, True)
    teller.follow("w1", lambda: world.status("default", "w1").get("terminalState") == "Failed")
    said = teller.truth("w1", "Failed")
    assert said.listed["words"] == why
    assert said.listed["failure"] == {
        "pod": victim["metadata"]["name"],
        "slice": index,
        "host": host,
        "container": "jax-tpu",
        "exitCode": 7,
        "reason": "Error",
        "finishedAt": _finished(world, victim),
    }
    assert "ReachedMaxRestarts" in [c["reason"] for c in said.described["conditions"]]
    assert f"default/w1  {why}" in teller.delete("w1")
    teller.gone("w1", jobset)


def _finished(world: World, pod: Json) -> str:
    found = world.kube.get(f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}") or {}
    (container,) = found["status"]["containerStatuses"]
    return str(container["state"]["terminated"]["finishedAt"])


def test_an_exit_code_that_does_not_restart_fails_it_at_once(teller: Teller, world: World) -> None:
    teller.start("w1", "--max-restarts", "5", "--restart-on-exit-codes", "9")
    pods, _ = running(teller, "w1", [])
    world.exit(pods[0], 3)
    teller.follow("w1", lambda: world.status("default", "w1").get("terminalState") == "Failed")
    index, host = place(pods[0])
    said = teller.truth("w1", "Failed")
    assert said.listed["words"] == f"Failed: exit 3, slice {index} host {host}"
    assert "FailJobSetFailurePolicyAction" in [c["reason"] for c in said.described["conditions"]]
    assert teller.wait("w1").returncode == 125


def test_it_is_waited_for_and_ends_well(teller: Teller, world: World) -> None:
    teller.start("w1")
    pods, _ = running(teller, "w1", [])
    late = teller.wait("w1", "--timeout", "1")
    assert (late.returncode, "not ended in time: Running" in late.stderr) == (124, True)
    with ThreadPoolExecutor(1) as waiting:
        ended = waiting.submit(teller.wait, "w1", "--timeout", "50")
        for pod in pods[:3]:
            world.exit(pod, 0)
        said = teller.truth("w1", "Running")
        assert said.listed["hostsReady"] == HOSTS  # a host that has done its part is none that is missing
        for pod in pods[3:]:
            world.exit(pod, 0)
        assert ended.result().returncode == 0, ended.result().stderr
    said = teller.truth("w1", "Succeeded")
    assert (said.listed["words"], said.listed["failure"]) == ("Succeeded", None)
    assert "default/w1  Succeeded" in teller.delete("w1")


def test_a_host_vanishes_and_comes_back(teller: Teller, world: World) -> None:
    """About a minute: the garbage collector of pods waits 40 seconds for a node to come back, a constant
    of kube-controller-manager (pkg/controller/podgc) and none of its settings."""
    teller.start("w1")
    before, _ = running(teller, "w1", [])
    lost = world.kube.get(f"/api/v1/nodes/{before[5]['spec']['nodeName']}") or {}
    world.kube.delete(f"/api/v1/nodes/{lost['metadata']['name']}", propagation="Background")
    index, host = place(before[5])
    gone = teller.truth("w1")
    message = f"node {lost['metadata']['name']} is not there any more"
    assert f"missing: slice {index} host {host}, NodeGone: {message}" in gone.text.splitlines()
    assert gone.described["words"] == f"Running: {HOSTS - 1} of {HOSTS} hosts ready"
    states = teller.follow("w1", lambda: world.status("default", "w1").get("restarts", 0) == 1)
    assert {"Running"} <= set(states) <= AGAIN
    pending = world.wait_one_pending("default", "w1", HOSTS - 1)
    teller.follow("w1", lambda: teller.listed()["w1"]["detail"] != "")
    said = teller.truth("w1", "Restarting")
    (short,) = [one for one in said.described["sliceStatus"] if one["missing"]]
    (missing,) = short["missing"]
    assert (short["slice"], missing["host"]) == place(pending)
    assert (short["hostsReady"], short["hosts"], short["nodePoolReady"]) == (3, 4, 3)
    assert (missing["pod"], missing["reason"]) == (pending["metadata"]["name"], "Unschedulable")
    assert "nodes are available" in missing["message"]
    assert said.listed["words"] == (
        f"Restarting 0/50 + 1 free: slice {short['slice']} 3/4 hosts, Unschedulable"
    )
    pool = lost["metadata"]["labels"]["cloud.google.com/gke-nodepool"]
    assert f"short: slice {short['slice']}: node pool {pool} has 3 of 4 nodes ready" in said.text.splitlines()
    world.add_nodes([_again(lost)])
    pods, states = running(teller, "w1", before)
    assert set(states) <= AGAIN
    assert "missing: " not in teller.truth("w1", "Running").text
    assert lost["metadata"]["name"] in {pod["spec"]["nodeName"] for pod in pods}


def _again(node: Json) -> Json:
    """A node as its kubelet registers it when it starts again."""
    status = {key: node["status"][key] for key in ("capacity", "allocatable", "addresses")}
    metadata = {key: node["metadata"][key] for key in ("name", "labels")}
    taints = [taint for taint in node["spec"]["taints"] if taint["key"] == "google.com/tpu"]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": {"taints": taints},
        "status": status,
    }
