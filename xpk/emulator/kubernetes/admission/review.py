"""One write on its way through admission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.kinds import Kind

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """``old`` is None for a creation.

    ``warnings`` are sent to the client; ``status``: only the status is written.
    """

    cluster: Cluster
    kind: Kind
    operation: Literal["CREATE", "UPDATE"]
    old: Json | None
    dry_run: bool
    warnings: list[str]
    status: bool = False
