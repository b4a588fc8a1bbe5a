"""What one rehearsal is to do, complete and checked: nothing is started before this exists.

A scenario holds what was asked for with everything scaled down to this machine, and every difference from
a real run as an `Override`, so that it can be told. It starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xpk.catalog.slices import SliceType
from xpk.rehearsal.conduct.moments import Moment
from xpk.rehearsal.record.events import FaultKind
from xpk.rehearsal.record.outcome import Mode, Override, Trainer

BACKUP_MINUTE: Final = 2.0
"""Seconds that stand for a minute between multi-tier checkpointing's backups."""


@dataclass(frozen=True, slots=True)
class Periods:
    """How often the trainer saves. In steps, but `backup_minutes`; None where the command does not say."""

    local: int | None
    bucket: int | None
    backup_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One rehearsal.

    `slice_type` is the scaled-down one. `fault` None breaks nothing. `command` is the container's, as
    `workload create --command` takes it, with `gs://` paths. `environ` is added to each pod's environment.
    `grace_seconds`: between SIGTERM and SIGKILL. `python` is the interpreter that `python3` means in the
    pods. `steps` is None where the command decides.
    """

    slice_type: SliceType
    num_slices: int
    trainer: Trainer
    mode: Mode
    periods: Periods
    steps: int | None
    fault: FaultKind | None
    moments: tuple[Moment, ...]
    seed: int
    command: str
    environ: tuple[tuple[str, str], ...]
    python: Path
    ramdisk_bytes: int
    ramdisk_text: str
    mount_path: str
    bucket: str
    grace_seconds: int
    overrides: tuple[Override, ...]

    @property
    def hosts(self) -> int:
        """Hosts of one slice."""
        return self.slice_type.hosts
