"""Pods and the hosts they find or do not find, the same for the emulator's scheduler and the real one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.controlplane.both import Side, cordoned
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset
from tests.controlplane.world import PODS

Json = dict[str, Any]
ENDS = 120.0
TPU_NODES = "/api/v1/nodes"


def refusal(side: Side, namespace: str, pod: Json, ready: Callable[[str], bool]) -> str:
    """Why the scheduler finds no host for a pod, once the sentence is a certain one."""
    path = f"{PODS.format(namespace)}/{pod['metadata']['name']}"

    def words() -> str:
        for item in (side.kube.get(path) or {"status": {}})["status"].get("conditions", []):
            if item.get("reason") == "Unschedulable":
                return str(item["message"])
        return ""

    side.wait(lambda: ready(words()), "the scheduler's sentence", ENDS)
    return words()


def hosts_with(message: str, cause: str) -> int:
    """How many hosts the scheduler counts for one cause."""
    found = re.search(rf"(\d+) node\(s\) didn't {cause}", message)
    return int(found[1]) if found else 0


def lone_pod(namespace: str, selector: Json, *, chips: int = 0, tolerated: bool = True) -> Json:
    """A pod of nobody's, for one kind of host."""
    container: Json = {"name": "c", "image": "i"}
    if chips:
        container["resources"] = {"limits": {"google.com/tpu": str(chips)}}
    spec: Json = {"nodeSelector": selector, "containers": [container], "restartPolicy": "Never"}
    if tolerated:
        spec["tolerations"] = [{"key": "google.com/tpu", "operator": "Exists"}]
    meta = {"name": "lone", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def test_two_jobs_never_share_a_pool(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    group = jobset["spec"]["replicatedJobs"][0]
    group["replicas"] = 3
    group["template"]["spec"] |= {"parallelism": 2, "completions": 2}
    with side.world.running(jobset):
        leader = side.world.wait_one_pending(namespace, "w1", running=4)
        message = refusal(side, namespace, leader, bool)
        # Ports are asked first, so each follower that has arrived moves one host from one cause to the other.
        ports = hosts_with(message, "have free ports")
        assert ports in (2, 3, 4), message
        assert hosts_with(message, "match pod anti-affinity rules") == 8 - ports, message
        assert "8 No preemption victims found for incoming pod." in message
        running = [pod for pod in side.world.pods(namespace, "w1") if pod["status"]["phase"] == "Running"]
        places: dict[str, set[str]] = {}
        for pod in running:
            job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
            places.setdefault(job, set()).add(side.world.pool_of(pod))
        assert sorted(len(found) for found in places.values()) == [1, 1]
        assert len(set.union(*places.values())) == 2
        side.wait(lambda: _refused_followers(side, namespace), "refused followers", ENDS)


def test_followers_follow_their_leader_and_wait_for_its_pool(side: Side, namespace: str) -> None:
    """A host that is missing leaves one pod waiting, which may not go elsewhere."""
    with side.world.running(make_jobset(namespace)):
        before = side.world.wait_running(namespace, "w1", HOSTS)
        (follower,) = [p for p in before if p["metadata"]["name"].startswith("w1-slice-job-1-3-")]
        with cordoned(side, follower["spec"]["nodeName"]):
            side.exit(follower, 1)
            waiting = side.world.wait_one_pending(namespace, "w1", running=HOSTS - 1)
            message = refusal(side, namespace, waiting, lambda text: "unschedulable" in text)
            assert message.startswith("0/")
            assert "1 node(s) were unschedulable" in message
            assert "Preemption is not helpful for scheduling" in message
        side.world.wait_running(namespace, "w1", HOSTS, old=before)


def test_a_pod_that_no_host_is_for_says_why(side: Side, namespace: str) -> None:
    pool = {"cloud.google.com/gke-nodepool": "c1-np-0"}
    other = "didn't match Pod's node affinity/selector"
    cases = [
        (lone_pod(namespace, {"cloud.google.com/gke-nodepool": "none"}), f" node(s) {other}"),
        (lone_pod(namespace, pool, tolerated=False), ", 8 node(s) had untolerated taint(s). no new claims"),
        (lone_pod(namespace, pool, chips=8), " 4 Insufficient google.com/tpu"),
    ]
    for pod, words in cases:
        code, made = side.call("POST", PODS.format(namespace), pod)
        assert code == 201
        assert words in refusal(side, namespace, made, bool)
        path = f"{PODS.format(namespace)}/lone"
        side.kube.delete(path, propagation="Background")
        _wait_gone(side, path)


def test_a_bound_pod_carries_the_place_of_its_host(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        for pod in side.world.wait_running(namespace, "w1", HOSTS):
            node = side.kube.get(f"{TPU_NODES}/{pod['spec']['nodeName']}") or {}
            for label in ("topology.kubernetes.io/region", "topology.kubernetes.io/zone"):
                assert pod["metadata"]["labels"][label] == node["metadata"]["labels"][label]
            assert node["metadata"]["labels"]["cloud.google.com/gke-tpu-accelerator"] == "tpu-v6e-slice"


def _refused_followers(side: Side, namespace: str) -> bool:
    noise = (
        'admission webhook "vpod.kb.io" denied the request: follower pod node selector for topology domain'
    )
    found = side.kube.list(f"/api/v1/namespaces/{namespace}/events")
    return any(item["reason"] == "FailedCreate" and noise in item["message"] for item in found)


def _wait_gone(side: Side, path: str) -> None:
    side.wait(lambda: side.kube.get(path) is None, f"{path} gone", ENDS)
