"""Findings about what was saved: an empty ramdisk, one fuller than its size, periods the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from xpk.rehearsal.record.events import Ended, Event, Host, RamdiskHolds, Said, Stepped
from xpk.rehearsal.record.outcome import Finding, Recovery, Setup

MULTI_TIER: Final = (
    "enable_multi_tier_checkpointing=true multi_tier_checkpointing_backup_interval_minutes=30 "
    "instead of enable_emergency_checkpoint=true"
)
"""What to write for multi-tier checkpointing."""

MESH_AXES: Final = (
    "mesh_axes=['data','diloco','stage','fsdp','fsdp_transpose','context','context_usp_ulysses',"
    "'context_autoregressive','tensor','tensor_sequence','expert','autoregressive']"
)
"""MaxText 0.2.4's and 0.2.5's list, with `data` moved to the front."""

CONFIGURED: Final = "Configured emergency.CheckpointManager with replica_axis_index="
"""Orbax's sign that the emergency manager is used at all."""

_DEFECT: Final = (
    "MaxText 0.2.0 to 0.2.5 has mesh_axes that begin with diloco, an axis of size 1: Orbax takes that for "
    "one slice and quietly saves to the bucket alone, so a restart loses all since the bucket's last step"
)


def ramdisk_empty(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """No host's ramdisk has ever held a finished step, though a save must be over.

    Orbax ends a save before it begins the next, so that the first must be there when all hosts are
    past the second.
    """
    if setup.mode not in ("emergency", "multi-tier") or setup.local_period <= 0:
        return
    if any(isinstance(event, RamdiskHolds) and event.steps for event in events):
        return
    reached: dict[Host, int] = {}
    for event in events:
        if isinstance(event, Stepped):
            reached[event.host] = max(event.step, reached.get(event.host, -1))
    lowest = min(reached.values(), default=-1)
    done = any(isinstance(event, Ended) and event.state == "succeeded" for event in events)
    if lowest <= 2 * setup.local_period and not (done and lowest >= setup.local_period):
        return
    words = f"no ramdisk ever held a step: step {lowest} was reached with local_checkpoint_period="
    yield Finding("ramdisk-empty", f"{words}{setup.local_period}", *_why_empty(setup, events))


def _why_empty(setup: Setup, events: Sequence[Event]) -> tuple[str, str]:
    configured = any(isinstance(event, Said) and CONFIGURED in event.text for event in events)
    if setup.mode == "emergency" and not configured:
        sign = f"(the log line that shows it took is `{CONFIGURED}0`)"
        fix = f"write {MULTI_TIER} in --command, or (not with 0.2.5, which then cannot restore) {MESH_AXES} "
        return _DEFECT, fix + sign
    why = f"the trainer saved nothing to {setup.mount_path}, so every restart begins at the bucket"
    return why, f"write local_checkpoint_directory={setup.mount_path} enable_checkpointing=true in --command"


def ramdisk_full(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """A ramdisk held more bytes than it has: the rehearsal's directories have no limit of their own."""
    held = [event for event in events if isinstance(event, RamdiskHolds)]
    worst = max(held, key=lambda event: event.used, default=None)
    if worst is None or not 0 < setup.ramdisk_bytes < worst.used:
        return
    mebibytes = -(-worst.used // 2**20)
    words = f"{worst.host}: {worst.used:,} bytes in a ramdisk of {setup.ramdisk_bytes:,}"
    why = "a real one ends there: the save fails with `No space left on device`"
    yield Finding("ramdisk-full", words, why, f"write --mtc-ramdisk-size {mebibytes}Mi or more")


def periods(setup: Setup, events: Sequence[Event], recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """The ramdisk is saved no more often than the bucket; with multi-tier the latter is in minutes."""
    if setup.mode != "emergency" or setup.bucket_period <= 0 or setup.local_period < setup.bucket_period:
        return
    words = f"local_checkpoint_period={setup.local_period} with checkpoint_period={setup.bucket_period}"
    why = "the ramdisk is saved no more often than the bucket, so a restart gains nothing from it"
    fix = "write a local_checkpoint_period much smaller than checkpoint_period in --command"
    yield Finding("periods", words, why, fix)
