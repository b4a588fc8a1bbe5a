"""What the timeline draws, out of events."""

from __future__ import annotations

import pytest

from tests.rehearsal.report.sample import Run, crash_loop, setup, story
from xpk.rehearsal.record.events import BucketHolds, Event, Host, PodStarted, RamdiskHolds, Restored, Stepped
from xpk.rehearsal.record.reduce import outcome
from xpk.rehearsal.report.curves import PHASES, Curves, Point, curves

ONE = setup(slices=1, hosts=1)
TWO = setup()


def drawn(events: list[Event], slices: int = 2, hosts: int = 2) -> Curves:
    known = setup(slices, hosts)
    return curves(known, outcome(known, events).recoveries, events)


def test_the_run_is_where_its_slowest_host_is() -> None:
    a, b = Host(0, 0), Host(1, 0)
    events: list[Event] = [
        PodStarted(0.0, a, "a", 0),
        PodStarted(0.0, b, "b", 0),
        Stepped(1.0, a, 0, 0, "1"),
        Stepped(2.0, b, 0, 0, "1"),
        Stepped(3.0, a, 0, 1, "1"),
        Stepped(3.5, a, 0, 2, "1"),
        Stepped(4.0, b, 0, 1, "1"),
    ]
    assert drawn(events, 2, 1).runs == ((Point(2.0, 0), Point(4.0, 1)),)


def test_after_a_restart_the_run_begins_at_the_restored_step() -> None:
    a = Host(0, 0)
    events: list[Event] = [
        Stepped(1.0, a, 0, 7, "1"),
        Restored(5.0, a, 1, 5, "ramdisk", 9),
        Stepped(6.0, a, 1, 6, "1"),
    ]
    assert drawn(events, 1, 1).runs == ((Point(1.0, 7),), (Point(5.0, 5), Point(6.0, 6)))


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ([(1.0, Host(1, 0), (5,)), (1.1, Host(1, 1), (5,))], (Point(1.1, 5),)),
        ([(1.0, Host(0, 0), (5,)), (1.1, Host(1, 1), (5,))], ()),  # no slice is whole
        (
            [
                (1.0, Host(1, 0), (5,)),
                (1.0, Host(1, 1), (5,)),
                (2.0, Host(1, 0), (10,)),
                (2.1, Host(1, 1), (10,)),
            ],
            (Point(1.0, 5), Point(2.1, 10)),  # the moment between the two hosts is no loss
        ),
        (
            [(1.0, Host(1, 0), (5,)), (1.0, Host(1, 1), (5,)), (2.0, Host(1, 1), ())],
            (Point(1.0, 5), Point(2.0, -1)),
        ),
    ],
)
def test_ramdisks_hold_what_a_restart_could_take(
    holds: list[tuple[float, Host, tuple[int, ...]]], expected: tuple[Point, ...]
) -> None:
    events: list[Event] = [RamdiskHolds(t, host, steps, 9) for t, host, steps in holds]
    assert curves(TWO, (), events).ramdisk == expected


def test_the_bucket_holds_its_newest_step() -> None:
    events = [BucketHolds(1.0, (0,)), BucketHolds(2.0, (0, 20)), BucketHolds(2.5, (20,))]
    assert curves(ONE, (), events).bucket == (Point(1.0, 0), Point(2.0, 20))


def test_each_fault_has_a_way_back_in_four_parts() -> None:
    found = drawn(story())
    assert [one.number for one in found.breaks] == [1, 2, 3, 4]
    assert [one.failed.step for one in found.breaks] == [17, 33, 47, 56]
    assert [one.restored.step for one in found.breaks if one.restored] == [15, 30, 45, 40]
    for one in found.breaks:
        assert tuple(phase.name for phase in one.phases) == PHASES
        assert one.phases[0].start == one.failed.t
        assert all(a.end == b.start for a, b in zip(one.phases, one.phases[1:], strict=False))
        assert one.regained is not None
        assert one.regained > one.phases[-1].end


def test_a_fault_without_a_way_back_has_only_the_parts_that_came() -> None:
    found = drawn(crash_loop())
    assert found.breaks[0].restored is None
    assert found.breaks[0].regained is None
    assert not found.breaks[0].fresh
    assert [phase.name for phase in found.breaks[0].phases] == ["noticed", "pods running"]
    assert found.breaks[0].end == found.end


def test_a_fault_before_the_first_save_begins_anew() -> None:
    found = drawn(Run(steps=20).go([(3, "process", Host(0, 0))]))
    assert found.breaks[0].fresh
    assert found.breaks[0].restored is None
    assert found.runs[1][0].step == 0


def test_nothing_has_happened_yet() -> None:
    found = curves(TWO, (), [])
    assert (found.end, found.runs, found.ramdisk, found.bucket, found.breaks) == (0.0, (), (), (), ())
