"""Losses of steps that were computed more than once.

They are compared as printed: a restart from the right state computes the same numbers bit by bit,
so that any difference means that some of the state was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xpk.rehearsal.record.events import Event, Host, Stepped
from xpk.rehearsal.record.outcome import Difference


@dataclass(frozen=True, slots=True)
class Compared:
    """`steps`: how many losses were held against another; `differences`: by step and host."""

    steps: int
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool | None:
        """None where there was nothing to compare."""
        return None if self.steps == 0 else not self.differences


def compare(
    before: Iterable[Event], again: Iterable[Event], unbroken: Mapping[int, str] | None = None
) -> Compared:
    """Hold each loss of `again` against the first one of the same host and step in `before`.

    A host that did not print the step before is held against any that did; with `unbroken`, the
    curve of a run without faults, that curve comes first.
    """
    first: dict[tuple[int, Host], str] = {}
    any_host: dict[int, str] = {}
    for event in before:
        if isinstance(event, Stepped):
            first.setdefault((event.step, event.host), event.loss)
            any_host.setdefault(event.step, event.loss)
    steps, found = 0, dict[tuple[int, Host], Difference]()
    for event in again:
        if not isinstance(event, Stepped):
            continue
        key = (event.step, event.host)
        wanted = [(unbroken or {}).get(event.step), first.get(key, any_host.get(event.step))]
        known = [loss for loss in wanted if loss is not None]
        steps += bool(known)
        wrong = next((loss for loss in known if loss != event.loss), None)
        if wrong is not None:
            found.setdefault(key, Difference(event.step, event.host, wrong, event.loss))
    return Compared(steps, tuple(found[key] for key in sorted(found)))
