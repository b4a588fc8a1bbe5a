"""The order of a plan's rows: as they were written down, but never before what they wait for."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from xpk.plan.steps import PlannedStep


def in_order(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """The steps, each after those that it needs or follows; otherwise as they stand.

    Raises ValueError for a circle or for a step that is not there: a bug of the planner.
    """
    place = {planned.id: index for index, planned in enumerate(steps)}
    waits = {planned.id: {*planned.needs, *planned.after} for planned in steps}
    followers: dict[str, list[str]] = {}
    for step_id, needs in waits.items():
        for need in needs:
            followers.setdefault(need, []).append(step_id)
    free = [place[step_id] for step_id, needs in waits.items() if not needs]
    heapq.heapify(free)
    found: list[PlannedStep] = []
    while free:
        planned = steps[heapq.heappop(free)]
        found.append(planned)
        for follower in followers.get(planned.id, []):
            waits[follower].discard(planned.id)
            if not waits[follower]:
                heapq.heappush(free, place[follower])
    if len(found) != len(steps):
        raise ValueError(f"steps wait for each other: {', '.join(i for i, needs in waits.items() if needs)}")
    return tuple(found)
