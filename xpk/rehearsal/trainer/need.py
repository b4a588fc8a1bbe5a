"""Which checkpointing the flags ask for, and what each kind needs. Pure; imports no JAX.

The rules are MaxText's own (`configs/types.py`, 0.2.5) and those that its start would otherwise meet
later as a traceback. What a cluster needs for this is not judged here.
"""

from __future__ import annotations

from typing import Literal

from xpk.errors import Fault
from xpk.rehearsal.trainer.flags import Flags

Mode = Literal["multi-tier", "emergency", "bucket", "none"]


def mode(flags: Flags) -> Mode:
    """MaxText's precedence: multi-tier, then emergency, then the plain manager."""
    if not flags.enable_checkpointing:
        return "none"
    if flags.enable_multi_tier_checkpointing:
        return "multi-tier"
    return "emergency" if flags.enable_emergency_checkpoint else "bucket"


def has_ramdisk(asked: Mode) -> bool:
    return asked in ("multi-tier", "emergency")


def faults(flags: Flags) -> tuple[Fault, ...]:
    """Everything that makes these flags impossible, in the order of MaxText's own checks."""
    asked = mode(flags)
    found = list(_of_numbers(flags))
    if has_ramdisk(asked):
        found += _of_ramdisk(flags, asked)
    if asked == "multi-tier":
        found += _of_backup(flags)
    if asked in ("emergency", "bucket"):
        found += _of_bucket(flags)
    if asked != "none" and not flags.run_name:
        found.append(_fault("run_name=", "the checkpoints of a run need its name", "run_name=NAME"))
    return tuple(found)


def _fault(what: str, why: str, fix: str) -> Fault:
    return Fault(what, why, fix)


def _of_numbers(flags: Flags) -> list[Fault]:
    found = []
    if flags.steps < 1:
        found.append(_fault(f"steps={flags.steps}", "there is no step to train", "steps=40"))
    if flags.checkpoint_period < 1:
        found.append(
            _fault(f"checkpoint_period={flags.checkpoint_period}", "it must be > 0", "checkpoint_period=100")
        )
    if flags.rehearsal_state_bytes < 12:
        found.append(
            _fault(
                f"rehearsal_state_bytes={flags.rehearsal_state_bytes}",
                "one parameter with its two moments has 12 bytes",
                "rehearsal_state_bytes=1048576",
            )
        )
    return found


def _of_ramdisk(flags: Flags, asked: Mode) -> list[Fault]:
    found = []
    if not flags.local_checkpoint_directory:
        found.append(
            _fault(
                "local_checkpoint_directory=",
                f"`local_checkpoint_directory` must be set for {asked} checkpointing",
                "local_checkpoint_directory=/local",
            )
        )
    period = flags.local_checkpoint_period
    if period <= 0:
        found.append(
            _fault(
                f"local_checkpoint_period={period}",
                f"`local_checkpoint_period` must be > 0 for {asked} checkpointing",
                "local_checkpoint_period=20",
            )
        )
    elif flags.steps < period:
        found.append(
            _fault(
                f"local_checkpoint_period={period}",
                f"it is larger than steps={flags.steps}",
                f"local_checkpoint_period={max(1, flags.steps // 2)}",
            )
        )
    return found


def _of_backup(flags: Flags) -> list[Fault]:
    minutes = flags.multi_tier_checkpointing_backup_interval_minutes
    steps = flags.multi_tier_checkpointing_backup_interval_steps
    name = "multi_tier_checkpointing_backup_interval"
    fix = f"{name}_minutes=30"
    if (minutes is None) == (steps is None):
        given = "neither" if minutes is None else f"minutes={minutes} and steps={steps}"
        return [
            _fault(f"{name}_*: {given}", f"exactly one of {name}_minutes and {name}_steps must be given", fix)
        ]
    unit, value = ("minutes", minutes) if minutes is not None else ("steps", steps)
    assert value is not None
    if value <= 0:
        return [_fault(f"{name}_{unit}={value}", "it must be > 0", fix)]
    if unit == "steps" and value < flags.local_checkpoint_period:
        return [
            _fault(
                f"{name}_steps={value}",
                f"it must be >= local_checkpoint_period={flags.local_checkpoint_period}",
                f"{name}_steps={flags.local_checkpoint_period}",
            )
        ]
    return []


def _of_bucket(flags: Flags) -> list[Fault]:
    fix = "base_output_directory=DIRECTORY"
    if not flags.base_output_directory:
        return [_fault("base_output_directory=", "the bucket's checkpoints need a place", fix)]
    if "://" in flags.base_output_directory:
        return [
            _fault(
                f"base_output_directory={flags.base_output_directory}",
                "this trainer writes to directories only",
                fix,
            )
        ]
    return []


def saves_at(step: int, flags: Flags) -> bool:
    """Whether MaxText 0.2.5 hands `step` to the manager by its periods (manager permitting).

    `_should_save_checkpoint_at_step` without its forced and preempted cases: both periods count, the
    local one only with a ramdisk, and step 0 only with `save_checkpoint_on_start`.
    """
    if step == 0 and not flags.save_checkpoint_on_start:
        return False
    local = has_ramdisk(mode(flags)) and step % flags.local_checkpoint_period == 0
    return step % flags.checkpoint_period == 0 or local
