"""All objects of one cluster, with versions, a bounded history, and an index from owners to what they own.

An object in the store is never changed in place: a write puts a new dictionary. So what `get` and `all`
return may be kept and compared, and must not be modified.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Json = dict[str, Any]
HISTORY = 10_000
"""Changes kept for watches that start in the past."""


class Key(NamedTuple):
    """Where one object is. ``resource`` is ``plural.group``; a cluster-wide object has an empty namespace."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ``old`` is None for an addition, ``new`` is the last state for a deletion."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    key: Key
    old: Json | None
    new: Json
    version: int


class Store:
    """The objects. ``observers`` see every change, in order."""

    def __init__(self) -> None:
        self.version = 1
        self.oldest = 1
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self.observers: list[Callable[[Change], None]] = []
        self._objects: dict[str, dict[str, dict[str, Json]]] = {}
        self._owned: dict[str, dict[Key, None]] = {}
        self._uids: dict[str, Key] = {}

    def get(self, key: Key) -> Json | None:
        """One object."""
        return self._objects.get(key.resource, {}).get(key.namespace, {}).get(key.name)

    def find(self, resource: str, namespace: str, name: str) -> Json | None:
        """One object, by the parts of its key."""
        return self.get(Key(resource, namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Json]:
        """All objects of a kind (of one namespace, when given), sorted by namespace and name."""
        spaces = self._objects.get(resource, {})
        chosen = [namespace] if namespace else sorted(spaces)
        return [spaces[space][name] for space in chosen if space in spaces for name in sorted(spaces[space])]

    def at(self, resource: str, namespace: str, version: int) -> list[Json]:
        """As `all`, at an earlier version that is still in the history."""
        found = {
            (item["metadata"].get("namespace", ""), item["metadata"]["name"]): item
            for item in self.all(resource, namespace)
        }
        for change in reversed(self.history):
            if change.version <= version:
                break
            key = change.key
            if key.resource != resource or (namespace and key.namespace != namespace):
                continue
            if change.old is None:
                found.pop((key.namespace, key.name), None)
            else:
                found[key.namespace, key.name] = change.old
        return [found[place] for place in sorted(found)]

    def each(self, resource: str, namespace: str = "") -> Iterator[Json]:
        """As `all`, in no particular order."""
        spaces = self._objects.get(resource, {})
        for space in [namespace] if namespace else list(spaces):
            yield from list(spaces.get(space, {}).values())

    def count(self, resource: str) -> int:
        """How many objects of a kind there are."""
        return sum(len(space) for space in self._objects.get(resource, {}).values())

    def resources(self) -> list[str]:
        """The kinds of which there is an object."""
        return sorted(name for name in self._objects if self.count(name))

    def owned(self, uid: str) -> list[Key]:
        """What names ``uid`` as an owner."""
        return sorted(self._owned.get(uid, ()))

    def each_owned(self, uid: str) -> list[Key]:
        """As `owned`, in the order in which they came to be owned: nothing is sorted, for owners of many."""
        return list(self._owned.get(uid, ()))

    def by_uid(self, uid: str) -> Json | None:
        """The object of a uid."""
        key = self._uids.get(uid)
        return self.get(key) if key else None

    def key_of(self, uid: str) -> Key:
        """Where the object of a uid is. Raises KeyError."""
        return self._uids[uid]

    def put(self, key: Key, value: Json) -> Json:
        """Add or replace: ``value`` gets the next resourceVersion (its metadata is copied, the rest is
        taken over).
        """
        old = self.get(key)
        self.version += 1
        value = {**value, "metadata": {**value["metadata"], "resourceVersion": str(self.version)}}
        self._objects.setdefault(key.resource, {}).setdefault(key.namespace, {})[key.name] = value
        self._index(key, old, value)
        self._record(Change("MODIFIED" if old else "ADDED", key, old, value, self.version))
        return value

    def remove(self, key: Key) -> Json | None:
        """Take away. Returns the last state; None when it was not there."""
        old = self._objects.get(key.resource, {}).get(key.namespace, {}).pop(key.name, None)
        if old is None:
            return None
        self.version += 1
        self._index(key, old, None)
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
        self._record(Change("DELETED", key, old, last, self.version))
        return last

    def _index(self, key: Key, old: Json | None, new: Json | None) -> None:
        before = {item["uid"] for item in old["metadata"].get("ownerReferences", ())} if old else set()
        after = {item["uid"] for item in new["metadata"].get("ownerReferences", ())} if new else set()
        for uid in before - after:
            self._owned[uid].pop(key, None)
            if not self._owned[uid]:
                del self._owned[uid]
        for uid in after - before:
            self._owned.setdefault(uid, {})[key] = None
        if old and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._uids.pop(old["metadata"]["uid"], None)
        if new:
            self._uids[new["metadata"]["uid"]] = key

    def _record(self, change: Change) -> None:
        if len(self.history) == self.history.maxlen:
            self.oldest = self.history[0].version
        self.history.append(change)
        for observer in self.observers:
            observer(change)

    def clear(self) -> None:
        """Forget everything, without changes being seen."""
        for part in (self.history, self._objects, self._owned, self._uids):
            part.clear()

    def restore(self, objects: dict[str, list[Json]], version: int) -> None:
        """Take over saved objects (by resource), with their versions, without changes being seen."""
        self.version = self.oldest = version
        for resource, items in objects.items():
            for item in items:
                meta = item["metadata"]
                key = Key(resource, meta.get("namespace", ""), meta["name"])
                self._objects.setdefault(resource, {}).setdefault(key.namespace, {})[key.name] = item
                self._index(key, None, item)
