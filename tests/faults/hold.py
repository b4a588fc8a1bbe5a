"""Stops the world at one request: before it takes effect or after, for as long as a test needs.

Sits in front of the emulator's `handle`, so that it holds the requests of any process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.wanted import Wanted
from tests.faults.world import World
from xpk.emulator.http import Request, Response

When = Literal["before", "after"]
PATIENCE = 60.0


@dataclass(slots=True)
class Held:
    """One request that is stopped. `forget` lets it go without an effect that it did not have yet."""

    wanted: Wanted
    when: When
    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    forgotten: bool = False
    seen: int = 0

    def arrived(self, over: Callable[[], bool] = lambda: False) -> bool:
        """Wait until the request is there; False when it never comes, also because all is `over`."""
        end = time.monotonic() + PATIENCE
        while not (there := self.reached.wait(0.05)):
            if over() or time.monotonic() > end:
                return self.reached.is_set()
        return there

    def release(self) -> None:
        """Let it go on."""
        self.go.set()

    def forget(self) -> None:
        """Let it end; before its effect: without one."""
        self.forgotten = True
        self.go.set()

    def meant(self, request: Request) -> bool:
        """Whether this is the request."""
        if request.method != self.wanted.method or request.path != self.wanted.path:
            return False
        self.seen += 1
        return self.seen == self.wanted.nth + 1


@contextmanager
def held(world: World, wanted: Wanted, when: When) -> Iterator[Held]:
    """Stop the wanted request of whoever sends it first."""
    cloud, hold, lock = world.emulator.cloud, Held(wanted, when), threading.Lock()
    handle = cloud.handle

    def holding(request: Request) -> Response | None:
        with lock:
            meant = hold.meant(request)
        if not meant:
            return handle(request)
        answer = handle(request) if when == "after" else None
        hold.reached.set()
        assert hold.go.wait(PATIENCE)
        if when == "before" and not hold.forgotten:
            return handle(request)
        return answer

    cloud.handle = holding  # type: ignore[method-assign]
    try:
        yield hold
    finally:
        hold.forget()
        cloud.handle = handle  # type: ignore[method-assign]
