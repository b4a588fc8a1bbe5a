"""What is started: a container's command, environment, log and mounts, as plain values.

Nothing is started here (`container.py`), and nothing here knows how a mount is made.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Bind:
    """`outside`, which exists on this machine, is seen by the container at the path `inside`.

    `outside` may be a directory or a file; `inside` need not exist. Raises ValueError when
    `inside` is not an absolute path in its shortest form, or is `/`.
    """

    inside: str
    outside: Path
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.inside == "/" or os.path.normpath(f"/{self.inside.lstrip('/')}") != self.inside:
            raise ValueError(f"not a path where something can be mounted: {self.inside!r}")


@dataclass(frozen=True, slots=True)
class Launch:
    """One container. `env` is the whole environment; `log` gets stdout and stderr, appended.

    `cwd` is a path inside the container, None stands for `/`. `name` is shown by `ps`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    cwd: str | None = None
    binds: tuple[Bind, ...] = field(default=())
    name: str = "container"


class StartError(Exception):
    """The container could not be started; `message` says why in a container runtime's words.

    `code` and `reason` are what a kubelet with containerd reports for it
    (containerd, internal/cri/server/helpers.go: errorStartExitCode, errorStartReason).
    """

    code: ClassVar[int] = 128
    reason: ClassVar[str] = "StartError"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)
