"""What reaches the terminal, and in which shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.cli import output
from xpk.errors import AccessError, Fault


@given(st.text())
def test_clean_text_cannot_drive_a_terminal(text: str) -> None:
    cleaned = output.clean(text)
    assert all(c.isprintable() or c == "\n" for c in cleaned)
    assert len(cleaned) == len(text)
    assert output.clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        ("plain", "plain"),
        ("a\x1b[2Jb", "a?[2Jb"),
        ("a\tb\r\n", "a b \n"),
        ("\u202eevil", "?evil"),
        ("ü", "ü"),
    ],
)
def test_clean(given_text: str, cleaned: str) -> None:
    assert output.clean(given_text) == cleaned


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0.4, "0s"),
        (59.9, "59s"),
        (60, "1m00s"),
        (134, "2m14s"),
        (3600, "1h00m"),
        (11100, "3h05m"),
        (90000, "1d"),
    ],
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert output.age(seconds) == text


def test_a_table_keeps_names_whole_and_cuts_the_end() -> None:
    rows = [{"name": "a" * 40, "state": "Failed: " + "x" * 80}, {"name": "b", "state": "Running\x1b[31m"}]
    lines = output.table(rows, (("name", "NAME"), ("state", "STATE"))).splitlines()
    assert lines[0] == "NAME" + " " * 38 + "STATE"
    assert lines[1].startswith("a" * 40 + "  Failed: xx")
    assert len(lines[1]) == 80
    assert lines[1].endswith("...")
    assert lines[2].endswith("Running?[31m")


def test_a_table_without_rows_has_headings() -> None:
    assert output.table([], (("a", "A"), ("b", "B"))) == "A  B\n"


def test_a_fault_in_several_lines() -> None:
    assert output.fault_lines(Fault("a", "b", "first\nsecond")) == ["a: b", "       first", "       second"]
    assert output.fault_lines(Fault("a", "", "c")) == ["a", "       c"]


def test_what_mends_several_faults_in_a_row_stands_once(capsys: pytest.CaptureFixture[str]) -> None:
    faults = (
        Fault("a", "no", "ask"),
        Fault("b", "no", "ask"),
        Fault("c", "no", "wait"),
        Fault("d", "no", "ask"),
    )
    output.error(AccessError(*faults))
    assert capsys.readouterr().err.splitlines() == [
        *("error: a: no", "error: b: no", "       ask"),
        *("error: c: no", "       wait"),
        *("error: d: no", "       ask"),
    ]


def test_structured_output(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "ü", "rows": [1, None], "same": (1, 2)}
    output.structured(value, "json")
    assert '"\\u00fc"' in capsys.readouterr().out
    output.structured(value, "yaml")
    assert capsys.readouterr().out.startswith("name: ")
