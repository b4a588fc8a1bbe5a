"""Kueue's scheduler: gives quota to waiting Workloads, by priority and age, and takes it from lower ones
when asked to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.admission import kueue as rules
from xpk.emulator.kubernetes.admission.kueue import WORKLOADS
from xpk.emulator.kubernetes.cluster import Cluster, condition, holds
from xpk.emulator.kubernetes.controllers import flavors
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.flavors import FLAVORS, Assignment, Usage
from xpk.emulator.kubernetes.controllers.queuestatus import (
    CLUSTER_QUEUES,
    LOCAL_QUEUES,
    missing_flavors,
    write_statuses,
)
from xpk.emulator.kubernetes.controllers.workloads import set_condition
from xpk.emulator.kubernetes.quantities import text
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
COMPONENT = "kueue-admission"
IN_USE = "kueue.x-k8s.io/resource-in-use"
_GATED = {"NoMatchingFlavor", "WaitingForQuota", "ExceedsMaxQuota", "WaitingForPreemptedWorkloads"}


class Queues(Controller):
    """One key: all queues are looked at together."""

    watches = (WORKLOADS, CLUSTER_QUEUES, LOCAL_QUEUES, FLAVORS, "deployments.apps")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._refused: dict[Key, tuple[list[Json], object]] = {}
        self._admitted: set[tuple[str, int]] = set()

    def keys(self, change: Change) -> Iterable[str]:
        """Run again after any change of what it decides on."""
        return ("all",)

    def reconcile(self, key: str) -> None:
        """One cycle."""
        if not rules.active(self.cluster):
            return
        for item in list(self.store.each(WORKLOADS)):
            if "deletionTimestamp" in item["metadata"]:
                self.cluster.finalize(self._key(item), IN_USE)
        self._hold()
        used = self._used()
        preempting: set[str] = set()
        self._refused = {key: seen for key, seen in self._refused.items() if self.store.get(key)}
        for item in self._waiting():
            self._consider(item, used, preempting)
        write_statuses(self.cluster)

    def _key(self, item: Json) -> Key:
        return Key(WORKLOADS, item["metadata"]["namespace"], item["metadata"]["name"])

    def _hold(self) -> None:
        """Cluster-wide objects in use keep a finalizer until their last user is gone."""
        queued = {item.get("spec", {}).get("clusterQueue") for item in self.store.each(LOCAL_QUEUES)}
        used = set()
        for queue in list(self.store.each(CLUSTER_QUEUES)):
            for group in queue.get("spec", {}).get("resourceGroups") or ():
                used |= {flavor["name"] for flavor in group["flavors"]}
        for resource, names in ((CLUSTER_QUEUES, queued), (FLAVORS, used)):
            for item in list(self.store.each(resource)):
                meta = item["metadata"]
                key = Key(resource, "", meta["name"])
                busy = meta["name"] in names and resource == FLAVORS
                busy = busy or (resource == CLUSTER_QUEUES and bool(self._reserving(meta["name"])))
                if "deletionTimestamp" in meta and not busy:
                    self.cluster.finalize(key, IN_USE)
                elif "deletionTimestamp" not in meta and IN_USE not in meta.get("finalizers", ()):
                    finalizers = [*meta.get("finalizers", ()), IN_USE]
                    self.cluster.update(key, {**item, "metadata": {**meta, "finalizers": finalizers}})

    def _reserving(self, queue: str) -> list[Json]:
        return [
            item
            for item in self.store.all(WORKLOADS)
            if holds(item, "QuotaReserved")
            and not holds(item, "Finished")
            and item["status"]["admission"]["clusterQueue"] == queue
        ]

    def _used(self) -> dict[str, Usage]:
        used: dict[str, Usage] = {}
        self._admitted = set()
        for item in self.store.each(WORKLOADS):
            if holds(item, "QuotaReserved") and not holds(item, "Finished"):
                self._admitted.add((item["metadata"]["uid"], item["spec"].get("priority", 0)))
                queue = item["status"]["admission"]["clusterQueue"]
                used.setdefault(queue, Counter()).update(flavors.usage(item))
        return used

    def _waiting(self) -> list[Json]:
        items = [
            item
            for item in self.store.all(WORKLOADS)
            if not holds(item, "QuotaReserved")
            and not holds(item, "Finished")
            and "deletionTimestamp" not in item["metadata"]
        ]
        return sorted(items, key=lambda item: (-item["spec"].get("priority", 0), _age(item)))

    def _consider(self, item: Json, used: dict[str, Usage], preempting: set[str]) -> None:
        """Admit it, or say why not.

        What a preemption frees is the preemptor's: nobody behind it is looked at in the same cycle.
        """
        key = self._key(item)
        local = self.store.find(LOCAL_QUEUES, key.namespace, item["spec"].get("queueName", ""))
        if local is None:
            message = f"LocalQueue {item['spec'].get('queueName')} doesn't exist"
            return self._pend(key, "Misconfigured", message)
        name = local.get("spec", {}).get("clusterQueue", "")
        queue = self.store.find(CLUSTER_QUEUES, "", name)
        if queue is None:
            return self._pend(key, "Misconfigured", f"ClusterQueue {name} doesn't exist")
        if not self._active(queue):
            return self._pend(key, "Misconfigured", f"ClusterQueue {name} is inactive")
        if (
            queue.get("spec", {}).get("stopPolicy", "None") != "None"
            or local.get("spec", {}).get("stopPolicy", "None") != "None"
        ):
            return self._pend(key, "Suspended", f"ClusterQueue {name} is stopped")
        if not item["spec"].get("active", True):
            return self._pend(key, "Suspended", "The workload is deactivated")
        if name in preempting:
            return None
        taken = used.setdefault(name, Counter())
        seen = [item, local, queue, *self.store.each(FLAVORS)], self._rivals(taken)
        if _same(self._refused.get(key), seen):
            return None
        found = flavors.assign(self.store, queue, item, taken)
        if found.reason and found.fits_alone and (victims := self._preempt(item, queue, taken)):
            preempting.add(name)
            message = f"{found.message}. Pending the preemption of {victims} workload(s)"
            return self._pend(key, "WaitingForPreemptedWorkloads", message)
        if found.reason:
            self._pend(key, found.reason, found.message)
            self._refused[key] = ([self.store.get(key) or item, *seen[0][1:]], seen[1])
            return None
        self._admit(key, item, name, found, taken)
        return None

    def _rivals(self, taken: Usage) -> object:
        """What a refusal rests on beside the objects themselves: the quota in use, and by whom."""
        return dict(taken), self._admitted

    def _pend(self, key: Key, reason: str, message: str) -> None:
        """Say why it waits: in the message, since Kueue's finer reasons are behind a feature gate."""
        reason = "Pending" if reason in _GATED else reason
        item = self.store.get(key)
        before = next(
            (c for c in (item or {}).get("status", {}).get("conditions", ()) if c["type"] == "QuotaReserved"),
            None,
        )
        if before is not None and (before["reason"], before["message"]) == (reason, message):
            return
        requested = [
            {"name": name, "resources": {res: text(amount) for res, amount in wanted.items()}}
            for name, wanted in flavors.requests(item or {"spec": {"podSets": []}}).items()
        ]
        set_condition(
            self.cluster, key, "QuotaReserved", "False", reason, message, resourceRequests=requested
        )
        if item is not None:
            self.cluster.event(item, "Warning", "Pending", message, COMPONENT)

    def _admit(self, key: Key, item: Json, queue: str, found: Assignment, taken: Usage) -> None:
        wanted = flavors.requests(item)
        rows = [
            {
                "name": pod_set["name"],
                "flavors": found.flavors[pod_set["name"]],
                "resourceUsage": {res: text(amount) for res, amount in wanted[pod_set["name"]].items()},
                "count": pod_set.get("count", 1),
            }
            for pod_set in item["spec"]["podSets"]
        ]
        admission = {"clusterQueue": queue, "podSetAssignments": rows}
        message = f"Quota reserved in ClusterQueue {queue}"
        for kind in ("Evicted", "Preempted"):
            before = condition(item, kind)
            if before is not None and before["status"] == "True":
                text_ = f"Previously: {before['message']}"
                set_condition(self.cluster, key, kind, "False", "QuotaReserved", text_)
        set_condition(
            self.cluster,
            key,
            "QuotaReserved",
            "True",
            "QuotaReserved",
            message,
            admission=admission,
            resourceRequests=None,
        )
        set_condition(self.cluster, key, "Admitted", "True", "Admitted", "The workload is admitted")
        written = self.store.get(key) or item
        taken.update(flavors.usage(written))
        requeued = condition(item, "Requeued")
        since = requeued["lastTransitionTime"] if requeued else _age(item)[0]
        waited = self.cluster.now() - self.cluster.seconds(since)
        said = f"{message}, wait time since queued was {waited:.0f}s"
        self.cluster.event(written, "Normal", "QuotaReserved", said, COMPONENT)
        text_ = f"Admitted by ClusterQueue {queue}, wait time since reservation was 0s"
        self.cluster.event(written, "Normal", "Admitted", text_, COMPONENT)

    def _preempt(self, item: Json, queue: Json, taken: Usage) -> int:
        """Evict lower workloads of the ClusterQueue until the item would fit; those first that are on
        their way out already.

        Returns how many have to go, 0 when that does not help. They keep their quota until their pods end.
        """
        policy = (queue.get("spec", {}).get("preemption") or {}).get("withinClusterQueue", "Never")
        if policy == "Never":
            return 0
        mine = item["spec"].get("priority", 0)
        name = queue["metadata"]["name"]
        victims = [w for w in self._reserving(name) if self._below(w, item, mine, policy)]
        victims.sort(key=_age, reverse=True)
        victims.sort(key=lambda victim: (not holds(victim, "Evicted"), _priority(victim)))
        left: Usage = Counter(taken)
        chosen = []
        for victim in victims:
            left.subtract(flavors.usage(victim))
            chosen.append(victim)
            if not flavors.assign(self.store, queue, item, left).reason:
                break
        else:
            return 0
        for victim in chosen:
            if not holds(victim, "Evicted"):
                self._evict(victim, item, name)
        return len(chosen)

    def _below(self, other: Json, item: Json, mine: int, policy: str) -> bool:
        theirs = other["spec"].get("priority", 0)
        newer = theirs == mine and _age(other) > _age(item)
        return theirs < mine or (policy == "LowerOrNewerEqualPriority" and newer)

    def _evict(self, victim: Json, item: Json, queue: str) -> None:
        key = self._key(victim)
        job = next((ref["uid"] for ref in item["metadata"].get("ownerReferences", ())), "")
        message = (
            f"Preempted to accommodate a workload (UID: {item['metadata']['uid']}, JobUID: {job}) due "
            "to prioritization "
            f"in the ClusterQueue; preemptor path: /{queue}; preemptee path: /{queue}"
        )
        before = (victim["status"].get("schedulingStats") or {"evictions": [{"count": 0}]})["evictions"]
        stats = {"reason": "Preempted", "underlyingCause": "", "count": before[0]["count"] + 1}
        evictions = {"evictions": [stats]}
        set_condition(self.cluster, key, "Preempted", "True", "InClusterQueue", message)
        set_condition(self.cluster, key, "Evicted", "True", "Preempted", message, schedulingStats=evictions)
        first, second = _priority(item), _priority(victim)
        levels = (
            f"preemptor effective priority: {first} (base: {first}, boost: 0); "
            f"preemptee effective priority: {second} (base: {second}, boost: 0)"
        )
        told = f"Preempted workload {key.namespace}/{key.name} (UID: {victim['metadata']['uid']})"
        self.cluster.event(victim, "Normal", "EvictedDueToPreempted", message, COMPONENT)
        self.cluster.event(victim, "Normal", "Preempted", f"{message}; {levels}", COMPONENT)
        told = f"{told} in ClusterQueue {queue}; {levels}"
        self.cluster.event(item, "Normal", "PreemptedWorkload", told, COMPONENT)

    def _active(self, queue: Json) -> bool:
        return not missing_flavors(self.store, queue)


def _priority(item: Json) -> int:
    return int(item["spec"].get("priority", 0))


def _age(item: Json) -> tuple[str, str]:
    return item["metadata"]["creationTimestamp"], item["metadata"]["name"]


def _same(before: tuple[list[Json], object] | None, now: tuple[list[Json], object]) -> bool:
    """Whether a refusal would be repeated: objects are never changed in place, so the same are unchanged."""
    if before is None or len(before[0]) != len(now[0]) or before[1] != now[1]:
        return False
    return all(one is other for one, other in zip(before[0], now[0], strict=True))
