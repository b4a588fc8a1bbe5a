"""How a command saves, as far as its text says: the user's own or one of ours. Pure."""

from __future__ import annotations

from xpk.rehearsal.conduct.scenario import Periods
from xpk.rehearsal.record.outcome import Mode
from xpk.spec.command import EMERGENCY, MULTI_TIER
from xpk.spec.trainer_line import trainer_lines

_MINUTES = "multi_tier_checkpointing_backup_interval_minutes"


def modes_of(command: str) -> tuple[Mode, Periods]:
    """The mode and the periods of the first trainer line that turns one on; `none` without any."""
    lines = trainer_lines(command)
    for flag, mode in ((MULTI_TIER, "multi-tier"), (EMERGENCY, "emergency")):
        for line in lines:
            if line.switch(flag):
                found: Mode = "multi-tier" if mode == "multi-tier" else "emergency"
                local = line.number("local_checkpoint_period")
                return found, Periods(local, line.number("checkpoint_period"), line.number(_MINUTES))
    if lines:
        return "bucket", Periods(None, lines[0].number("checkpoint_period"))
    return "none", Periods(None, None)


def autocheckpoints(command: str) -> bool:
    """Whether the trainer is told to save when SIGTERM comes."""
    return any(line.switch("enable_autocheckpoint") for line in trainer_lines(command))
