"""The views of a rehearsal: the live screen, plain lines, the summary, the recording."""

from __future__ import annotations

import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from tests.rehearsal.report.sample import Run, crash_loop, setup, story
from xpk.cli.rehearse_board import Board, Doing
from xpk.cli.rehearse_lines import RehearsalLines
from xpk.cli.rehearse_live import RehearsalLive, screen, svg
from xpk.cli.rehearse_summary import result, summary
from xpk.rehearsal.record.events import (
    Began,
    Broke,
    Ended,
    Event,
    Host,
    HostBack,
    HostLost,
    PodEnded,
    PodStarted,
    RamdiskHolds,
    Restored,
    Said,
    Stepped,
)
from xpk.rehearsal.record.outcome import Finding, Setup, to_json
from xpk.rehearsal.record.reduce import outcome

A, B = Host(0, 0), Host(0, 1)
BAD = "x\x1b[2J\u202e\ud800 and\nmore"


def board(known: Setup, events: Sequence[Event]) -> Board:
    found = Board(known)
    for event in events:
        found.take(event)
    return found


def until(events: list[Event], t: float) -> list[Event]:
    return [event for event in events if event.t <= t]


def drawn(found: Board, elapsed: float | None = None, *, width: int = 80, height: int = 23) -> list[str]:
    console = Console(record=True, width=width, file=io.StringIO(), color_system=None)
    console.print(screen(found, found.t if elapsed is None else elapsed, width, height))
    return console.export_text(styles=False).rstrip("\n").split("\n")


ONE = setup(1, 2)
UP: list[Event] = [PodStarted(1, A, "p", 0), Began(2, A, 0), Restored(3, A, 0, -1, "nothing", 0)]
FAULT = Broke(9, "process", (A,), 4)


@pytest.mark.parametrize(
    ("events", "doing", "step"),
    [
        ([], "waiting", -1),
        (UP[:1], "starting", -1),
        (UP[:2], "joined", -1),
        (UP, "restored", -1),
        ([*UP, Stepped(4, A, 0, 3, "1")], "training", 3),
        ([*UP[:1], Restored(2, A, 0, 15, "ramdisk", 9), Began(3, A, 0)], "restored", 15),
        ([Restored(3, A, 1, 15, "peer", 9)], "restored", 15),
        ([*UP, FAULT], "killed", -1),
        ([*UP, FAULT, PodEnded(9.1, A, "p", 0, 137)], "killed", -1),
        ([*UP, replace(FAULT, hosts=(B,)), PodEnded(9.1, A, "p", 0, 143)], "stopped", -1),
        ([*UP, replace(FAULT, hosts=(B,)), PodEnded(9.1, A, "p", 0, 1)], "failed", -1),
        ([*UP, replace(FAULT, fault="sigterm")], "restored", -1),
        ([*UP, PodEnded(9, A, "p", 0, 137)], "failed", -1),
        ([*UP, PodEnded(9, A, "p", 0, 0)], "done", -1),
        ([*UP, HostLost(9, A, "n"), PodEnded(9.1, A, "p", 0, 137)], "lost", -1),
        ([*UP, HostLost(9, A, "n"), HostBack(10, A, "n")], "waiting", -1),
    ],
)
def test_a_cell_says_what_its_host_is_at(events: list[Event], doing: Doing, step: int) -> None:
    cell = board(ONE, events).cells[A]
    assert (cell.doing, cell.step) == (doing, step)


def test_a_lost_host_has_an_empty_ramdisk() -> None:
    found = board(ONE, [RamdiskHolds(1, A, (5,), 9), RamdiskHolds(1, B, (5,), 9)])
    assert (found.ramdisk, found.cells[A].ramdisk) == (5, 5)
    found.take(HostLost(2, A, "n"))
    assert (found.ramdisk, found.cells[A].ramdisk, found.cells[B].ramdisk) == (-1, -1, 5)


def test_the_way_back_is_measured_from_the_fault() -> None:
    known, events = setup(), story()
    found = board(known, events)
    wanted = outcome(known, events).recoveries[-1]
    trouble = found.trouble
    assert trouble is not None
    assert trouble.number == 4
    assert (trouble.noticed, trouble.running, trouble.restored, trouble.first_step) == pytest.approx(
        (wanted.noticed, wanted.running, wanted.restored, wanted.first_step)
    )


def test_steps_of_the_old_pods_are_no_way_back() -> None:
    found = board(ONE, [*UP, FAULT, Stepped(9.2, B, 0, 5, "1"), Restored(9.3, B, 0, 5, "ramdisk", 1)])
    assert found.trouble is not None
    assert not found.trouble.over
    assert found.trouble.restored is None


def test_the_screen_while_a_host_is_lost() -> None:
    assert drawn(board(setup(), until(story(), 10.7)), 11.0) == [
        "2 slices of 2 hosts, emergency checkpointing                  0 restarts     11s",
        "step 17 of 70   ○ ramdisk 15   ■ bucket empty",
        "━" * 17 + "○" + "━" * 2 + "─" * 60,
        " " + "─" * 78 + " ",
        "  slice   host 0                              host 1                            ",
        " " + "─" * 78 + " ",
        "  0       training     step 17                lost          step -              ",
        "          ramdisk            -                ramdisk            -              ",
        " " + "─" * 78 + " ",
        "  1       training     step 17                training     step 17              ",
        "          ramdisk           15                ramdisk           15              ",
        " " + "─" * 78 + " ",
        "pods end, and are made again",
        "fault 1: host lost, slice 0 host 1, at step 17  1.0 s ago",
        "  noticed 0.6 s > pods running ... > restored ... > first new step ...",
        "    0.6 s  all 4 pods running, the first start",
        "    3.6 s  nothing to restore: training begins at the start",
        "    6.2 s  step 0, the first",
        "   10.0 s  fault: host lost, slice 0 host 1, at step 17",
        "   10.6 s  noticed: JobSet: restart 1 of 50",
    ]


SHAPES = [(1, 1), (2, 2), (3, 2), (2, 4), (4, 4), (8, 4), (2, 8), (16, 16), (40, 3)]


@pytest.mark.parametrize(("slices", "hosts"), SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.6, 1.0])
def test_every_shape_fits_a_terminal_of_80_by_24(slices: int, hosts: int, share: float) -> None:
    run = Run(slices=slices, hosts=hosts, steps=20 if slices < 10 else 3)
    events = run.go([(12 if slices < 10 else 1, "slice", Host(slices - 1, hosts - 1))])
    known = setup(slices, hosts, 12_345)
    lines = drawn(board(known, events[: int(len(events) * share)]))
    assert len(lines) <= 23
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    if slices <= 8:
        words = "host" if hosts <= 4 else "slice"
        assert all(f"{words} {index}" in text for index in range(hosts if hosts <= 4 else slices))


@pytest.mark.parametrize(("width", "height"), [(40, 12), (60, 15), (80, 16), (100, 30), (200, 60)])
@pytest.mark.parametrize(("slices", "hosts"), [(2, 2), (4, 4), (40, 3)])
def test_other_terminals_cut_no_step(width: int, height: int, slices: int, hosts: int) -> None:
    known = setup(slices, hosts, 2_000)
    events: list[Event] = [Stepped(1, host, 0, 1_234, "1") for host in known.all_hosts()]
    lines = drawn(board(known, [*events, Broke(2, "host", (A,), 1_234)]), width=width, height=height)
    assert len(lines) <= height
    assert all(len(line) <= min(width, 120) for line in lines)
    text = "\n".join(lines)
    assert "…" not in text
    assert text.count("1234") > min(slices, height - 11)


@pytest.mark.parametrize(
    ("step", "word", "ramdisks"), [(99, "training", 33), (9_999, "train", 33), (999_999, "train", 1)]
)
def test_large_steps_are_not_cut(step: int, word: str, ramdisks: int) -> None:
    known = setup(8, 4, 2_000_000)
    events: list[Event] = [Stepped(1, host, 0, step, "1") for host in known.all_hosts()]
    events += [RamdiskHolds(1, host, (step - 9,), 1) for host in known.all_hosts()]
    text = "\n".join(drawn(board(known, events)))
    assert len(re.findall(rf"\b{word} {step}\b", text)) == 32
    assert len(re.findall(rf"\b{step - 9}\b", text)) == ramdisks
    assert "…" not in text


def test_of_many_slices_those_in_trouble_are_shown() -> None:
    known = setup(40, 3, 20)
    events: list[Event] = [Stepped(1, host, 0, 4, "1") for host in known.all_hosts()]
    text = "\n".join(drawn(board(known, [*events, HostLost(2, Host(38, 1), "n")])))
    assert "slice 38" in text
    assert "2 training, 1 lost" in text
    assert "and 27 more slices" in text


def test_nothing_a_trainer_says_reaches_the_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    events: list[Event] = [Said(1, A, 0, BAD), HostLost(2, A, BAD), Ended(3, "failed", BAD)]
    lines = drawn(board(setup(), events))
    assert all(char.isprintable() for line in lines for char in line)
    assert any("x?[2J?? and more" in line for line in lines)
    plain = RehearsalLines(setup())
    for event in events:
        plain.show(event)
    err = capsys.readouterr().err
    assert all(char.isprintable() for line in err.splitlines() for char in line)
    assert len(err.splitlines()) == 2
    known = outcome(setup(), events)
    finding = Finding("x", BAD, BAD, BAD)
    told = summary(replace(known, findings=(finding,)))
    assert all(char.isprintable() or char == "\n" for char in told)
    assert "\x1b" not in svg(board(setup(), events), known)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm")
    with RehearsalLive(setup(), lambda: 11.0) as live:
        for event in story():
            live.show(event)
    text = terminal.getvalue()
    assert "2 slices of 2 hosts" in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")  # the cursor is back


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with RehearsalLines(setup()) as plain:
        for event in Run(steps=70).go([(7, "host", B)]):
            plain.show(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "    0.6 s  all 4 pods running, the first start",
        "    3.6 s  nothing to restore: training begins at the start",
        "    6.2 s  step 0, the first",
        "    7.8 s  fault: host lost, slice 0 host 1, at step 7",
        "    8.4 s  noticed: JobSet: restart 1 of 50",
        "   10.9 s  all 4 pods running, restart 1",
        "   14.0 s  restored step 5: 2 from own ramdisk, 2 from a peer",
        "   16.7 s  step 6, the first after restart 1",
        "   26.8 s  step 51 of 70, ramdisk 50, bucket 40",
        "   31.2 s  succeeded: all pods ended with 0",
    ]


def test_the_result_is_the_summary_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(setup(), story())
    result(found, "table")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.endswith(
        "4 faults, 4 restarts: 23 steps lost instead of 54\n"
        "losses after a restart are those of before, digit by digit\n"
        "succeeded at step 69 after 61.8 s, no findings\n"
    )
    assert "out of the ramdisk of slice 1" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_for_machines_stdout_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(setup(), crash_loop())
    result(found, "json")
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == json.loads(json.dumps(to_json(found)))


def test_a_failed_one_ends_with_its_findings() -> None:
    found = outcome(setup(), crash_loop())
    text = summary(found)
    assert found.findings
    assert text.splitlines()[-1] == f"failed at step 17 after 27.8 s, {len(found.findings)} finding" + (
        "s" if len(found.findings) > 1 else ""
    )
    assert "found: " in text


def test_a_recording_is_one_drawing_that_loads_nothing() -> None:
    events = story()
    text = svg(board(setup(), events), outcome(setup(), events))
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert re.findall(r"https?:[^\"\s]*", text) == ["http://www.w3.org/2000/svg"]
    words = "".join(root.itertext()).replace("\xa0", " ")
    assert "xpk rehearse" in words
    assert "2 slices of 2 hosts, emergency checkpointing" in words
    assert "succeeded at step 69" in words
    assert text == svg(board(setup(), events), outcome(setup(), events))
