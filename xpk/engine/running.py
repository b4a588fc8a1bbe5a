"""What the loop knows of a step under way, and how an answer finds its step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xpk.engine.operations import Awaited, Sending
from xpk.engine.tasks import Task


@dataclass(slots=True)
class Running:
    """A step under way. `in_cloud` is True while Google works on what it asked for."""

    step_id: str
    task: Task[None]
    started: float
    in_cloud: bool = False
    gathered: list[Any] = field(default_factory=list)
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """Says whose call ended: the step's, one of several, a send, or the operation list."""

    step_id: str
    index: int | None = None
    sending: Sending | None = None
    operation: Awaited | None = None
    listing: bool = False
