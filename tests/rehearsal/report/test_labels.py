"""Labels do not cover each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.report.labels import GAP, Placed, Wanted, extent, place

LEFT, RIGHT, MARK = 46.0, 946.0, 18.0


def placed(*labels: tuple[float, float], rows: int = 2, most: int = 3) -> list[Placed]:
    wanted = [Wanted(x, words) for x, words in labels]
    return place(wanted, rows=rows, most=most, mark=MARK, left=LEFT, right=RIGHT)


def test_far_apart_they_stand_in_one_row_with_their_words() -> None:
    assert placed((100, 120), (400, 120)) == [Placed(0, "right"), Placed(0, "right")]


def test_near_the_right_end_words_stand_left() -> None:
    assert placed((940, 120)) == [Placed(0, "left")]


def test_close_ones_take_the_next_row() -> None:
    assert placed((100, 120), (150, 120)) == [Placed(0, "right"), Placed(1, "right")]


def test_too_many_lose_their_words_all_alike() -> None:
    found = placed((100, 300), (150, 300), (200, 300))
    assert [one.side for one in found] == ["none"] * 3
    assert [one.row for one in found] == [0, 0, 0]


def test_marks_at_one_moment_are_stacked_and_the_last_has_no_room() -> None:
    assert [one.row for one in placed(*[(100.0, 50.0)] * 4)] == [0, 1, 2, -1]


@given(
    st.lists(st.tuples(st.floats(LEFT, RIGHT), st.floats(0, 400)), max_size=60),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_none_overlaps_another(labels: list[tuple[float, float]], rows: int, most: int) -> None:
    wanted = [Wanted(x, words) for x, words in sorted(labels)]
    found = place(wanted, rows=rows, most=most, mark=MARK, left=LEFT, right=RIGHT)
    assert len(found) == len(wanted)
    assert len({one.side == "none" for one in found if one.row >= 0}) <= 1
    for row in range(max(rows, most)):
        spans = [extent(w, p, MARK) for w, p in zip(wanted, found, strict=True) if p.row == row]
        assert all(start >= LEFT - MARK / 2 - 1e-6 and end <= RIGHT + MARK / 2 + 1e-6 for start, end in spans)
        assert all(later[0] - earlier[1] >= GAP - 1e-6 for earlier, later in pairwise(sorted(spans)))
