"""The scheduler: binds pending pods to nodes, by priority and age, and says why one fits nowhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.controllers import rules
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.hosts import TPU
from xpk.emulator.kubernetes.controllers.placement import JOB_KEY, TERMINAL, Placement
from xpk.emulator.kubernetes.selectors import matches
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
EXCLUSIVE = "alpha.jobset.sigs.k8s.io/exclusive-topology"
POOL_KEY = "cloud.google.com/gke-nodepool"
_HOST_KEY = "kubernetes.io/hostname"
_CORDONED = "node(s) were unschedulable"
_TAINTED = "node(s) had untolerated taint(s)"
_UNSELECTED = "node(s) didn't match Pod's node affinity/selector"
_HOPELESS = "Preemption is not helpful for scheduling"
_NO_VICTIMS = "No preemption victims found for incoming pod"
_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
"""Labels of the host that a bound pod gets."""


class Scheduler(Controller):
    """One key: all pending pods are looked at together."""

    watches = ("pods", "nodes")

    def __init__(self, cluster: Cluster, placement: Placement) -> None:
        super().__init__(cluster)
        self._placement = placement
        self._pending: dict[Key, None] = {}

    def keys(self, change: Change) -> Iterable[str]:
        """Run again for a new pod, and whenever room appears."""
        if change.key.resource == "nodes":
            return ("all",) if self._pending else ()
        if change.type == "DELETED" or change.new["spec"].get("nodeName"):
            self._pending.pop(change.key, None)
            freed = change.type == "DELETED" or change.new["status"].get("phase") in TERMINAL
            return ("all",) if freed and self._pending else ()
        if (
            change.new["status"].get("phase", "Pending") != "Pending"
            or "deletionTimestamp" in change.new["metadata"]
        ):
            self._pending.pop(change.key, None)
            return ()
        self._pending[change.key] = None
        return ("all",) if change.type == "ADDED" else ()

    def reconcile(self, key: str) -> None:
        """Bind what fits.

        Pods that ask for the same thing fail together, so one search is enough for them.
        """
        refused: dict[str, str] = {}
        waiting = [
            (pod_key, pod) for pod_key in self._pending if (pod := self.store.get(pod_key)) is not None
        ]
        waiting.sort(
            key=lambda item: (-item[1]["spec"].get("priority", 0), item[1]["metadata"]["creationTimestamp"])
        )
        for pod_key, pod in waiting:
            if pod["spec"].get("schedulingGates"):
                continue
            shape = self._shape(pod)
            if shape not in refused:
                node = self._choose(pod)
                if node:
                    self._bind(pod_key, pod, node)
                    continue
                refused[shape] = self._explain(pod)
            self._refuse(pod_key, pod, refused[shape])

    def _shape(self, pod: Json) -> str:
        spec, meta = pod["spec"], pod["metadata"]
        parts = [
            spec.get(name)
            for name in ("nodeSelector", "tolerations", "affinity", "hostNetwork", "containers")
        ]
        parts.append(_domain_rule(pod) and (meta.get("labels") or {}).get(JOB_KEY))
        return json.dumps(parts, sort_keys=True)

    def _choose(self, pod: Json) -> str:
        """The first node that fits; pools are gone through by name so that each run does the same."""
        placement = self._placement
        selected = (pod["spec"].get("nodeSelector") or {}).get(POOL_KEY)
        chips = rules.asks(pod["spec"], TPU)
        for pool in [selected] if selected else sorted(placement.pools):
            if not self._pool_free(pod, pool):
                continue
            for name in placement.pools.get(pool, ()):
                if chips and chips > placement.left(name, TPU):
                    continue
                node = self.store.find("nodes", "", name)
                if node is not None and not self._against(pod, node):
                    return name
        return ""

    def _pool_free(self, pod: Json, pool: str) -> bool:
        """Exclusive placement: no pod of another Job may be in the pool of a leader."""
        if not _domain_rule(pod):
            return True
        own = pod["metadata"]["labels"].get(JOB_KEY)
        return not any(count > 0 and key != own for key, count in self._placement.keys.get(pool, {}).items())

    def _against(self, pod: Json, node: Json) -> list[str]:
        """Why the pod cannot be on the node; empty when it can."""
        spec = pod["spec"]
        name = node["metadata"]["name"]
        if node.get("spec", {}).get("unschedulable"):
            return [_CORDONED]
        if rules.untolerated(spec, node) is not None:
            return [_TAINTED]
        if not rules.selects(spec, node):
            return [_UNSELECTED]
        ports = self._placement.ports.get(name, Counter())
        if any(ports[port] > 0 for port in rules.host_ports(spec)):
            return ["node(s) didn't have free ports for the requested pod ports"]
        used, capacity = self._placement.used.get(name, Counter()), self._placement.capacity[name]
        short = [
            f"Insufficient {resource}"
            for resource, amount in rules.requests(spec).items()
            if amount > capacity.get(resource, 0) - used[resource]
        ]
        if not short and (
            not self._pool_free(pod, self._placement.pool_of(node)) or self._neighbour(pod, name)
        ):
            return ["node(s) didn't match pod anti-affinity rules"]
        return short

    def _neighbour(self, pod: Json, node: str) -> bool:
        """Whether a pod that the pod's own anti-affinity keeps away is on the host."""
        affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
        for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            if term.get("topologyKey") != _HOST_KEY:
                continue
            for key in self._placement.pods.get(node, ()):
                other = self.store.get(key)
                if other is None or key.namespace != pod["metadata"]["namespace"]:
                    continue
                labels = other["metadata"].get("labels") or {}
                if other["status"].get("phase") not in TERMINAL and matches(
                    term.get("labelSelector"), labels
                ):
                    return True
        return False

    def _explain(self, pod: Json) -> str:
        reasons: Counter[str] = Counter()
        chances: Counter[str] = Counter()
        total = 0
        for node in self.store.each("nodes"):
            total += 1
            found = self._against(pod, node)
            reasons.update(found)
            chances[_HOPELESS if self._hopeless(pod, node, found) else _NO_VICTIMS] += 1
        if not total:
            return "no nodes available to schedule pods"
        head = f"0/{total} nodes are available: {_counted(reasons)}."
        tail = f"0/{total} nodes are available: {_counted(chances)}."
        return f"{head} no new claims to deallocate, preemption: {tail}"

    def _hopeless(self, pod: Json, node: Json, reasons: list[str]) -> bool:
        """Whether the pod could not be there either if the host were empty."""
        if not {_CORDONED, _TAINTED, _UNSELECTED}.isdisjoint(reasons):
            return True
        capacity = self._placement.capacity[node["metadata"]["name"]]
        return any(amount > capacity.get(name, 0) for name, amount in rules.requests(pod["spec"]).items())

    def _bind(self, key: Key, pod: Json, node: str) -> None:
        now = self.cluster.stamp()
        condition = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": now,
        }
        status = {**pod["status"], "phase": "Pending", "conditions": [condition]}
        spec = {**pod["spec"], "nodeName": node}
        host = (self.store.find("nodes", "", node) or {"metadata": {}})["metadata"].get("labels") or {}
        where = {name: host[name] for name in _TOPOLOGY if name in host}
        meta = {**pod["metadata"], "labels": {**(pod["metadata"].get("labels") or {}), **where}}
        self.cluster.update(key, {**pod, "metadata": meta, "spec": spec, "status": status})
        said = f"Successfully assigned {key.namespace}/{key.name} to {node}"
        self.cluster.event(pod, "Normal", "Scheduled", said, "default-scheduler")

    def _refuse(self, key: Key, pod: Json, message: str) -> None:
        before = next((c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled"), None)
        if before is not None and before.get("message") == message:
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": before["lastTransitionTime"] if before else self.cluster.stamp(),
        }
        status = {**pod["status"], "phase": "Pending", "conditions": [condition]}
        written = self.cluster.update(key, {**pod, "status": status})
        self.cluster.event(written, "Warning", "FailedScheduling", message, "default-scheduler")


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))


def _domain_rule(pod: Json) -> bool:
    """Whether the pod is the leader of a Job that wants a pool of its own."""
    meta = pod["metadata"]
    annotations = meta.get("annotations") or {}
    if annotations.get(EXCLUSIVE) != POOL_KEY or "alpha.jobset.sigs.k8s.io/node-selector" in annotations:
        return False
    return annotations.get("batch.kubernetes.io/job-completion-index") == "0"
