"""A workload's state by precedence, with the traps that programs like this one fell into."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.engine.status import FILTERS, State, WorkloadStatus, ordinal, status_of
from xpk.engine.wire import Json

# What Kueue sets in one pass carries one second: the newest transition says nothing.
SAME = "2026-01-01T00:00:10Z"


def cond(kind: str, status: str = "True", reason: str = "", message: str = "", at: str = SAME) -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def jobset(
    *conditions: Json, suspend: bool = False, slices: int = 2, hosts: int = 4, limit: int = 50, **status: Any
) -> Json:
    template = {
        "spec": {
            "parallelism": hosts,
            "completions": hosts,
            "template": {"spec": {"priorityClassName": "high"}},
        }
    }
    return {
        "metadata": {
            "name": "w1",
            "namespace": "default",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"kueue.x-k8s.io/queue-name": "multislice-queue"},
        },
        "spec": {
            "suspend": suspend,
            "failurePolicy": {"maxRestarts": limit},
            "replicatedJobs": [{"name": "slice-job", "replicas": slices, "template": template}],
        },
        "status": {"conditions": list(conditions), **status},
    }


def workload(*conditions: Json, active: bool = True, **status: Any) -> Json:
    spec = {"active": active, "queueName": "multislice-queue"}
    return {
        "metadata": {"name": "jobset-w1-abc"},
        "spec": spec,
        "status": {"conditions": list(conditions), **status},
    }


ADMITTED = (cond("QuotaReserved", reason="QuotaReserved"), cond("Admitted", reason="Admitted"))


def pods(ready: int, total: int = 8, attempt: int = 0, **changes: Any) -> list[Json]:
    return [pod(i // 4, i % 4, is_ready=i < ready, attempt=attempt, **changes) for i in range(total)]


def pod(slice_: int, host: int, *, is_ready: bool = True, attempt: int = 0, **changes: Any) -> Json:
    return {
        "metadata": {
            "name": f"w1-slice-job-{slice_}-{host}-x",
            "labels": {
                "jobset.sigs.k8s.io/job-index": str(slice_),
                "batch.kubernetes.io/job-completion-index": str(host),
                "jobset.sigs.k8s.io/restart-attempt": str(attempt),
            },
        },
        "status": {
            "phase": "Running" if is_ready else "Pending",
            "conditions": [cond("Ready", "True" if is_ready else "False")],
            **changes,
        },
    }


def ended(slice_: int, host: int, code: int, at: str, reason: str = "Error") -> Json:
    state = {"terminated": {"exitCode": code, "finishedAt": at, "reason": reason}}
    return pod(
        slice_, host, is_ready=False, phase="Failed", containerStatuses=[{"name": "jax-tpu", "state": state}]
    )


RESTARTING = cond("RestartingJobSet", reason="JobsReady")
NO_NODE = cond("PodScheduled", "False", "Unschedulable", "0/7 nodes are available")
NO_QUOTA = cond("QuotaReserved", "False", "WaitingForQuota", "couldn't assign flavors")

CASES: dict[str, tuple[Json, Json | None, list[Json], str]] = {
    # xpk shows QuotaReserved for this one and leaves it out of RUNNING
    "running, quota and admission in one second": (jobset(), workload(*ADMITTED), pods(8), "Running"),
    "running, JobSet without Kueue": (jobset(), None, pods(8), "Running"),
    "starting": (jobset(), workload(*ADMITTED), pods(5), "Starting 5/8"),
    "starting, no pods yet": (jobset(), workload(*ADMITTED), [], "Starting 0/8"),
    "admitted, not yet resumed": (jobset(suspend=True), workload(*ADMITTED), [], "Starting 0/8"),
    # xpk shows QuotaReserved for this one, too, though it waits
    "queued": (
        jobset(cond("Suspended"), suspend=True),
        workload(NO_QUOTA),
        [],
        "Queued: the slices are in use",
    ),
    "queued, before Kueue has seen it": (jobset(suspend=True), None, [], "Queued"),
    "queued, asks for too much": (
        jobset(suspend=True),
        workload(cond("QuotaReserved", "False", "ExceedsMaxQuota")),
        [],
        "Queued: asks for more than the queue has",
    ),
    "queued, a reason of a later Kueue": (
        jobset(suspend=True),
        workload(cond("QuotaReserved", "False", "Brandnew", "in Kueue's words")),
        [],
        "Queued: in Kueue's words",
    ),
    "queued, as Kueue says it without its feature gate": (
        jobset(suspend=True),
        workload(
            cond(
                "QuotaReserved",
                "False",
                "Pending",
                "couldn't assign flavors to pod set slice-job: insufficient unused quota for google.com/tpu "
                "in flavor v6e-4x4, 32 more needed",
            )
        ),
        [],
        "Queued: 32 more chips needed",
    ),
    "queued, more than the queue has, without the gate": (
        jobset(suspend=True),
        workload(
            cond(
                "QuotaReserved",
                "False",
                "Pending",
                "insufficient quota, request (64) > maximum capacity (32)",
            )
        ),
        [],
        "Queued: asks for more than the queue has",
    ),
    "queued, waits for machines": (
        jobset(suspend=True),
        workload(
            ADMITTED[0],
            admissionChecks=[{"name": "dws", "state": "Pending"}, {"name": "a", "state": "Ready"}],
        ),
        [],
        "Queued: waits for dws",
    ),
    "queued, its queue is closed, in Kueue's words": (
        jobset(suspend=True),
        workload(cond("QuotaReserved", "False", "Inadmissible", "ClusterQueue cluster-queue is inactive")),
        [],
        "Queued: ClusterQueue cluster-queue is inactive",
    ),
    # Evicted stays True until the next admission: the queue is open again, and somebody else was faster
    "drained, and now the chips are short": (
        jobset(suspend=True),
        workload(
            cond("QuotaReserved", "False", "WaitingForQuota"), cond("Evicted", reason="ClusterQueueStopped")
        ),
        [],
        "Queued: the slices are in use",
    ),
    "drained, and Kueue has not looked again": (
        jobset(suspend=True),
        workload(cond("Evicted", reason="ClusterQueueStopped")),
        [],
        "Queued: the queue is stopped",
    ),
    # xpk shows Unknown
    "preempted and in the queue again": (
        jobset(suspend=True, restarts=1),
        workload(NO_QUOTA, cond("Evicted", reason="Preempted"), cond("Requeued")),
        [],
        "Queued: preempted by a higher priority",
    ),
    "deactivated": (
        jobset(suspend=True),
        workload(cond("Evicted", reason="Deactivated"), active=False),
        [],
        "Suspended: deactivated",
    ),
    "evicted once, admitted again": (
        jobset(),
        workload(*ADMITTED, cond("Evicted", "False", "QuotaReserved")),
        pods(8),
        "Running",
    ),
    "suspended by a person": (
        {**jobset(suspend=True), "metadata": {"name": "w1"}},
        None,
        [],
        "Suspended",
    ),
    # an older JobSet leaves it True with its last reason: without looking at pods this job restarts for ever
    "restart is over": (
        jobset(RESTARTING, restarts=2, restartsCountTowardsMax=2),
        workload(*ADMITTED),
        pods(8, attempt=2),
        "Running",
    ),
    "restarting": (
        jobset(RESTARTING, restarts=2, restartsCountTowardsMax=2),
        workload(*ADMITTED),
        pods(3, attempt=2),
        "Restarting 2/50",
    ),
    "restarting, old pods still there": (
        jobset(RESTARTING, restarts=1, restartsCountTowardsMax=1),
        workload(*ADMITTED),
        pods(8, attempt=0),
        "Restarting 1/50",
    ),
    "restarting after a disruption, which is free": (
        jobset(RESTARTING, restarts=3),
        workload(*ADMITTED),
        [],
        "Restarting 0/50 + 3 free",
    ),
    "a host was lost, no restart yet": (
        jobset(),
        workload(*ADMITTED, cond("PodsReady", "False", "WaitForRecovery")),
        pods(7),
        "Running: 7 of 8 hosts ready",
    ),
    "a host was lost before Kueue knew that all had started": (
        jobset(),
        workload(*ADMITTED, cond("PodsReady", "False", "WaitForStart")),
        [*pods(7, 7), ended(1, 3, 1, SAME)],
        "Running: 7 of 8 hosts ready",
    ),
    # JobSet 0.12 ends it when all Jobs are ready again
    "ran again, and lost a host again": (
        jobset(cond("RestartingJobSet", "False", "JobsReady"), restarts=1, restartsCountTowardsMax=1),
        workload(*ADMITTED),
        pods(7, attempt=1),
        "Running: 7 of 8 hosts ready",
    ),
    "restarting, one host finds no place": (
        jobset(RESTARTING, restarts=1),
        workload(*ADMITTED),
        [*pods(7, 7, 1), pod(1, 3, is_ready=False, attempt=1, phase="Pending", conditions=[NO_NODE])],
        "Restarting 0/50 + 1 free: slice 1 3/4 hosts, Unschedulable",
    ),
    "starting, hosts of both slices find no place": (
        jobset(),
        workload(*ADMITTED),
        [
            *(pod(1, host) for host in range(3)),
            *(pod(s, 3, is_ready=False, phase="Pending", conditions=[NO_NODE]) for s in (0, 1)),
        ],
        "Starting 3/8: Unschedulable on 2 hosts",
    ),
    # "jobset completed successfully": xpk looks for "finished" and finds none
    "succeeded": (
        jobset(cond("Completed", message="jobset completed successfully"), terminalState="Completed"),
        workload(*ADMITTED, cond("Finished", reason="Succeeded")),
        [],
        "Succeeded",
    ),
    "succeeded, Kueue is late": (jobset(cond("Completed")), workload(*ADMITTED), pods(0), "Succeeded"),
    "failed beats everything": (
        jobset(cond("Failed", reason="FailedJobs"), cond("Completed"), RESTARTING, suspend=True),
        workload(cond("Evicted", reason="Preempted")),
        pods(8),
        "Failed: a slice failed and nothing restarts it",
    ),
    "failed, by which host": (
        jobset(cond("Failed", reason="FailJobSetFailurePolicyAction"), terminalState="Failed"),
        workload(*ADMITTED),
        [
            ended(1, 0, 143, "2026-01-01T00:00:01Z"),
            ended(0, 3, 1, "2026-01-01T00:00:02Z"),
            ended(0, 1, 137, "2026-01-01T00:00:00Z"),
        ],
        "Failed: exit 1, slice 0 host 3",
    ),
    "failed, out of memory": (
        jobset(cond("Failed", reason="FailedJobs")),
        None,
        [ended(0, 2, 137, SAME, "OOMKilled")],
        "Failed: OOMKilled (exit 137), slice 0 host 2",
    ),
    "failed, out of restarts": (
        jobset(cond("Failed", reason="ReachedMaxRestarts"), restarts=50),
        None,
        [ended(0, 0, 1, SAME)],
        "Failed: exit 1, slice 0 host 0, out of restarts",
    ),
    "failed, run once": (
        jobset(cond("Failed", reason="ReachedMaxRestarts"), limit=0),
        None,
        [ended(0, 0, 1, SAME)],
        "Failed: exit 1, slice 0 host 0",
    ),
    "cannot pull": (
        jobset(),
        workload(*ADMITTED),
        pods(0, containerStatuses=[{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]),
        "Starting 0/8: ImagePullBackOff on 8 hosts",
    ),
    "a type that nobody knows": (
        jobset(cond("Brandnew", at="2027-01-01T00:00:00Z")),
        workload(*ADMITTED, cond("New")),
        pods(8),
        "Running",
    ),
    "ended pods of an open job": (
        jobset(),
        workload(*ADMITTED),
        [*pods(4), pod(1, 3, phase="Succeeded")],
        "Starting 5/8",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_state_in_words(case: str) -> None:
    found_jobset, found_workload, found_pods, words = CASES[case]
    assert status_of(found_jobset, found_workload, found_pods).words == words


def test_the_order_of_conditions_does_not_matter() -> None:
    for found_jobset, found_workload, found_pods, words in CASES.values():
        turned = {**found_jobset, "status": dict(found_jobset["status"])}
        turned["status"]["conditions"] = found_jobset["status"]["conditions"][::-1]
        other = found_workload
        if other is not None:
            other = {
                **other,
                "status": {**other["status"], "conditions": other["status"]["conditions"][::-1]},
            }
        assert status_of(turned, other, found_pods).words == words


def test_numbers() -> None:
    found = status_of(
        jobset(
            restarts=3,
            restartsCountTowardsMax=1,
            replicatedJobsStatus=[{"name": "slice-job", "jobRestartsCountTowardsMax": [0, 1]}],
        ),
        workload(*ADMITTED),
        pods(6, attempt=3),
    )
    assert (found.slices, found.hosts, found.hosts_ready) == (2, 8, 6)
    assert (found.restarts, found.restarts_counted, found.max_restarts) == (3, 2, 50)
    assert found.priority == "high"


def test_a_jobset_without_anything_is_no_crash() -> None:
    found = status_of({"metadata": {"name": "x"}}, None, [])
    assert (found.state, found.hosts, found.max_restarts) == (State.STARTING, 0, None)


def test_text_of_a_server_is_cleaned() -> None:
    bad = cond("QuotaReserved", "False", "Brandnew", "a\x1b[31m\nb")
    assert status_of(jobset(suspend=True), workload(bad), []).words == "Queued: a [31m b"


@pytest.mark.parametrize(
    ("word", "states"),
    [
        ("RUNNING", {"Starting", "Running", "Restarting"}),
        ("QUEUED", {"Queued", "Suspended"}),
        ("FINISHED", {"Succeeded", "Failed"}),
        ("SUCCESSFUL", {"Succeeded"}),
        ("FAILED", {"Failed"}),
    ],
)
def test_xpks_filter_words(word: str, states: set[str]) -> None:
    assert {state.value for state in FILTERS[word]} == states


def test_every_state_has_a_word_and_is_either_running_queued_or_finished() -> None:
    assert FILTERS["RUNNING"] | FILTERS["QUEUED"] | FILTERS["FINISHED"] == FILTERS["EVERYTHING"] == set(State)


def test_why_the_queue_is_closed_where_it_is_known() -> None:
    waits = workload(cond("QuotaReserved", "False", "Inadmissible", "ClusterQueue cluster-queue is inactive"))
    found = status_of(jobset(suspend=True), waits, [], 1, "cluster-queue is stopped")
    assert found.words == "Queued 1st: cluster-queue is stopped"
    drained = workload(*waits["status"]["conditions"], cond("Evicted", reason="ClusterQueueStopped"))
    assert status_of(jobset(suspend=True), drained, [], 1, "cluster-queue is stopped").words == found.words
    no_quota = workload(NO_QUOTA)
    assert status_of(jobset(suspend=True), no_quota, [], 1, "q is stopped").detail == "the slices are in use"


def test_a_place_in_the_queue() -> None:
    found = status_of(jobset(suspend=True), workload(NO_QUOTA), [], 3)
    assert found.words == "Queued 3rd: the slices are in use"
    assert status_of(jobset(), workload(*ADMITTED), pods(8), 3).position is None


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (112, "112th"),
    ],
)
def test_ordinals(number: int, word: str) -> None:
    assert ordinal(number) == word


def test_json_has_everything() -> None:
    found = status_of(*CASES["failed, by which host"][:3])
    assert isinstance(found, WorkloadStatus)
    assert found.as_json()["failure"] == {
        "pod": "w1-slice-job-0-3-x",
        "slice": 0,
        "host": 3,
        "container": "jax-tpu",
        "exitCode": 1,
        "reason": "Error",
        "finishedAt": "2026-01-01T00:00:02Z",
    }
