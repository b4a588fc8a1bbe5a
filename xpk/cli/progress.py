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


_MANY = 12
FAILURES_SHOWN = 6
"""Failed steps of one group that are told one by one; the end of the run names the reasons again."""


@dataclass(slots=True)
class Group:
    """Many steps of one kind, such as a thousand pools, and what has become of them."""

    sign: str
    noun: str
    name: str
    total: int
    done: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def ended(self) -> int:
        """How many are over, well or badly."""
        return self.done + self.failed + self.skipped

    @property
    def words(self) -> str:
        """How far they are: "done 250 of 1000, 3 failed"."""
        parts = [f"done {self.done} of {self.total}"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.skipped} not started"] if self.skipped else []
        return ", ".join(parts)


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
    groups: dict[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start = self.clock()
        self.groups = groups_of(self.plan)

    def take(self, event: Event) -> str | None:
        """Take an event in; what to say about it in one line, None where it says nothing new."""
        match event:
            case StepStarted():
                self.running[event.step_id] = Running(self.clock())
                return "started"
            case StepProgress():
                step = self.running.setdefault(event.step_id, Running(self.clock()))
                changed = step.words != event.words
                if not step.words and event.step_id in self.groups:
                    step.since = self.clock()  # of a thousand pools most wait for their turn at first
                step.words = event.words
                return event.words if changed else None
            case StepDone():
                self._ended(event.step_id).done += 1
                self.done += 1
                return f"done after {output.age(event.seconds)}"
            case StepFailed():
                self._ended(event.step_id).failed += 1
                self.failed += 1
                return f"failed: {event.error}"
            case StepSkipped():
                self._ended(event.step_id).skipped += 1
                self.skipped += 1
                return "not started"
            case _:
                assert_never(event)

    def labels(self) -> dict[str, tuple[str, str]]:
        """Sign with noun, and name, of each step, as in the plan: `- pools` is deleted, `+ pools` made."""
        lines = {planned.id: describe_step(planned.step) for planned in self.plan.steps}
        return {key: (f"{line.sign} {line.noun}", line.name) for key, line in lines.items()}

    def elapsed(self) -> str:
        """How long all of it has taken."""
        return output.age(self.clock() - self.start)

    def _ended(self, step_id: str) -> Group:
        self.running.pop(step_id, None)
        return self.groups.get(step_id) or Group("", "", "", 1)


def groups_of(plan: Plan) -> dict[str, Group]:
    """The group of each step that has many others of its kind; the others are in none."""
    kinds: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for planned in plan.steps:
        line = describe_step(planned.step)
        kinds.setdefault((line.sign, line.noun), []).append((planned.id, line.name))
    found: dict[str, Group] = {}
    for (sign, noun), members in kinds.items():
        if len(members) > _MANY:
            last = members[-1][1].rpartition("-")[2]
            group = Group(sign, noun, f"{members[0][1]} .. {last}", len(members))
            found |= dict.fromkeys((step_id for step_id, _ in members), group)
    return found


def cut(text: str, width: int) -> str:
    """The text in at most so many columns."""
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."


_QUIET_SECONDS = 10.0
_WIDTH = 80


class Plain:
    """One line a change on stderr, with the time since the start: for pipes, files and CI.

    A step that is under way speaks at most once in ten seconds: a pool of 64 hosts has 64 changes. Many
    steps of one kind share a line for each fiftieth of them, and the first failures are told one by one.
    Every line but that of a failure fits 80 columns.
    """

    def __init__(self, plan: Plan) -> None:
        self._tracker = Tracker(plan)
        self._spoke: dict[str, float] = {}
        self._told: dict[tuple[str, str], tuple[int, float]] = {}
        self._labels = self._tracker.labels()
        self._noun = max((len(noun) for noun, _ in self._labels.values()), default=0)

    def show(self, event: Event) -> None:
        words = self._tracker.take(event)
        if words is None or isinstance(event, StepStarted) or self._too_soon(event):
            return
        group = self._tracker.groups.get(event.step_id)
        if group is not None:
            self._show_group(group)
            if not isinstance(event, StepFailed) or group.failed > FAILURES_SHOWN:
                return
        noun, name = self._labels.get(event.step_id, ("", event.step_id))
        self._say(noun, name, words, whole=isinstance(event, StepFailed))

    def _show_group(self, group: Group) -> None:
        """A line when the group is over, and before that when enough of it and ten seconds have passed."""
        now, key = self._tracker.clock(), (group.sign, group.name)
        told, spoke = self._told.get(key, (0, self._tracker.start))
        enough = group.ended - told >= max(1, group.total // 50)
        patient = now - spoke >= _QUIET_SECONDS
        if group.ended > told and (group.ended == group.total or (enough and patient)):
            self._told[key] = (group.ended, now)
            self._say(f"{group.sign} {group.noun}", group.name, group.words)

    def _say(self, noun: str, name: str, words: str, *, whole: bool = False) -> None:
        head = f"{self._tracker.elapsed():>7}  {noun:<{self._noun}}  "
        if not whole:
            name = cut(name, max(_WIDTH - len(head) - len(words) - 2, 20))
        line = f"{head}{name}  {words}"
        output.say(line if whole else cut(line, _WIDTH))

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
