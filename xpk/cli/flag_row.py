"""One row of the table of flags. What the rows are is in `flags_*.py`; the whole is `flags.py`."""

from __future__ import annotations

from typing import Literal, TypeAlias

from xpk.frozen import dataclass

Kind: TypeAlias = Literal["works", "ignored", "refused"]


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One flag of one command, with all its spellings.

    `why`: what it does, or why it does nothing, or why it is refused. `instead`: what to type,
    for refused ones. `gcloud`: the gcloud argument that the flag is short for, where it is one
    (`xpk.spec.gcloud.parse_cluster_arguments` reads it). `in_xpk`: xpk 1.16 has it.
    """

    command: str
    flags: tuple[str, ...]
    kind: Kind
    takes_value: bool
    why: str
    instead: str = ""
    gcloud: str = ""
    in_xpk: bool = True


def works(command: str, spelling: str, why: str, *, gcloud: str = "") -> FlagRow:
    """A flag of xpk's that does what it does there. `--zone=` as spelling: it takes a value."""
    return FlagRow(command, *_spelled(spelling, "works"), why, gcloud=gcloud)


def ours(command: str, spelling: str, why: str) -> FlagRow:
    """A flag that works here and that xpk 1.16 does not have."""
    return FlagRow(command, *_spelled(spelling, "works"), why, in_xpk=False)


def ignored(command: str, spelling: str, why: str) -> FlagRow:
    """A flag that is accepted without effect, which is said on stderr."""
    return FlagRow(command, *_spelled(spelling, "ignored"), why)


def refused(command: str, spelling: str, why: str, instead: str) -> FlagRow:
    """A flag that is known and refused, with what to type instead."""
    return FlagRow(command, *_spelled(spelling, "refused"), why, instead)


def foreign(command: str, spelling: str, why: str, instead: str) -> FlagRow:
    """A flag seen in public scripts that xpk 1.16 does not have either: refused, not unknown."""
    return FlagRow(command, *_spelled(spelling, "refused"), why, instead, in_xpk=False)


def _spelled(spelling: str, kind: Kind) -> tuple[tuple[str, ...], Kind, bool]:
    return tuple(spelling.removesuffix("=").split()), kind, spelling.endswith("=")
