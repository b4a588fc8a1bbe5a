"""Findings about restarts: from the wrong place, too far back, with other losses, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from xpk.rehearsal.record.events import Ended, Event, Stepped
from xpk.rehearsal.record.finding_saves import MULTI_TIER
from xpk.rehearsal.record.outcome import Finding, Recovery, Setup

LAST_LINES: Final = (
    "run it again with --report rehearsal.html: its list of events has the last lines of the pods' logs"
)


def wrong_tier(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """The bucket or nothing served, while the ramdisks had a newer step for every place in a slice.

    In emergency mode a moment inside a save is excused: Orbax keeps one local step, and drops it
    where the hosts of a slice disagree.
    """
    wrong = [one for one in recoveries if _older_than_ramdisk(setup, one)]
    if not wrong:
        return
    one = wrong[0]
    source = one.from_words or "elsewhere"
    step = (
        "began anew"
        if one.step_restored is None
        else f"resumed from step {one.step_restored} out of {source}"
    )
    words = f"after the fault at step {one.step_failed} {step}, and the ramdisks held step {one.ramdisk_step}"
    if setup.mode == "emergency":
        why = "a whole slice still had that step: Orbax should have restored from it"
        fix = f"look for `restoring step=` in the logs of that restart; or write {MULTI_TIER} in --command"
    else:
        why = "each place in a slice had that step on some host: the replicator should have restored it"
        fix = "look for replicator.errors in the ramdisks and for `restore directory` in the restart's logs"
    yield Finding("wrong-tier", words + _more(wrong), why, fix)


def _older_than_ramdisk(setup: Setup, one: Recovery) -> bool:
    if one.ramdisk_step is None or one.steps_lost is None:
        return False
    if one.step_restored is not None and one.step_restored >= one.ramdisk_step:
        return False
    if one.interrupted_save and setup.mode == "emergency":
        return False
    return not one.tiers or any(tier in ("bucket", "nothing") for tier, _ in one.tiers)


def losses_differ(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """A step that was computed again came out differently."""
    wrong = [one for one in recoveries if one.differences]
    if not wrong:
        return
    first = min(wrong[0].differences, key=lambda each: each.step)
    words = f"step {first.step} on {first.host}: loss {first.before}, after the restart {first.after}"
    why = "a restart from the whole state computes the same numbers: some of it was not saved or not restored"
    fix = "save the optimizer, the random keys and the place in the data together with the parameters"
    yield Finding("losses-differ", words + _more(wrong), why, fix)


def never_back(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """The rehearsal ended without a step beyond the fault."""
    wrong = [one for one in recoveries if one.ended == "failed"]
    if not wrong:
        return
    one = wrong[0]
    words = f"training did not go on after the fault at step {one.step_failed} ({one.fault})"
    if one.restarts == 0:
        why = "the pods were not started again"
        fix = "write --max-restarts 20 or more"
    elif one.restored is None:
        why = f"{one.restarts} restart{'s' * (one.restarts > 1)}, and none restored anything"
        fix = LAST_LINES
    else:
        why = f"it restored step {one.step_restored} and then computed no step beyond {one.step_failed}"
        fix = LAST_LINES
    yield Finding("never-back", words, why, fix)


def never_done(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """The workload failed, or stood still, and no fault was to blame."""
    ended = next((event for event in reversed(events) if isinstance(event, Ended)), None)
    if ended is None or ended.state != "failed" or any(one.ended == "failed" for one in recoveries):
        return
    highest = max((event.step for event in events if isinstance(event, Stepped)), default=-1)
    where = f"after step {highest}" if highest >= 0 else "before the first step"
    why = "nothing that was broken explains it: it is the trainer's own, or it waits for something"
    yield Finding(
        "never-done", f"the workload failed {where}: {ended.words or 'no reason given'}", why, LAST_LINES
    )


def done_too_early(
    setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]
) -> Iterator[Finding]:
    """Kubernetes counts the workload as succeeded, and the last step was not computed."""
    ended = next((event for event in reversed(events) if isinstance(event, Ended)), None)
    highest = max((event.step for event in events if isinstance(event, Stepped)), default=-1)
    if ended is None or ended.state != "succeeded" or not 0 <= highest < setup.steps - 1:
        return
    words = f"the workload counts as succeeded at step {highest}, and {setup.steps - 1} was to be the last"
    if recoveries and recoveries[-1].fault == "sigterm":
        why = "after SIGTERM the trainer ends with exit code 0: that is a success, so nothing starts it again"
    else:
        why = "every pod ended with exit code 0: that is a success, so nothing starts them again"
    fix = "let --command end with another exit code than 0 where the last step was not reached"
    yield Finding("done-too-early", words, why, fix)


def too_much_lost(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """The ramdisks served, but with a step that was more than a local period old.

    A moment inside a save costs up to one period more.
    """
    if setup.local_period <= 0:
        return
    wrong = [one for one in recoveries if _too_old(setup, one)]
    if not wrong:
        return
    one = wrong[0]
    words = f"step {one.step_failed} fell back to {one.step_restored} with local_checkpoint_period="
    why = "the newest step in the ramdisks was older than a period: saves stop, or take longer than a period"
    fix = "write a larger local_checkpoint_period in --command, so that a save ends before the next is due"
    yield Finding("too-much-lost", f"{words}{setup.local_period}{_more(wrong)}", why, fix)


def _too_old(setup: Setup, one: Recovery) -> bool:
    served = bool(one.tiers) and all(tier in ("ramdisk", "peer") for tier, _ in one.tiers)
    allowed = setup.local_period * (2 if one.interrupted_save else 1)
    return served and one.steps_lost is not None and one.steps_lost > allowed


def _more(wrong: Sequence[Recovery]) -> str:
    return "" if len(wrong) == 1 else f" (and after {len(wrong) - 1} more)"
