"""Who is next in Kueue's queue."""

from __future__ import annotations

from typing import Any

from xpk.engine.queue_order import by_jobset, cluster_queue_of, positions
from xpk.engine.wire import Json

QUEUES = {("default", "multislice-queue"): "cluster-queue", ("team", "multislice-queue"): "cluster-queue"}


def waiting(
    name: str, created: str, priority: int = 500, *, namespace: str = "default", **changes: Any
) -> Json:
    conditions = changes.pop("conditions", [{"type": "QuotaReserved", "status": "False"}])
    return {
        "metadata": {
            "name": f"jobset-{name}",
            "namespace": namespace,
            "creationTimestamp": f"2026-01-01T00:00:{created}Z",
            "ownerReferences": [{"kind": "JobSet", "name": name}],
        },
        "spec": {"queueName": "multislice-queue", "priority": priority, **changes},
        "status": {"conditions": conditions},
    }


def order(*workloads: Json) -> list[str]:
    found = positions(workloads, QUEUES)
    assert sorted(found.values()) == list(range(1, len(found) + 1))
    return [name for (_, name), _ in sorted(found.items(), key=lambda item: item[1])]


def test_priority_first_then_age() -> None:
    assert order(waiting("b", "02"), waiting("a", "01"), waiting("high", "09", 750)) == ["high", "a", "b"]


def test_namespaces_share_the_cluster_queue() -> None:
    assert order(waiting("b", "02"), waiting("a", "01", namespace="team")) == ["a", "b"]


def test_those_that_run_have_ended_or_are_switched_off_are_not_in_line() -> None:
    reserved = [{"type": "QuotaReserved", "status": "True"}]
    finished = [{"type": "Finished", "status": "True", "reason": "Succeeded"}]
    assert order(
        waiting("runs", "01", conditions=reserved),
        waiting("ended", "02", conditions=finished),
        waiting("off", "03", active=False),
        waiting("elsewhere", "04", queueName="unknown"),
        waiting("waits", "05"),
    ) == ["waits"]


def test_one_whose_pods_were_not_ready_in_time_goes_to_the_end() -> None:
    late = {
        "type": "Evicted",
        "status": "True",
        "reason": "PodsReadyTimeout",
        "lastTransitionTime": "2026-01-01T00:00:59Z",
    }
    preempted = {**late, "reason": "Preempted"}
    assert order(waiting("late", "01", conditions=[late]), waiting("b", "02")) == ["b", "late"]
    assert order(waiting("p", "01", conditions=[preempted]), waiting("b", "02")) == ["p", "b"]


def test_of_two_workloads_of_one_jobset_the_newest_counts() -> None:
    old, new = waiting("w", "01"), waiting("w", "02")
    jobset = {"metadata": {"name": "w", "namespace": "default"}}
    assert by_jobset([new, old], [jobset]) == {("default", "w"): new}


def test_the_workload_of_an_earlier_jobset_of_the_same_name_is_left_out() -> None:
    """It outlives its JobSet by half a minute."""
    stale, fresh = waiting("w", "02"), waiting("w", "01")
    stale["metadata"]["ownerReferences"][0]["uid"] = "u1"
    fresh["metadata"]["ownerReferences"][0]["uid"] = "u2"
    jobset = {"metadata": {"name": "w", "namespace": "default", "uid": "u2"}}
    assert by_jobset([stale, fresh], [jobset]) == {("default", "w"): fresh}
    assert by_jobset([stale], [jobset]) == {}


def test_local_queues_name_their_cluster_queue() -> None:
    queue = {"metadata": {"name": "q", "namespace": "n"}, "spec": {"clusterQueue": "c"}}
    assert cluster_queue_of([queue]) == {("n", "q"): "c"}
