"""Kueue: admission against quota, waiting, preemption, and the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Make = Callable[..., Json]
QUEUE = "multislice-queue"


def workload(rig: Any, name: str) -> Json:
    (found,) = [w for w in rig.items("Workload") if w["metadata"]["ownerReferences"][0]["name"] == name]
    return dict(found)


def conditions(item: Json) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in item["status"]["conditions"]}


def test_a_jobset_with_a_queue_starts_suspended_and_is_admitted(queued: Any, jobset: Make) -> None:
    response = queued.apply(jobset("one", queue=QUEUE))
    assert response.body["spec"]["suspend"] is True
    queued.advance(30)
    found = workload(queued, "one")
    assert found["metadata"]["name"].startswith("jobset-one-")
    expected = {
        "QuotaReserved": ("True", "QuotaReserved"),
        "Admitted": ("True", "Admitted"),
        "PodsReady": ("True", "Started"),
    }
    assert conditions(found) == expected
    assert found["spec"]["podSets"][0]["count"] == 8
    assignment = found["status"]["admission"]["podSetAssignments"][0]
    assert assignment["flavors"] == {"google.com/tpu": "v6e"}
    assert assignment["resourceUsage"] == {"google.com/tpu": "32"}
    assert queued.get("JobSet", "one")["spec"]["suspend"] is False
    assert queued.conditions("JobSet", "one")["Suspended"]["reason"] == "ResumeJobs"
    assert queued.events("Started") == ["Admitted by clusterQueue cluster-queue"]


def test_the_same_apply_after_admission_changes_nothing(queued: Any, jobset: Make) -> None:
    queued.applied(jobset("one", queue=QUEUE))
    queued.advance(30)
    before = queued.get("JobSet", "one")
    again = queued.apply(jobset("one", queue=QUEUE))
    assert again.status == 200
    assert again.body == before


def test_a_second_one_waits_and_follows(queued: Any, jobset: Make) -> None:
    queued.applied(jobset("one", queue=QUEUE))
    queued.applied(jobset("two", queue=QUEUE))
    queued.advance(30)
    (reserved,) = [c for c in workload(queued, "two")["status"]["conditions"] if c["type"] == "QuotaReserved"]
    assert (reserved["status"], reserved["reason"]) == ("False", "Pending")
    assert reserved["message"] == (
        "couldn't assign flavors to pod set slice-job: insufficient unused quota for google.com/tpu "
        "in flavor v6e, 32 more needed"
    )
    queue = queued.get("ClusterQueue", "cluster-queue")["status"]
    assert (queue["pendingWorkloads"], queue["admittedWorkloads"]) == (1, 1)
    assert queue["flavorsUsage"][0]["resources"] == [{"name": "google.com/tpu", "total": "32"}]
    queued.delete("JobSet", "one")
    queued.advance(30)
    assert conditions(workload(queued, "two"))["Admitted"] == ("True", "Admitted")
    assert len(queued.pods("Running")) == 8


def test_a_finished_one_gives_its_quota_back(queued: Any, jobset: Make) -> None:
    queued.applied(jobset("one", queue=QUEUE))
    queued.applied(jobset("two", queue=QUEUE))
    queued.advance(30)
    queued.world.finish("default", "one", 0)
    queued.advance(30)
    assert conditions(workload(queued, "one"))["Finished"] == ("True", "Succeeded")
    assert conditions(workload(queued, "two"))["Admitted"] == ("True", "Admitted")


def test_more_than_there_ever_is(queued: Any, jobset: Make) -> None:
    body = jobset("big", queue=QUEUE)
    body["spec"]["replicatedJobs"][0]["replicas"] = 3
    queued.applied(body)
    (reserved,) = workload(queued, "big")["status"]["conditions"]
    assert reserved["reason"] == "Pending"
    assert reserved["message"].endswith("current podset request (48) > maximum capacity (32)")


def test_no_flavor_matches(queued: Any, jobset: Make) -> None:
    body = jobset("odd", queue=QUEUE)
    pod = body["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"] = "8x8"
    queued.applied(body)
    (reserved,) = workload(queued, "odd")["status"]["conditions"]
    assert reserved["reason"] == "Pending"
    assert reserved["message"].endswith("flavor v6e doesn't match node affinity")


def test_a_resource_that_the_queue_does_not_cover(queued: Any, jobset: Make) -> None:
    body = jobset("cpu", queue=QUEUE)
    pod = body["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    pod["containers"][0]["resources"]["requests"] = {"cpu": "1"}
    queued.applied(body)
    (reserved,) = workload(queued, "cpu")["status"]["conditions"]
    assert reserved["message"].endswith("resource cpu unavailable in ClusterQueue")


def test_a_queue_that_does_not_exist(queued: Any, jobset: Make) -> None:
    queued.applied(jobset("lost", queue="nowhere"))
    (reserved,) = workload(queued, "lost")["status"]["conditions"]
    assert reserved["message"] == "LocalQueue nowhere doesn't exist"


def test_a_higher_priority_takes_the_place_of_a_lower_one(queued: Any, jobset: Make) -> None:
    queued.applied(jobset("low", queue=QUEUE, priority="low"))
    queued.advance(30)
    queued.applied(jobset("high", queue=QUEUE, priority="high"))
    queued.advance(60)
    evicted = workload(queued, "low")
    found = conditions(evicted)
    assert found["Evicted"] == ("True", "Preempted")
    assert found["Preempted"] == ("True", "InClusterQueue")
    assert found["QuotaReserved"][0] == "False"
    message = next(c["message"] for c in evicted["status"]["conditions"] if c["type"] == "Evicted")
    assert message.startswith(
        f"Preempted to accommodate a workload (UID: {workload(queued, 'high')['metadata']['uid']}, "
    )
    assert queued.get("JobSet", "low")["spec"]["suspend"] is True
    assert conditions(workload(queued, "high"))["Admitted"] == ("True", "Admitted")
    assert {
        pod["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-name"] for pod in queued.pods("Running")
    } == {"high"}
    queued.delete("JobSet", "high")
    queued.advance(60)
    again = conditions(workload(queued, "low"))
    assert again["Admitted"] == ("True", "Admitted")
    assert again["Evicted"][0] == "False"
    assert len(queued.pods("Running")) == 8


def test_what_a_preemption_frees_is_the_preemptors(queued: Any, jobset: Make) -> None:
    """Given to the next one in line it would be preempted again, for ever."""
    queued.applied(jobset("running", queue=QUEUE, priority="medium"))
    queued.applied(jobset("waiting", queue=QUEUE, priority="medium"))
    queued.advance(30)
    queued.applied(jobset("urgent", queue=QUEUE, priority="high"))
    queued.advance(60)
    assert conditions(workload(queued, "urgent"))["Admitted"] == ("True", "Admitted")
    for name in ("running", "waiting"):
        assert conditions(workload(queued, name))["QuotaReserved"][0] == "False"
    queued.delete("JobSet", "urgent")
    queued.advance(60)
    assert conditions(workload(queued, "running"))["Admitted"] == ("True", "Admitted")


def test_waiting_ones_go_by_priority_then_age(queued: Any, jobset: Make) -> None:
    queued.applied(jobset("first", queue=QUEUE, priority="high"))
    for name, priority in (("second", "low"), ("third", "low"), ("fourth", "high")):
        queued.advance(2)
        queued.applied(jobset(name, queue=QUEUE, priority=priority))
    order = []
    for _ in range(4):
        queued.advance(30)
        (running,) = {
            pod["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-name"] for pod in queued.pods("Running")
        }
        order.append(running)
        queued.delete("JobSet", running)
    assert order == ["first", "fourth", "second", "third"]


def test_deletion_leaves_nothing(queued: Any, jobset: Make) -> None:
    before = {
        resource: [o["metadata"]["name"] for o in objects]
        for resource, objects in queued.world.objects().items()
    }
    queued.applied(jobset("one", queue=QUEUE))
    queued.advance(30)
    queued.delete("JobSet", "one")
    queued.advance(60)
    after = {
        resource: [o["metadata"]["name"] for o in objects]
        for resource, objects in queued.world.objects().items()
    }
    before.pop("events", None)
    after.pop("events", None)
    assert after == before
    for kind, name in (("LocalQueue", QUEUE), ("ClusterQueue", "cluster-queue"), ("ResourceFlavor", "v6e")):
        queued.delete(kind, name)
        queued.advance(5)
        assert queued.gone(kind, name)


def test_a_queue_gives_every_flavor_the_same_resources(queued: Any) -> None:
    quota = {"name": "v6e", "resources": [{"name": "google.com/tpu", "nominalQuota": 4}]}
    group = {"coveredResources": ["google.com/tpu", "cpu"], "flavors": [quota]}
    body = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ClusterQueue",
        "metadata": {"name": "uneven"},
        "spec": {"resourceGroups": [group]},
    }
    response = queued.apply(body)
    assert response.status == 422
    assert "same number of resources as the coveredResources" in response.body["message"]
