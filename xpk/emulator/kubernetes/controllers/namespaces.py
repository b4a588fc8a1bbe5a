"""Namespaces: each gets its default service account and root certificate; a deleted one goes after its
content.
"""

from __future__ import annotations

from collections.abc import Iterable

from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.store import Change, Key


class Namespaces(Controller):
    """Keys are names of namespaces."""

    watches = ("namespaces",)

    def keys(self, change: Change) -> Iterable[str]:
        """The namespace."""
        return (change.key.name,)

    def reconcile(self, key: str) -> float | None:
        """Fill a new one; empty a deleted one, looking again each second until nothing is left."""
        space = self.store.find("namespaces", "", key)
        if space is None:
            return None
        if "deletionTimestamp" not in space["metadata"]:
            self._fill(key)
            if space.get("status", {}).get("phase") != "Active":
                self.cluster.set_status(Key("namespaces", "", key), {"phase": "Active"})
            return None
        left = False
        for resource in self.store.resources():
            if self.cluster.kinds.get(resource) is None or not self.cluster.kinds[resource].namespaced:
                continue
            for item in list(self.store.each(resource, key)):
                left = True
                if "deletionTimestamp" not in item["metadata"]:
                    self.cluster.delete(Key(resource, key, item["metadata"]["name"]), "Background")
        if left:
            return 1.0
        self.cluster.update(Key("namespaces", "", key), {**space, "spec": {}})
        return None

    def _fill(self, namespace: str) -> None:
        self.cluster.create("serviceaccounts", {"metadata": {"name": "default", "namespace": namespace}})
        certificate = {"ca.crt": "emulated"}
        self.cluster.create(
            "configmaps",
            {"metadata": {"name": "kube-root-ca.crt", "namespace": namespace}, "data": certificate},
        )
