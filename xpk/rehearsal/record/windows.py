"""A rehearsal cut at its faults: what came before each, and what until the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from xpk.rehearsal.record.events import (
    AllRunning,
    Began,
    Broke,
    Ended,
    Event,
    PodEnded,
    PodStarted,
    Restored,
    Said,
    SignalSeen,
    Stepped,
)


@dataclass(frozen=True, slots=True)
class Window:
    """One fault. `after` runs until the next fault or the end of the record; `baseline`: the attempt it hit.

    `closed_by`: what `after` ends with: the next fault, the end of the rehearsal, or None where the record
    simply stops.
    """

    broke: Broke
    before: tuple[Event, ...]
    after: tuple[Event, ...]
    baseline: int
    closed_by: Broke | Ended | None

    def attempts(self) -> dict[int, tuple[Event, ...]]:
        """What each restart after the fault did, by attempt."""
        found: dict[int, list[Event]] = {}
        for event in self.after:
            attempt = attempt_of(event)
            if attempt is not None and attempt > self.baseline:
                found.setdefault(attempt, []).append(event)
        return {attempt: tuple(found[attempt]) for attempt in sorted(found)}

    def until_restart(self) -> tuple[Event, ...]:
        """All events up to the trainer's first sign in a restart; all of them where there is none."""
        for index, event in enumerate(self.after):
            trained = isinstance(event, (Began, Restored, Stepped))
            if trained and (attempt_of(event) or 0) > self.baseline:
                return (*self.before, self.broke, *self.after[:index])
        return (*self.before, self.broke, *self.after)


def attempt_of(event: Event) -> int | None:
    """The restart that an event belongs to, None for what belongs to no pod."""
    match event:
        case (
            PodStarted()
            | PodEnded()
            | Began()
            | Stepped()
            | Restored()
            | AllRunning()
            | SignalSeen()
            | Said()
        ):
            return event.attempt
        case _:
            return None


def windows(events: Iterable[Event]) -> tuple[Window, ...]:
    """One window a fault, in order. `events` are in order of time."""
    every = tuple(events)
    at = [index for index, event in enumerate(every) if isinstance(event, Broke)]
    found = []
    for index, end in pairwise([*at, len(every)]):
        broke = every[index]
        assert isinstance(broke, Broke)
        before, after = every[:index], every[index + 1 : end]
        started = (event.attempt for event in before if isinstance(event, PodStarted))
        ended = next((event for event in reversed(after) if isinstance(event, Ended)), None)
        following = every[end] if end < len(every) else None
        closed_by = following if isinstance(following, Broke) else ended
        found.append(Window(broke, before, after, max(started, default=0), closed_by))
    return tuple(found)
