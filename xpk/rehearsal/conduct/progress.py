"""How far a run is, read off its events: what the conductor waits for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from xpk.rehearsal.record.events import Ended, Event, Host, PodStarted, Stepped


class Progress:
    """The newest attempt and what its hosts have done. Fed with events in their order."""

    def __init__(self, num_slices: int, hosts: int) -> None:
        self._all = frozenset(Host(s, h) for s in range(num_slices) for h in range(hosts))
        self.attempt = 0
        self.ended: Ended | None = None
        self._first: dict[Host, int] = {}
        self._last: dict[Host, int] = {}
        self.attempts_in_vain = 0
        """How many attempts in a row have ended without a step that no earlier one had computed."""
        self._best = -1
        self._struggling = False
        self.began: float | None = None

    def feed(self, events: Iterable[Event]) -> None:
        """Take in what happened."""
        for event in events:
            match event:
                case PodStarted() if event.attempt > self.attempt:
                    self.attempts_in_vain += self._struggling
                    self._struggling = True
                    self.attempt = event.attempt
                    self._first, self._last, self.began = {}, {}, None
                case Stepped() if event.attempt == self.attempt:
                    self._compare(event.step)
                    self._first.setdefault(event.host, event.step)
                    self._last[event.host] = event.step
                    if self.began is None and self._first.keys() == self._all:
                        self.began = event.t
                case Ended():
                    self.ended = event
                case _:
                    pass

    def _compare(self, step: int) -> None:
        if step > self._best:
            self._best, self._struggling, self.attempts_in_vain = step, False, 0

    @property
    def first(self) -> int | None:
        """The first step that this attempt computed, once every host has computed one."""
        return max(self._first.values()) if self._first.keys() == self._all else None

    @property
    def completed(self) -> int:
        """The highest step that all hosts of this attempt have completed, -1 for none."""
        return min(self._last.values()) if self._last.keys() == self._all else -1
