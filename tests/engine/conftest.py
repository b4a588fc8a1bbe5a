"""A clock that moves only when somebody sleeps, and workers that call at once: nothing here waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from xpk.engine.tasks import Lane
from xpk.engine.timing import Timing
from xpk.engine.workers import Finished, Workers, run


class InlineWorkers:
    def __init__(self) -> None:
        self._results: deque[Finished] = deque()

    @property
    def outstanding(self) -> int:
        return len(self._results)

    def submit(self, lane: Lane, key: object, function: Callable[[], Any]) -> None:
        self._results.append(run(key, function))

    def take(self, timeout: float) -> Finished | None:
        return self._results.popleft() if self._results else None

    def close(self) -> None:
        self._results.clear()


@pytest.fixture
def timing() -> Timing:
    now = [1000.0]

    def sleep(seconds: float) -> None:
        assert seconds <= 5.0, "no sleep is longer than a poll interval"
        now[0] += max(seconds, 1e-6)

    return Timing(lambda: now[0], sleep)


@pytest.fixture
def workers() -> Workers:
    return InlineWorkers()
