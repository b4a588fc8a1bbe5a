"""The status of Kueue's queues: whether they are usable, how many Workloads wait and run, and what those
take.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from xpk.emulator.kubernetes.admission.kueue import WORKLOADS
from xpk.emulator.kubernetes.cluster import Cluster, holds
from xpk.emulator.kubernetes.controllers import flavors
from xpk.emulator.kubernetes.controllers.flavors import FLAVORS, Usage
from xpk.emulator.kubernetes.quantities import text
from xpk.emulator.kubernetes.store import Key, Store

Json = dict[str, Any]
CLUSTER_QUEUES = "clusterqueues.kueue.x-k8s.io"
LOCAL_QUEUES = "localqueues.kueue.x-k8s.io"


def missing_flavors(store: Store, queue: Json) -> list[str]:
    """The ResourceFlavors that a ClusterQueue names and that do not exist."""
    return [
        flavor["name"]
        for group in queue.get("spec", {}).get("resourceGroups") or ()
        for flavor in group["flavors"]
        if store.find(FLAVORS, "", flavor["name"]) is None
    ]


def write_statuses(cluster: Cluster) -> None:
    """Bring the status of all queues up to date."""
    store = cluster.store
    live = [item for item in store.each(WORKLOADS) if not holds(item, "Finished")]
    by_local: dict[tuple[str, str], list[Json]] = {}
    for item in live:
        by_local.setdefault((item["metadata"]["namespace"], item["spec"].get("queueName", "")), []).append(
            item
        )
    by_cluster: dict[str, list[Json]] = {}
    for queue in list(store.each(LOCAL_QUEUES)):
        meta = queue["metadata"]
        own = by_local.get((meta["namespace"], meta["name"]), [])
        target = queue.get("spec", {}).get("clusterQueue", "")
        by_cluster.setdefault(target, []).extend(own)
        found = store.find(CLUSTER_QUEUES, "", target)
        missing = "" if found else "Can't submit new workloads to clusterQueue"
        active = _active(
            cluster, queue, missing, "ClusterQueueDoesNotExist", "Can submit new workloads to localQueue"
        )
        cluster.set_status(
            Key(LOCAL_QUEUES, meta["namespace"], meta["name"]), _status(found, own, active, {})
        )
    for queue in list(store.each(CLUSTER_QUEUES)):
        name = queue["metadata"]["name"]
        lacking = missing_flavors(store, queue)
        missing = (
            f"Can't admit new workloads: references missing ResourceFlavor(s): {' '.join(lacking)}."
            if lacking
            else ""
        )
        active = _active(cluster, queue, missing, "FlavorNotFound", "Can admit new workloads")
        status = _status(queue, by_cluster.get(name, []), active, {"borrowed": "0"})
        cluster.set_status(Key(CLUSTER_QUEUES, "", name), status)


def _status(queue: Json | None, own: list[Json], active: Json, more: Json) -> Json:
    """`more`: what each row of a ClusterQueue has that one of a LocalQueue has not."""
    reserving = [item for item in own if holds(item, "QuotaReserved")]
    admitted = [item for item in own if holds(item, "Admitted")]
    return {
        "conditions": [active],
        "pendingWorkloads": len(own) - len(reserving),
        "reservingWorkloads": len(reserving),
        "admittedWorkloads": len(admitted),
        "flavorsReservation": _rows(queue, reserving, more),
        "flavorsUsage": _rows(queue, admitted, more),
    }


def _active(cluster: Cluster, queue: Json, fault: str, reason: str, good: str) -> Json:
    value = "False" if fault else "True"
    before = next((c for c in queue.get("status", {}).get("conditions", ()) if c["type"] == "Active"), None)
    same = before is not None and before["status"] == value
    return {
        "type": "Active",
        "status": value,
        "reason": reason if fault else "Ready",
        "message": fault or good,
        "lastTransitionTime": before["lastTransitionTime"] if before and same else cluster.stamp(),
        "observedGeneration": queue["metadata"].get("generation", 1),
    }


def _rows(queue: Json | None, items: list[Json], more: Json) -> list[Json]:
    used: Usage = Counter()
    for item in items:
        used.update(flavors.usage(item))
    return [
        {
            "name": flavor["name"],
            "resources": [
                {"name": row["name"], "total": text(Decimal(used[flavor["name"], row["name"]])), **more}
                for row in flavor["resources"]
            ],
        }
        for group in (queue or {}).get("spec", {}).get("resourceGroups") or ()
        for flavor in group["flavors"]
    ]
