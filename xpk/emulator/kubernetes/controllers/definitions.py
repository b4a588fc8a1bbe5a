"""CustomResourceDefinitions: established once they are there; a deleted one takes its objects along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class Definitions(Controller):
    """Keys are names of CustomResourceDefinitions, which are also the store's names of their kinds."""

    watches = (CRDS,)

    def keys(self, change: Change) -> Iterable[str]:
        """The definition."""
        return (change.key.name,)

    def reconcile(self, key: str) -> float | None:
        """Write the status of a living one; delete the objects of a deleted one."""
        crd = self.store.find(CRDS, "", key)
        if crd is None:
            return None
        here = Key(CRDS, "", key)
        if "deletionTimestamp" in crd["metadata"]:
            left = list(self.store.each(key))
            for item in left:
                meta = item["metadata"]
                self.cluster.delete(Key(key, meta.get("namespace", ""), meta["name"]))
            if self.store.count(key):
                return 1.0
            self.cluster.finalize(here, CLEANUP)
            return None
        if CLEANUP not in crd["metadata"].get("finalizers", ()):
            finalizers = [*crd["metadata"].get("finalizers", ()), CLEANUP]
            crd = self.cluster.update(
                here, {**crd, "metadata": {**crd["metadata"], "finalizers": finalizers}}
            )
        self.cluster.set_status(here, self._status(crd))
        return None

    def _status(self, crd: Json) -> Json:
        before = crd.get("status", {}).get("conditions")
        stored = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
        conditions = before or [
            self._condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            self._condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ]
        return {"conditions": conditions, "acceptedNames": crd["spec"]["names"], "storedVersions": stored}

    def _condition(self, kind: str, reason: str, message: str) -> Json:
        times = {"lastTransitionTime": self.cluster.stamp()}
        return {"type": kind, "status": "True", "reason": reason, "message": message, **times}
