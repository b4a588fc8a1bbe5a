"""What the API server and the controllers of one cluster share: the store, the kinds, the time, and plain
writes.

Writes through this class are those of the control plane itself: no schema check, no admission, no managed
fields. Requests of users go through `writes.py`.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from xpk.emulator.kubernetes.events import Events
from xpk.emulator.kubernetes.kinds import Kinds
from xpk.emulator.kubernetes.store import Key, Store

Json = dict[str, Any]
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own alphabet of generated names: no vowels, nothing that looks like another."""


class Clock(Protocol):
    """Emulated time."""

    def now(self) -> float:
        """Emulated seconds since the epoch."""
        ...


class Cluster:
    """The shared state.

    Object versions, uids and name suffixes are the same in each run with the same requests.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self.clock = clock
        self.name = name
        self.store = Store()
        self.kinds = Kinds()
        self.counter = 0
        self.events = Events(self)

    def now(self) -> float:
        """Emulated seconds since the epoch."""
        return self.clock.now()

    def stamp(self, moment: float | None = None) -> str:
        """RFC 3339, whole seconds."""
        seconds = self.now() if moment is None else moment
        return _stamp(int(seconds))

    def seconds(self, stamp: str) -> float:
        """Emulated seconds of a time that `stamp` wrote."""
        return _seconds(stamp)

    def new_uid(self) -> str:
        """The next uid."""
        self.counter += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.name}/{self.counter}"))

    def suffix(self, length: int = 5) -> str:
        """The next five letters of a generated name."""
        self.counter += 1
        digest = hashlib.sha256(f"{self.name}/{self.counter}".encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])

    def key(self, resource: str, obj: Json) -> Key:
        """The key of an object of a kind."""
        meta = obj["metadata"]
        namespace = meta.get("namespace", "") if self.kinds[resource].namespaced else ""
        return Key(resource, namespace, meta["name"])

    def create(self, resource: str, obj: Json) -> Json:
        """Add an object; what is there under this name already stays and is returned."""
        kind = self.kinds[resource]
        key = self.key(resource, obj)
        existing = self.store.get(key)
        if existing is not None:
            return existing
        meta = {"uid": "", **obj["metadata"], "creationTimestamp": self.stamp()}
        meta["uid"] = meta["uid"] or self.new_uid()
        if "spec" in obj:
            meta["generation"] = 1
        return self.store.put(
            key, {"apiVersion": kind.api_version(), "kind": kind.kind, **obj, "metadata": meta}
        )

    def update(self, key: Key, new: Json) -> Json:
        """Replace an object: nothing is written when nothing differs; a changed spec bumps the generation.

        An object that is being deleted goes away with its last finalizer.
        """
        old = self.store.get(key)
        if old is None or new == old:
            return new
        if "generation" in old["metadata"] and any(
            old.get(part) != new.get(part) for part in {*old, *new} - {"metadata", "status", "apiVersion"}
        ):
            new = {**new, "metadata": {**new["metadata"], "generation": old["metadata"]["generation"] + 1}}
        written = self.store.put(key, new)
        if "deletionTimestamp" in written["metadata"] and not held(written):
            self.store.remove(key)
        return written

    def set_status(self, key: Key, status: Json) -> None:
        """Replace an object's status, if the object is there and the status differs."""
        old = self.store.get(key)
        if old is not None and old.get("status") != status:
            self.update(key, {**old, "status": status})

    def delete(self, key: Key, propagation: str = "Background", asked: int | None = None) -> Json | None:
        """Start or do the deletion of an object, as its finalizers and the policy ask.

        `asked`: seconds of grace for a pod, which may only get shorter once its deletion has begun; with 0
        its kubelet says that nothing of it runs any more. Returns its last state.
        """
        obj = self.store.get(key)
        if obj is None:
            return None
        meta = dict(obj["metadata"])
        finalizers = list(meta.get("finalizers", ()))
        extra = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(propagation)
        if extra and extra not in finalizers:
            finalizers.append(extra)
        if finalizers:
            meta["finalizers"] = finalizers
        pending = meta.get("deletionGracePeriodSeconds") if "deletionTimestamp" in meta else None
        meta.setdefault("deletionTimestamp", self.stamp())
        grace = _grace(key, obj, asked) if pending is None else min([pending, *_given(asked)])
        meta["deletionGracePeriodSeconds"] = grace
        deleted = {**obj, "metadata": meta}
        if key.resource == "namespaces":
            deleted["status"] = {**obj.get("status", {}), "phase": "Terminating"}
        if grace == 0 and not held(deleted):
            return self.store.remove(key)
        return self.update(key, deleted) if meta != obj["metadata"] else obj

    def finalize(self, key: Key, finalizer: str) -> None:
        """Take one finalizer away."""
        obj = self.store.get(key)
        if obj is not None and finalizer in obj["metadata"].get("finalizers", ()):
            kept = [name for name in obj["metadata"]["finalizers"] if name != finalizer]
            meta = {**obj["metadata"], "finalizers": kept}
            if not kept:
                del meta["finalizers"]
            self.update(key, {**obj, "metadata": meta})

    def event(self, about: Json, kind: str, reason: str, message: str, component: str) -> None:
        """Record an Event (``kind``: Normal or Warning) on an object; a repeated one only counts up."""
        self.events.record(about, kind, reason, message, component)


@lru_cache(maxsize=1024)
def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def held(obj: Json) -> bool:
    """Whether something keeps an object that is being deleted: finalizers, or a kubelet that has to end a
    pod.
    """
    meta = obj["metadata"]
    if meta.get("finalizers"):
        return True
    if obj["kind"] == "Namespace":
        return bool(obj.get("spec", {}).get("finalizers"))
    return bool(meta.get("deletionGracePeriodSeconds"))


def _given(asked: int | None) -> list[int]:
    """The asked seconds of grace, if any; less than none is one, as for the API server."""
    return [] if asked is None else [asked if asked >= 0 else 1]


def _grace(key: Key, obj: Json, asked: int | None) -> int:
    """Seconds of grace: only a pod that a kubelet runs has any."""
    if key.resource != "pods" or not obj.get("spec", {}).get("nodeName"):
        return 0
    if obj.get("status", {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    own = int(obj["spec"].get("terminationGracePeriodSeconds", 30)) or 1
    return next(iter(_given(asked)), own)


def owner(obj: Json, controller: bool = True) -> Json:
    """The ownerReference to an object."""
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": controller,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Json) -> Json | None:
    """The ownerReference of the controlling owner."""
    for reference in obj["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return dict(reference)
    return None


def condition(obj: Json, kind: str) -> Json | None:
    """One condition of an object's status."""
    for item in obj.get("status", {}).get("conditions") or ():
        if item["type"] == kind:
            return dict(item)
    return None


def holds(obj: Json, kind: str) -> bool:
    """Whether a condition is True."""
    found = condition(obj, kind)
    return found is not None and found["status"] == "True"
