"""Findings about how processes end: the same error at every restart, and SIGTERM without a save."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from xpk.rehearsal.record.events import (
    BucketHolds,
    Event,
    Host,
    HostLost,
    PodEnded,
    RamdiskHolds,
    Said,
    Signalled,
    SignalSeen,
    Stepped,
)
from xpk.rehearsal.record.finding_saves import MULTI_TIER
from xpk.rehearsal.record.lines import Trouble, parse_line
from xpk.rehearsal.record.outcome import Finding, Recovery, Setup
from xpk.rehearsal.record.windows import Window, attempt_of, windows

_STOPPED = frozenset({0, 137, 143})
"""Exit codes of pods that were done or stopped from outside: no error of their own."""


@dataclass(frozen=True, slots=True)
class _Crash:
    """How a restart ended by itself. `alike`: the text without what differs from one restart to the next."""

    host: Host
    text: str
    alike: str


def crash_loop(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """Two or more restarts in a row that end with the same error and compute no new step."""
    hit = {window.baseline for window in windows(events)}
    attempts = sorted({attempt for event in events if (attempt := attempt_of(event)) is not None})
    best, row = -1, list[tuple[int, _Crash]]()
    for attempt in attempts:
        did = [event for event in events if attempt_of(event) == attempt]
        highest = max((event.step for event in did if isinstance(event, Stepped)), default=-1)
        crash = _crash(did)
        if crash is None or highest > best or attempt in hit or attempt == 0:
            row = []
        elif row and row[-1][1].alike != crash.alike:
            row = [(attempt, crash)]
        else:
            row.append((attempt, crash))
        best = max(best, highest)
        if len(row) == 2:
            yield _loop(setup, events, row[0][0], row[1][1])
            return


def _crash(did: Sequence[Event]) -> _Crash | None:
    """The first error of its own, else what only follows from another process's end, else an exit code."""
    said = [event for event in did if isinstance(event, Said)]
    parsed = [(event, parse_line(event.text)) for event in said]
    troubles = [(event, found) for event, found in parsed if isinstance(found, Trouble)]
    own = [event for event, found in troubles if not found.follows]
    exists = [event for event in own if "already exists" in event.text]
    if first := next(iter([*exists, *own, *(event for event, _ in troubles)]), None):
        # A logger's prefix has the time and the process in it.
        text = re.sub(r"^.*?(?=Checkpoint for step [0-9]+ already exists)", "", first.text)
        return _Crash(first.host, text, re.sub(r"0x[0-9a-fA-F]+|[0-9]+", "#", text))
    ended = next((e for e in did if isinstance(e, PodEnded) and e.code not in _STOPPED), None)
    if ended is None:
        return None
    code = f"exit code {ended.code}"
    last = next((event.text for event in reversed(said) if event.host == ended.host), "")
    return _Crash(ended.host, f"{code}: {last}" if last else code, code)


def _loop(setup: Setup, events: Sequence[Event], attempt: int, crash: _Crash) -> Finding:
    words = f"restarts {attempt} and {attempt + 1} ended alike, without a new step: {crash.text[:120]}"
    where = f" on {crash.host}"
    exists = re.search(r"Checkpoint for step ([0-9]+) already exists", crash.text)
    if exists is None:
        why = f"the same error{where} ends every restart"
        return Finding("crash-loop", words, why, "mend what the error names: restarting changes nothing")
    step = exists[1]
    lost = next((event.host for event in reversed(events) if isinstance(event, HostLost)), None)
    since = f"since {lost} was lost" if lost else "since a save was cut short"
    why = (
        f"{since}, no slice has step {step} on all hosts, and Orbax goes back to the bucket; {crash.host} "
        "still has it in its ramdisk and refuses to save it again, at every restart"
    )
    fix = f"write {MULTI_TIER} in --command; to get out of the loop: rm -r {setup.mount_path}/{step}{where}"
    return Finding("crash-loop", words, why, fix)


def sigterm(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """After the fault `sigterm`: the trainer did not notice the signal, or nothing was saved.

    What a program of the user's own prints at a signal is not known, so only its saves are judged.
    """
    for window, recovery in zip(windows(events), recoveries, strict=True):
        if window.broke.fault != "sigterm" or not (window.closed_by or recovery.restarts):
            continue  # the trainer may still be about to say so
        around = _around(window)
        sent = {event.host for event in around if _is_sigterm(event, window)}
        seen = [event for event in around if isinstance(event, SignalSeen)]
        deaf = sorted(sent - {event.host for event in seen})
        known = setup.trainer != "command"
        if deaf and known:
            yield _deaf(setup, window.broke.step, deaf, len(sent))
            return
        lost = recovery.steps_lost or recovery.ended == "failed"
        if sent and lost and not _saved(window, seen):
            yield _unsaved(setup, window.broke.step, known)
            return


def _around(window: Window) -> list[Event]:
    """The window, and what was recorded right before the fault: signals are sent together with it."""
    return [*(event for event in window.before if event.t >= window.broke.t - 1.0), *window.after]


def _is_sigterm(event: Event, window: Window) -> TypeGuard[Signalled]:
    return isinstance(event, Signalled) and event.signal == "SIGTERM" and event.host in window.broke.hosts


def _deaf(setup: Setup, step: int, deaf: Sequence[Host], sent: int) -> Finding:
    words = f"SIGTERM at step {step} did not reach the trainer on {deaf[0]}"
    if len(deaf) > 1:
        words = f"SIGTERM at step {step} did not reach the trainer on {len(deaf)} of {sent} hosts"
    if setup.autocheckpoint:
        why = "a container's first process gets it, and a shell passes nothing on to what it runs"
        return Finding("sigterm-not-seen", words, why, "write exec before the trainer in --command")
    why = "without enable_autocheckpoint MaxText saves nothing when a host is to be taken away"
    fix = "write enable_autocheckpoint=True in --command, and exec before the trainer"
    return Finding("sigterm-not-seen", words, why, fix)


def _unsaved(setup: Setup, step: int, known: bool) -> Finding:
    words = f"SIGTERM{' reached the trainer' if known else ''} at step {step} and nothing was saved"
    if setup.mode == "none":
        why = "--command turns none of MaxText's ways to save on, and wrote to neither ramdisk nor bucket"
        fix = "have the trainer save at SIGTERM; its time is --termination-grace-period-seconds"
        return Finding("sigterm-not-saved", words, why, fix)
    if not setup.autocheckpoint:
        why = "without enable_autocheckpoint MaxText saves at its periods alone"
        return Finding("sigterm-not-saved", words, why, "write enable_autocheckpoint=True in --command")
    why = "the pod was ended before the save was over, or the manager of this mode does not save then"
    fix = "write --termination-grace-period-seconds 120 or more, or a shorter local_checkpoint_period"
    return Finding("sigterm-not-saved", words, why, fix)


def _saved(window: Window, seen: Sequence[SignalSeen]) -> bool:
    """Whether some tier got a step that is at least as new as the signal."""
    step = min((event.step for event in seen if event.step >= 0), default=window.broke.step)
    for event in window.after:
        if isinstance(event, (RamdiskHolds, BucketHolds)) and max(event.steps, default=-1) >= step - 1:
            return True
        if isinstance(event, Stepped) and event.attempt > window.baseline:
            return False
    return False
