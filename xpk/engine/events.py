"""What `apply` tells while it works. Not a log and not a screen: whoever listens decides what to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from xpk.errors import XpkError


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step's first request is about to be sent."""

    step_id: str


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Something about a running step changed; `words` replace what was said before."""

    step_id: str
    words: str


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step is done, `seconds` after it started."""

    step_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed; the steps that need it will not start, the others go on."""

    step_id: str
    error: XpkError


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step will not be started: one that it needs failed, or the run was interrupted."""

    step_id: str


Event: TypeAlias = StepStarted | StepProgress | StepDone | StepFailed | StepSkipped
