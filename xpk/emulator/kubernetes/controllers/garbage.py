"""Garbage collection: what an owner that is gone leaves behind, and what a foreground deletion waits for."""

from __future__ import annotations

from collections.abc import Iterable

from xpk.emulator.kubernetes.cluster import FOREGROUND, ORPHAN
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.store import Change, Key


class Garbage(Controller):
    """Keys are uids of owners. It watches every kind, so the world feeds it itself."""

    def keys(self, change: Change) -> Iterable[str]:
        """The owner, when it is deleted or being deleted; and the owners of what went away."""
        meta = change.new["metadata"]
        if change.type == "DELETED" or "deletionTimestamp" in meta:
            yield meta["uid"]
        if change.type == "DELETED" or (change.type == "ADDED" and meta.get("ownerReferences")):
            for reference in meta.get("ownerReferences", ()):
                yield reference["uid"]

    def reconcile(self, key: str) -> float | None:
        """Delete the dependents of an owner that is gone or waits for them."""
        owner = self.store.by_uid(key)
        dependents = self.store.owned(key)
        if owner is None:
            for dependent in dependents:
                self._collect(dependent, "Background")
            return None
        finalizers = owner["metadata"].get("finalizers", ())
        if "deletionTimestamp" not in owner["metadata"]:
            return None
        here = self.store.key_of(key)
        if ORPHAN in finalizers:
            for dependent in dependents:
                self._release(dependent, key)
            self.cluster.finalize(here, ORPHAN)
        elif FOREGROUND in finalizers:
            for dependent in dependents:
                uid = self._uid(dependent)
                self._collect(dependent, "Foreground" if uid and self.store.owned(uid) else "Background")
            if not self.store.owned(key):
                self.cluster.finalize(here, FOREGROUND)
        return None

    def _collect(self, key: Key, propagation: str) -> None:
        """Delete a dependent unless another owner is alive."""
        item = self.store.get(key)
        if item is None:
            return
        for reference in item["metadata"].get("ownerReferences", ()):
            owner = self.store.by_uid(reference["uid"])
            if owner is not None and "deletionTimestamp" not in owner["metadata"]:
                return
        if "deletionTimestamp" not in item["metadata"]:
            self.cluster.delete(key, propagation)

    def _release(self, key: Key, uid: str) -> None:
        item = self.store.get(key)
        if item is not None:
            kept = [reference for reference in item["metadata"]["ownerReferences"] if reference["uid"] != uid]
            metadata = {**item["metadata"], "ownerReferences": kept}
            if not kept:
                del metadata["ownerReferences"]
            self.cluster.update(key, {**item, "metadata": metadata})

    def _uid(self, key: Key) -> str:
        item = self.store.get(key)
        return str(item["metadata"]["uid"]) if item else ""
