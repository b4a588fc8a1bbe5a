"""Progress on a terminal: done steps folded into a count, one line for each running step.

The only module of the program that uses rich.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from xpk.cli import output
from xpk.cli.progress import Tracker
from xpk.engine.events import Event, StepFailed
from xpk.plan.steps import Plan

_SHOWN = 12
_NAME = 34


class Live:
    """Redraws in place a few times a second; each running step has its own clock."""

    def __init__(self, plan: Plan) -> None:
        self._tracker = Tracker(plan)
        self._labels = self._tracker.labels()
        self._noun = max((len(noun) for noun, _ in self._labels.values()), default=0)
        self._lock = threading.Lock()
        self._console = Console(file=sys.stderr, no_color=not output.colour_on_stderr(), highlight=False)
        self._live = RichLive(
            get_renderable=self._lines, console=self._console, refresh_per_second=4, transient=True
        )

    def show(self, event: Event) -> None:
        with self._lock:
            words = self._tracker.take(event)
        if isinstance(event, StepFailed):
            noun, name = self._labels.get(event.step_id, ("", event.step_id))
            self._console.print(Text(output.clean(f"{noun} {name} {words}"), style="red"))

    def _lines(self) -> Text:
        with self._lock:
            tracker = self._tracker
            now, width = tracker.clock(), self._console.width - 9
            total = len(tracker.plan.steps)
            lines = [f"done  {tracker.done} of {total}   {tracker.elapsed()}"]
            running = list(tracker.running.items())
        for step_id, step in running[:_SHOWN]:
            noun, name = self._labels.get(step_id, ("", step_id))
            clock = output.age(now - step.since)
            left = f"  {noun:<{self._noun}}  {_cut(name, _NAME):<20}  {step.words or 'waiting for an answer'}"
            lines.append(f"{_cut(output.clean(left), width):<{width}} {clock:>7}")
        if len(running) > _SHOWN:
            lines.append(f"  and {len(running) - _SHOWN} more")
        return Text("\n".join(lines), no_wrap=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)
        output.say(
            f"done  {self._tracker.done} of {len(self._tracker.plan.steps)}   {self._tracker.elapsed()}"
        )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."
