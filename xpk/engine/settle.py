"""Waits before anything is planned: until an earlier, interrupted run's operations on a cluster are over, and
until its Kubernetes answers where GKE works on the control plane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from xpk.engine.away import AWAY, excuse
from xpk.engine.operations import progress_words
from xpk.engine.timing import Timing, poll_interval
from xpk.engine.wire import GkeApi, Json
from xpk.errors import Fault, Interrupted, NotReady, UnreachableError

T = TypeVar("T")
DEADLINE = 3600.0
_TYPES = frozenset({"CREATE_CLUSTER", "CREATE_NODE_POOL", "DELETE_NODE_POOL"})
_MOVING = frozenset({"PROVISIONING", "STOPPING"})


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
) -> T:
    """What a read of a cluster's Kubernetes gives; waits while GKE works on the control plane.

    Raises the read's own error where no such operation runs, Interrupted when `stopped` says so.
    """
    since, words = timing.now(), ""
    while True:
        try:
            return read()
        except UnreachableError:
            said = excuse(gke, name)
            # an operation that was seen may have ended a moment ago: one more look
            if (said is None and not words) or timing.now() - since > AWAY:
                raise
        if said and said != words:
            on_progress(said)
        words = said or ""
        what = f"cluster {name.rpartition('/')[2]}"
        _sleep(
            timing, poll_interval(timing.now() - since), stopped, what, words or "Kubernetes does not answer"
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
    for operation in gke.list_operations(name.partition("/clusters/")[0]):
        about = str(operation.get("targetLink", "")).partition("/locations/")[2]
        ours = about == tail or about.startswith(tail + "/")
        if ours and operation.get("status") != "DONE" and operation.get("operationType") in _TYPES:
            what = str(operation["operationType"]).lower().replace("_", " ")
            target = about.rpartition("/")[2]
            return f"an earlier run's {what} {target} goes on ({progress_words(operation) or 'running'})"
    return f"{'; '.join(moving(cluster))} from an earlier run"
