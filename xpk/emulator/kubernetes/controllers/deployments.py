"""Deployments: available some time after they are written, if there is a host for them.

Their pods are not modelled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster, condition
from xpk.emulator.kubernetes.controllers import rules
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
DEPLOYMENTS = "deployments.apps"
ROLLOUT_SECONDS = 20.0


class Deployments(Controller):
    """Keys are keys of Deployments."""

    watches = (DEPLOYMENTS, "nodes")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._since: dict[Key, tuple[int, float]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """The Deployment; all that wait for a host when one joins."""
        if change.key.resource == DEPLOYMENTS:
            return (change.key,)
        if change.type != "ADDED":
            return ()
        return [
            self.cluster.key(DEPLOYMENTS, item)
            for item in self.store.each(DEPLOYMENTS)
            if item.get("status", {}).get("availableReplicas", 0) < item["spec"].get("replicas", 1)
        ]

    def reconcile(self, key: Key) -> float | None:
        """Write the status. A new generation is rolled out while the old one stays available."""
        item = self.store.get(key)
        if item is None:
            self._since.pop(key, None)
            return None
        generation = item["metadata"].get("generation", 1)
        status = item.get("status", {})
        settled = status.get("observedGeneration") == generation and status.get("updatedReplicas") is not None
        if settled and status.get("availableReplicas") == item["spec"].get("replicas", 1):
            return None
        if not self._has_host(item):
            self.cluster.set_status(key, self._status(item, generation, False))
            self._since.pop(key, None)
            return None
        known, since = self._since.get(key, (0, 0.0))
        if known != generation:
            since = self.cluster.now()
            self._since[key] = (generation, since)
        left = since + ROLLOUT_SECONDS - self.cluster.now()
        self.cluster.set_status(key, self._status(item, generation, left <= 0))
        return left if left > 0 else None

    def _has_host(self, item: Json) -> bool:
        spec = item["spec"]["template"].get("spec") or {}
        wanted = rules.requests(spec)
        for node in self.store.each("nodes"):
            free = rules.allocatable(node)
            fits = all(amount <= free.get(resource, 0) for resource, amount in wanted.items())
            if fits and rules.selects(spec, node) and rules.tolerates(spec, node):
                return True
        return False

    def _status(self, item: Json, generation: int, done: bool) -> Json:
        before = item.get("status", {})
        replicas = item["spec"].get("replicas", 1)
        available = replicas if done else min(replicas, before.get("availableReplicas", 0))
        status: Json = {"observedGeneration": generation, "replicas": replicas}
        if done:
            status["updatedReplicas"] = replicas
        if available:
            status |= {"readyReplicas": available, "availableReplicas": available}
        if replicas > available:
            status["unavailableReplicas"] = replicas - available
        status["conditions"] = [
            self._condition(item, "Available", available >= replicas, "MinimumReplicas", ""),
            self._condition(
                item, "Progressing", True, "NewReplicaSetAvailable" if done else "ReplicaSetUpdated", done
            ),
        ]
        return status

    def _condition(self, item: Json, kind: str, holds: bool, reason: str, done: object) -> Json:
        status = "True" if holds else "False"
        if kind == "Available":
            reason += "Available" if holds else "Unavailable"
            text = f"Deployment {'has' if holds else 'does not have'} minimum availability."
        else:
            text = "ReplicaSet has successfully progressed." if done else "ReplicaSet is progressing."
        before = condition(item, kind)
        same = before is not None and before["status"] == status
        times = {
            "lastTransitionTime": before["lastTransitionTime"] if before and same else self.cluster.stamp()
        }
        times["lastUpdateTime"] = times["lastTransitionTime"]
        return {"type": kind, "status": status, "reason": reason, "message": text, **times}
