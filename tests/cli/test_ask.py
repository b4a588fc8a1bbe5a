"""The question before anything is done."""

from __future__ import annotations

import io
import sys

import pytest

from xpk.cli.ask import NotConfirmed, confirm


def answer(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.parametrize("text", ["y\n", "yes\n", " Y \n", "y", "y\ny\ny\n", "YES\r\n"])
def test_yes(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(text, monkeypatch)
    confirm("Apply?")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Apply? [y/N] ")


@pytest.mark.parametrize("text", ["\n", "n\n", "no\n", "yep\n", "maybe\ny\n"])
@pytest.mark.parametrize("harmless", [True, False])
def test_everything_else_is_no(text: str, harmless: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(text, monkeypatch)
    with pytest.raises(NotConfirmed, match="not confirmed"):
        confirm("Apply?", harmless=harmless)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer("", monkeypatch)
    with pytest.raises(NotConfirmed, match="nobody to give one") as raised:
        confirm("Delete cluster c1?")
    assert "--yes" in raised.value.faults[0].fix
    assert raised.value.exit_code == 2
    confirm("Apply?", harmless=True)
    assert "nobody there to ask" in capsys.readouterr().err


def test_one_line_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    answer("y\nrest\n", monkeypatch)
    confirm("Apply?")
    assert sys.stdin.read() == "rest\n"


def test_no_stdin_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(NotConfirmed):
        confirm("Apply?")
