"""All objects of one collection, followed for ever: list, watch, and again where that breaks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from xpk.cloud.errors import ResourceVersionGone
from xpk.errors import XpkError
from xpk.rehearsal.agent.surface import KubeApi

Json = dict[str, Any]
WATCH_SECONDS = 300
_PAUSE_SECONDS = 0.5


class Follower:
    """Tells of each object of a collection as it is now, and of each that is gone.

    `seen(object)` and `gone(object)` are called in the thread of `run`, each change once, in order.
    An object that was deleted and made again under its name while nobody watched is gone first.
    """

    def __init__(
        self, kube: KubeApi, path: str, seen: Callable[[Json], None], gone: Callable[[Json], None]
    ) -> None:
        self._kube = kube
        self._path = path
        self._seen = seen
        self._gone = gone
        self._known: dict[tuple[str, str], Json] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._break_off: Callable[[], None] | None = None
        self.listed = threading.Event()
        """Set once the first list is told."""

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set and `end` is called."""
        while not stop.is_set():
            began = time.monotonic()
            with contextlib.suppress(XpkError):
                self._round(stop)
            # A server that ends each watch at once is not asked without pause.
            if time.monotonic() - began < _PAUSE_SECONDS:
                stop.wait(_PAUSE_SECONDS)

    def end(self) -> None:
        """Wake `run`, from another thread."""
        with self._lock:
            self._stopped = True
            break_off = self._break_off
        if break_off is not None:
            break_off()

    def _round(self, stop: threading.Event) -> None:
        listing = self._kube.list_versioned(self._path)
        self._list(listing.items)
        self.listed.set()
        version = listing.resource_version
        while not stop.is_set():
            began = time.monotonic()
            try:
                version = self._watch(version)
            except ResourceVersionGone:
                return
            if time.monotonic() - began < _PAUSE_SECONDS:
                stop.wait(_PAUSE_SECONDS)

    def _watch(self, version: str) -> str:
        """One watch to its end; the version to go on from."""
        watch = self._kube.watch(
            self._path, resource_version=version, timeout_seconds=WATCH_SECONDS, opened=self._opened
        )
        with contextlib.closing(watch):
            for kind, found in watch:
                version = str(found["metadata"].get("resourceVersion") or version)
                if kind == "DELETED":
                    self._remove(found)
                else:
                    self._add(found)
        return version

    def _opened(self, break_off: Callable[[], None]) -> None:
        with self._lock:
            self._break_off = break_off
            stopped = self._stopped
        if stopped:
            break_off()

    def _list(self, items: list[Json]) -> None:
        there = {_key(item) for item in items}
        for key in [key for key in self._known if key not in there]:
            self._remove(self._known[key])
        for item in items:
            self._add(item)

    def _add(self, item: Json) -> None:
        before = self._known.get(_key(item))
        if before is not None and before["metadata"].get("uid") != item["metadata"].get("uid"):
            self._remove(before)
        self._known[_key(item)] = item
        if before is None or before["metadata"].get("resourceVersion") != item["metadata"].get(
            "resourceVersion"
        ):
            self._seen(item)

    def _remove(self, item: Json) -> None:
        if self._known.pop(_key(item), None) is not None:
            self._gone(item)


def _key(item: Json) -> tuple[str, str]:
    meta = item["metadata"]
    return str(meta.get("namespace", "")), str(meta["name"])
