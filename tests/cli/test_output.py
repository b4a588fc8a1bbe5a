"""What reaches the terminal, and in which shape."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.cli import output
from xpk.errors import AccessError, Fault, StockoutError


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


LONG = Fault(
    "node pool c1-np-0",
    "The zone 'projects/my-project/zones/us-east5-b' does not have enough resources available to fulfill the "
    "request; try a different zone, or try again later",
    "run the same command again later: it replaces this pool; or take another zone, --reservation, --spot or "
    "--flex\n"
    "xpk cluster describe --cluster a-name-as-long-as-gke-takes-it --project my-project --zone us-east5-b",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_faults_and_notes_are_folded_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    output.error(StockoutError(LONG))
    output.notes([LONG.why])
    written = terminal.getvalue().splitlines()
    (command,) = [line for line in written if "xpk cluster" in line]
    lines = [line for line in written if line != command]
    assert lines[0].startswith("error: node pool c1-np-0: The zone")
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if line.startswith("       ")]) >= 3
    assert [line for line in lines if line.startswith("note: The zone")]
    assert command.strip() == LONG.fix.splitlines()[1], "what is pasted stays whole"
    assert LONG.why in " ".join(terminal.getvalue().split())


def test_faults_stay_in_one_line_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    output.error(StockoutError(LONG))
    output.notes([LONG.why])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"error: {LONG.what}: {LONG.why}"
    assert lines[1:3] == [f"       {line}" for line in LONG.fix.splitlines()]
    assert lines[3] == f"note: {LONG.why}"


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_was_closed_before_the_start_takes_what_it_gets(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, name, None)
    output.prepare()
    with getattr(sys, name):
        output.say("to a person")
        output.result("to a reader")
