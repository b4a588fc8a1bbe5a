"""A rehearsal's plain lines, and the last line of its summary."""

from __future__ import annotations

import pytest

from tests.rehearsal.report.sample import setup
from xpk.cli.rehearse_lines import RehearsalLines
from xpk.cli.rehearse_summary import summary
from xpk.rehearsal.record.events import Ended, Host, Said
from xpk.rehearsal.record.reduce import outcome

A = Host(0, 0)


def test_a_long_log_line_is_folded_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    plain = RehearsalLines(setup())
    plain.show(Said(1, A, 0, "ValueError: " + "word " * 40))
    lines = capsys.readouterr().err.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(lines).count("word") == 40


def test_an_interrupted_one_says_so_and_how_far_it_was() -> None:
    text = summary(outcome(setup(), [Ended(3, "stopped", "interrupted")]))
    assert text == "interrupted before the first step after 3.0 s, no findings\n"
