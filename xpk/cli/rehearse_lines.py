"""A rehearsal without a terminal: one line for each thing that matters, with its time, on stderr."""

from __future__ import annotations

import textwrap
from types import TracebackType
from typing import Self

from xpk.cli import output
from xpk.cli.progress import cut
from xpk.cli.rehearse_board import Board
from xpk.rehearsal.record.events import Event, Said, Stepped
from xpk.rehearsal.record.outcome import Setup

_WIDTH = 80
_CLOCK = len(f"{0:>7.1f} s  ")
_QUIET_SECONDS = 10.0


class RehearsalLines:
    """Prints what happens. Steps and saves share a line, at most one in ten seconds."""

    def __init__(self, setup: Setup) -> None:
        self._board = Board(setup)
        self._spoke = 0.0
        self._step = -1

    def show(self, event: Event) -> None:
        """Print the lines that the event is worth, if any."""
        before = self._board.lines[-1] if self._board.lines else None
        self._board.take(event)
        after = self._board.lines[-1] if self._board.lines else None
        if after is not None and after is not before:
            self._say(after.t, after.words, whole=isinstance(event, Said))
        elif isinstance(event, Stepped):
            self._progress(event.t)

    def _progress(self, t: float) -> None:
        step = self._board.step
        if step > self._step and t - self._spoke >= _QUIET_SECONDS:
            self._say(t, progress_words(self._board), whole=False)

    def _say(self, t: float, words: str, *, whole: bool) -> None:
        self._spoke, self._step = t, self._board.step
        line = f"{t:>7.1f} s  {output.clean(words)}".replace("\n", " ")
        # A log line is what a person has to act on: all of it.
        output.say("\n".join(_folded(line)) if whole else cut(line, _WIDTH))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def _folded(line: str) -> list[str]:
    if len(line) <= _WIDTH:
        return [line]
    clock, text = line[:_CLOCK], line[_CLOCK:]
    first, *more = textwrap.wrap(text, _WIDTH - _CLOCK, break_long_words=False, break_on_hyphens=False) or [
        ""
    ]
    return [clock + first, *(" " * _CLOCK + rest for rest in more)]


def step_words(board: Board) -> str:
    """The step that all hosts have completed: "step 47 of 120"."""
    if board.step < 0:
        return "no step since the restart" if board.restarts else "no step yet"
    return f"step {board.step} of {board.setup.steps}" if board.setup.steps > 0 else f"step {board.step}"


def progress_words(board: Board) -> str:
    """How far the run is: "step 47 of 120, ramdisk 45, bucket 40"."""
    parts = [step_words(board)]
    if board.setup.mode in ("emergency", "multi-tier"):
        parts.append(f"ramdisk {board.ramdisk}" if board.ramdisk >= 0 else "ramdisk empty")
    if board.setup.mode != "none":
        parts.append(f"bucket {board.bucket}" if board.bucket >= 0 else "bucket empty")
    return ", ".join(parts)
