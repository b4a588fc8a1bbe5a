"""The rules of shapes: which are legal, and which of several a count name means."""

from __future__ import annotations

from itertools import permutations
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.machines import FAMILIES, Family
from xpk.catalog.topologies import (
    LARGEST,
    Topology,
    chip_counts,
    cube_likeness,
    default_topology,
    is_flat,
    is_legal,
    parse_number,
    parse_topology,
    topologies,
    topology_text,
)

families = st.sampled_from(FAMILIES)
sides = st.integers(min_value=-4, max_value=300)


@pytest.mark.parametrize("family", ["v5e", "v6e"])
def test_flat_families_have_eight_shapes(family: Family) -> None:
    text = [topology_text(shape) for shape in topologies(family)]
    assert text == ["1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16"]


@pytest.mark.parametrize(("family", "largest"), [("v4", (16, 16, 16)), ("v5p", (16, 16, 24))])
def test_cubic_families_end_with_the_largest_documented_slice(family: Family, largest: Topology) -> None:
    first = [topology_text(shape) for shape in topologies(family)[:6]]
    assert first == ["2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8"]
    assert default_topology(family, LARGEST[family]) == largest


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_are_listed_once_and_all_of_them_are_legal(family: Family) -> None:
    shapes = topologies(family)
    assert len(set(shapes)) == len(shapes)
    assert all(is_legal(family, shape) for shape in shapes)
    assert sorted({prod(shape) for shape in shapes}) == list(chip_counts(family))


@pytest.mark.parametrize("family", ["v4", "v5p"])
def test_no_legal_shape_is_left_out(family: Family) -> None:
    multiples = range(4, LARGEST[family] // 16 + 1, 4)
    found = {
        (a, b, c)
        for a in multiples
        for b in range(a, LARGEST[family] // a // 4 + 1, 4)
        for c in range(b, LARGEST[family] // a // b + 1, 4)
    }
    assert found == {shape for shape in topologies(family) if prod(shape) >= 64}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_two_shapes_of_one_size_are_equally_cube_like(family: Family) -> None:
    by_chips: dict[int, list[tuple[float, int]]] = {}
    for shape in topologies(family):
        by_chips.setdefault(prod(shape), []).append(cube_likeness(shape))
    for keys in by_chips.values():
        assert keys.count(min(keys)) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rule_by_ratio_and_the_rule_by_sum_of_sides_agree(family: Family) -> None:
    for chips in chip_counts(family):
        shapes = [shape for shape in topologies(family) if prod(shape) == chips]
        assert default_topology(family, chips) == min(shapes, key=sum)


@pytest.mark.parametrize(
    ("family", "chips", "shape"),
    [
        ("v4", 1536, (8, 12, 16)),
        ("v4", 4096, (16, 16, 16)),
        ("v5p", 128, (4, 4, 8)),
        ("v5p", 512, (8, 8, 8)),
        ("v5p", 1024, (8, 8, 16)),
        ("v5p", 6144, (16, 16, 24)),
        ("v6e", 8, (2, 4)),
    ],
)
def test_the_default_is_the_most_cube_like_shape(family: Family, chips: int, shape: Topology) -> None:
    assert default_topology(family, chips) == shape


@pytest.mark.parametrize(("family", "chips"), [("v4", 0), ("v4", 12), ("v4", 4160), ("v5p", 96), ("v6e", 2)])
def test_no_shape_for_other_numbers_of_chips(family: Family, chips: int) -> None:
    assert default_topology(family, chips) is None


@given(families, st.lists(sides, min_size=1, max_size=4))
def test_legal_is_exactly_what_is_listed(family: Family, shape: list[int]) -> None:
    assert is_legal(family, tuple(shape)) == (tuple(shape) in topologies(family))


@given(st.data(), families)
def test_one_order_of_axes_is_legal(data: st.DataObject, family: Family) -> None:
    shape = data.draw(st.sampled_from(topologies(family)))
    assert [other for other in set(permutations(shape)) if is_legal(family, other)] == [shape]
    assert len(shape) == (2 if is_flat(family) else 3)


@given(st.data(), families)
def test_topologies_read_back(data: st.DataObject, family: Family) -> None:
    shape = data.draw(st.sampled_from(topologies(family)))
    assert parse_topology(topology_text(shape)) == shape


@pytest.mark.parametrize("text", ["", "4", "4x", "x4", "4xx4", "04x4", "4x4x-8", "4X4", "4x٤", "4 x4", "0x4"])
def test_other_text_is_no_topology(text: str) -> None:
    assert parse_topology(text) is None


@pytest.mark.parametrize("text", ["", "0", "007", "-1", "+1", "1.0", "1e3", "٤", "1" * 10, "9" * 5000])
def test_other_text_is_no_number(text: str) -> None:
    assert parse_number(text) is None
