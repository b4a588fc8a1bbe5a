"""The timeline as places on a drawing: seconds to the right, steps upwards. The template only writes it down.

Two sizes of it are made, one for a wide window and one for a phone, since text in a drawing that is
scaled down cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xpk.rehearsal.report.curves import PHASES, Break, Curves, Point
from xpk.rehearsal.report.labels import Placed, Wanted, place
from xpk.rehearsal.report.scale import Scale, number, ticks

MARK = 18.0
"""Width of a numbered disc."""
ROW = 21.0
_STRIP = 14.0
_WORD = 6.5
"""Width of a character of the drawing's text of 12 px, on the safe side for common fonts."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return round(self.right - self.left, 1)

    @property
    def height(self) -> float:
        return round(self.bottom - self.top, 1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A value of an axis and its place."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A part of a recovery below the plot. `kind`: 1 to 4 as in PHASES. `text` is empty without room."""

    box: Box
    kind: int
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class FaultMark:
    """A fault: the numbered disc at `y`, the cross on the curve at `cross`, words beside the disc."""

    number: int
    x: float
    y: float | None
    cross: float
    words: str
    words_x: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A save or a restored step on the drawing, with what a pointer on it says."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All places of one timeline, in pixels from the top left corner."""

    name: str
    width: float
    height: float
    panel: Box
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bands: tuple[Box, ...]
    redone: tuple[Box, ...]
    runs: tuple[str, ...]
    drops: tuple[str, ...]
    ramdisk: str
    bucket: str
    ramdisk_spots: tuple[Spot, ...]
    bucket_spots: tuple[Spot, ...]
    restored: tuple[Spot, ...]
    strips: tuple[Strip, ...]
    faults: tuple[FaultMark, ...]
    strip_top: float


@dataclass(frozen=True, slots=True)
class Size:
    """How large a drawing is. `spots`: most single saves that are marked on a curve."""

    name: str
    width: float
    plot: float
    x_ticks: int
    rows: int
    spots: int


WIDE = Size("wide", 960, 300, 12, 3, 90)
NARROW = Size("narrow", 366, 250, 5, 1, 36)
_LEFT, _RIGHT = 46.0, 14.0


@dataclass(frozen=True, slots=True)
class _Plot:
    """The two scales of a drawing."""

    x: Scale
    y: Scale
    panel: Box

    def spot(self, point: Point, title: str) -> Spot:
        return Spot(self.x.at(point.t), self.y.at(point.step), title)


def timeline(found: Curves, words: Mapping[int, str], size: Size) -> Timeline:
    """The drawing of `found` in `size`; `words` say what each fault was, by its number."""
    placed = _placed(found, words, size)
    rows = max((one.row for one in placed), default=-1) + 1
    top = 8 + rows * ROW
    panel = Box(_LEFT, top, size.width - _RIGHT, top + size.plot)
    plot = _Plot(_seconds(found, size), Scale(0, found.top, panel.bottom, panel.top + 12), panel)
    strip_top = panel.bottom + 5
    seconds = ticks(0, found.end, size.x_ticks)
    steps = ticks(0, found.top, 7, whole=True)
    return Timeline(
        name=size.name,
        width=size.width,
        height=strip_top + _STRIP + 42,
        panel=panel,
        x_ticks=tuple(Tick(plot.x.at(t), number(t)) for t in seconds),
        y_ticks=tuple(Tick(plot.y.at(step), number(step)) for step in steps),
        bands=tuple(_bands(found, plot)),
        redone=tuple(_redone(found, plot)),
        runs=tuple(_line(run, plot) for run in found.runs),
        drops=tuple(_drop(one, plot) for one in found.breaks if one.restored is not None),
        ramdisk=stairs(found.ramdisk, found.end, plot.x, plot.y),
        bucket=stairs(found.bucket, found.end, plot.x, plot.y),
        ramdisk_spots=_saves(found.ramdisk, plot, size.spots, "ramdisks hold step"),
        bucket_spots=_saves(found.bucket, plot, size.spots, "bucket holds step"),
        restored=tuple(
            plot.spot(one.restored, f"restored step {one.restored.step}")
            for one in found.breaks
            if one.restored is not None
        ),
        strips=tuple(_strips(found, plot.x, strip_top)),
        faults=tuple(_marks(found, words, placed, plot)),
        strip_top=strip_top,
    )


def _seconds(found: Curves, size: Size) -> Scale:
    return Scale(0, max(found.end, 0.1), _LEFT, size.width - _RIGHT)


def _placed(found: Curves, words: Mapping[int, str], size: Size) -> list[Placed]:
    scale = _seconds(found, size)
    wanted = [Wanted(scale.at(one.failed.t), 4 + _WORD * len(words[one.number])) for one in found.breaks]
    left, right = _LEFT, size.width - _RIGHT
    return place(wanted, rows=size.rows, most=3, mark=MARK, left=left, right=right)


def _bands(found: Curves, plot: _Plot) -> Iterator[Box]:
    """From each fault to the first new step, or to where the record of it ends."""
    for one in found.breaks:
        yield Box(plot.x.at(one.failed.t), plot.panel.top, plot.x.at(one.end), plot.panel.bottom)


def _redone(found: Curves, plot: _Plot) -> Iterator[Box]:
    """The steps that were lost, until the run had computed them again."""
    for one in found.breaks:
        step = one.restored.step if one.restored is not None else -1 if one.fresh else one.failed.step
        if step < one.failed.step:
            end = one.end if one.regained is None else one.regained
            left, right = plot.x.at(one.failed.t), plot.x.at(end)
            yield Box(left, plot.y.at(one.failed.step), right, plot.y.at(step))


def _line(points: Sequence[Point], plot: _Plot) -> str:
    """An SVG polyline's points. Of many on one pixel the last stays."""
    places: dict[float, float] = {}
    for point in points:
        places[plot.x.at(point.t)] = plot.y.at(point.step)
    return " ".join(f"{x:g},{y:g}" for x, y in places.items())


def _drop(one: Break, plot: _Plot) -> str:
    """From where the fault met the run to the step that it went on from."""
    assert one.restored is not None
    ends = (one.failed, one.restored)
    return " ".join(f"{plot.x.at(point.t):g},{plot.y.at(point.step):g}" for point in ends)


def stairs(points: Sequence[Point], end: float, x: Scale, y: Scale) -> str:
    """An SVG path that holds each step until the next change; nothing is drawn while there is none."""
    parts: list[str] = []
    drawing = False
    for at, point in enumerate(points):
        until = points[at + 1].t if at + 1 < len(points) else end
        if point.step < 0:
            drawing = False
            continue
        parts.append(f"V{y.at(point.step):g}" if drawing else f"M{x.at(point.t):g} {y.at(point.step):g}")
        parts.append(f"H{x.at(until):g}")
        drawing = True
    return "".join(parts)


def _saves(points: Sequence[Point], plot: _Plot, most: int, words: str) -> tuple[Spot, ...]:
    """Each new step as a spot; none where there are too many to tell apart."""
    before = (Point(0, -1), *points)
    new = [point for last, point in zip(before, points, strict=False) if point.step > last.step]
    return tuple(plot.spot(point, f"{words} {point.step}") for point in new) if len(new) <= most else ()


def _strips(found: Curves, x: Scale, top: float) -> Iterator[Strip]:
    for one in found.breaks:
        for phase in one.phases:
            box = Box(x.at(phase.start), top, x.at(phase.end), top + _STRIP)
            text = f"{phase.seconds:.1f} s"
            title = f"fault {one.number}: {phase.name} after {text}"
            roomy = box.width > _WORD * len(text) + 4
            yield Strip(box, PHASES.index(phase.name) + 1, text if roomy else "", title)


def _marks(
    found: Curves, words: Mapping[int, str], placed: Sequence[Placed], plot: _Plot
) -> Iterator[FaultMark]:
    for one, spot in zip(found.breaks, placed, strict=True):
        x = plot.x.at(one.failed.t)
        left = spot.side == "left"
        yield FaultMark(
            number=one.number,
            x=x,
            y=None if spot.row < 0 else round(plot.panel.top - 4 - MARK / 2 - spot.row * ROW, 1),
            cross=plot.y.at(max(one.failed.step, 0)),
            words="" if spot.side == "none" else words[one.number],
            words_x=round(x - MARK / 2 - 4 if left else x + MARK / 2 + 4, 1),
            anchor="end" if left else "start",
        )
