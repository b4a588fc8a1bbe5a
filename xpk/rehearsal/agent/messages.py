"""What a pod's thread can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xpk.rehearsal.agent.container import Container
from xpk.rehearsal.agent.surface import Process

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exited:
    """A process of a container is over."""

    container: Container
    process: Process
    code: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The pod as it is now."""

    pod: Json


@dataclass(frozen=True, slots=True)
class Gone:
    """The pod is not there any more, or the agent ends."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The pod's machine is gone."""


@dataclass(frozen=True, slots=True)
class Back:
    """A machine of the same name stands there now."""


Message = Exited | Changed | Gone | Lost | Back
