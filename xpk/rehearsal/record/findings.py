"""Everything that is wrong in a rehearsal, each with its reason and what to write.

Each kind is told once: the first time it happened, and how often. A record that stops in the
middle gives no finding for what had not happened yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from xpk.rehearsal.record.events import Event
from xpk.rehearsal.record.finding_crashes import crash_loop, sigterm
from xpk.rehearsal.record.finding_restores import (
    done_too_early,
    losses_differ,
    never_back,
    never_done,
    too_much_lost,
    wrong_tier,
)
from xpk.rehearsal.record.finding_saves import periods, ramdisk_empty, ramdisk_full
from xpk.rehearsal.record.outcome import Finding, Recovery, Setup

_RULES = (
    periods,
    ramdisk_empty,
    ramdisk_full,
    crash_loop,
    wrong_tier,
    too_much_lost,
    losses_differ,
    sigterm,
    done_too_early,
    never_back,
    never_done,
)


def findings(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> tuple[Finding, ...]:
    """All findings. `events` are in order of time, `recoveries` are theirs, one per fault."""
    found = [finding for rule in _RULES for finding in rule(setup, events, recoveries)]
    if any(finding.id in ("crash-loop", "done-too-early") for finding in found):
        # That is the reason why it did not come back.
        found = [finding for finding in found if finding.id not in ("never-back", "never-done")]
    return tuple(found)
