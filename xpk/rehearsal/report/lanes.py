"""One lane per host over the same seconds as the timeline: when its pod ran, when the host was gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xpk.rehearsal.record.events import (
    Ended,
    Event,
    Host,
    HostBack,
    HostLost,
    PodEnded,
    PodStarted,
    RamdiskHolds,
    Stepped,
)
from xpk.rehearsal.report.scale import Scale, number, ticks
from xpk.rehearsal.report.timeline import Box, Size, Spot, Tick

LANE = 18.0
_SPOT = 7.5
_LEFTS, _RIGHT, _TOP = {"wide": 106.0, "narrow": 46.0}, 14.0, 6.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of a lane. `kind`: "starting" until the trainer's first sign of work, "training", "gone"."""

    box: Box
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A host's lane. `ends`: when its pod ended badly. A narrow one is labelled "slice/host"."""

    label: str
    y: float
    bars: tuple[Bar, ...]
    saves: tuple[Spot, ...]
    ends: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """All lanes of one drawing."""

    name: str
    width: float
    height: float
    panel: Box
    x_ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...]
    faults: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """What a host was doing from `start` to `end`, in seconds. `words` for whoever points at it."""

    kind: str
    start: float
    end: float
    words: str


def spans(host: Host, events: Iterable[Event], end: float) -> list[Span]:
    """The spans of one host in order; what has not ended by `end` ends there."""
    found: list[Span] = []
    kind, since, words = "", 0.0, ""

    def close(t: float) -> None:
        if kind and t > since:
            found.append(Span(kind, since, t, words))

    for event in events:
        if getattr(event, "host", None) != host:
            continue
        match event:
            case PodStarted():
                close(event.t)
                kind, since, words = "starting", event.t, f"pod of attempt {event.attempt} starts"
            case Stepped() if kind == "starting":
                close(event.t)
                kind, since, words = "training", event.t, f"attempt {event.attempt} trains"
            case PodEnded() if kind != "gone":
                close(event.t)
                kind = ""
            case HostLost():
                close(event.t)
                kind, since, words = "gone", event.t, f"host lost: {event.node}"
            case HostBack() if kind == "gone":
                close(event.t)
                kind = ""
            case _:
                pass
    close(end)
    return found


def lanes(hosts: Iterable[Host], events: Iterable[Event], faults: Iterable[float], size: Size) -> Lanes:
    """The lanes of these hosts, from top to bottom in the order given."""
    known = sorted(events, key=lambda event: event.t)
    end = max((event.t for event in known), default=0.0)
    left = _LEFTS[size.name]
    scale = Scale(0, max(end, 0.1), left, size.width - _RIGHT)
    drawn = tuple(_lane(host, _TOP + row * LANE, known, scale, end, size) for row, host in enumerate(hosts))
    panel = Box(left, _TOP, size.width - _RIGHT, _TOP + len(drawn) * LANE)
    seconds = tuple(Tick(scale.at(t), number(t)) for t in ticks(0, end, size.x_ticks))
    marks = tuple(scale.at(t) for t in faults)
    return Lanes(size.name, size.width, panel.bottom + 38, panel, seconds, drawn, marks)


def _lane(host: Host, top: float, events: list[Event], scale: Scale, end: float, size: Size) -> Lane:
    middle = top + LANE / 2
    ended = any(isinstance(event, Ended) for event in events)
    bad = [
        event
        for event in events
        if isinstance(event, PodEnded) and event.host == host and (event.code or not ended)
    ]
    saves = _saves(host, events)
    return Lane(
        label=str(host) if size.name == "wide" else f"{host.slice_index}/{host.host_index}",
        y=middle,
        bars=tuple(
            Bar(Box(scale.at(one.start), top + 3, scale.at(one.end), top + LANE - 3), one.kind, one.words)
            for one in spans(host, events, end)
        ),
        saves=tuple(_apart(Spot(scale.at(t), middle, f"ramdisk holds {step}") for t, step in saves)),
        ends=tuple(Spot(scale.at(event.t), middle, f"ended with {event.code}") for event in bad),
    )


def _apart(spots: Iterable[Spot]) -> Iterator[Spot]:
    """Those that do not cover the one before."""
    last = float("-inf")
    for spot in spots:
        if spot.x - last >= _SPOT:
            last = spot.x
            yield spot


def _saves(host: Host, events: Iterable[Event]) -> Iterator[tuple[float, int]]:
    newest = -1
    for event in events:
        if isinstance(event, RamdiskHolds) and event.host == host:
            now = max(event.steps, default=-1)
            if now > newest:
                yield event.t, now
            newest = now
