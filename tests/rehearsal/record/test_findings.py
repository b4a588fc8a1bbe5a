"""Findings: each is found, with its reason and what to write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.rehearsal.record.stories import ALL, Story, last_slice_host_lost, recovered, setup, signalled
from xpk.rehearsal.record.events import Signalled, SignalSeen
from xpk.rehearsal.record.finding_restores import LAST_LINES
from xpk.rehearsal.record.finding_saves import CONFIGURED, MESH_AXES
from xpk.rehearsal.record.outcome import FOUND, Finding
from xpk.rehearsal.record.reduce import outcome


def found(story: Story) -> tuple[Finding, ...]:
    result = outcome(story.setup, story.events)
    assert result.exit_code == (FOUND if result.findings else 0)
    return result.findings


def only(story: Story) -> Finding:
    (finding,) = found(story)
    return finding


def test_no_ramdisk_holds_a_step_in_emergency_mode() -> None:
    finding = only(Story().start().steps(0, 11, save=False))
    assert (finding.id, "step 11" in finding.words) == ("ramdisk-empty", True)
    assert "MaxText 0.2.0 to 0.2.5" in finding.why
    assert MESH_AXES in finding.fix
    assert "enable_multi_tier_checkpointing=true" in finding.fix
    assert CONFIGURED in finding.fix


def test_an_empty_ramdisk_with_the_emergency_manager_at_work_is_not_blamed_on_the_mesh() -> None:
    story = Story().start().says(ALL[0], f"{CONFIGURED}0, corresponding to").steps(0, 11, save=False)
    assert "mesh_axes" not in only(story).why + only(story).fix


def test_no_ramdisk_holds_a_step_in_multi_tier_mode() -> None:
    finding = only(Story(setup("multi-tier")).start().steps(0, 11, save=False))
    assert (finding.id, "local_checkpoint_directory=/local" in finding.fix) == ("ramdisk-empty", True)


def test_a_run_that_ends_after_one_period_with_empty_ramdisks() -> None:
    assert only(Story(setup(steps=7)).start().steps(0, 6, save=False).ends()).id == "ramdisk-empty"


@pytest.mark.parametrize("tier", ["bucket", "nothing"])
def test_the_bucket_or_nothing_where_ramdisks_should_have_served(tier: str) -> None:
    story = Story().start().steps(0, 17).breaks().start(1)
    story.restore(10 if tier == "bucket" else -1, (tier,) * 4)  # type: ignore[arg-type]
    finding = only(story.steps(11 if tier == "bucket" else 0, 39).ends())
    assert finding.id == "wrong-tier"
    assert "step 15" in finding.words
    assert ("resumed from step 10 out of the bucket" if tier == "bucket" else "began anew") in finding.words


def test_multi_tier_is_not_excused_by_a_save_in_progress() -> None:
    story = Story(setup("multi-tier")).start().steps(0, 16).steps(17, 20, save=False).hold([ALL[0]], 15, 20)
    story.breaks().start(1).restore(10, ("bucket",) * 4)
    assert only(story.steps(11, 39).ends()).id == "wrong-tier"


def test_the_same_finding_after_several_faults_is_told_once() -> None:
    story = Story().start().steps(0, 17)
    for attempt in (1, 2, 3):
        story.breaks().start(attempt).restore(10, ("bucket",) * 4).steps(11, 17)
    finding = only(story.steps(18, 39).ends())
    assert finding.words.endswith("(and after 2 more)")


def test_losses_that_differ_after_the_restart() -> None:
    story = Story().start().steps(0, 17).breaks().start(1).from_slice_1(15).steps(16, 39, shift="9").ends()
    finding = only(story)
    assert finding.id == "losses-differ"
    assert finding.words == "step 16 on slice 0 host 0: loss 0.588235, after the restart 0.5882359"


def test_the_crash_loop_after_a_lost_last_slice_host() -> None:
    finding = only(last_slice_host_lost(2))
    assert finding.id == "crash-loop"
    assert finding.words.startswith(
        "restarts 1 and 2 ended alike, without a new step: Checkpoint for step 15"
    )
    assert finding.why.startswith("since slice 1 host 1 was lost, no slice has step 15 on all hosts")
    assert "slice 1 host 0 still has it" in finding.why
    assert "enable_multi_tier_checkpointing=true" in finding.fix
    assert "rm -r /local/15 on slice 1 host 0" in finding.fix


def test_a_loop_explains_why_it_never_came_back() -> None:
    assert only(last_slice_host_lost(3).ends("failed")).id == "crash-loop"


@pytest.mark.parametrize(("texts", "loop"), [(("a", "a"), True), (("1", "2"), True), (("a", "b"), False)])
def test_a_loop_is_the_same_error_but_for_its_numbers(texts: tuple[str, str], loop: bool) -> None:
    story = Story().start().steps(0, 17).breaks()
    for attempt, text in enumerate(texts, 1):
        story.start(attempt).says(ALL[1], f"ValueError: bad {text}").pods_end(1)
    assert [finding.id for finding in found(story)] == ["crash-loop"] * loop


@pytest.mark.parametrize(("codes", "loop"), [((1, 1), True), ((1, 2), False), ((137, 137), False)])
def test_a_loop_without_words_is_the_same_exit_code(codes: tuple[int, int], loop: bool) -> None:
    story = Story().start().steps(0, 17).breaks()
    for attempt, code in enumerate(codes, 1):
        story.start(attempt).pods_end(code)
    assert [finding.id for finding in found(story)] == ["crash-loop"] * loop


def test_progress_between_two_crashes_is_no_loop() -> None:
    story = Story().start().steps(0, 17).breaks()
    story.start(1).from_slice_1(15).steps(16, 22).pods_end(1).start(2).from_slice_1(20).steps(
        21, 30
    ).pods_end(1)
    assert found(story.start(3).from_slice_1(30).steps(31, 39).ends()) == ()


def test_a_ramdisk_fuller_than_its_size() -> None:
    finding = only(recovered().hold([ALL[2]], 35, used=3 * 2**20))
    assert (finding.id, finding.fix) == ("ramdisk-full", "write --mtc-ramdisk-size 3Mi or more")
    assert finding.words == "slice 1 host 0: 3,145,728 bytes in a ramdisk of 1,000,000"


def test_sigterm_that_does_not_reach_the_trainer() -> None:
    finding = only(signalled(0, 1, 2, saved=17))
    assert finding.id == "sigterm-not-seen"
    assert finding.words == "SIGTERM at step 17 did not reach the trainer on slice 1 host 1"
    assert "exec" in finding.fix
    assert "4 of 4 hosts" in only(signalled(saved=17)).words
    assert "enable_autocheckpoint=True" in only(signalled(saved=None, autocheckpoint=False)).fix


def test_sigterm_that_saves_nothing() -> None:
    finding = only(signalled(0, 1, 2, 3, saved=None))
    assert finding.id == "sigterm-not-saved"
    assert finding.words == "SIGTERM reached the trainer at step 17 and nothing was saved"
    assert "--termination-grace-period-seconds" in finding.fix
    assert only(signalled(0, 1, 2, 3, saved=None, autocheckpoint=False)).fix.startswith("write enable_auto")
    assert only(signalled(saved=None, trainer="command")).words == "SIGTERM at step 17 and nothing was saved"


@pytest.mark.parametrize(("local", "bucket", "wrong"), [(10, 10, True), (11, 10, True), (9, 10, False)])
def test_periods_in_the_wrong_order(local: int, bucket: int, wrong: bool) -> None:
    story = Story(setup(local_period=local, bucket_period=bucket))
    assert [finding.id for finding in found(story)] == ["periods"] * wrong


@pytest.mark.parametrize(
    ("restarts", "fix"),
    [(0, "write --max-restarts 20 or more"), (1, LAST_LINES)],
)
def test_training_that_never_comes_back(restarts: int, fix: str) -> None:
    story = Story().start().steps(0, 17).breaks()
    for attempt in range(1, restarts + 1):
        story.start(attempt)
    finding = only(story.ends("failed"))
    assert (finding.id, finding.fix) == ("never-back", fix)


def test_a_success_after_sigterm_without_a_save() -> None:
    story = Story(setup(autocheckpoint=True)).start().steps(0, 18).breaks("sigterm", [ALL[0]])
    story.add(Signalled(story.tick(0.01), ALL[0], "SIGTERM"))
    story.add(*(SignalSeen(story.tick(0.01), host, 0, 18) for host in ALL))
    assert [finding.id for finding in found(story.pods_end(0).ends())] == [
        "sigterm-not-saved",
        "done-too-early",
    ]


def test_a_success_that_is_none() -> None:
    """MaxText 0.2.5 ends with exit code 0 after SIGTERM, so JobSet takes the training for done."""
    story = Story().start().steps(0, 17).breaks("sigterm", ALL)
    story.add(*(SignalSeen(story.tick(0.01), host, 0, 17) for host in ALL)).hold(story.savers, 17)
    finding = only(story.pods_end(0).ends())
    assert finding.id == "done-too-early"
    assert finding.words == "the workload counts as succeeded at step 17, and 39 was to be the last"
    assert "after SIGTERM" in finding.why
    plain = only(Story().start().steps(0, 17).pods_end(0).ends())
    assert (plain.id, "SIGTERM" in plain.why) == ("done-too-early", False)


def test_more_than_one_local_period_lost() -> None:
    story = Story(setup("multi-tier")).start().steps(0, 10).steps(11, 22, save=False).breaks().start(1)
    finding = only(story.restore(10, ("ramdisk",) * 4).steps(11, 39).ends())
    assert finding.id == "too-much-lost"
    assert finding.words == "step 22 fell back to 10 with local_checkpoint_period=5"


@pytest.mark.parametrize(
    ("story", "where"),
    [(Story().start(), "before the first step"), (Story().start().steps(0, 17), "after step 17")],
)
def test_a_workload_that_fails_by_itself_is_found(story: Story, where: str) -> None:
    finding = only(story.ends("failed"))
    assert (finding.id, where in finding.words) == ("never-done", True)
    assert "--report" in finding.fix


def test_a_crash_without_a_known_error_is_told_in_its_last_words() -> None:
    story = Story().start().steps(0, 3, save=False)
    for attempt in (1, 2):
        story.start(attempt).says(ALL[0], "a word").says(ALL[0], "cannot go on").pods_end(3)
    assert "exit code 3: cannot go on" in only(story.ends("failed")).words


def test_what_saves_nothing_is_not_told_of_maxtexts_flags() -> None:
    story = signalled(saved=None, trainer="command")
    story.setup = replace(story.setup, mode="none")
    finding = only(story)
    assert finding.id == "sigterm-not-saved"
    assert "enable_autocheckpoint" not in finding.fix
