"""Hosts that an agent serves: what the emulator's own kubelet leaves alone, and what it takes from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.kubernetes.world import KubernetesWorld

Json = dict[str, Any]
Make = Callable[..., Json]
TPU = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice"}
STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}


@pytest.fixture
def served(cluster: Any, jobset: Make) -> Any:
    """A JobSet whose pods wait for an agent."""
    cluster.world.serve_outside(TPU)
    cluster.applied(jobset(job={"podReplacementPolicy": "Failed"}))
    cluster.advance(60)
    return cluster


def write(rig: Any, pod: Json, status: Json, uid: str = "") -> int:
    """Write a status as an agent does."""
    path = rig.path("Pod", pod["metadata"]["name"]) + "/status"
    body = {"metadata": {"uid": uid or pod["metadata"]["uid"]}, "status": status}
    return int(rig.call("PATCH", path, body, STRATEGIC).status)


def remove(rig: Any, pod: Json, grace: int | None = None) -> int:
    """Ask for a pod's deletion."""
    body = {} if grace is None else {"gracePeriodSeconds": grace}
    return int(rig.call("DELETE", rig.path("Pod", pod["metadata"]["name"]), body).status)


def lead(rig: Any, phase: str, code: int | None = None) -> None:
    """Do to all pods what an agent would."""
    for pod in rig.pods():
        state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
        container = {"name": "jax-tpu", "image": "i", "imageID": "", "ready": code is None, "restartCount": 0}
        ready = {"type": "Ready", "status": str(code is None)}
        status = {
            "phase": phase,
            "conditions": [ready],
            "containerStatuses": [{**container, "state": state, "lastState": {}}],
        }
        assert write(rig, pod, status) == 200


def test_pods_wait_for_the_agent_but_daemon_sets_pods_run(served: Any) -> None:
    assert {pod["status"]["phase"] for pod in served.pods()} == {"Pending"}
    # JobSet places a slice's leader first, and the others beside it once it is placed
    assert len(served.pods()) == 8
    served.advance(3600)
    assert all("containerStatuses" not in pod["status"] for pod in served.pods())
    served.world.set_addon("HighScaleCheckpointing", True)
    daemon = {"containers": [{"name": "c", "image": "i"}], "tolerations": [{"operator": "Exists"}]}
    labels = {"app": "d"}
    template = {"metadata": {"labels": labels}, "spec": {**daemon, "nodeSelector": TPU}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "d", "namespace": "default"}
    served.applied({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta, "spec": spec})
    served.advance(60)
    assert served.get("DaemonSet", "d")["status"]["numberReady"] == 8


def test_what_the_agent_writes_is_what_controllers_see(served: Any) -> None:
    lead(served, "Running")
    served.advance(1)
    assert served.get("JobSet", "demo")["status"]["replicatedJobsStatus"][0]["ready"] == 2
    conditions = {one["type"] for one in served.pods()[0]["status"]["conditions"]}
    assert conditions == {"PodScheduled", "Ready"}, "what the scheduler wrote stays"
    lead(served, "Succeeded", 0)
    served.advance(1)
    assert served.get("JobSet", "demo")["status"]["terminalState"] == "Completed"


def test_a_status_for_another_pod_of_that_name_is_refused(served: Any) -> None:
    assert write(served, served.pods()[0], {"phase": "Running"}, "other") == 422
    assert served.pods("Running") == []


def test_a_deletion_waits_for_the_agent(served: Any) -> None:
    lead(served, "Running")
    pod = served.pods()[0]
    name = pod["metadata"]["name"]
    assert remove(served, pod) == 200
    served.advance(3600)
    meta = served.get("Pod", name)["metadata"]
    assert meta["deletionGracePeriodSeconds"] == 30
    assert remove(served, pod, 60) == 200
    assert served.get("Pod", name)["metadata"]["deletionGracePeriodSeconds"] == 30
    assert remove(served, pod, 5) == 200
    assert served.get("Pod", name)["metadata"]["deletionGracePeriodSeconds"] == 5


def test_grace_zero_removes_at_once_what_no_finalizer_holds(served: Any) -> None:
    spec = {"nodeName": served.pods()[0]["spec"]["nodeName"], "containers": [{"name": "c", "image": "i"}]}
    for name, finalizers in (("free", []), ("held", ["example.test/hold"])):
        meta = {"name": name, "namespace": "default", "finalizers": finalizers}
        pod = served.applied({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        assert remove(served, pod) == 200
        assert not served.gone("Pod", name)
        assert remove(served, pod, 0) == 200
    assert served.gone("Pod", "free")
    assert served.get("Pod", "held")["metadata"]["deletionGracePeriodSeconds"] == 0
    patch = {"metadata": {"finalizers": None}}
    served.call("PATCH", served.path("Pod", "held"), patch, {"content-type": "application/merge-patch+json"})
    assert served.gone("Pod", "held")


@pytest.mark.parametrize(
    ("query", "grace"), [("", 30), ("?gracePeriodSeconds=7", 7), ("?gracePeriodSeconds=-1", 1)]
)
def test_grace_may_be_in_the_query(served: Any, query: str, grace: int) -> None:
    name = served.pods()[0]["metadata"]["name"]
    served.call("DELETE", served.path("Pod", name) + query)
    assert served.get("Pod", name)["metadata"]["deletionGracePeriodSeconds"] == grace
    assert served.call("DELETE", served.path("Pod", name) + "?gracePeriodSeconds=x").status == 400


def test_an_eviction_marks_the_pod_and_leaves_the_rest_to_the_agent(served: Any) -> None:
    lead(served, "Running")
    name = served.pods()[0]["metadata"]["name"]
    served.world.exit_pod("default", name, 0, True)
    served.advance(3600)
    pod = served.get("Pod", name)
    assert pod["status"]["phase"] == "Running"
    assert served.conditions("Pod", name)["DisruptionTarget"]["reason"] == "EvictionByEvictionAPI"
    assert "deletionTimestamp" in pod["metadata"]


def test_the_emulator_ends_no_container_of_an_agent(served: Any) -> None:
    lead(served, "Running")
    with pytest.raises(KeyError, match="run by an agent"):
        served.world.exit_pod("default", served.pods()[0]["metadata"]["name"], 1)
    with pytest.raises(KeyError, match="run by an agent"):
        served.world.finish("default", "demo", 0)


def test_pods_of_a_lost_host_are_collected_without_the_agent(served: Any) -> None:
    lead(served, "Running")
    pod = served.pods()[0]
    served.world.lose_host(pod["spec"]["nodeName"])
    served.advance(60)
    assert served.gone("Pod", pod["metadata"]["name"])
    # the Job has failed once the agent has ended its other pods
    ending = [one for one in served.pods() if "deletionTimestamp" in one["metadata"]]
    assert len(ending) == 3
    lead(served, "Failed", 143)
    for one in ending:
        remove(served, one, 0)
    served.advance(5)
    assert served.get("JobSet", "demo")["status"]["restarts"] == 1


def test_it_is_kept_with_the_state(served: Any) -> None:
    other = KubernetesWorld(served.clock, "demo", lambda: None)
    other.load(json.loads(json.dumps(served.world.dump())))
    served.world = other
    served.advance(60)
    assert {pod["status"]["phase"] for pod in served.pods()} == {"Pending"}
    old = served.world.dump()
    del old["agents"]
    KubernetesWorld(served.clock, "demo", lambda: None).load(old)
