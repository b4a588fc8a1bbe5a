"""What a check of `--command` finds, and what it is held against.

The checks themselves are in `command` and `command_mesh`.
"""

from __future__ import annotations

from typing import Final

from xpk.errors import Fault
from xpk.frozen import dataclass
from xpk.spec.trainer_line import TrainerLine

EMERGENCY: Final = "enable_emergency_checkpoint"
MULTI_TIER: Final = "enable_multi_tier_checkpointing"
_ESCAPE: Final = "--no-command-checks if you know better"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the line is held against: the ramdisk's mount path, if any, and the number of slices."""

    ramdisk: str | None
    num_slices: int
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction. `fatal`: training cannot work, as opposed to being unwise."""

    fault: Fault
    fatal: bool


def mode_of(line: TrainerLine) -> str | None:
    """The flag that turns recovery from ramdisks on, None if none surely does.

    With both, MaxText takes multi-tier checkpointing (create_checkpoint_manager).
    """
    return next((flag for flag in (MULTI_TIER, EMERGENCY) if line.switch(flag)), None)


def fatal(what: str, why: str, fix: str) -> Finding:
    """Training cannot work so."""
    return Finding(Fault(f"--command: {what}", why, f"{fix}, or add {_ESCAPE}"), True)


def unwise(what: str, why: str, fix: str) -> Finding:
    """Training works, and probably not as meant."""
    return Finding(Fault(f"--command: {what}", why, fix), False)


def lacking(line: TrainerLine, what: str, why: str, fix: str) -> Finding:
    """A flag that the line does not give: fatal if MaxText's default holds, else it may be in a file."""
    if line.base_config:
        return fatal(what, why, fix)
    return unwise(what, f"{why}, unless the configuration file says otherwise", fix)
