"""DaemonSets: one pod on each node that their pods may be on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import controller_of, owner
from xpk.emulator.kubernetes.controllers import rules
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.mounts import ready
from xpk.emulator.kubernetes.controllers.placement import TERMINAL
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
DAEMONSETS = "daemonsets.apps"
_ALWAYS = ["not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]


class DaemonSets(Controller):
    """Keys are keys of DaemonSets."""

    watches = (DAEMONSETS, "nodes", "pods")

    def keys(self, change: Change) -> Iterable[Key]:
        """The DaemonSet; the one that a pod belongs to; all for a node that joins or leaves."""
        if change.key.resource == DAEMONSETS:
            return (change.key,)
        if change.key.resource == "pods":
            reference = controller_of(change.new)
            if reference is not None and reference["kind"] == "DaemonSet":
                return (Key(DAEMONSETS, change.key.namespace, reference["name"]),)
            return ()
        if change.type == "MODIFIED":
            return ()
        return [self.cluster.key(DAEMONSETS, item) for item in self.store.each(DAEMONSETS)]

    def reconcile(self, key: Key) -> None:
        """Create and delete pods, and count them."""
        item = self.store.get(key)
        if item is None or "deletionTimestamp" in item["metadata"]:
            return
        spec = self._pod_spec(item)
        wanted = {
            node["metadata"]["name"]
            for node in self.store.each("nodes")
            if rules.selects(spec, node) and rules.tolerates(spec, node)
        }
        there: dict[str, Json] = {}
        ending: set[str] = set()
        for pod_key in self.store.owned(item["metadata"]["uid"]):
            pod = self.store.get(pod_key)
            if pod is None or "deletionTimestamp" in pod["metadata"]:
                continue
            node = pod["spec"]["nodeName"]
            if node not in wanted or node in there or pod["status"].get("phase") in TERMINAL:
                if self.store.find("nodes", "", node) is not None:
                    self.cluster.delete(pod_key)
                ending.add(node)
                continue
            there[node] = pod
        for node in sorted(wanted - set(there) - ending):
            self._create(item, spec, node)
        self._count(key, item, wanted, there)

    def _pod_spec(self, item: Json) -> Json:
        spec = dict(item["spec"]["template"].get("spec") or {})
        added = [{"key": f"node.kubernetes.io/{name}", "operator": "Exists"} for name in _ALWAYS]
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *added]
        return spec

    def _create(self, item: Json, spec: Json, node: str) -> None:
        meta = item["metadata"]
        template = item["spec"]["template"].get("metadata") or {}
        self.cluster.create(
            "pods",
            {
                "metadata": {
                    "name": f"{meta['name']}-{self.cluster.suffix()}",
                    "namespace": meta["namespace"],
                    "labels": template.get("labels") or {},
                    "annotations": template.get("annotations") or {},
                    "ownerReferences": [owner(item)],
                },
                "spec": {
                    "restartPolicy": "Always",
                    "terminationGracePeriodSeconds": 30,
                    **spec,
                    "nodeName": node,
                },
                "status": {"phase": "Pending"},
            },
        )

    def _count(self, key: Key, item: Json, wanted: set[str], there: dict[str, Json]) -> None:
        able = sum(ready(pod) for pod in there.values())
        desired = len(wanted | set(there))
        status = {
            "currentNumberScheduled": len(wanted),
            "desiredNumberScheduled": desired,
            "numberMisscheduled": 0,
            "numberReady": able,
            "updatedNumberScheduled": len(wanted),
            "observedGeneration": item["metadata"].get("generation", 1),
        }
        if able:
            status["numberAvailable"] = able
        if desired > able:
            status["numberUnavailable"] = desired - able
        self.cluster.set_status(key, status)
