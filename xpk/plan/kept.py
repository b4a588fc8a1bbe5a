"""A thing that a plan leaves as it is, with the reason. Which these are is found in `plan/unchanged.py`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from xpk.frozen import dataclass

AS_ASKED = "as asked for"
Noun = Literal[
    "cluster", "grant", "pools", "nodes", "install", "flavor", "queue", "priority", "record", "ramdisk",
    "workload",
]  # fmt: skip
NOUNS: dict[str, Noun] = {
    "ResourceFlavor": "flavor",
    "ClusterQueue": "queue",
    "LocalQueue": "queue",
    "PriorityClass": "priority",
    "ConfigMap": "record",
    "CheckpointConfiguration": "ramdisk",
    "JobSet": "workload",
}
"""What a kind of object is called in a plan."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that stays as it is, and why. `id` is that of the step that would have changed it."""

    id: str
    noun: Noun
    name: str
    why: str


def runs_on_it(names: tuple[str, ...]) -> str:
    """`w1 runs on it`."""
    return f"{and_(names)} run{'s' if len(names) == 1 else ''} on it"


def and_(names: Collection[str]) -> str:
    """Names in a sentence: `w1, w2 and w3`. There is at least one."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
