"""Why a queue takes nobody in. Of a closed queue Kueue tells a workload only "ClusterQueue q is inactive"
(reason Inadmissible); what closed it stands on the queues themselves."""

from __future__ import annotations

from collections.abc import Iterable

from xpk.cloud.errors import clean
from xpk.engine.conditions import false
from xpk.engine.kube_reads import KUEUE
from xpk.engine.queue_order import cluster_queue_of
from xpk.engine.wire import Json, KubeApi
from xpk.errors import AccessError

_PREFIX = "Can't admit new workloads: "
_OPEN = ("", "None")


def closed_queues(
    kube: KubeApi, workloads: Iterable[Json], local_queues: Iterable[Json]
) -> dict[tuple[str, str], str]:
    """Of each LocalQueue, by namespace and name, in which somebody waits and that is closed: why.

    Asks only where a workload waits as Inadmissible. Who may not read ClusterQueues gets Kueue's own words.
    """
    waiting = {key for workload in workloads if (key := _inadmissible(workload)) is not None}
    if not waiting:
        return {}
    local = {_key(queue): queue for queue in local_queues}
    names = cluster_queue_of(local.values())
    found = {key: f"{key[1]} is stopped" for key in waiting & local.keys() if _stopped(local[key])}
    above: dict[str, str] = {}
    for key in sorted((waiting & names.keys()) - found.keys()):
        name = names[key]
        if name not in above:
            above[name] = _read(kube, name)
        if above[name]:
            found[key] = above[name]
    return found


def _inadmissible(workload: Json) -> tuple[str, str] | None:
    reason = false(workload, "QuotaReserved")
    if reason is None or reason.reason != "Inadmissible":
        return None
    return str(workload["metadata"].get("namespace", "default")), str(workload["spec"].get("queueName", ""))


def _key(queue: Json) -> tuple[str, str]:
    return str(queue["metadata"].get("namespace", "default")), str(queue["metadata"]["name"])


def _stopped(local_queue: Json) -> bool:
    return str(local_queue.get("spec", {}).get("stopPolicy") or "") not in _OPEN


def _read(kube: KubeApi, name: str) -> str:
    """Why a ClusterQueue is closed: "cluster-queue is stopped"; empty where it is open or not readable."""
    try:
        queue = kube.get(f"{KUEUE}/clusterqueues/{name}")
    except AccessError:
        return ""
    if queue is None:
        return f"there is no ClusterQueue {clean(name)}"
    inactive = false(queue, "Active")
    if inactive is None:
        return ""
    return f"{clean(name)} {inactive.message.removeprefix(_PREFIX).rstrip('.')}"
