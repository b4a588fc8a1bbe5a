"""The question before slices are deleted: each is called what it is."""

from __future__ import annotations

import pytest

from xpk.plan.question import question_of
from xpk.plan.steps import DeleteNodePool, Plan, PlannedStep

BUSY = ("w1",)


def pool(index: int, *, failed: bool = False, busy: tuple[str, ...] = ()) -> PlannedStep:
    step = DeleteNodePool("projects/p/locations/l/clusters/c1", f"c1-np-{index}", "why", busy, "e", failed)
    return PlannedStep(f"delete/{step.name}", step)


@pytest.mark.parametrize(
    ("idle", "failed", "busy", "question"),
    [
        (1, 0, 0, "Delete 1 idle slice?"),
        (2, 0, 0, "Delete 2 idle slices?"),
        (0, 1, 0, "Delete 1 failed slice?"),
        (0, 3, 0, "Delete 3 failed slices?"),
        (1, 1, 0, "Delete 1 idle and 1 failed slices?"),
        (1, 0, 1, "Delete 2 slices and stop w1?"),
        (1, 2, 1, "Delete 4 slices (2 failed) and stop w1?"),
    ],
)
def test_slices_are_called_what_they_are(idle: int, failed: int, busy: int, question: str) -> None:
    steps = [pool(index) for index in range(idle)]
    steps += [pool(10 + index, failed=True) for index in range(failed)]
    steps += [pool(20 + index, busy=BUSY) for index in range(busy)]
    assert question_of(Plan("cluster c1", tuple(steps))) == question


def test_a_pool_in_error_on_which_something_runs_is_not_failed() -> None:
    step = pool(0, failed=True, busy=BUSY)
    assert question_of(Plan("cluster c1", (step,))) == "Delete 1 slice and stop w1?"
