"""The step on an object that says how many slices there are: written again as more of them are up.

A slice that waits an hour for machines must not keep the others idle, and one that never comes must not
be promised to a workload.
"""

from __future__ import annotations

from xpk.engine.context import Context
from xpk.engine.object_steps import apply_manifest
from xpk.engine.tasks import Left, Say, Task, await_ended
from xpk.engine.timing import poll_interval
from xpk.plan.steps import ApplyCounted

_SELDOM = 1.0  # seconds between two writes, unless all slices are up


def apply_counted(context: Context, step: ApplyCounted) -> Task[None]:
    """Apply the object for the slices that are up, until all pools have ended, well or badly.

    Raises Left inside the run when there is no slice to speak of.
    """
    since = context.timing.now()
    written: int | None = None if not step.why else step.base  # an object that is there says this already
    at_once = step.base > 0 and written is None
    state = yield from await_ended(step.pools, more_than=-1 if at_once else 0)
    while True:
        slices = step.base + state.done
        if slices and slices != written:
            kube = yield from context.kube()
            yield from apply_manifest(context, kube, step.counted(slices), shown=bool(step.why))
            written = slices
        if state.all:
            break
        yield Say(f"{slices} of {step.base + len(step.pools)} slices")
        interval = max(_SELDOM, poll_interval(context.timing.now() - since))
        state = yield from await_ended(step.pools, more_than=state.ended, at_least=interval)
    if not written:
        raise Left
