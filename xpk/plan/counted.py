"""Objects that say how many slices there are: they must never promise a slice that is not up.

A queue that hands out chips of slices which GKE could not make lets workloads start and wait for ever,
and one that waits for the last slice keeps the good ones idle.
"""

from __future__ import annotations

from typing import Any

from xpk.frozen import dataclass
from xpk.plan.request import Json


@dataclass(frozen=True, slots=True)
class ApplyCounted:
    """Server-side apply of an object with a number in it, again each time that more slices are up.

    `manifest` is for all slices. `base` slices are there already, and each of the steps `pools` that
    is done adds one. `path` leads to the text in the manifest that is `per_slice` times that number.
    """

    manifest: Json
    pools: tuple[str, ...]
    base: int
    path: tuple[str | int, ...]
    per_slice: int
    why: str = ""

    def counted(self, slices: int) -> Json:
        """The manifest for this many slices."""
        manifest: Json = with_text(self.manifest, self.path, str(slices * self.per_slice))
        return manifest


def with_text(node: Any, path: tuple[str | int, ...], text: str) -> Any:
    """A copy of a manifest with another text in one place."""
    if not path:
        return text
    key, rest = path[0], path[1:]
    if isinstance(node, list):
        return [with_text(item, rest, text) if index == key else item for index, item in enumerate(node)]
    return {**node, key: with_text(node[key], rest, text)}


def text_at(node: Any, path: tuple[str | int, ...]) -> str | None:
    """The text in one place of an object; None where there is none."""
    for key in path:
        if isinstance(node, list) and isinstance(key, int) and key < len(node):
            node = node[key]
        elif isinstance(node, dict):
            node = node.get(key)
        else:
            return None
    return None if node is None else str(node)
