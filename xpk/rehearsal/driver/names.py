"""Names of files and directories in a ramdisk and in the bucket, and what they mean.

Local steps are Orbax's (`<step>` once finished, `<step>.orbax-checkpoint-tmp` before); parts are the
replicator's (`<job>-s<step>-n<rank>-w0.data`). The published replicator names data by its hash and
points to it from a `.meta` file of that name; the stand-in has no hashes and one worker a node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

METADATA: Final = "_CHECKPOINT_METADATA"
"""In every finished step of Orbax (orbax/checkpoint/_src/metadata/checkpoint.py)."""
UNFINISHED: Final = ".orbax-checkpoint-tmp"
"""In the name of every unfinished one (orbax/checkpoint/_src/path/atomicity_types.py)."""
DATA: Final = ".data"
TEMPORARY: Final = ".tmp"
REQUEST: Final = "replicator.yaml"
ERRORS: Final = "replicator.errors"
FAILED: Final = "replicator.failed"
PRERESTORE: Final = "replicator.prerestore"
RESTORE_VERSION: Final = "restore.version"


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One node's share of a step. `rank`: of the node that wrote it."""

    step: int
    rank: int

    def data_name(self, job: str) -> str:
        return f"{job}-s{self.step}-n{self.rank}-w0{DATA}"

    def marker_name(self, job: str) -> str:
        return f"{job}-s{self.step}-n{self.rank}-w0.restore"


def data_part(name: str) -> tuple[str, Part] | None:
    """The job and the part of a `.data` directory's name; None for any other name."""
    match = re.fullmatch(r"(.+)-s(\d{1,12})-n(\d{1,9})-w\d+\.data", name)
    return (match[1], Part(int(match[2]), int(match[3]))) if match else None


def step_of(name: str) -> int | None:
    """The step of a directory that Orbax finished; None for any other name."""
    return int(name) if re.fullmatch(r"\d{1,12}", name, re.ASCII) else None


def is_job_name(name: str) -> bool:
    """Whether the replicator can serve a job of this name: it becomes a ConfigMap's name and a directory."""
    label = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    return len(name) <= 253 and re.fullmatch(rf"{label}(\.{label})*", name) is not None


def backup_name(moment: datetime) -> str:
    """The name of a backup that begins at this moment (UTC)."""
    return moment.strftime("%Y-%m-%d_%H-%M")


def is_backup_name(name: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}", name, re.ASCII) is not None
