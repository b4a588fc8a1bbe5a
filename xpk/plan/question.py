"""The one question about a plan: it names what is deleted or made anew, and what stops. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from xpk.plan.kept import and_
from xpk.plan.steps import (
    CreateNodePool,
    DeleteNodePool,
    DeleteObject,
    Plan,
    ReplaceObject,
    Step,
    UpdateNodePool,
)
from xpk.plan.text import describe_step

PLAIN = "Apply?"
_SHOWN = 6


def question_of(plan: Plan) -> str:
    """`Delete 2 idle slices and create 2?`; `Apply?` for a plan that takes nothing away."""
    parts = list(_parts([planned.step for planned in plan.steps]))
    words = and_(parts) if parts else ""
    return f"{words[0].upper()}{words[1:]}?" if words else PLAIN


def _parts(steps: Collection[Step]) -> Iterator[str]:
    gone = [step for step in steps if isinstance(step, DeleteNodePool)]
    emptied = [step for step in steps if isinstance(step, UpdateNodePool)]
    if gone:
        yield f"delete {_slices(gone)}"
        yield from _stopped("stop", gone)
        made = sum(isinstance(step, CreateNodePool) for step in steps)
        if made:
            yield f"create {made}"
    if emptied:
        yield f"recreate the nodes of {_count(len(emptied), 'pool')}"
        yield from _stopped("restart", emptied)
    for step in steps:
        line = describe_step(step)
        if isinstance(step, ReplaceObject):
            ramdisk = "the ramdisk (local checkpoints are lost)"
            yield f"recreate {ramdisk if line.noun == 'ramdisk' else f'{line.noun} {line.name}'}"
        elif isinstance(step, DeleteObject) and not step.going and not (gone and line.noun == "flavor"):
            yield f"delete {line.noun} {line.name}"


def _slices(gone: Collection[DeleteNodePool]) -> str:
    """How many slices, and of which kind: one that GKE could not make is not idle, for it is none."""
    failed = sum(step.failed and not step.busy for step in gone)
    if any(step.busy for step in gone):
        return _count(len(gone), "slice") + (f" ({failed} failed)" if failed else "")
    idle = len(gone) - failed
    kinds = [f"{number} {word}" for number, word in ((idle, "idle"), (failed, "failed")) if number]
    return f"{and_(kinds)} slice{'s' if len(gone) > 1 else ''}"


def _stopped(verb: str, steps: Collection[DeleteNodePool] | Collection[UpdateNodePool]) -> Iterator[str]:
    """What happens to the workloads on these pools."""
    names = sorted({name for step in steps for name in step.busy})
    if names:
        more = [f"{len(names) - _SHOWN + 1} more"] if len(names) > _SHOWN else []
        yield f"{verb} {and_([*names[: _SHOWN - 1], *more] if more else names)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
