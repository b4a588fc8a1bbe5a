"""DaemonSets: one pod on each node that their pods may be on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster, controller_of, owner
from xpk.emulator.kubernetes.controllers import rules
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.mounts import ready
from xpk.emulator.kubernetes.controllers.placement import TERMINAL
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
DAEMONSETS = "daemonsets.apps"
_GENERATION = "pod-template-generation"
_ALWAYS = ["not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]


class _Known:
    """What was found out about nodes and pods for one pod template.

    Objects are never changed in place: what is still the same dictionary has the same answer, so that a
    pool that joins costs its own hosts and not all of the cluster.
    """

    def __init__(self, template: Json) -> None:
        self.template = template
        self._fits: dict[str, tuple[Json, bool]] = {}
        self._ready: dict[str, tuple[Json, bool]] = {}

    def fits(self, spec: Json, node: Json) -> bool:
        """Whether the pods may be on a node."""
        name = node["metadata"]["name"]
        known = self._fits.get(name)
        if known is None or known[0] is not node:
            known = self._fits[name] = (node, rules.selects(spec, node) and rules.tolerates(spec, node))
        return known[1]

    def ready(self, node: str, pod: Json) -> bool:
        """Whether the pod of a node is Ready."""
        known = self._ready.get(node)
        if known is None or known[0] is not pod:
            known = self._ready[node] = (pod, ready(pod))
        return known[1]


class DaemonSets(Controller):
    """Keys are keys of DaemonSets."""

    watches = (DAEMONSETS, "nodes", "pods")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._known: dict[str, _Known] = {}

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
        uid, spec = item["metadata"]["uid"], self._pod_spec(item)
        known = self._known.get(uid)
        if known is None or known.template is not item["spec"]:
            known = self._known[uid] = _Known(item["spec"])
        wanted = {n["metadata"]["name"] for n in self.store.each("nodes") if known.fits(spec, n)}
        there: dict[str, Json] = {}
        ending: set[str] = set()
        for pod_key in self.store.each_owned(uid):
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
        able = sum(known.ready(node, pod) for node, pod in there.items())
        self._count(key, item, len(wanted), len(wanted | set(there)), able)

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
                    "labels": {**(template.get("labels") or {}), _GENERATION: str(meta.get("generation", 1))},
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

    def _count(self, key: Key, item: Json, wanted: int, desired: int, able: int) -> None:
        status = {
            "currentNumberScheduled": wanted,
            "desiredNumberScheduled": desired,
            "numberMisscheduled": 0,
            "numberReady": able,
            "updatedNumberScheduled": wanted,
            "observedGeneration": item["metadata"].get("generation", 1),
        }
        if able:
            status["numberAvailable"] = able
        if desired > able:
            status["numberUnavailable"] = desired - able
        self.cluster.set_status(key, status)
