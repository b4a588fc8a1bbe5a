"""`--max-restarts` and `--restart-on-exit-codes`, and the policy they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.errors import UsageError
from xpk.spec.restarts import (
    MTC_MAX_RESTARTS,
    CodeRange,
    RestartPolicy,
    parse_exit_codes,
    parse_max_restarts,
    restart_policy,
)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("42", [(42, 42)]),
        ("1,3-5,42", [(1, 1), (3, 5), (42, 42)]),
        (" 1 , 3 - 5 ", [(1, 1), (3, 5)]),
        ("1-255", [(1, 255)]),
        ("7,7", [(7, 7)]),
    ],
)
def test_exit_codes(text: str, ranges: list[tuple[int, int]]) -> None:
    assert parse_exit_codes(text) == tuple(CodeRange(first, last) for first, last in ranges)


@pytest.mark.parametrize(
    ("text", "count", "word"),
    [
        ("", 1, "neither"),
        ("banana", 1, "banana"),
        ("0", 1, "success"),
        ("0-3", 1, "success"),
        ("256", 1, "256"),
        ("1-300", 1, "300"),
        ("5-3", 1, "backwards"),
        ("-1", 1, "neither"),
        ("1,,2", 1, "neither"),
        ("1.5", 1, "neither"),
        ("٣", 1, "neither"),
        ("0,256,5-3,banana", 4, "success"),
    ],
)
def test_exit_codes_refused(text: str, count: int, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_exit_codes(text)
    assert len(caught.value.faults) == count
    assert word in caught.value.faults[0].why


@pytest.mark.parametrize("text", ["banana", "", "-1", "1.0", "2147483648", "1e3", "٣", " 1"])
def test_max_restarts_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_max_restarts(text)


def test_max_restarts() -> None:
    assert [parse_max_restarts(text) for text in ("0", "15", "2147483647")] == [0, 15, 2147483647]


@pytest.mark.parametrize(
    ("policy", "free", "fatal"),
    [
        (restart_policy(None, None, mtc=False), False, []),
        (restart_policy(3, None, mtc=False), True, [1, 2, 41, 43, 126]),
        (restart_policy(3, (CodeRange(1, 2),), mtc=False), True, [3, 41, 126]),
        (restart_policy(None, None, mtc=True), True, []),
        (restart_policy(None, (CodeRange(1, 1),), mtc=True), True, [2, 41, 126]),
        (restart_policy(0, None, mtc=True), False, []),
        (restart_policy(3, (CodeRange(1, 255),), mtc=False), True, []),
    ],
)
def test_policy(policy: RestartPolicy, free: bool, fatal: list[int]) -> None:
    assert policy.disruptions_free is free
    codes = policy.restart_codes
    assert (codes is None) is (not fatal)
    assert all(code not in (codes or ()) for code in fatal)
    assert codes is None or {42, 127, 255} <= set(codes)


def test_default_budgets() -> None:
    assert restart_policy(None, None, mtc=False).max_restarts == 0
    assert restart_policy(None, None, mtc=True).max_restarts == MTC_MAX_RESTARTS


@given(st.lists(st.tuples(st.integers(1, 255), st.integers(1, 255)).map(sorted), min_size=1), st.booleans())
def test_kubernetes_limit_always_holds(ranges: list[list[int]], mtc: bool) -> None:
    codes = parse_exit_codes(",".join(f"{first}-{last}" for first, last in ranges))
    allowed = RestartPolicy(1, codes, mtc).restart_codes
    assert allowed is None or (len(allowed) < 255 and allowed == tuple(sorted(set(allowed))))
