"""Where labels stand along a line so that none covers another. No drawing.

A label has a mark, as a numbered disc, whose middle is at its place, and words beside it, right of the
mark or, near the right end, left of it. Where the words do not fit in the given rows, only marks are set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["right", "left", "none"]
GAP = 4.0
"""Least free space between two neighbours in a row."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label: the middle of its mark, and how wide its words are."""

    x: float
    words: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A label's row, 0 nearest to the drawing, and where its words stand. `row` -1: there is no room."""

    row: int
    side: Side


def extent(wanted: Wanted, placed: Placed, mark: float) -> tuple[float, float]:
    """From where to where a placed label reaches; `mark` is the width of its mark."""
    half = mark / 2
    left = wanted.words if placed.side == "left" else 0.0
    right = wanted.words if placed.side == "right" else 0.0
    return wanted.x - half - left, wanted.x + half + right


def place(
    labels: Sequence[Wanted], *, rows: int, most: int, mark: float, left: float, right: float
) -> list[Placed]:
    """A place for each label, in the order given, which is that of their x.

    First all with words within `rows` rows; else all as marks alone within `most` rows; else as many
    marks as fit, the others with row -1. Marks may stand out of `left..right`, words may not.
    """
    placed = _greedy(labels, ("right", "left"), rows, mark, left, right)
    if all(one.row >= 0 for one in placed):
        return placed
    return _greedy(labels, ("none",), most, mark, left, right)


def _greedy(
    labels: Sequence[Wanted], sides: tuple[Side, ...], rows: int, mark: float, left: float, right: float
) -> list[Placed]:
    ends = [float("-inf")] * rows
    placed: list[Placed] = []
    for label in labels:
        found = Placed(-1, "none")
        for row, side in ((row, side) for row in range(rows) for side in sides):
            candidate = Placed(row, side)
            start, end = extent(label, candidate, mark)
            inside = side == "none" or (start >= left - mark / 2 and end <= right + mark / 2)
            if inside and start >= ends[row] + GAP:
                ends[row], found = end, candidate
                break
        placed.append(found)
    return placed
