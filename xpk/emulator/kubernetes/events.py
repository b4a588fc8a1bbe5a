"""Events: written by controllers, counted up when they repeat, and gone after an hour.

The hour is the emulated clock's, which may pass in seconds: an event stays for some real minutes, too, so
that a person, or a test, can look at what happened.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from xpk.emulator.kubernetes.store import Change, Key

if TYPE_CHECKING:
    from xpk.emulator.kubernetes.cluster import Cluster

Json = dict[str, Any]
TTL_SECONDS = 3600.0
"""kube-apiserver's default of `--event-ttl`; each write of an event starts it anew."""
REAL_SECONDS = 600.0
"""So long an event stays at least, however fast the emulated clock is."""


class Events:
    """The events of one cluster. They expire when somebody looks: no time passes for their sake."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._written: dict[Key, tuple[float, float]] = {}
        """When an event was last written: emulated and real."""
        cluster.store.observers.append(self._see)

    def record(self, about: Json, kind: str, reason: str, message: str, component: str) -> None:
        """Write an Event on an object, or count an equal one up."""
        cluster, meta = self._cluster, about["metadata"]
        digest = hashlib.sha256(f"{meta.get('uid')}{reason}{message}".encode()).hexdigest()[:16]
        key = Key("events", meta.get("namespace") or "default", f"{meta['name']}.{digest}")
        old = cluster.store.get(key)
        if old is not None:
            cluster.update(key, {**old, "count": old["count"] + 1, "lastTimestamp": cluster.stamp()})
            return
        involved = {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "uid": meta.get("uid", ""),
        }
        if meta.get("namespace"):
            involved["namespace"] = meta["namespace"]
        body = {
            "metadata": {"name": key.name, "namespace": key.namespace},
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": cluster.stamp(),
            "lastTimestamp": cluster.stamp(),
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }
        cluster.create("events", body)

    def expire(self) -> None:
        """Take away what was last written more than an hour ago, and some real minutes."""
        now, real = self._now()
        while self._written:
            key, (written, really) = next(iter(self._written.items()))
            if written > now - TTL_SECONDS or really > real - REAL_SECONDS:
                return
            self._cluster.store.remove(key)

    def reload(self) -> None:
        """Take over the events of a store that was loaded: for them the hour starts anew."""
        metas = (item["metadata"] for item in self._cluster.store.each("events"))
        self._written = {Key("events", meta["namespace"], meta["name"]): self._now() for meta in metas}

    def _see(self, change: Change) -> None:
        if change.key.resource != "events":
            return
        self._written.pop(change.key, None)
        if change.type != "DELETED":
            self._written[change.key] = self._now()

    def _now(self) -> tuple[float, float]:
        return self._cluster.now(), time.monotonic()
