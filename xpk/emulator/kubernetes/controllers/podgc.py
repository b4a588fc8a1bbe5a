"""The pod garbage collector: pods of a node that is gone fail after a while, and are deleted."""

from __future__ import annotations

from collections.abc import Iterable

from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.kubelet import Kubelet, disrupt, release
from xpk.emulator.kubernetes.controllers.placement import Placement
from xpk.emulator.kubernetes.store import Change, Key

SECONDS = 40.0
"""From a node's end to its pods' end, as measured with Kubernetes 1.36."""


class PodGarbage(Controller):
    """Keys are names of nodes."""

    watches = ("nodes", "pods")

    def __init__(self, cluster: Cluster, placement: Placement, kubelet: Kubelet) -> None:
        super().__init__(cluster)
        self._placement = placement
        self._kubelet = kubelet
        self._gone: dict[str, float] = {}

    def keys(self, change: Change) -> Iterable[str]:
        """A node that went away; the node of a pod, when that is not there."""
        if change.key.resource == "nodes":
            return (change.key.name,) if change.type == "DELETED" else ()
        node = change.new["spec"].get("nodeName")
        lost = node and change.type != "DELETED" and node not in self._placement.capacity
        return (node,) if lost else ()

    def reconcile(self, key: str) -> float | None:
        """Fail and delete the pods of a node that is gone for long enough.

        A node of the same name does not save them.
        """
        since = self._gone.setdefault(key, self.cluster.now())
        left = since + SECONDS - self.cluster.now()
        if left > 0:
            return left
        del self._gone[key]
        for pod_key in list(self._placement.pods.get(key, ())):
            disrupt(self.cluster, pod_key, "DeletionByPodGC", "PodGC: node no longer exists")
            self._kubelet.end(pod_key, 137)
            self.cluster.delete(pod_key)
            if (pod := self.store.get(pod_key)) is not None and "deletionTimestamp" in pod["metadata"]:
                release(self.cluster, Key(*pod_key))
        return None
