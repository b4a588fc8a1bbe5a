"""What the timeline draws, in seconds and steps: the run's own step, what each tier held, each fault.

Read off the events alone. No places, no colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from xpk.rehearsal.record.events import BucketHolds, Event, Host, PodStarted, Restored, Stepped
from xpk.rehearsal.record.outcome import Recovery, Setup
from xpk.rehearsal.report.ramdisks import Ramdisks


@dataclass(frozen=True, slots=True)
class Point:
    """A step at a moment, in seconds since the rehearsal's start."""

    t: float
    step: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a recovery, from `start` to `end` in seconds since the rehearsal's start."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


PHASES = ("noticed", "pods running", "restored", "first new step")
"""What ends each part of a recovery, in order."""


@dataclass(frozen=True, slots=True)
class Break:
    """A fault and the way back.

    `restored` None: nobody restored anything after it, `fresh` True: all began anew. `regained` is the
    moment of the first step beyond that at which the fault had met the run. `end`: the first new step, or,
    where there is none, the next fault or the end of the record.
    """

    number: int
    failed: Point
    restored: Point | None
    fresh: bool
    regained: float | None
    end: float
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """All that is drawn. `runs`: the step that all hosts have completed, one row of points per attempt.

    `ramdisk` and `bucket`: the newest step that could be restored from there, -1 for none; each point
    holds until the next.
    """

    end: float
    top: int
    runs: tuple[tuple[Point, ...], ...]
    ramdisk: tuple[Point, ...]
    bucket: tuple[Point, ...]
    breaks: tuple[Break, ...]


@dataclass(slots=True)
class _Attempt:
    hosts: int
    last: dict[Host, int] = field(default_factory=dict)
    restored: dict[Host, Restored] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    back: Restored | None = None

    def step(self, event: Stepped) -> None:
        self.last[event.host] = event.step
        if len(self.last) == self.hosts:
            done = min(self.last.values())
            if not self.points or done > self.points[-1].step:
                self.points.append(Point(event.t, done))

    def restore(self, event: Restored) -> None:
        self.restored[event.host] = event
        if len(self.restored) == self.hosts:
            self.back = event


def curves(setup: Setup, recoveries: Sequence[Recovery], events: Iterable[Event]) -> Curves:
    """The curves of a run that was broken and came back as `recoveries` say."""
    known = sorted(events, key=lambda event: event.t)
    end = max((event.t for event in known), default=0.0)
    attempts = _attempts(len(setup.all_hosts()), known)
    runs = tuple(tuple(_with_start(attempt)) for attempt in attempts)
    top = max((event.step for event in known if isinstance(event, Stepped)), default=0)
    return Curves(
        end=end,
        top=max(top, 1),
        runs=tuple(points for points in runs if points),
        ramdisk=_without_dips(tuple(_ramdisk(setup, known)), [one.t for one in recoveries]),
        bucket=tuple(_bucket(known)),
        breaks=tuple(_breaks(recoveries, end)),
    )


def _attempts(hosts: int, events: Iterable[Event]) -> list[_Attempt]:
    found: dict[int, _Attempt] = {}
    for event in events:
        match event:
            case PodStarted():
                found.setdefault(event.attempt, _Attempt(hosts))
            case Stepped():
                found.setdefault(event.attempt, _Attempt(hosts)).step(event)
            case Restored():
                found.setdefault(event.attempt, _Attempt(hosts)).restore(event)
            case _:
                pass
    return [found[attempt] for attempt in sorted(found)]


def _with_start(attempt: _Attempt) -> Iterator[Point]:
    """The points, led by the restored step, from which the first new one went on."""
    back = attempt.back
    if back is not None and back.tier != "nothing" and attempt.points:
        yield Point(back.t, back.step)
    yield from attempt.points


def _ramdisk(setup: Setup, events: Iterable[Event]) -> Iterator[Point]:
    """Each change of the newest step that a restart could take from ramdisks."""
    held = Ramdisks(setup)
    newest = -1
    for event in events:
        if held.take(event) and held.newest != newest:
            newest = held.newest
            yield Point(event.t, newest)


def _without_dips(points: tuple[Point, ...], faults: list[float]) -> tuple[Point, ...]:
    """The points without falls that a save mends at once: while hosts replace their one step by the next
    they hold different ones for a moment. A fall during which a fault comes is kept: it counts.
    """
    kept: list[Point] = []
    for at, point in enumerate(points):
        before = kept[-1].step if kept else -1
        after = points[at + 1] if at + 1 < len(points) else None
        mended = after is not None and after.step >= before
        hurt = after is None or any(point.t <= t <= after.t for t in faults)
        if point.step < before and mended and not hurt:
            continue
        kept.append(point)
    return tuple(kept)


def _bucket(events: Iterable[Event]) -> Iterator[Point]:
    newest = -1
    for event in events:
        if isinstance(event, BucketHolds) and (now := max(event.steps, default=-1)) != newest:
            newest = now
            yield Point(event.t, newest)


def _breaks(recoveries: Sequence[Recovery], end: float) -> Iterator[Break]:
    nexts = [one.t for one in recoveries[1:]] + [end]
    for number, (one, until) in enumerate(zip(recoveries, nexts, strict=False), 1):
        back, first = _after(one, one.restored), _after(one, one.first_step)
        step = one.step_restored
        yield Break(
            number=number,
            failed=Point(one.t, one.step_failed),
            restored=Point(back, step) if back is not None and step is not None and step >= 0 else None,
            fresh=step is None and one.first_step is not None,
            regained=_after(one, one.caught_up),
            end=until if first is None else first,
            phases=tuple(_phases(one)),
        )


def _after(one: Recovery, seconds: float | None) -> float | None:
    return None if seconds is None else one.t + seconds


def _phases(one: Recovery) -> Iterator[Phase]:
    """The parts that have ended, each from the end of the one before."""
    start = one.t
    for name, seconds in zip(PHASES, (one.noticed, one.running, one.restored, one.first_step), strict=True):
        end = _after(one, seconds)
        if end is not None and end >= start:
            yield Phase(name, start, end)
            start = end
