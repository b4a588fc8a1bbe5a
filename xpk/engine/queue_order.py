"""Who is next: the order in which Kueue tries pending workloads. Pure.

Kueue's queue order (its documentation, "Cluster Queue", queueing strategy): priority, higher first, then
the time of creation; a workload that was evicted because its pods were not ready in time waits
from that moment on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xpk.engine.conditions import true
from xpk.engine.wire import Json


def owner_of(workload: Json) -> tuple[str, str] | None:
    """Namespace and name of the JobSet that a Kueue Workload stands for."""
    owner = _owner(workload)
    if owner is None:
        return None
    return str(workload["metadata"].get("namespace", "default")), str(owner.get("name"))


def by_jobset(workloads: Iterable[Json], jobsets: Iterable[Json]) -> dict[tuple[str, str], Json]:
    """Kueue Workloads by the JobSet that they stand for; of several, the newest.

    A Workload can outlive its JobSet by half a minute: one of an earlier JobSet of the same name is left out.
    """
    uids = {
        (str(j["metadata"].get("namespace", "default")), str(j["metadata"]["name"])): j["metadata"].get("uid")
        for j in jobsets
    }
    found: dict[tuple[str, str], Json] = {}
    for workload in sorted(workloads, key=lambda w: str(w["metadata"].get("creationTimestamp", ""))):
        owner = owner_of(workload)
        if owner is not None and (_owner(workload) or {}).get("uid") == uids.get(owner):
            found[owner] = workload
    return found


def _owner(workload: Json) -> Json | None:
    owners = workload.get("metadata", {}).get("ownerReferences", [])
    return next((owner for owner in owners if owner.get("kind") == "JobSet"), None)


def pending(workload: Json) -> bool:
    """Whether a workload waits for quota."""
    if workload.get("spec", {}).get("active", True) is False or true(workload, "Finished"):
        return False
    return true(workload, "QuotaReserved") is None and true(workload, "Admitted") is None


def queue_time(workload: Json) -> str:
    """Since when a workload stands in line."""
    evicted = true(workload, "Evicted")
    if evicted is not None and evicted.reason == "PodsReadyTimeout":
        return evicted.since
    return str(workload["metadata"].get("creationTimestamp", ""))


def positions(
    workloads: Iterable[Json], cluster_queues: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], int]:
    """The place in line, from 1, of each JobSet that waits for quota.

    `cluster_queues` names the ClusterQueue of each LocalQueue by namespace and name; a workload whose
    queue is not known has no place.
    """
    lines: dict[str, list[Json]] = {}
    for workload in workloads:
        metadata, spec = workload.get("metadata", {}), workload.get("spec", {})
        local = (str(metadata.get("namespace", "default")), str(spec.get("queueName", "")))
        queue = cluster_queues.get(local)
        if queue is not None and pending(workload):
            lines.setdefault(queue, []).append(workload)
    placed: dict[tuple[str, str], int] = {}
    for line in lines.values():
        line.sort(key=_order)
        for place, workload in enumerate(line, 1):
            if (owner := owner_of(workload)) is not None:
                placed[owner] = place
    return placed


def _order(workload: Json) -> tuple[int, str, str]:
    priority = int(workload["spec"].get("priority") or 0)
    return -priority, queue_time(workload), str(workload["metadata"].get("uid"))


def cluster_queue_of(local_queues: Iterable[Json]) -> dict[tuple[str, str], str]:
    """The ClusterQueue of each LocalQueue by namespace and name."""
    return {
        (str(q["metadata"].get("namespace", "default")), str(q["metadata"]["name"])): str(
            q.get("spec", {}).get("clusterQueue", "")
        )
        for q in local_queues
    }
