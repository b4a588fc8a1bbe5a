"""Kueue's admission, waiting, preemption and the end, the same on the emulator and on the real controllers.

The plain cases (admitted, waits, more than there is) are in `test_both_life.py`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset, manifest
from tests.controlplane.world import true_conditions

Json = dict[str, Any]
ENDS = 120.0
FLAVOR = "couldn't assign flavors to pod set slice-job: "


def pod_spec(jobset: Json) -> Json:
    """The pods' spec in a JobSet, to be changed."""
    found: Json = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    return found


def reason_to_wait(side: Side, namespace: str, jobset: Json) -> tuple[str, str]:
    """Reason and message with which Kueue lets it wait."""
    with side.world.running(jobset):
        side.wait(lambda: side.waiting(namespace, "w1") is not None, "a reason", ENDS)
        found = side.waiting(namespace, "w1")
        assert found is not None
        assert side.world.pods(namespace, "w1") == []
        return found


def has(side: Side, namespace: str, name: str, condition: str) -> bool:
    return side.workload_is(namespace, name, condition)


def test_the_same_apply_after_admission_changes_nothing(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        side.world.wait_running(namespace, "w1", HOSTS)
        before = side.world.jobset(namespace, "w1")["metadata"]["generation"]
        code, again = side.apply(make_jobset(namespace))
        assert (code, again["metadata"]["generation"]) == (200, before)
        assert again["spec"]["suspend"] is False


def test_a_finished_one_gives_its_quota_back(side: Side, namespace: str) -> None:
    with ExitStack() as stack:
        stack.enter_context(side.world.running(make_jobset(namespace)))
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        stack.enter_context(side.world.running(make_jobset(namespace, "w2")))
        side.wait(lambda: side.waiting(namespace, "w2") is not None, "w2 waits", ENDS)
        for pod in pods:
            side.exit(pod, 0)
        side.wait(lambda: has(side, namespace, "w2", "Admitted"), "w2 admitted", ENDS)
        assert has(side, namespace, "w1", "Finished")
        side.world.wait_running(namespace, "w2", HOSTS)


def test_a_slice_that_is_done_gives_its_quota_back_alone(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        smaller = make_jobset(namespace, "w2")
        smaller["spec"]["replicatedJobs"][0]["replicas"] = 1
        with side.world.running(smaller):
            side.wait(lambda: side.waiting(namespace, "w2") is not None, "w2 waits", ENDS)
            for pod in pods:
                if pod["metadata"]["name"].startswith("w1-slice-job-1-"):
                    side.exit(pod, 0)
            side.world.wait_running(namespace, "w2", HOSTS // 2)
            status = side.world.workload(namespace, "w1")["status"]
            assert status["reclaimablePods"] == [{"name": "slice-job", "count": 4}]
            assert not any(true_conditions(status, "Finished"))


def test_no_flavor_matches(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    pod_spec(jobset)["nodeSelector"]["cloud.google.com/gke-tpu-topology"] = "8x8"
    message = FLAVOR + "flavor v6e-4x4 doesn't match node affinity"
    assert reason_to_wait(side, namespace, jobset) == ("Pending", message)


def test_a_resource_that_the_queue_does_not_cover(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    pod_spec(jobset)["containers"][0]["resources"]["requests"] = {"cpu": "1"}
    message = FLAVOR + "resource cpu unavailable in ClusterQueue"
    assert reason_to_wait(side, namespace, jobset) == ("Pending", message)


def test_a_queue_that_does_not_exist(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    jobset["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "nowhere"
    assert reason_to_wait(side, namespace, jobset)[1] == "LocalQueue nowhere doesn't exist"


def test_a_higher_priority_takes_the_place_of_a_lower_one(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace, priority="low")):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        with side.world.running(make_jobset(namespace, "w2", priority="high")):
            side.world.wait_running(namespace, "w2", HOSTS)
            assert has(side, namespace, "w2", "Admitted")
            side.wait(lambda: has(side, namespace, "w1", "Requeued"), "w1 requeued", ENDS)
            status = side.world.workload(namespace, "w1")["status"]
            found = {item["type"]: (item["status"], item["reason"]) for item in status["conditions"]}
            assert found["Evicted"] == ("True", "Preempted")
            assert found["Preempted"] == ("True", "InClusterQueue")
            assert found["QuotaReserved"][0] == "False"
            uid = side.world.workload(namespace, "w2")["metadata"]["uid"]
            (evicted,) = true_conditions(status, "Evicted")
            assert evicted["message"].startswith(f"Preempted to accommodate a workload (UID: {uid}, JobUID: ")
            assert side.world.jobset(namespace, "w1")["spec"]["suspend"] is True
            assert side.world.pods(namespace, "w1") == []
        side.world.wait_running(namespace, "w1", HOSTS, old=pods)
        assert side.world.status(namespace, "w1")["restarts"] == 0


def test_what_a_preemption_frees_is_the_preemptors(side: Side, namespace: str) -> None:
    """Given to the next one in line it would be preempted again, for ever."""
    with ExitStack() as stack:
        stack.enter_context(side.world.running(make_jobset(namespace, "w1")))
        side.world.wait_running(namespace, "w1", HOSTS)
        stack.enter_context(side.world.running(make_jobset(namespace, "w2")))
        side.wait(lambda: side.waiting(namespace, "w2") is not None, "w2 waits", ENDS)
        with side.world.running(make_jobset(namespace, "w3", priority="high")):
            side.world.wait_running(namespace, "w3", HOSTS)
            waited = side.world.workload(namespace, "w2")["status"]["conditions"]
            assert not any(item["type"] == "Admitted" for item in waited)
            side.wait(lambda: has(side, namespace, "w1", "Requeued"), "w1 requeued", ENDS)
        side.world.wait_running(namespace, "w1", HOSTS)


def test_waiting_ones_go_by_priority_then_age(side: Side, namespace: str) -> None:
    with ExitStack() as stack:
        for name, priority in (("w1", "high"), ("w2", "low"), ("w3", "low"), ("w4", "high")):
            _wait_a_second(side, namespace)
            stack.enter_context(side.world.running(make_jobset(namespace, name, priority=priority)))
            if name == "w1":
                side.world.wait_running(namespace, "w1", HOSTS)
        for name in ("w1", "w4", "w2", "w3"):
            side.world.wait_running(namespace, name, HOSTS)
            side.kube.delete(side.kube.path_of(make_jobset(namespace, name)))


def test_what_is_in_use_stays_until_it_is_not(side: Side, namespace: str) -> None:
    objects = [
        {"kind": "ResourceFlavor", "metadata": {"name": "own"}, "spec": {}},
        {"kind": "ClusterQueue", "metadata": {"name": "own"}, "spec": _spec("own", ["google.com/tpu"])},
        {
            "kind": "LocalQueue",
            "metadata": {"name": "own", "namespace": namespace},
            "spec": {"clusterQueue": "own"},
        },
    ]
    whole = [{"apiVersion": "kueue.x-k8s.io/v1beta2", **item} for item in objects]
    for item in whole:
        side.kube.apply(item)
    flavor, queue, local = (side.kube.path_of(item) for item in whole)
    side.wait(lambda: _finalizers(side, flavor) == ["kueue.x-k8s.io/resource-in-use"], "held", ENDS)
    side.call("DELETE", flavor)
    assert "deletionTimestamp" in (side.kube.get(flavor) or {})["metadata"]
    for path in (local, queue):
        side.kube.delete(path)
    for path in (local, queue, flavor):
        _wait_gone(side, path)


def test_a_queue_gives_every_flavor_the_same_resources(side: Side) -> None:
    kind = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "uneven"}}
    code, refused = side.apply({**kind, "spec": _spec("v6e-4x4", ["google.com/tpu", "cpu"])})
    assert code == 422
    assert "same number of resources as the coveredResources" in refused["message"]


def _spec(flavor: str, covered: list[str]) -> Json:
    quota = {"name": flavor, "resources": [{"name": "google.com/tpu", "nominalQuota": 4}]}
    return {"resourceGroups": [{"coveredResources": covered, "flavors": [quota]}]}


def _finalizers(side: Side, path: str) -> list[str]:
    return list((side.kube.get(path) or {"metadata": {}})["metadata"].get("finalizers", []))


def _wait_a_second(side: Side, namespace: str) -> None:
    """Until the server's clock, which counts seconds, has moved: what is made then is younger."""

    def now() -> str:
        found = side.kube.apply(manifest("ConfigMap", namespace), dry_run=True)
        return str(found["metadata"]["creationTimestamp"])

    before = now()
    side.wait(lambda: now() > before, "another second", ENDS)


def _wait_gone(side: Side, path: str) -> None:
    side.wait(lambda: side.kube.get(path) is None, f"{path} gone", ENDS)
