"""Fixtures for all tests: golden files, and signals as programs expect them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Undo what `nohup` and background jobs of a shell leave to their children: ignored signals.

    No program can trap a signal that was ignored when it started, and many tests send some.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with `tests/golden/NAME`.

    UPDATE_GOLDENS=1 writes the file, and the run still fails: a changed golden is to be
    read, then run again without the variable.
    """

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        wanted = path.read_text() if path.exists() else None
        if wanted == text:
            return
        if os.environ.get("UPDATE_GOLDENS") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            pytest.fail(f"{path.name} was rewritten: read the change, then run again without UPDATE_GOLDENS")
        assert text == wanted, f"{path} differs; UPDATE_GOLDENS=1 rewrites it"

    return check
