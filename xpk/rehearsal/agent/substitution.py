"""What a rehearsal puts in the place of something of a real cluster, told once each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Substitution:
    """`what` was asked for as `was` and is `now`, because of `why`."""

    what: str
    was: str
    now: str
    why: str


class Once:
    """Passes a substitution on when it is new: every host meets the same ones. One for all who tell."""

    def __init__(self, tell: Callable[[Substitution], None]) -> None:
        self._tell = tell
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __call__(self, substitution: Substitution) -> None:
        key = (substitution.what, substitution.was)
        with self._lock:
            if key in self._told:
                return
            self._told.add(key)
            self._tell(substitution)
