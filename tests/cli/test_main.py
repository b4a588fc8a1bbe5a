"""Where errors become exit codes, and what is printed then."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from xpk.cli import version
from xpk.errors import (
    AccessError,
    CloudError,
    Fault,
    Interrupted,
    NotReady,
    StateError,
    UsageError,
    WaitTimeout,
    WorkloadFailed,
    XpkError,
)

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]
FAULT = Fault("--thing 1", "cannot be", "--thing 2")


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(words: object) -> None:
        raise error

    monkeypatch.setattr(version.version, "run", run)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (AccessError, 3),
        (StateError, 4),
        (CloudError, 5),
        (NotReady, 6),
        (WaitTimeout, 124),
        (WorkloadFailed, 125),
        (Interrupted, 130),
    ],
)
def test_exit_codes(kind: type[XpkError], code: int, xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, kind(FAULT))
    done = xpk("version")
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.startswith("error: --thing 1: cannot be\n       --thing 2\n")
    assert ("Nothing was contacted." in done.stderr) == (code == 2)


def test_a_bug_is_short_and_exits_with_1(xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, TypeError("no \x1b[31mred\x1b[0m"))
    done = xpk("version")
    assert done.returncode == 1
    assert done.stderr == (
        "error: a bug in xpk: TypeError: no ?[31mred?[0m\n       run again with --debug for the traceback\n"
    )


def test_debug_shows_the_traceback(xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, TypeError("x"))
    done = xpk("version", "--debug")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    raising(monkeypatch, StateError(FAULT))
    assert "Traceback" in xpk("version", "--debug").stderr
    assert "Traceback" not in xpk("version").stderr


def test_control_c(xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    done = xpk("version")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_full_disk_is_not_a_bug(xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, OSError(28, "No space left on device"))
    done = xpk("version")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr


def test_version(xpk: Xpk) -> None:
    assert xpk("version").stdout.startswith("xpk ")
    assert xpk("--version").stdout == xpk("version").stdout


def test_many_faults_are_counted(xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, UsageError(FAULT, Fault("--other", "is missing", "write --other")))
    assert xpk("version").stderr.endswith("2 faults. Nothing was contacted.\n")


def test_a_long_value_is_not_repeated_in_full(xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, UsageError(Fault("--command " + "x" * 5000, "no", "yes")))
    assert len(xpk("version").stderr) < 400


def test_colour_only_on_a_terminal(xpk: Xpk, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    raising(monkeypatch, StateError(FAULT))
    assert "\x1b" not in xpk("version").stderr
    monkeypatch.setattr("xpk.cli.output._on_terminal", lambda: True)
    assert "\x1b[31merror:\x1b[0m" in xpk("version").stderr
    assert "\x1b" not in xpk("version", "--no-color").stderr
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in xpk("version").stderr
