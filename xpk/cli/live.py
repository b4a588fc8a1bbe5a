"""Progress on a terminal: done steps folded into a count, one line for each running step.

The terminal side of a run; `progress.py` knows what there is to show.
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
from xpk.cli.progress import FAILURES_SHOWN, Running, Tracker, cut
from xpk.engine.events import Event, StepFailed
from xpk.plan.steps import Plan

_SHOWN = 8
_NAME = 34


class Live:
    """Redraws in place a few times a second; each running step has its own clock."""

    def __init__(self, plan: Plan, console: Console | None = None) -> None:
        self._tracker = Tracker(plan)
        self._labels = self._tracker.labels()
        self._noun = max((len(noun) for noun, _ in self._labels.values()), default=0)
        self._lock = threading.Lock()
        self._console = console or Console(
            file=sys.stderr, no_color=not output.colour_on_stderr(), highlight=False
        )
        self._live = RichLive(
            get_renderable=self._lines, console=self._console, refresh_per_second=4, transient=True
        )

    def show(self, event: Event) -> None:
        with self._lock:
            words = self._tracker.take(event)
            group = self._tracker.groups.get(event.step_id)
        if isinstance(event, StepFailed) and (group is None or group.failed <= FAILURES_SHOWN):
            noun, name = self._labels.get(event.step_id, ("", event.step_id))
            line = output.clean(f"{noun} {name} {words}").replace("\n", " ")
            # One line: the end of the run says all of it again.
            self._console.print(Text(cut(line, self._console.width - 1), style="red"))

    def _lines(self) -> Text:
        with self._lock:
            tracker = self._tracker
            now, total = tracker.clock(), len(tracker.plan.steps)
            failed = f", {tracker.failed} failed" if tracker.failed else ""
            lines = [f"done  {tracker.done} of {total}{failed}   {tracker.elapsed()}"]
            by_noun: dict[str, list[tuple[str, Running]]] = {}
            for step_id, step in tracker.running.items():
                by_noun.setdefault(self._labels.get(step_id, ("", ""))[0], []).append((step_id, step))
            for noun, steps in by_noun.items():
                # Of a thousand pools those first of which the cloud has said something.
                chosen = sorted(steps, key=lambda item: not item[1].words)[:_SHOWN]
                lines += [self._line(step_id, step, now) for step_id, step in chosen]
                if len(steps) > _SHOWN:
                    lines.append(f"  {noun:<{self._noun}}  and {len(steps) - _SHOWN} more")
        return Text("\n".join(lines), no_wrap=True)

    def _line(self, step_id: str, step: Running, now: float) -> str:
        noun, name = self._labels.get(step_id, ("", step_id))
        width = self._console.width - 9
        left = f"  {noun:<{self._noun}}  {cut(name, _NAME):<20}  {step.words or 'waiting for an answer'}"
        return f"{cut(output.clean(left), width):<{width}} {output.age(now - step.since):>7}"

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
