"""One container of a pod: what runs of it, how it ended, when it is started again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xpk.rehearsal.agent.status import Over, Runs, Seen, State, Waiting
from xpk.rehearsal.agent.surface import Process, Times

Json = dict[str, Any]
_WELL_SECONDS = 600.0
"""After so long a container's crashes are forgotten, as a kubelet does."""


class Container:
    """Belongs to one pod's thread, but for `process`, which others may kill."""

    def __init__(self, spec: Json, times: Times) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.process: Process | None = None
        self.due = 0.0
        """When it may be started, by the monotonic clock."""
        self.restarts = 0
        self._state: State = Waiting("ContainerCreating")
        self._last: Over | None = None
        self._times = times
        self._delay = 0.0
        self._began = 0.0

    @property
    def seen(self) -> Seen:
        """For the pod's status."""
        return Seen(self.name, str(self.spec.get("image", "")), self._state, self._last, self.restarts)

    @property
    def over(self) -> Over | None:
        """How it ended, if it has and is not about to start again."""
        return self._state if isinstance(self._state, Over) else None

    def started(self, process: Process, stamp: str, now: float) -> None:
        """It runs."""
        self.process, self._state, self._began = process, Runs(stamp), now

    def waits(self, reason: str, message: str, until: float) -> None:
        """It cannot be started now."""
        self._state, self.due = Waiting(reason, message), until

    def ended(self, code: int, stamp: str, reason: str = "", message: str = "") -> None:
        """It has ended, or could never run."""
        since = self._state.since if isinstance(self._state, Runs) else stamp
        self.process = None
        self._state = Over(code, since, stamp, reason, message)

    def again(self, now: float, pod: Callable[[], str]) -> None:
        """It ended and is to be started again: at once the first time, then later and later."""
        over = self.over
        if over is None:
            return
        if now - self._began > _WELL_SECONDS:
            self._delay = 0.0
        self._last, self.restarts = over, self.restarts + 1
        self.due = now + self._delay
        words = f"back-off {self._delay:.0f}s restarting failed container={self.name} pod={pod()}"
        self._state = Waiting("CrashLoopBackOff", words)
        self._delay = min(self._times.longest, self._delay * 2 or self._times.backoff)
