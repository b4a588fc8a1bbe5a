"""Waits until a workload has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xpk.engine import slim
from xpk.engine.kube_reads import JOBSET_API, KUEUE
from xpk.engine.pods import JOBSET_LABEL
from xpk.engine.queue_closed import closed_queues
from xpk.engine.reads import together
from xpk.engine.settle import Waiting
from xpk.engine.status import State, WorkloadStatus
from xpk.engine.timing import Timing, poll_interval
from xpk.engine.wire import CloudApi, Json, KubeApi
from xpk.engine.workload_description import missing
from xpk.engine.workloads import assemble, connect
from xpk.errors import Fault, Interrupted, StateError, UnreachableError
from xpk.plan.workload import finished
from xpk.spec.cluster import Place

_LONGEST = 5.0
_AWAY = 600.0
"""Seconds without an answer that a wait survives: a control plane may be away for minutes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a wait ended, and the workload's last status. Exit codes: 0, 125, 124."""

    result: Literal["succeeded", "failed", "timeout"]
    status: WorkloadStatus

    @property
    def exit_code(self) -> int:
        """The exit code that Google's xpk has for this."""
        return {"succeeded": 0, "failed": 125, "timeout": 124}[self.result]


def wait_for_workload(
    cloud: CloudApi,
    place: Place,
    cluster: str,
    name: str,
    *,
    timeout: float | None = None,
    namespace: str = "default",
    on_progress: Callable[[WorkloadStatus], None] = lambda status: None,
    stop: threading.Event | None = None,
    timing: Timing | None = None,
) -> Outcome:
    """Wait until the JobSet of exactly this name has ended, at most `timeout` seconds.

    `on_progress` is told each change in words. Raises StateError when there is no such
    workload or it is deleted meanwhile, Interrupted when `stop` is set, NotReady when GKE works on the
    control plane all the time.
    """
    timing = timing or Timing.real(stop)
    kube = connect(cloud, place, cluster)
    since, last, seen = timing.now(), None, timing.now()
    first = Waiting(stop=stop, timing=timing, within=_AWAY if timeout is None else min(timeout, _AWAY))
    while True:
        try:
            if last is None:
                status = first.answer(cloud, place.cluster(cluster), lambda: _read(kube, name, namespace))
            else:
                status = _read(kube, name, namespace)
            seen = timing.now()
        except UnreachableError:
            if last is None or timing.now() - seen > _AWAY:
                raise
            status = last
        if status is None:
            raise missing(name, namespace, cluster) if last is None else _deleted(name, last)
        if last is None or status.words != last.words:
            on_progress(status)
        last, elapsed = status, timing.now() - since
        if (outcome := _outcome(status, elapsed, timeout)) is not None:
            return outcome
        left = _LONGEST if timeout is None else timeout - elapsed
        timing.sleep(min(left, poll_interval(elapsed)))
        if stop is not None and stop.is_set():
            raise _interrupted(cluster, status)


def _outcome(status: WorkloadStatus, elapsed: float, timeout: float | None) -> Outcome | None:
    """How the wait ended; None while it goes on. An end at the last moment is an end."""
    if status.ended:
        return Outcome("succeeded" if status.state is State.SUCCEEDED else "failed", status)
    return Outcome("timeout", status) if timeout is not None and elapsed >= timeout else None


def _interrupted(cluster: str, last: WorkloadStatus) -> Interrupted:
    why = f"stopped waiting; the workload goes on ({last.words})"
    fix = f"xpk workload list --cluster {cluster} --wait-for-job-completion {last.name}"
    return Interrupted(Fault(f"workload {last.name}", why, fix))


def _read(kube: KubeApi, name: str, namespace: str) -> WorkloadStatus | None:
    """The status; all reads at one moment, the JobSet last: what it says must not be older than its pods."""
    inside = f"/namespaces/{namespace}"

    def read_pods() -> list[Json]:
        return kube.list(f"/api/v1{inside}/pods", label_selector=f"{JOBSET_LABEL}={name}", keep=slim.pod)

    workloads, pods, queues = together(
        [
            lambda: kube.list(f"{KUEUE}/workloads", keep=slim.queued),
            read_pods,
            lambda: kube.list(f"{KUEUE}/localqueues"),
        ]
    )
    jobset: Json | None = kube.get(f"{JOBSET_API}{inside}/jobsets/{name}")
    if jobset is None:
        return None
    if finished(jobset):
        # The pod that failed may have ended after the list was read.
        pods = read_pods()
    closed = closed_queues(kube, workloads, queues)
    (found,) = assemble([jobset], workloads, pods, queues, closed)
    return found.status


def _deleted(name: str, last: WorkloadStatus) -> StateError:
    why = f"was deleted while it was waited for; last seen: {last.words}"
    return StateError(Fault(f"workload {name}", why, "start it again with xpk workload create"))
