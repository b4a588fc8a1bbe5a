"""Text from servers, and the small parsers beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.cloud.errors import Ambiguous, clean, parse_retry_after
from xpk.cloud.google_errors import operation_error
from xpk.errors import CloudError, QuotaError, StockoutError, UnreachableError


@given(st.text(), st.integers(min_value=4, max_value=50))
def test_clean_text_is_one_short_printable_line(text: str, limit: int) -> None:
    shown = clean(text, limit=limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert clean(shown, limit=limit) == shown


def test_clean_keeps_what_is_readable() -> None:
    assert clean("Grün: \x1b]0;title\x07 a\u202eb\u2028c\td") == "Grün: ]0;title a b c d"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), ("0", 0.0), ("-1", None), ("nan", None), ("inf", None), ("Wed, 21 Oct", None)],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header) == seconds


def test_an_ambiguous_write_is_unreachable_too() -> None:
    assert issubclass(Ambiguous, UnreachableError)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"status": "DONE"}, None),
        ({"status": "DONE", "error": {}}, None),
        (
            {"status": "DONE", "error": {"code": 8, "message": "Atomic resize failed with [GCE_STOCKOUT]"}},
            StockoutError,
        ),
        (
            {
                "error": {
                    "code": 14,
                    "message": "The zone 'z' does not have enough resources available to fulfill",
                }
            },
            StockoutError,
        ),
        ({"error": {"code": 8, "message": "[GCE_QUOTA_EXCEEDED]: Quota 'X' exceeded"}}, QuotaError),
        ({"status": "DONE", "statusMessage": "it broke"}, CloudError),
        ({"error": {"code": 13}}, CloudError),
    ],
)
def test_done_is_not_success(operation: dict[str, object], kind: type[CloudError] | None) -> None:
    error = operation_error(operation, "create node pool c-np-0")
    assert (type(error) if error else None) is kind
    if error:
        assert error.faults[0].what == "create node pool c-np-0"
