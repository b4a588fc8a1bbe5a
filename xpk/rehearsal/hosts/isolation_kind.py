"""The kinds of isolation, as values. How one is chosen is in `isolation`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["mount namespace", "user namespace", "substitution"]


@dataclass(frozen=True, slots=True)
class Isolation:
    """How a container sees its mounts, and, for people, why in this way."""

    kind: Kind
    why: str
