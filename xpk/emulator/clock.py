"""The emulated time: runs faster than the real one, or jumps from one due moment to the next.

Not a scheduler: who has work due says so from its `tick()`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Emulated time in seconds since the epoch.

    `time_scale` is real seconds per emulated second: 1 is real time, 0.01 a hundred times faster.
    At 0 no one waits: `jump` moves the clock to the next due moment, and it stands still between.
    """

    def __init__(self, time_scale: float = 0.01, start: float | None = None) -> None:
        if time_scale < 0:
            raise ValueError("time_scale must not be negative")
        self.time_scale = time_scale
        self._origin = time.time() if start is None else start
        self._real = time.monotonic()

    @property
    def instant(self) -> bool:
        """Whether time moves by `jump` only."""
        return self.time_scale == 0

    def now(self) -> float:
        """Emulated seconds since the epoch; never goes back."""
        if self.instant:
            return self._origin
        return self._origin + (time.monotonic() - self._real) / self.time_scale

    def jump(self, seconds: float) -> None:
        """Move the emulated time forward by `seconds`."""
        self._origin += max(seconds, 0.0)

    def not_before(self, moment: float) -> None:
        """Move the emulated time forward to `moment`, when it is not there yet."""
        self.jump(moment - self.now())

    def timestamp(self, moment: float | None = None) -> str:
        """RFC 3339 in UTC with whole seconds, of `moment` or of now."""
        seconds = self.now() if moment is None else moment
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def real_seconds(self, emulated: float) -> float:
        """How long `emulated` seconds last on a real clock."""
        return max(emulated, 0.0) * self.time_scale


class ManualClock(Clock):
    """Stands still until `jump` is called: for tests that look at what lies between two moments."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        super().__init__(time_scale=1, start=start)

    def now(self) -> float:
        """The emulated moment; only `jump` changes it."""
        return self._origin

    def real_seconds(self, emulated: float) -> float:
        """Long: nothing becomes due by waiting."""
        return 3600.0
