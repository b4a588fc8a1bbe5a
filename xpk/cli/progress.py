"""What is going on while a plan is carried out: the state behind the screen, and its plain form.

`Tracker` knows which steps run and what the cloud says about them; `Plain` prints one line for
each change. The form for terminals is in `live.py`, because it needs rich.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, assert_never

from xpk.cli import output
from xpk.engine.events import Event, StepDone, StepFailed, StepProgress, StepSkipped, StepStarted
from xpk.plan.steps import Plan
from xpk.plan.text import describe_step


class Screen(Protocol):
    """Shows events; a context manager, so that a terminal is left as it was."""

    def show(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(slots=True)
class Running:
    """A step under way: since when, and the cloud's last words about it."""

    since: float
    words: str = ""


@dataclass(slots=True)
class Tracker:
    """The steps of a plan by what has become of them. Not safe for several threads by itself."""

    plan: Plan
    clock: Callable[[], float] = time.monotonic
    start: float = 0.0
    running: dict[str, Running] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    skipped: int = 0

    def __post_init__(self) -> None:
        self.start = self.clock()

    def take(self, event: Event) -> str | None:
        """Take an event in; what to say about it in one line, None where it says nothing new."""
        match event:
            case StepStarted():
                self.running[event.step_id] = Running(self.clock())
                return "started"
            case StepProgress():
                step = self.running.setdefault(event.step_id, Running(self.clock()))
                changed = step.words != event.words
                step.words = event.words
                return event.words if changed else None
            case StepDone():
                self.running.pop(event.step_id, None)
                self.done += 1
                return f"done after {output.age(event.seconds)}"
            case StepFailed():
                self.running.pop(event.step_id, None)
                self.failed += 1
                return f"failed: {event.error}"
            case StepSkipped():
                self.skipped += 1
                return "not started"
            case _:
                assert_never(event)

    def labels(self) -> dict[str, tuple[str, str]]:
        """Noun and name of each step, as in the plan."""
        lines = {planned.id: describe_step(planned.step) for planned in self.plan.steps}
        return {key: (line.noun, line.name) for key, line in lines.items()}

    def elapsed(self) -> str:
        """How long all of it has taken."""
        return output.age(self.clock() - self.start)


_QUIET_SECONDS = 10.0


class Plain:
    """One line a change on stderr, with the time since the start: for pipes, files and CI.

    A step that is under way speaks at most once in ten seconds: a pool of 64 hosts has 64 changes.
    """

    def __init__(self, plan: Plan) -> None:
        self._tracker = Tracker(plan)
        self._spoke: dict[str, float] = {}
        self._labels = self._tracker.labels()
        self._noun = max((len(noun) for noun, _ in self._labels.values()), default=0)

    def show(self, event: Event) -> None:
        words = self._tracker.take(event)
        if words is None or isinstance(event, StepStarted) or self._too_soon(event):
            return
        noun, name = self._labels.get(event.step_id, ("", event.step_id))
        output.say(f"{self._tracker.elapsed():>7}  {noun:<{self._noun}}  {name}  {words}")

    def _too_soon(self, event: Event) -> bool:
        if not isinstance(event, StepProgress):
            return False
        now = self._tracker.clock()
        last = self._spoke.get(event.step_id, self._tracker.running[event.step_id].since)
        if now - last < _QUIET_SECONDS:
            return True
        self._spoke[event.step_id] = now
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
