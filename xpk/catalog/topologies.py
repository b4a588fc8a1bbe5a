"""Which shapes a slice may have, and what xpk calls them. Rules, not a table.

A topology is the number of chips along each axis, in the order in which GKE's node label
`cloud.google.com/gke-tpu-topology` writes it. Not here: machines and hosts (`slices.py`).
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Final

from xpk.catalog.machines import Family

Topology = tuple[int, ...]

PREFIX: Final[dict[Family, str]] = {"v4": "v4", "v5e": "v5litepod", "v5p": "v5p", "v6e": "v6e"}
"""What a slice's name starts with."""

PREFIXES: Final[dict[str, Family]] = {
    "v4": "v4",
    "v5litepod": "v5e",
    "v5e": "v5e",
    "v5p": "v5p",
    "v6e": "v6e",
}
"""Every accepted prefix, with `v5e` as the alias of `v5litepod`."""

CORES_PER_CHIP: Final[dict[Family, int]] = {"v4": 2, "v5e": 1, "v5p": 2, "v6e": 1}
"""The number in a count name counts TensorCores: two a chip on v4 and v5p, one on v5e and v6e."""

LARGEST: Final[dict[Family, int]] = {"v4": 4096, "v5e": 256, "v5p": 6144, "v6e": 256}
"""Chips of the largest slice: cloud.google.com/tpu/docs/{v4,v5e,v5p,v6e}."""

# v5e and v6e are flat; cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus lists all shapes.
_FLAT: Final[tuple[Topology, ...]] = ((1, 1), (2, 2), (2, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16))
# v4 and v5p are built of cubes of 4x4x4 chips; these four are the parts of one cube.
_PARTS: Final[tuple[Topology, ...]] = ((2, 2, 1), (2, 2, 2), (2, 2, 4), (2, 4, 4))
_CUBE: Final = 64


def is_flat(family: Family) -> bool:
    """Whether the family's slices have two axes (v5e, v6e) instead of three (v4, v5p)."""
    return family in ("v5e", "v6e")


def is_legal(family: Family, topology: Topology) -> bool:
    """Whether GKE has slices of this shape, written in this order of axes."""
    if is_flat(family):
        return topology in _FLAT
    if topology in _PARTS:
        return True
    return (
        len(topology) == 3
        and all(side > 0 and side % 4 == 0 for side in topology)
        and topology[0] <= topology[1] <= topology[2]
        and prod(topology) <= LARGEST[family]
    )


def cube_likeness(topology: Topology) -> tuple[float, int]:
    """Sort key, smallest = most cube-like: longest side over shortest, then the sum of the sides.

    A cube-like shape has the shortest ways between chips and the most links across its middle.
    Over all legal counts no two shapes tie, and every default that xpk lists for v4 and v5p up to
    the largest slice is the one that this key picks (docs/decisions/0002-slice-catalog.md).
    """
    return max(topology) / min(topology), sum(topology)


@cache
def default_topology(family: Family, chips: int) -> Topology | None:
    """The shape that a count name means: the most cube-like legal one, None if no shape has `chips`."""
    shapes = _shapes_with(family, chips)
    return min(shapes, key=cube_likeness) if shapes else None


def _shapes_with(family: Family, chips: int) -> list[Topology]:
    if not 0 < chips <= LARGEST[family]:
        return []
    if is_flat(family):
        return [shape for shape in _FLAT if prod(shape) == chips]
    if chips < _CUBE:
        return [shape for shape in _PARTS if prod(shape) == chips]
    cubes, rest = divmod(chips, _CUBE)
    if rest:
        return []
    return [
        (4 * a, 4 * b, 4 * (cubes // a // b))
        for a in range(1, cubes + 1)
        if a * a * a <= cubes and cubes % a == 0
        for b in range(a, cubes // a + 1)
        if a * b * b <= cubes and (cubes // a) % b == 0
    ]


@cache
def topologies(family: Family) -> tuple[Topology, ...]:
    """Every legal shape, fewest chips first, most cube-like first among equals."""
    return tuple(
        shape
        for chips in chip_counts(family)
        for shape in sorted(_shapes_with(family, chips), key=cube_likeness)
    )


def chip_counts(family: Family) -> tuple[int, ...]:
    """Every number of chips that a slice can have, ascending."""
    if is_flat(family):
        return tuple(prod(shape) for shape in _FLAT)
    return (*(prod(shape) for shape in _PARTS), *range(_CUBE, LARGEST[family] + 1, _CUBE))


def topology_text(topology: Topology) -> str:
    """`(4, 4, 8)` as `4x4x8`."""
    return "x".join(map(str, topology))


def count_name(family: Family, chips: int) -> str:
    """xpk's name for a number of chips: 128 chips of v5p are `v5p-256`."""
    return f"{PREFIX[family]}-{chips * CORES_PER_CHIP[family]}"


def topology_name(family: Family, topology: Topology) -> str:
    """The name that says the shape: `v5p-4x4x8`."""
    return f"{PREFIX[family]}-{topology_text(topology)}"


def unique_name(family: Family, topology: Topology) -> str:
    """The count name where it means this shape, else the topology name. No two shapes share one."""
    chips = prod(topology)
    if default_topology(family, chips) == topology:
        return count_name(family, chips)
    return topology_name(family, topology)


def parse_number(text: str) -> int | None:
    """`text` as a number without sign, leading zero or exotic digits; None if it is none of that.

    More than nine digits are no size of anything here, and are not worth converting.
    """
    if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 9:
        return int(text)
    return None


def parse_topology(text: str) -> Topology | None:
    """`4x4x8` as `(4, 4, 8)`, any shape of two or more axes; None if it is no topology at all."""
    sides = [parse_number(side) for side in text.split("x")]
    if len(sides) < 2 or None in sides:
        return None
    return tuple(side for side in sides if side is not None)
