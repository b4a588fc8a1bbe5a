"""The one place where anything on the wire is tried again.

Wire modules raise `Failed`: the error for a person, and whether trying again may help.
Whether it is *allowed* (a write that may have taken effect is not) was decided where the
failure was translated. The client libraries' own retries are all switched off.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from xpk.errors import XpkError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in all (not repeats) and times in seconds.

    `deadline` bounds the sum: no wait is begun that would end after it.
    """

    attempts: int = 5
    base: float = 0.5
    factor: float = 2.0
    max_delay: float = 20.0
    deadline: float = 90.0


class Failed(Exception):
    """One attempt failed. Never leaves `xpk.cloud`."""

    def __init__(self, error: XpkError, *, again: bool, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.after = after


class Retrier:
    """Runs attempts under a policy; clock, sleep and randomness can be replaced by tests."""

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.policy = policy or RetryPolicy()
        self._sleep = sleep
        self._clock = clock
        self._rng = rng or random.Random()

    def run(self, attempt: Callable[[], T]) -> T:
        """The result of the first attempt that succeeds; else the last failure's error."""
        start = self._clock()
        for number in itertools.count(1):
            try:
                return attempt()
            except Failed as failed:
                delay = self._delay(number, failed.after)
                late = self._clock() - start + delay > self.policy.deadline
                if not failed.again or number >= self.policy.attempts or late:
                    raise failed.error from failed.__cause__
            self._sleep(delay)
        raise AssertionError("unreachable")

    def _delay(self, number: int, after: float | None) -> float:
        """Exponential with half jitter; a server's Retry-After is a lower bound."""
        backoff = min(self.policy.max_delay, self.policy.base * self.policy.factor ** (number - 1))
        jittered = backoff * (0.5 + self._rng.random() / 2)
        return jittered if after is None else max(after, jittered)
