"""From events to recoveries, on rehearsals that are made up."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rehearsal.record.any_event import events
from tests.rehearsal.record.stories import SETUP, Story, loss, recovered, setup
from xpk.rehearsal.record.event_json import from_json, to_json
from xpk.rehearsal.record.events import Broke, Event, Host, Stepped
from xpk.rehearsal.record.outcome import Mode, Outcome, Recovery, Trainer
from xpk.rehearsal.record.outcome import to_json as outcome_json
from xpk.rehearsal.record.reduce import outcome
from xpk.rehearsal.record.words import words


def of(story: Story) -> Outcome:
    return outcome(story.setup, story.events)


def only(story: Story) -> Recovery:
    (recovery,) = of(story).recoveries
    return recovery


def test_a_killed_process_in_emergency_mode() -> None:
    one = only(recovered())
    assert (one.step_failed, one.step_restored, one.steps_lost) == (17, 15, 2)
    assert (one.bucket_step, one.steps_lost_without) == (10, 7)
    assert one.tiers == (("ramdisk", 2), ("peer", 2))
    assert one.from_words == "the ramdisk of slice 1"
    assert one.bytes_moved == 200
    assert (one.ended, one.restarts, one.interrupted_save, one.losses_equal) == ("recovered", 1, False, True)
    times = [one.noticed, one.running, one.restored, one.first_step, one.caught_up]
    known = [seconds for seconds in times if seconds is not None]
    assert len(known) == 5
    assert known == sorted(known)
    assert known[0] > 0


def test_nothing_to_restore_is_a_fresh_start() -> None:
    story = Story(setup("none")).start().steps(0, 3).breaks().start(1).restore(-1, ("nothing",) * 4)
    one = only(story.steps(0, 39).ends())
    assert (one.step_restored, one.steps_lost, one.steps_lost_without) == (None, 4, 4)
    assert (one.tiers, one.from_words, one.losses_equal) == ((("nothing", 4),), "nothing", True)


@pytest.mark.parametrize("shift", ["", "1"])
def test_losses_are_compared_as_printed(shift: str) -> None:
    story = Story().start().steps(0, 17).breaks().start(1).from_slice_1(15).steps(16, 39, shift=shift).ends()
    one = only(story)
    assert one.losses_equal is (shift == "")
    assert {(each.step, each.before, each.after) for each in one.differences} == (
        {(step, loss(step), f"{loss(step)}1") for step in (16, 17)} if shift else set()
    )


def test_losses_are_compared_with_an_unbroken_run() -> None:
    story = recovered()
    curve = {step: loss(step) for step in range(40)}
    assert outcome(story.setup, story.events, curve).totals.losses_equal is True
    curve[30] = "0.5"
    (one,) = outcome(story.setup, story.events, curve).recoveries
    assert {(each.step, each.before) for each in one.differences} == {(30, "0.5")}


def test_no_step_was_computed_twice() -> None:
    story = Story().start().steps(0, 15).breaks().start(1).from_slice_1(15).steps(16, 39).ends()
    one = only(story)
    assert (one.steps_lost, one.losses_equal) == (0, None)


def test_a_step_that_is_read_after_the_fault_is_lost_as_well() -> None:
    story = Story().start().steps(0, 17)
    story.add(*(Stepped(story.tick(0.01) + 0.6, host, 0, 18, loss(18)) for host in story.hosts))
    one = only(story.breaks().start(1).from_slice_1(15).steps(16, 39).ends())
    assert (one.step_failed, one.steps_lost) == (18, 3)


def test_sigterm_is_told_at_its_step_and_loses_what_came_after_it() -> None:
    story = Story().start().steps(0, 17).breaks("sigterm", Story().hosts)
    story.add(
        *(Stepped(story.tick(0.01), host, 0, step, loss(step)) for step in (18, 19) for host in story.hosts)
    )
    one = only(story.start(1).from_slice_1(15).steps(16, 39).ends())
    assert (one.step_failed, one.steps_lost) == (17, 4)


def test_a_save_that_is_seen_after_the_fault_was_finished() -> None:
    story = Story().start().steps(0, 14).steps(15, 15, save=False).breaks().hold(Story().savers, 15)
    one = only(story.start(1).from_slice_1(15).steps(16, 39).ends())
    assert (one.interrupted_save, one.ramdisk_step, one.steps_lost) == (False, 15, 0)


def test_several_faults() -> None:
    story = (
        Story()
        .start()
        .steps(0, 17)
        .breaks()
        .start(1)
        .from_slice_1(15)
        .steps(16, 23)
        .breaks("slice", [Host(0, 0), Host(0, 1)])
        .start(2)
        .from_slice_1(20)
        .steps(21, 39)
        .ends()
    )
    result = of(story)
    assert [(one.step_failed, one.step_restored, one.restarts) for one in result.recoveries] == [
        (17, 15, 1),
        (23, 20, 1),
    ]
    assert (result.totals.faults, result.totals.restarts, result.totals.steps_lost) == (2, 2, 5)
    assert (result.totals.highest_step, result.totals.steps_lost_without) == (39, 10)
    assert result.findings == ()


def test_a_fault_during_a_recovery() -> None:
    story = (
        Story().start().steps(0, 17).breaks().start(1).breaks().start(2).from_slice_1(15).steps(16, 39).ends()
    )
    first, second = of(story).recoveries
    assert (first.ended, first.steps_lost, first.first_step) == ("overtaken", None, None)
    assert (second.ended, second.steps_lost, second.step_failed) == ("recovered", 2, 17)
    assert of(story).findings == ()


def test_a_restart_that_crashes_once_and_then_works() -> None:
    story = Story().start().steps(0, 17).breaks().start(1).pods_end(1).start(2).from_slice_1(15)
    one = only(story.steps(16, 39).ends())
    assert (one.ended, one.restarts, one.steps_lost) == ("recovered", 2, 2)
    assert of(story).findings == ()


@pytest.mark.parametrize("fault", ["host", "slice", "last-slice-host", "all-ramdisks"])
def test_a_lost_host_takes_its_ramdisk_along(fault: str) -> None:
    story = Story().start().steps(0, 17)
    story.breaks(fault, story.savers)  # type: ignore[arg-type]
    one = only(story.start(1).restore(10, ("bucket",) * 4).steps(11, 39).ends())
    assert (one.ramdisk_step, one.steps_lost, one.steps_lost_without) == (None, 7, 7)
    assert of(story).findings == ()


def test_emergency_wants_a_whole_slice_and_multi_tier_each_place() -> None:
    modes: list[tuple[Mode, int | None]] = [("emergency", None), ("multi-tier", 15)]
    for mode, wanted in modes:
        story = Story(setup(mode, slices=3)).start().steps(0, 17, save=False)
        story.hold([Host(1, 0), Host(2, 1)], 15).hold([Host(1, 1), Host(2, 0)], 12)
        assert only(story.breaks()).ramdisk_step == wanted


@pytest.mark.parametrize(
    ("step", "held", "interrupted"),
    [
        (17, {2: (15,), 3: (15,)}, False),
        (15, {2: (15,), 3: (10,)}, True),
        (15, {2: (10, 15), 3: (10,)}, True),
        (15, {2: (10,), 3: (10,)}, True),
        (19, {2: (15,), 3: (15,)}, False),
        (17, {2: (15,), 3: ()}, False),
        (12, {2: (), 3: ()}, False),
    ],
)
def test_a_save_that_was_interrupted(step: int, held: dict[int, tuple[int, ...]], interrupted: bool) -> None:
    story = Story().start().steps(0, step, save=False)
    for index, steps in held.items():
        story.hold([story.hosts[index]], *steps)
    assert only(story.breaks()).interrupted_save is interrupted


def test_bytes_without_a_finished_step_are_an_unfinished_save() -> None:
    story = Story().start().steps(0, 6, save=False).hold([Host(1, 0)], used=40)
    assert only(story.breaks()).interrupted_save is True


@pytest.mark.parametrize("mode", ["emergency", "multi-tier"])
def test_every_beginning_of_a_rehearsal_has_an_outcome(mode: Mode) -> None:
    story = recovered(mode)
    seen = set()
    for end in range(len(story.events) + 1):
        result = outcome(story.setup, story.events[:end])
        seen |= {one.ended for one in result.recoveries}
        assert result.findings == ()
        json.dumps(outcome_json(result))
    assert seen == {"unfinished", "recovered"}


def test_a_stored_rehearsal_comes_to_the_same() -> None:
    story = recovered()
    stored = json.loads(json.dumps([to_json(event) for event in story.events]))
    assert outcome(story.setup, [from_json(one) for one in stored]) == of(story)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_events_arrive_does_not_matter(seed: int) -> None:
    story = recovered()
    apart: list[Event] = [replace(event, t=float(index)) for index, event in enumerate(story.events)]
    shuffled = list(apart)
    Random(seed).shuffle(shuffled)
    assert outcome(SETUP, shuffled) == outcome(SETUP, apart)


@given(st.integers(1, 38), st.sampled_from(["emergency", "multi-tier"]), st.integers(1, 9))
def test_at_most_a_period_is_lost_at_any_step(step: int, mode: Mode, period: int) -> None:
    story = Story(setup(mode, local_period=period)).start().steps(0, step).breaks().start(1)
    newest = step - step % period
    story = story.from_slice_1(newest) if mode == "emergency" else story.restore(newest, ("ramdisk",) * 4)
    one = only(story.steps(newest + 1, 39).ends())
    assert one.steps_lost == step % period
    assert one.ended == "recovered"
    assert {finding.id for finding in of(story).findings} <= {"periods"}


@given(st.lists(events(), max_size=30), st.sampled_from(get_args(Mode)), st.sampled_from(get_args(Trainer)))
def test_nothing_that_is_told_makes_it_fail(told: list[Event], mode: Mode, trainer: Trainer) -> None:
    result = outcome(setup(mode, trainer=trainer), told)
    assert len(result.recoveries) == sum(isinstance(event, Broke) for event in told)
    for one in result.recoveries:
        assert one.steps_lost is None or one.steps_lost >= 0
        assert one.steps_lost_without >= 0
        assert words(one, result.setup)
        times = (one.noticed, one.running, one.restored, one.first_step, one.caught_up)
        assert all(seconds is None or seconds >= 0 for seconds in times)
    assert len({finding.id for finding in result.findings}) == len(result.findings)
    json.dumps(outcome_json(result), allow_nan=False)


def test_the_json_form() -> None:
    data = outcome_json(of(recovered()))
    assert set(data) == {"setup", "recoveries", "findings", "totals", "state", "words", "exit_code"}
    (one,) = data["recoveries"]
    assert one["tiers"] == {"ramdisk": 2, "peer": 2}
    assert one["hosts"] == [[1, 1]]
    assert set(one["seconds"]) == {"at", "noticed", "running", "restored", "first_step", "caught_up"}
    assert (data["exit_code"], data["state"], data["totals"]["restarts"]) == (0, "succeeded", 1)
    assert data["setup"]["mode"] == "emergency"
