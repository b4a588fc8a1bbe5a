"""What Kubernetes says about the rehearsal's JobSet, told as events when it changes.

The JobSet is read, not the pods: what a person or a controller can know from outside counts here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from xpk.errors import XpkError
from xpk.rehearsal.record.events import AllRunning, Ended, Event, Noticed, State

Json = dict[str, Any]
_LOOK_SECONDS = 0.1


class Reads(Protocol):
    """The part of `xpk.cloud.kube.Kube` that is needed here."""

    def get(self, path: str) -> Json | None: ...


class StatusWatch:
    """Looks at one JobSet until it ends."""

    def __init__(
        self, kube: Reads, path: str, slices: int, tell: Callable[[Event], None], now: Callable[[], float]
    ) -> None:
        self._kube = kube
        self.path = path
        self._slices = slices
        self._tell = tell
        self._now = now
        self._restarts = 0
        self._running = -1
        self._troubled = False
        self.failure: XpkError | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until the JobSet has ended or `stop` is set. An error ends it, and is kept."""
        try:
            while not stop.is_set() and not self.look():
                stop.wait(_LOOK_SECONDS)
        except XpkError as error:
            self.failure = error

    def look(self) -> bool:
        """Look once. Whether the JobSet is over."""
        jobset = self._kube.get(self.path)
        if jobset is None:
            return False
        status = jobset.get("status") or {}
        restarts = int(status.get("restarts") or 0)
        (group,) = status.get("replicatedJobsStatus") or [{}]
        ready, failed = int(group.get("ready") or 0), int(group.get("failed") or 0)
        self._notice(restarts, failed)
        if ready == self._slices and restarts > self._running:
            self._running, self._troubled = restarts, False
            self._tell(AllRunning(self._now(), restarts))
        return self._ended(status)

    def _notice(self, restarts: int, failed: int) -> None:
        if restarts > self._restarts:
            self._restarts = restarts
            if not self._troubled:
                self._tell(Noticed(self._now(), f"JobSet restart {restarts}"))
            self._troubled = True
        elif failed and not self._troubled:
            self._troubled = True
            self._tell(Noticed(self._now(), f"{failed} of {self._slices} slices failed"))

    def _ended(self, status: Json) -> bool:
        for item in status.get("conditions") or ():
            if item.get("status") == "True" and item.get("type") in ("Completed", "Failed"):
                state: State = "succeeded" if item["type"] == "Completed" else "failed"
                self._tell(Ended(self._now(), state, str(item.get("message") or item.get("reason") or "")))
                return True
        return False
