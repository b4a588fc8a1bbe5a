"""The order of a plan's steps while it is carried out: which may start, which never will."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from xpk.plan.steps import PlannedStep

State: TypeAlias = Literal["waiting", "running", "done", "failed", "left", "abandoned"]


class Graph:
    """The state of each step. A step may start when all that it needs are done, and all that it
    comes after have ended.

    `ended` counts those that are done, failed, left or abandoned: while it stays, so does who has ended.
    Raises ValueError for a plan with a repeated id, an unknown need or a circle: a bug of the planner.
    """

    def __init__(self, steps: Sequence[PlannedStep]) -> None:
        self.steps = {planned.id: planned for planned in steps}
        if len(self.steps) != len(steps):
            raise ValueError("two steps of the plan have the same id")
        self.state: dict[str, State] = dict.fromkeys(self.steps, "waiting")
        self._missing = {p.id: {*p.needs, *p.after} for p in steps}
        self._followed_by: dict[str, list[str]] = {step_id: [] for step_id in self.steps}
        self._needed_by: dict[str, list[str]] = {step_id: [] for step_id in self.steps}
        for planned in steps:
            for need in dict.fromkeys(planned.needs):
                if need not in self.steps:
                    raise ValueError(f"{planned.id} needs {need}, which is not in the plan")
                self._needed_by[need].append(planned.id)
            for other in dict.fromkeys(planned.after):
                if other not in self.steps:
                    raise ValueError(f"{planned.id} comes after {other}, which is not in the plan")
                self._followed_by[other].append(planned.id)
        self.ended = 0
        self._check_order()
        self._ready = [p.id for p in steps if not self._missing[p.id]]

    def start(self) -> list[str]:
        """The steps that may start now, in the plan's order; they are running from now on."""
        ready, self._ready = self._ready, []
        started = [step_id for step_id in ready if self.state[step_id] == "waiting"]
        for step_id in started:
            self.state[step_id] = "running"
        return started

    def finish(self, step_id: str) -> None:
        """A running step is done."""
        self.state[step_id] = "done"
        self.ended += 1
        self._free(step_id, (*self._needed_by[step_id], *self._followed_by[step_id]))

    def _free(self, step_id: str, others: Sequence[str]) -> None:
        for other in others:
            self._missing[other].discard(step_id)
            if not self._missing[other] and self.state[other] == "waiting":
                self._ready.append(other)

    def fail(self, step_id: str, state: Literal["failed", "left", "abandoned"] = "failed") -> list[str]:
        """A running step ended otherwise: those that need it, directly or not, are left. Returns these."""
        self.state[step_id] = state
        self.ended += 1
        left: list[str] = []
        queue = [step_id]
        while queue:
            lost = queue.pop()
            for dependant in self._needed_by[lost]:
                if self.state[dependant] == "waiting":
                    self.state[dependant] = "left"
                    self.ended += 1
                    left.append(dependant)
                    queue.append(dependant)
            self._free(lost, self._followed_by[lost])
        return left

    def leave_waiting(self) -> list[str]:
        """Nothing more is started: all that wait are left. Returns these."""
        left = [step_id for step_id, state in self.state.items() if state == "waiting"]
        for step_id in left:
            self.state[step_id] = "left"
        self.ended += len(left)
        return left

    def of(self, state: State) -> tuple[str, ...]:
        """The ids in one state, in the plan's order."""
        return tuple(step_id for step_id, found in self.state.items() if found == state)

    def _check_order(self) -> None:
        seen: set[str] = set()
        for step_id, planned in self.steps.items():
            late = [need for need in (*planned.needs, *planned.after) if need not in seen]
            if late:
                raise ValueError(f"{step_id} stands before {late[0]}, which it needs")
            seen.add(step_id)
