"""When a rehearsal breaks something: pure choice, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """`steps` completed steps after the start or after the last recovery, and a part of one more step.

    `fraction` is from 0 to 1: a random moment is as likely inside a save as outside.
    """

    steps: int
    fraction: float = 0.0


def fixed(step: int, times: int) -> tuple[Moment, ...]:
    """At a step, and so many steps after each recovery again."""
    return (Moment(step),) * times


def drawn(local_period: int, times: int, seed: int) -> tuple[Moment, ...]:
    """Random moments: after one period at the earliest, so that there is something to come back to."""
    dice = random.Random(seed)
    return tuple(
        Moment(dice.randint(local_period + 1, 3 * local_period), dice.random()) for _ in range(times)
    )


def steps_needed(moments: tuple[Moment, ...], local_period: int) -> int:
    """A run's length that reaches every moment, comes back from the last and saves once more."""
    return sum(moment.steps + 1 for moment in moments) + 2 * local_period + 1
