"""What is shown while a plan is carried out."""

from __future__ import annotations

import io
import sys

import pytest

from xpk.cli.live import Live
from xpk.cli.progress import Plain, Tracker
from xpk.engine.events import StepDone, StepFailed, StepProgress, StepSkipped, StepStarted
from xpk.errors import Fault, StockoutError
from xpk.plan.steps import ApplyObject, CheckBucket, Plan, PlannedStep, WaitForDeployment

PLAN = Plan(
    "cluster c1",
    (
        PlannedStep("check/b1", CheckBucket("b1", "us-east5")),
        PlannedStep("wait/jobset", WaitForDeployment("jobset-system", "jobset-controller-manager")),
        PlannedStep(
            "apply/x", ApplyObject({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
        ),
    ),
)
STOCKOUT = StockoutError(Fault("pool c1-np-0", "no such machines free\x1b[2J", "try again"))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_tracker_counts() -> None:
    clock = Clock()
    tracker = Tracker(PLAN, clock)
    tracker.take(StepStarted("check/b1"))
    clock.now += 134
    assert tracker.take(StepProgress("check/b1", "41 of 64 hosts")) == "41 of 64 hosts"
    assert tracker.take(StepProgress("check/b1", "41 of 64 hosts")) is None
    assert tracker.running["check/b1"].since == 100
    assert tracker.elapsed() == "2m14s"
    assert tracker.take(StepDone("check/b1", 134)) == "done after 2m14s"
    assert tracker.take(StepSkipped("apply/x")) == "not started"
    assert "no such machines free" in str(tracker.take(StepFailed("wait/jobset", STOCKOUT)))
    assert (tracker.done, tracker.failed, tracker.skipped, tracker.running) == (1, 1, 1, {})


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    plain = Plain(PLAN)
    clock = Clock()
    plain._tracker = Tracker(PLAN, clock)
    with plain:
        plain.show(StepStarted("check/b1"))
        clock.now += 1
        plain.show(StepProgress("check/b1", "too soon to say"))
        clock.now += 20
        plain.show(StepProgress("check/b1", "looked at half"))
        plain.show(StepProgress("check/b1", "again too soon"))
        plain.show(StepDone("check/b1", 21))
        plain.show(StepFailed("wait/jobset", STOCKOUT))
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["21s", ".", "check", "gs://b1", "looked", "at", "half"]
    assert "done after 21s" in lines[1]
    assert "free?[2J" in lines[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    live = Live(PLAN)
    with live:
        live.show(StepStarted("check/b1"))
        live.show(StepProgress("check/b1", "looking\x1b[2J"))
        lines = live._lines().plain.splitlines()
        live.show(StepFailed("wait/jobset", STOCKOUT))
        live.show(StepDone("check/b1", 1))
    assert lines[0].startswith("done  0 of 3")
    assert "looking?[2J" in lines[1]
    assert all(len(line) <= 80 for line in lines)
    text = terminal.getvalue()
    assert "free?[2J" in text.replace("\n", "")
    assert "done  1 of 3" in text.rstrip().splitlines()[-1]
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")  # the cursor is back
