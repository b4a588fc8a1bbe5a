"""One emulated cloud that starts from a prepared state, and one run of a command on it.

Each run has its own clients, as each run of the program has. Nothing waits: sleeps between
attempts are recorded, and the engine's clock jumps when it sleeps.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from xpk.cloud.endpoints import emulated
from xpk.cloud.retry import Retrier
from xpk.cloud.session import Cloud
from xpk.emulator.control import add_fault, handle
from xpk.emulator.http import Request
from xpk.emulator.server import Emulator
from xpk.engine.timing import Timing
from xpk.errors import XpkError

T = TypeVar("T")
Json = dict[str, Any]

SCALE = 0.0003
LONGEST = 4 * 3600.0
"""Seconds of the engine's clock within which every command must end, whatever happens."""
LATE, SLOW = 600.0, 10
"""After so many seconds of sleep each lasts so many times as long as asked for: what still waits then mostly
waits in vain, and would ask a thousand times."""


class Sleeps(Retrier):
    """Attempts under the real policy; what would be slept between them is kept for each call."""

    def __init__(self) -> None:
        self._here = threading.local()
        self.runs: list[list[float]] = []
        super().__init__(sleep=self._note, clock=self._now, rng=random.Random(7))

    def run(self, attempt: Callable[[], T]) -> T:
        stack: list[list[float]] = self._here.__dict__.setdefault("stack", [])
        stack.append([])
        try:
            return super().run(attempt)
        finally:
            if slept := stack.pop():
                self.runs.append(slept)

    def _note(self, seconds: float) -> None:
        self._here.stack[-1].append(seconds)
        self._here.slept = self._here.__dict__.get("slept", 0.0) + seconds

    def _now(self) -> float:
        slept: float = self._here.__dict__.get("slept", 0.0)
        return time.monotonic() + slept


class Hours:
    """A clock that moves with the real one and jumps over sleeps; the emulator's time is as fast."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        if self.skipped > LONGEST:
            raise AssertionError(f"it still waits after {LONGEST / 3600:.0f} hours")
        seconds *= SLOW if self.skipped > LATE else 1
        time.sleep(seconds * SCALE)
        self.skipped += seconds * (1 - SCALE)

    @property
    def timing(self) -> Timing:
        return Timing(self.now, self.sleep)


@dataclass(slots=True)
class Run:
    """What a command needs, and what came of it."""

    cloud: Cloud
    timing: Timing
    sleeps: Sleeps
    hours: Hours
    error: XpkError | None = None
    steps: tuple[str, ...] | None = None
    """The plan's steps; None when there was no plan."""


@dataclass(slots=True)
class World:
    """An emulator in this process."""

    emulator: Emulator
    runs: list[Run] = field(default_factory=list)

    def run(self, command: Callable[[Run], None]) -> Run:
        """Run a command as a new process would; its error is kept."""
        hours, sleeps = Hours(), Sleeps()
        with Cloud(emulated(self.emulator.url), environ={}, retrier=sleeps) as cloud:
            run = Run(cloud, hours.timing, sleeps, hours)
            try:
                command(run)
            except XpkError as error:
                run.error = error
        self.runs.append(run)
        return run

    def fault(self, **fault: Any) -> None:
        """Ask for a fault of the emulator."""
        with self.emulator.cloud.lock:
            add_fault(self.emulator.cloud, fault)

    def heal(self) -> None:
        """Take all faults away."""
        with self.emulator.cloud.lock:
            handle(self.emulator.cloud, Request("DELETE", "/_emulator/faults"))

    def log(self) -> list[Json]:
        """The requests so far."""
        return list(self.emulator.cloud.requests)

    def requests(self, method: str, path: str) -> list[Json]:
        """Those of one method whose path holds the pattern."""
        return [r for r in self.log() if r["method"] == method and re.search(path, r["path"])]

    def dump(self) -> str:
        """The state, to begin another world with."""
        with self.emulator.cloud.lock:
            return json.dumps(self.emulator.cloud.dump())


@contextmanager
def world_from(state: str | None, scale: float = SCALE) -> Iterator[World]:
    """A world that begins with a state; None is the empty project."""
    emulator = Emulator(port=0, time_scale=scale)
    if state is not None:
        emulator.cloud.load(json.loads(state))
    with emulator:
        yield World(emulator)
