"""Places and ticks of an axis."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.report.scale import Scale, number, ticks


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.0, 40.0), (50.0, 240.0), (100.0, 440.0), (-5.0, 40.0), (1000.0, 440.0), (0.1, 40.4)],
)
def test_a_value_has_its_place(value: float, place: float) -> None:
    assert Scale(0, 100, 40, 440).at(value) == place


def test_an_axis_may_go_up_and_may_be_a_point() -> None:
    assert Scale(0, 10, 300, 0).at(2.5) == 225.0
    assert Scale(7, 7, 40, 440).at(7) == 40.0


@pytest.mark.parametrize(
    ("low", "high", "most", "whole", "expected"),
    [
        (0, 60, 7, True, (0, 10, 20, 30, 40, 50, 60)),
        (0, 61.8, 5, False, (0, 20, 40, 60)),
        (0, 61.8, 12, False, (0, 10, 20, 30, 40, 50, 60)),
        (0, 1, 7, True, (0, 1)),
        (0, 1, 7, False, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 250_000, 6, True, (0, 50_000, 100_000, 150_000, 200_000, 250_000)),
        (0, 0.04, 5, False, (0, 0.01, 0.02, 0.03, 0.04)),
        (3, 3, 5, True, (3,)),
        (5, 4, 5, True, ()),
        (0, 10, 0, True, ()),
    ],
)
def test_ticks_are_round(
    low: float, high: float, most: int, whole: bool, expected: tuple[float, ...]
) -> None:
    assert ticks(low, high, most, whole=whole) == expected


@given(high=st.floats(1e-3, 1e7), most=st.integers(2, 20), whole=st.booleans())
def test_ticks_are_few_even_and_inside(high: float, most: int, whole: bool) -> None:
    found = ticks(0, high, most, whole=whole)
    assert 1 <= len(found) <= most
    assert all(-1e-6 <= tick <= high * (1 + 1e-6) for tick in found)
    assert not whole or all(tick == int(tick) for tick in found)
    gaps = [b - a for a, b in pairwise(found)]
    assert all(gap == pytest.approx(gaps[0], rel=1e-6) for gap in gaps)
    # Not so few that the axis cannot be read: the next finer gap would have been too many.
    assert whole or len(found) * 2.6 + 2 > most


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (40.0, "40"), (0.5, "0.5"), (0.25, "0.25")])
def test_a_number_has_no_needless_digits(value: float, text: str) -> None:
    assert number(value) == text
