"""What a workload is doing, as one of a few states, from its JobSet, Kueue Workload and pods. Pure.

By precedence over (type, status, reason) of conditions, never by the newest transition: Kueue
sets several in one second, and older JobSets leave RestartingJobSet True after a restart. Unknown
types are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from xpk.cloud.errors import clean
from xpk.engine.conditions import false, true
from xpk.engine.pods import PodFailure, failures_of, lost, of_attempt, ready, trouble_of
from xpk.engine.wire import Json


class State(Enum):
    """The states, in the words that are shown."""

    QUEUED = "Queued"
    SUSPENDED = "Suspended"
    STARTING = "Starting"
    RUNNING = "Running"
    RESTARTING = "Restarting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


FILTERS: Final[dict[str, frozenset[State]]] = {
    "EVERYTHING": frozenset(State),
    "FINISHED": frozenset({State.SUCCEEDED, State.FAILED}),
    "RUNNING": frozenset({State.STARTING, State.RUNNING, State.RESTARTING}),
    "QUEUED": frozenset({State.QUEUED, State.SUSPENDED}),
    "FAILED": frozenset({State.FAILED}),
    "SUCCESSFUL": frozenset({State.SUCCEEDED}),
}
"""The words of xpk's `--filter-by-status`. RUNNING is everything that holds slices."""

_QUEUED: Final = {
    "NoMatchingFlavor": "no flavor of the queue fits",
    "WaitingForQuota": "the slices are in use",
    "ExceedsMaxQuota": "asks for more than the queue has",
    "TopologyPlacementFailed": "no free slice of this topology",
    "WaitingForPreemptedWorkloads": "waits for preempted workloads to end",
    "Misconfigured": "the queue is misconfigured",
    "WaitingForPodsReady": "waits until another workload has started",
}
_MISSING_QUOTA: Final = re.compile(r"insufficient unused quota for (\S+) in flavor \S+, (\d+) more needed")
_STOPPED: Final = frozenset({"ClusterQueueStopped", "LocalQueueStopped"})
_EVICTED: Final = {
    "Preempted": "preempted by a higher priority",
    "PodsReadyTimeout": "its pods were not ready in time",
    "AdmissionCheck": "an admission check failed",
    "ClusterQueueStopped": "the queue is stopped",
    "LocalQueueStopped": "the queue is stopped",
    "NodeFailures": "nodes failed",
    "MaximumExecutionTimeExceeded": "its time was up",
}
_FAILED: Final = {
    "ReachedMaxRestarts": "out of restarts",
    "FailedJobs": "a slice failed and nothing restarts it",
    "FailJobSetFailurePolicyAction": "an exit code that does not restart",
    "JobCreationFailed": "its Jobs could not be created",
}


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """One workload as it is now.

    `hosts` are all its pods, `hosts_ready` those that run. `restarts_counted` are those that use up
    `max_restarts` (None without a failure policy: nothing restarts). `position` is its place in the queue.
    Times are RFC 3339.
    """

    name: str
    namespace: str
    state: State
    detail: str
    slices: int
    hosts: int
    hosts_ready: int
    restarts: int
    restarts_counted: int
    max_restarts: int | None
    priority: str
    created: str
    finished: str | None = None
    position: int | None = None
    failure: PodFailure | None = None

    @property
    def words(self) -> str:
        """The state for a person: "Queued 3rd", "Starting 120/128", "Failed: exit 1, slice 0 host 3"."""
        word = self.state.value
        match self.state:
            case State.QUEUED if self.position is not None:
                return _with(f"{word} {ordinal(self.position)}", self.detail)
            case State.STARTING:
                return _with(f"{word} {self.hosts_ready}/{self.hosts}", self.detail)
            case State.RESTARTING:
                return _with(f"{word} {self._budget}", self.detail)
            case _:
                return _with(word, self.detail)

    @property
    def _budget(self) -> str:
        limit = self.max_restarts or 0
        if self.restarts == self.restarts_counted:
            return f"{self.restarts}/{limit}"
        return f"{self.restarts_counted}/{limit} + {self.restarts - self.restarts_counted} free"

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return self.state in FILTERS["FINISHED"]

    def as_json(self) -> Json:
        """As JSON, everything."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "status": self.state.value,
            "words": self.words,
            "detail": self.detail,
            "slices": self.slices,
            "hosts": self.hosts,
            "hostsReady": self.hosts_ready,
            "restarts": self.restarts,
            "restartsCounted": self.restarts_counted,
            "maxRestarts": self.max_restarts,
            "priority": self.priority,
            "created": self.created,
            "finished": self.finished,
            "queuePosition": self.position,
            "failure": self.failure.as_json() if self.failure else None,
        }


def status_of(
    jobset: Json, workload: Json | None, pods: Sequence[Json], position: int | None = None, closed: str = ""
) -> WorkloadStatus:
    """The status of one workload. `workload` is Kueue's, None where Kueue does not manage it.

    `closed` says why its queue takes nobody in, where that is known; see `queue_closed`.
    """
    metadata, status = jobset["metadata"], jobset.get("status", {})
    jobs = jobset.get("spec", {}).get("replicatedJobs", [])
    hosts = sum(_pods_of(job) for job in jobs)
    attempt = int(status.get("restarts") or 0)
    current = of_attempt(pods, attempt)
    up = sum(ready(pod) for pod in current)
    failure = next(iter(failures_of(pods)), None)
    slices = sum(int(job.get("replicas", 1)) for job in jobs)
    seen = _Seen(up, hosts, any(lost(pod) for pod in current))
    state, detail = _state(jobset, workload, seen, closed)
    if state is State.FAILED and failure is not None:
        used_up = detail.startswith("out of") and _limit(jobset) > 0
        detail = f"{failure.words}, {detail}" if used_up else failure.words
    elif state is not State.FAILED:
        failure = None
    if state in (State.STARTING, State.RESTARTING):
        detail = trouble_of(current, hosts // max(1, slices), slices if len(jobs) == 1 else 1)
    policy = jobset.get("spec", {}).get("failurePolicy")
    ended = true(jobset, "Completed") or true(jobset, "Failed")
    template = jobs[0]["template"]["spec"]["template"]["spec"] if jobs else {}
    return WorkloadStatus(
        name=str(metadata["name"]),
        namespace=str(metadata.get("namespace", "default")),
        state=state,
        detail=detail,
        slices=slices,
        hosts=hosts,
        hosts_ready=up,
        restarts=attempt,
        restarts_counted=_counted(status),
        max_restarts=_limit(jobset) if policy else None,
        priority=str(template.get("priorityClassName", "")),
        created=str(metadata.get("creationTimestamp", "")),
        finished=ended.since if ended else None,
        position=position if state is State.QUEUED else None,
        failure=failure,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The pods of this attempt: how many are ready, of how many, whether one has ended badly or ends."""

    up: int
    hosts: int
    lost: bool


def _state(jobset: Json, workload: Json | None, seen: _Seen, closed: str) -> tuple[State, str]:
    terminal = jobset.get("status", {}).get("terminalState")
    kueue_end = true(workload, "Finished")
    failed = true(jobset, "Failed")
    if failed is not None or terminal == "Failed":
        return State.FAILED, _FAILED.get(failed.reason, failed.message) if failed else ""
    if true(jobset, "Completed") is not None or terminal == "Completed":
        return State.SUCCEEDED, ""
    if kueue_end is not None and kueue_end.reason == "Failed":
        return State.FAILED, kueue_end.message
    evicted = true(workload, "Evicted")
    if evicted is not None:
        if evicted.reason == "Deactivated" or (workload or {}).get("spec", {}).get("active", True) is False:
            return State.SUSPENDED, evicted.message or "deactivated"
        why = _EVICTED.get(evicted.reason, evicted.message)
        # The condition stays True until the next admission: a queue that was stopped may be open again.
        return State.QUEUED, (_why_queued(workload, closed) or why) if evicted.reason in _STOPPED else why
    if jobset.get("spec", {}).get("suspend"):
        return _waiting(jobset, workload, closed)
    if seen.up >= seen.hosts > 0:
        return State.RUNNING, ""
    restarts = int(jobset.get("status", {}).get("restarts") or 0)
    if restarts > 0 and false(jobset, "RestartingJobSet") is None:
        return State.RESTARTING, ""
    if restarts > 0 or seen.lost or _has_run(workload):
        return State.RUNNING, f"{seen.up} of {seen.hosts} hosts ready"
    return State.STARTING, ""


def _has_run(workload: Json | None) -> bool:
    """Whether all pods were ready once: what is missing now was lost and is not still coming up.

    Kueue learns it a moment after the pods, so that this alone is not enough.
    """
    not_now = false(workload, "PodsReady")
    recovers = not_now is not None and not_now.reason == "WaitForRecovery"
    return recovers or true(workload, "PodsReady") is not None


def _waiting(jobset: Json, workload: Json | None, closed: str) -> tuple[State, str]:
    """A suspended JobSet: in the queue, or stopped by somebody."""
    if workload is None:
        queue = jobset["metadata"].get("labels", {}).get("kueue.x-k8s.io/queue-name")
        return (State.QUEUED, "") if queue else (State.SUSPENDED, "")
    if workload.get("spec", {}).get("active", True) is False:
        return State.SUSPENDED, "deactivated"
    if true(workload, "Admitted") is not None:
        return State.STARTING, ""
    if true(workload, "QuotaReserved") is not None:
        checks = workload.get("status", {}).get("admissionChecks") or []
        open_checks = [str(check.get("name")) for check in checks if check.get("state") != "Ready"]
        return State.QUEUED, f"waits for {clean(', '.join(open_checks)) or 'admission checks'}"
    return State.QUEUED, _why_queued(workload, closed)


def _why_queued(workload: Json | None, closed: str) -> str:
    """Why it has no quota now; empty before Kueue has looked at it."""
    reason = false(workload, "QuotaReserved")
    if reason is None:
        return ""
    if reason.reason == "Inadmissible":
        return closed or reason.message or "cannot be admitted"
    return _QUEUED.get(reason.reason) or _pending_words(reason.message)


def _pending_words(message: str) -> str:
    """Kueue's message in fewer words: its reason is only `Pending` unless a feature gate is on."""
    missing = _MISSING_QUOTA.search(message)
    if missing:
        what = "chips" if missing[1] == "google.com/tpu" else clean(missing[1])
        return f"{missing[2]} more {what} needed"
    return _QUEUED["ExceedsMaxQuota"] if "maximum capacity" in message else message


def _limit(jobset: Json) -> int:
    """Restarts that the JobSet allows; 0 without a failure policy."""
    return int((jobset.get("spec", {}).get("failurePolicy") or {}).get("maxRestarts") or 0)


def _pods_of(job: Json) -> int:
    spec = job.get("template", {}).get("spec", {})
    parallelism = int(spec.get("parallelism", 1))
    return int(job.get("replicas", 1)) * min(parallelism, int(spec.get("completions", parallelism)))


def _counted(status: Json) -> int:
    """Restarts that use up the budget: of the whole JobSet, and of single Jobs."""
    rows = status.get("replicatedJobsStatus", []) or []
    single = sum(int(n) for row in rows for n in row.get("jobRestartsCountTowardsMax", []) or [])
    return int(status.get("restartsCountTowardsMax") or 0) + single


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _with(word: str, detail: str) -> str:
    return f"{word}: {detail}" if detail else word
