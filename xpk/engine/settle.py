"""Waits before anything is planned: until an earlier, interrupted run's operations on a cluster are over, and
until its Kubernetes answers where GKE works on the control plane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from xpk.cloud.errors import clean
from xpk.engine.away import AWAY, excuse, unfinished
from xpk.engine.operations import progress_words
from xpk.engine.timing import Timing, poll_interval
from xpk.engine.wire import CloudApi, GkeApi, Json
from xpk.errors import Fault, Interrupted, NotReady, UnreachableError, XpkError

T = TypeVar("T")
DEADLINE = 3600.0
LOOK: Final = 60.0
"""Seconds that a command which only looks waits for a control plane."""
_TYPES = frozenset({"CREATE_CLUSTER", "CREATE_NODE_POOL", "DELETE_NODE_POOL"})
_MOVING = frozenset({"PROVISIONING", "STOPPING"})


def _ignore(words: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whether what moves in a cluster is waited for, how that is told, and what ends it.

    `within` is for how many seconds GKE's work on the control plane is waited for.
    """

    wait: bool = True
    on_progress: Callable[[str], None] = _ignore
    stop: threading.Event | None = None
    timing: Timing | None = None
    within: float = AWAY

    def settle(self, cloud: CloudApi, name: str, cluster: Json | None) -> Json | None:
        """The cluster that was just read, after what moves in it came to rest, when that is waited for."""
        if not self.wait:
            return cluster
        return settled(
            cloud.gke,
            name,
            cluster,
            timing=self.timing or Timing.real(self.stop),
            on_progress=self.on_progress,
            stopped=self._stopped,
        )

    def answer(self, cloud: CloudApi, name: str, read: Callable[[], T]) -> T:
        """What a read of Kubernetes gives, after GKE's work on the control plane when that is waited for."""
        if not self.wait:
            return read()
        return answered(
            read,
            cloud.gke,
            name,
            timing=self.timing or Timing.real(self.stop),
            on_progress=self.on_progress,
            stopped=self._stopped,
            within=self.within,
        )

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()


def settled(
    gke: GkeApi,
    name: str,
    cluster: Json | None,
    *,
    timing: Timing,
    on_progress: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Json | None:
    """The cluster, once it and its pools are neither being made nor being removed; None if there is none.

    `cluster` is how it was just read. One that is being deleted is returned as it is. Upgrades and
    repairs of GKE's own are not waited for. Raises NotReady after an hour, Interrupted when
    `stopped` says so.
    """
    since, words = timing.now(), ""
    while cluster is not None and cluster.get("status") != "STOPPING" and moving(cluster):
        said = _words(gke, name, cluster)
        if said != words:
            on_progress(said)
            words = said
        what = f"cluster {name.rpartition('/')[2]}"
        if timing.now() - since > DEADLINE:
            raise NotReady(Fault(what, said, "run the same command again to go on waiting"))
        _sleep(timing, poll_interval(timing.now() - since), stopped, what, said)
        cluster = gke.get_cluster(name)
    return cluster


def answered(
    read: Callable[[], T],
    gke: GkeApi,
    name: str,
    *,
    timing: Timing,
    on_progress: Callable[[str], None],
    stopped: Callable[[], bool],
    within: float = AWAY,
) -> T:
    """What a read of a cluster's Kubernetes gives; waits while GKE works on the control plane.

    Raises the read's own error where no such operation runs, NotReady with the cluster's status when it runs
    for more than `within` seconds, Interrupted when `stopped` says so.
    """
    since, words, what = timing.now(), "", f"cluster {name.rpartition('/')[2]}"
    while True:
        try:
            return read()
        except UnreachableError as error:
            said = _excuse(gke, name, error)
            # an operation that was seen may have ended a moment ago: one more look
            if said is None and not words:
                raise
            if timing.now() - since > within:
                raise _away(gke, name, said or words) from error
        if said and said != words:
            on_progress(said)
        words = said or ""
        _sleep(
            timing, poll_interval(timing.now() - since), stopped, what, words or "Kubernetes does not answer"
        )


def _excuse(gke: GkeApi, name: str, error: UnreachableError) -> str | None:
    """What GKE does to the cluster; the read's own error where GKE does not answer, either."""
    try:
        return excuse(gke, name)
    except XpkError:
        raise error from None


def _away(gke: GkeApi, name: str, words: str) -> NotReady:
    """Not ready in time, with what GKE says of the cluster."""
    try:
        cluster = gke.get_cluster(name) or {}
    except XpkError:
        cluster = {}
    reasons = [str(c["message"]) for c in cluster.get("conditions", []) if c.get("message")]
    message = str(cluster.get("statusMessage") or "") or "; ".join(reasons)
    status = f"the cluster is {cluster.get('status', 'in a state that GKE does not tell')}"
    why = f"Kubernetes was not ready in time: {words.partition(':')[0]}; {status}"
    return NotReady(
        Fault(
            f"cluster {name.rpartition('/')[2]}",
            clean(f"{why}: {message}" if message else why),
            "run the same command again in a few minutes",
        )
    )


def _sleep(timing: Timing, seconds: float, stopped: Callable[[], bool], what: str, said: str) -> None:
    interrupted = False
    try:
        timing.sleep(seconds)
    except KeyboardInterrupt:
        interrupted = True
    if interrupted or stopped():
        why = f"interrupted while {said}; Google goes on with it"
        raise Interrupted(Fault(what, why, "run the same command again to go on"))


def moving(cluster: Json) -> tuple[str, ...]:
    """What of a cluster is being made or removed: itself, pools."""
    pools = [p for p in cluster.get("nodePools", []) if p.get("status") in _MOVING]
    if cluster.get("status") == "PROVISIONING":
        return (f"cluster {cluster.get('name')}",)
    return tuple(f"node pool {p.get('name')} is {str(p['status']).lower()}" for p in pools)


def _words(gke: GkeApi, name: str, cluster: Json) -> str:
    """What runs, in Google's words; one request for all operations."""
    tail = name.partition("/locations/")[2]
    for operation in gke.list_operations(name.partition("/clusters/")[0], unfinished):
        about = str(operation.get("targetLink", "")).partition("/locations/")[2]
        ours = about == tail or about.startswith(tail + "/")
        if ours and operation.get("status") != "DONE" and operation.get("operationType") in _TYPES:
            what = str(operation["operationType"]).lower().replace("_", " ")
            target = about.rpartition("/")[2]
            return f"an earlier run's {what} {target} goes on ({progress_words(operation) or 'running'})"
    return f"{'; '.join(moving(cluster))} from an earlier run"
