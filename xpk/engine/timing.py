"""Time as the engine uses it: a clock, a sleep that an interruption ends, and the poll interval."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_SHORTEST, _LONGEST, _SHARE = 0.05, 5.0, 0.05


def poll_interval(elapsed: float) -> float:
    """Seconds until the next look at something that has been waited for since `elapsed` seconds.

    A twentieth of the wait so far, so that noticing the end late costs less than 5 %; never more
    often than 20 times a second nor more seldom than every 5 s, gcloud's own interval.
    """
    return max(_SHORTEST, min(_LONGEST, _SHARE * elapsed))


@dataclass(frozen=True, slots=True)
class Timing:
    """A monotonic clock in seconds and a sleep; tests put their own here."""

    now: Callable[[], float]
    sleep: Callable[[float], None]

    @staticmethod
    def real(stop: threading.Event | None = None) -> Timing:
        """The machine's clock; `stop` ends a sleep at once."""

        def sleep(seconds: float) -> None:
            if stop is None:
                time.sleep(seconds)
            else:
                stop.wait(seconds)

        return Timing(time.monotonic, sleep)
