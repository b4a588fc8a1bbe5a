"""Watches: a stream of changes of one kind, from a version on, narrowed by selectors.

A watch is fed while the server's lock is held and read without it, through a queue of its own.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.kinds import Kind
from xpk.emulator.kubernetes.selectors import Predicate
from xpk.emulator.kubernetes.store import Change, Store

Json = dict[str, Any]
DEFAULT_SECONDS = 1_800.0
# real seconds; between two of them a client that went away is noticed though nothing happens
PULSE = 2.0
# real seconds before the end of a watch, when a server sends its last bookmark
MARK = 2.0


class Watch:
    """One watch. ``seconds`` is real time, as the client's patience is; ``seen`` gives each object its
    form."""

    def __init__(
        self,
        kind: Kind,
        version: str,
        namespace: str,
        predicate: Predicate,
        seconds: float,
        seen: Callable[[Json], Json] = dict,
        *,
        bookmarks: bool = False,
    ) -> None:
        self.kind = kind
        self.closed = False
        self._api_version = kind.api_version(version)
        self._namespace = namespace
        self._predicate = predicate
        self._seen = seen
        self._seconds = seconds or DEFAULT_SECONDS
        self._bookmarks = bookmarks
        self._version = 0
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def start(self, store: Store, version: str, listed: bool = False) -> None:
        """Fill in what the client has not seen: all objects without a version or when it asks for a list
        first, else the changes since the version.
        """
        self._version = store.version
        if listed or version in ("", "0"):
            for item in store.all(self.kind.resource, self._namespace):
                if self._predicate(item):
                    self._send("ADDED", item)
            if listed and self._bookmarks:
                self._queue.put(self._bookmark({"k8s.io/initial-events-end": "true"}))
            return
        oldest = max(store.oldest, self.kind.since)
        if int(version) < oldest:
            status = errors.gone(oldest, int(version)).status()
            self._queue.put(_line({"type": "ERROR", "object": status}))
            self.close()
            return
        for change in store.history:
            if change.version > int(version):
                self.see(change)

    def see(self, change: Change) -> None:
        """One change of the store."""
        self._version = change.version
        key = change.key
        if key.resource != self.kind.resource or (self._namespace and key.namespace != self._namespace):
            return
        before = change.old is not None and self._predicate(change.old)
        after = change.type != "DELETED" and self._predicate(change.new)
        if after:
            self._send("MODIFIED" if before else "ADDED", change.new)
        elif before and change.old is not None:  # as the client saw it last, with the version of its end
            meta = {**change.old["metadata"], "resourceVersion": str(change.version)}
            self._send("DELETED", {**change.old, "metadata": meta})

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        meta: Json = {"resourceVersion": str(self._version), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        head = {"kind": self.kind.kind, "apiVersion": self._api_version}
        return _line({"type": "BOOKMARK", "object": head | {"metadata": meta}})

    def _send(self, kind: str, item: Json) -> None:
        shown = self._seen({**item, "apiVersion": self._api_version})
        self._queue.put(_line({"type": kind, "object": shown}))

    def close(self) -> None:
        """End the stream after what is in it."""
        self.closed = True
        self._queue.put(None)

    def stream(self) -> Iterator[bytes]:
        """The lines, until the time is over or the watch is closed; an empty one when nothing happens.

        Shortly before the end comes a bookmark, if the client wants any.
        """
        end = time.monotonic() + self._seconds
        mark = end - MARK if self._bookmarks else end
        try:
            while (left := end - time.monotonic()) > 0:
                if self._bookmarks and time.monotonic() >= mark:
                    mark = end
                    yield self._bookmark()
                    continue
                wait = min(left, PULSE, mark - time.monotonic()) if self._bookmarks else min(left, PULSE)
                try:
                    line = self._queue.get(timeout=max(wait, 0))
                except queue.Empty:
                    yield b""
                    continue
                if line is None:
                    return
                yield line
        finally:
            self.closed = True


def _line(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
