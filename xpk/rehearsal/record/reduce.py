"""From what happened to what it came to: events in, an outcome out.

Any beginning of a rehearsal is allowed, so that a live view can ask at every moment: what has not
happened yet is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from xpk.rehearsal.record.events import (
    AllRunning,
    Broke,
    Ended,
    Event,
    Host,
    Moved,
    Noticed,
    PodStarted,
    Restored,
    Stepped,
    Tier,
)
from xpk.rehearsal.record.findings import findings
from xpk.rehearsal.record.losses import compare
from xpk.rehearsal.record.outcome import Ending, Outcome, Recovery, Setup, Totals
from xpk.rehearsal.record.sources import Sources, from_words, sources
from xpk.rehearsal.record.standing import Standing, interrupted, servable, standing
from xpk.rehearsal.record.windows import Window, windows


def outcome(setup: Setup, events: Iterable[Event], unbroken: Mapping[int, str] | None = None) -> Outcome:
    """Everything that is known after `events`.

    `unbroken`: step to loss, as printed, of a run without faults, to be held against as well.
    """
    every = tuple(sorted(events, key=lambda event: event.t))
    recoveries = tuple(_recovery(setup, window, unbroken) for window in windows(every))
    ended = next((event for event in reversed(every) if isinstance(event, Ended)), None)
    return Outcome(
        setup=setup,
        recoveries=recoveries,
        findings=findings(setup, every, recoveries),
        totals=_totals(every, recoveries),
        state=ended.state if ended else None,
        words=ended.words if ended else "",
    )


def _totals(events: Sequence[Event], recoveries: Sequence[Recovery]) -> Totals:
    known = [one.losses_equal for one in recoveries if one.losses_equal is not None]
    return Totals(
        seconds=max((event.t for event in events), default=0.0),
        faults=len(recoveries),
        restarts=max((event.attempt for event in events if isinstance(event, PodStarted)), default=0),
        highest_step=_highest(events),
        steps_lost=sum(one.steps_lost or 0 for one in recoveries),
        steps_lost_without=sum(one.steps_lost_without for one in recoveries),
        bytes_moved=sum(one.bytes_moved for one in recoveries),
        losses_equal=all(known) if known else None,
    )


def _recovery(setup: Setup, window: Window, unbroken: Mapping[int, str] | None) -> Recovery:
    broke, attempts, stopped = window.broke, window.attempts(), _stopped(window)
    chosen = _chosen(attempts, stopped)
    did = attempts.get(chosen, ()) if chosen is not None else ()
    at_restart = standing(window.until_restart())
    found = _sources(setup, window, did, at_restart)
    step, known = _restored_step(found, did)
    losses = compare(window.before, [event for one in attempts.values() for event in one], unbroken)
    return Recovery(
        fault=broke.fault,
        hosts=broke.hosts,
        t=broke.t,
        # SIGTERM stops nothing by itself; any other fault does.
        step_failed=broke.step if broke.fault == "sigterm" else stopped,
        step_restored=step,
        tiers=found.tiers(),
        from_words=from_words(found.by_host),
        steps_lost=_lost(stopped, step) if known else None,
        bucket_step=at_restart.bucket_step,
        steps_lost_without=_lost(stopped, at_restart.bucket_step),
        bytes_moved=found.bytes_moved,
        **_times(window, did, stopped),
        restarts=len(attempts),
        interrupted_save=_interrupted(setup, window, at_restart),
        losses_equal=losses.equal,
        differences=losses.differences,
        ended=_ending(setup, window, attempts, stopped),
        ramdisk_step=servable(setup, at_restart),
    )


def _stopped(window: Window) -> int:
    """The highest step that all hosts completed: a line from before the fault may be read after it."""
    highest: dict[Host, int] = {}
    for event in (*window.before, *window.after):
        if isinstance(event, Stepped) and event.attempt <= window.baseline:
            highest[event.host] = max(event.step, highest.get(event.host, -1))
    return max(window.broke.step, min(highest.values(), default=-1))


def _interrupted(setup: Setup, window: Window, at_restart: Standing) -> bool:
    """Judged by what the fault left; of ramdisks that it took, by what they held before."""
    before = standing(window.before)
    left = {host: steps for host, steps in at_restart.ramdisks.items() if steps}
    merged = replace(before, ramdisks={**before.ramdisks, **left}, unfinished=before.unfinished - left.keys())
    return interrupted(setup, merged, _highest(window.before))


def _lost(failed: int, restored: int | None) -> int:
    return max(0, failed - (-1 if restored is None else restored))


def _highest(events: Iterable[Event]) -> int:
    return max((event.step for event in events if isinstance(event, Stepped)), default=-1)


def _chosen(attempts: Mapping[int, Sequence[Event]], failed: int) -> int | None:
    """The restart that counts: the first that got beyond the fault, else the last that got furthest."""

    def reach(attempt: int) -> int:
        did = attempts[attempt]
        if any(isinstance(event, Stepped) for event in did):
            return 2
        return 1 if any(isinstance(event, Restored) for event in did) else 0

    beyond = (attempt for attempt in attempts if _highest(attempts[attempt]) > failed)
    return next(beyond, max(attempts, key=lambda attempt: (reach(attempt), attempt), default=None))


def _sources(setup: Setup, window: Window, did: Sequence[Event], held: Standing) -> Sources:
    """The restores of the restart that counts; inferred from its first step where no line tells of one."""
    begun = next((event.t for event in did if isinstance(event, Stepped)), float("inf"))
    moves = [event for event in window.after if isinstance(event, Moved) and event.t <= begun]
    found = sources(did, moves)
    if found.by_host or setup.mode == "multi-tier":
        return found
    inferred, seen = [], set()
    for event in did:
        if isinstance(event, Stepped) and event.host not in seen:
            seen.add(event.host)
            step = event.step - 1
            tier: Tier | None = "nothing" if step < 0 else "bucket" if step in held.bucket else None
            if tier is not None and not any(step in steps for steps in held.ramdisks.values()):
                inferred.append(Restored(event.t, event.host, event.attempt, step, tier, 0))
    return sources(inferred, [])


def _restored_step(found: Sources, did: Sequence[Event]) -> tuple[int | None, bool]:
    """The step and whether it is known at all: (None, True) is a fresh start."""
    if found.by_host:
        return found.step, True
    first = min((event.step for event in did if isinstance(event, Stepped)), default=None)
    if first is None:
        return None, False
    return (first - 1 if first > 0 else None), True


def _times(window: Window, did: Sequence[Event], stopped: int) -> dict[str, float | None]:
    start = window.broke.t
    stepped = [event for event in did if isinstance(event, Stepped)]
    first = stepped[0].t if stepped else None
    restores = [
        event.t for event in did if isinstance(event, Restored) and (first is None or event.t <= first)
    ]
    times = {
        "noticed": next((event.t for event in window.after if isinstance(event, Noticed)), None),
        "running": next((event.t for event in did if isinstance(event, AllRunning)), None),
        "restored": max(restores, default=None),
        "first_step": first,
        "caught_up": next((event.t for event in stepped if event.step > stopped), None),
    }
    return {name: None if t is None else max(0.0, t - start) for name, t in times.items()}


def _ending(setup: Setup, window: Window, attempts: Mapping[int, Sequence[Event]], stopped: int) -> Ending:
    did = [event for one in attempts.values() for event in one]
    stepped = any(isinstance(event, Stepped) for event in did)
    if _highest(did) > stopped:
        return "recovered"
    match window.closed_by:
        case Broke():
            return "recovered" if stepped else "overtaken"
        case Ended(state="succeeded"):
            return "recovered" if attempts or stopped >= setup.steps - 1 else "failed"
        case Ended(state="failed"):
            return "failed"
        case _:
            return "recovered" if stepped and len(attempts) == 1 else "unfinished"
