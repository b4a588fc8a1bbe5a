"""Places on the timeline and the lanes."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rehearsal.report.sample import Run, crash_loop, setup, story
from xpk.rehearsal.record.events import (
    Event,
    FaultKind,
    Host,
    HostBack,
    HostLost,
    PodEnded,
    PodStarted,
    Stepped,
)
from xpk.rehearsal.record.reduce import outcome
from xpk.rehearsal.report.curves import Point, curves
from xpk.rehearsal.report.lanes import Span, lanes, spans
from xpk.rehearsal.report.scale import Scale
from xpk.rehearsal.report.tables import short
from xpk.rehearsal.report.timeline import NARROW, WIDE, Size, Timeline, stairs, timeline

SIZES = [WIDE, NARROW]


def draw(events: list[Event], size: Size, slices: int = 2, hosts: int = 2) -> Timeline:
    known = setup(slices, hosts)
    found = outcome(known, events).recoveries
    return timeline(curves(known, found, events), {n: short(one) for n, one in enumerate(found, 1)}, size)


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?", text)]


def check_inside(one: Timeline) -> None:
    """Nothing stands outside of the drawing, and marks of faults not on each other."""
    boxes = [*one.bands, *one.redone, *(strip.box for strip in one.strips), one.panel]
    for box in boxes:
        assert 0 <= box.left <= box.right <= one.width
        assert 0 <= box.top <= box.bottom <= one.height
    for line in (*one.runs, *one.drops):
        pairs = [tuple(map(float, pair.split(","))) for pair in line.split()]
        assert all(one.panel.left <= x <= one.panel.right for x, _ in pairs)
        assert all(one.panel.top <= y <= one.panel.bottom for _, y in pairs)
    for x, y in [(spot.x, spot.y) for spot in (*one.ramdisk_spots, *one.bucket_spots, *one.restored)]:
        assert one.panel.left <= x <= one.panel.right
        assert one.panel.top <= y <= one.panel.bottom
    marks = [(fault.x, fault.y) for fault in one.faults if fault.y is not None]
    assert all(0 < y < one.panel.top for _, y in marks)
    assert all(abs(a[0] - b[0]) >= 18 or abs(a[1] - b[1]) >= 18 for a, b in pairwise(marks))
    assert all(b.at - a.at > 20 for a, b in pairwise(one.x_ticks))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_the_story_is_inside(size: Size) -> None:
    one = draw(story(), size)
    check_inside(one)
    assert len(one.faults) == len(one.bands) == len(one.redone) == len(one.drops) == 4
    assert len(one.runs) == 5
    assert len(one.strips) == 16
    assert [strip.kind for strip in one.strips] == [1, 2, 3, 4] * 4


def test_a_wide_one_has_words_and_a_narrow_one_numbers() -> None:
    wide, narrow = (draw(story(), size) for size in SIZES)
    assert wide.faults[0].words == "host lost: 17 to 15"
    assert {fault.words for fault in narrow.faults} == {""}
    assert all(fault.y is not None for fault in narrow.faults)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_a_crash_loop_has_no_drop(size: Size) -> None:
    one = draw(crash_loop(), size)
    check_inside(one)
    assert (one.drops, one.restored) == ((), ())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_before_the_first_event_there_is_an_empty_drawing(size: Size) -> None:
    one = draw([], size)
    check_inside(one)
    assert (one.runs, one.faults) == ((), ())


kinds: st.SearchStrategy[FaultKind] = st.sampled_from(("process", "host", "slice", "all-ramdisks"))


@settings(max_examples=25, deadline=None)
@given(
    slices=st.integers(1, 4),
    hosts=st.integers(1, 3),
    faults=st.lists(st.tuples(st.integers(1, 20), kinds), max_size=12),
    cut=st.floats(0, 1),
    size=st.sampled_from(SIZES),
)
def test_any_run_at_any_moment_is_inside(
    slices: int, hosts: int, faults: list[tuple[int, FaultKind]], cut: float, size: Size
) -> None:
    at, planned = 0, []
    for gap, kind in faults:
        at += gap
        planned.append((at, kind, Host(slices - 1, hosts - 1)))
    events = Run(slices=slices, hosts=hosts, steps=at + 5).go(planned)
    check_inside(draw(events[: int(len(events) * cut)], size, slices, hosts))


@pytest.mark.parametrize(
    ("points", "path"),
    [
        ([], ""),
        ([Point(1, 5)], "M10 50H100"),
        ([Point(1, 5), Point(2, 8)], "M10 50H20V20H100"),
        ([Point(1, 5), Point(2, -1), Point(3, 8)], "M10 50H20M30 20H100"),
        ([Point(1, -1)], ""),
    ],
)
def test_stairs_hold_until_the_next_change(points: list[Point], path: str) -> None:
    assert stairs(points, 10, Scale(0, 10, 0, 100), Scale(0, 10, 100, 0)) == path


HOST, OTHER = Host(0, 0), Host(0, 1)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([PodStarted(1, OTHER, "p", 0)], []),
        ([PodStarted(1, HOST, "p", 0)], [Span("starting", 1, 9, "pod of attempt 0 starts")]),
        (
            [PodStarted(1, HOST, "p", 0), Stepped(3, HOST, 0, 0, "1"), PodEnded(5, HOST, "p", 0, 137)],
            [Span("starting", 1, 3, "pod of attempt 0 starts"), Span("training", 3, 5, "attempt 0 trains")],
        ),
        (
            [
                PodStarted(1, HOST, "p", 0),
                HostLost(2, HOST, "n1"),
                PodEnded(2.1, HOST, "p", 0, 137),
                HostBack(4, HOST, "n1"),
            ],
            [Span("starting", 1, 2, "pod of attempt 0 starts"), Span("gone", 2, 4, "host lost: n1")],
        ),
    ],
)
def test_a_lane_says_what_a_host_was_doing(events: list[Event], expected: list[Span]) -> None:
    assert spans(HOST, events, 9.0) == expected


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_lanes_are_inside_and_bars_do_not_overlap(size: Size) -> None:
    hosts = setup().all_hosts()
    one = lanes(hosts, story(), [10.0], size)
    assert len(one.lanes) == 4
    for lane in one.lanes:
        assert all(a.box.right <= b.box.left + 0.1 for a, b in pairwise(lane.bars))
        assert all(one.panel.left <= bar.box.left <= bar.box.right <= one.panel.right for bar in lane.bars)
        assert all(b.x - a.x > 7 for a, b in pairwise(lane.saves))
        assert one.panel.top < lane.y < one.panel.bottom < one.height
    gone = {lane.label for lane in one.lanes if any(bar.kind == "gone" for bar in lane.bars)}
    assert len(gone) == 4  # all ramdisks were lost with their hosts
    assert max(len(lane.label) for lane in one.lanes) * 6.5 < one.panel.left
