"""A last look at a slice before it is deleted: a plan that waited for its consent may be minutes old.

Not the decision which slices go: that is the plan's (`plan/slices.py`). Their quota is taken back before.
"""

from __future__ import annotations

from xpk.engine.away import ask
from xpk.engine.context import Context
from xpk.engine.kube_reads import read_work
from xpk.engine.tasks import Task
from xpk.errors import Fault, StateError
from xpk.plan.kept import and_
from xpk.plan.steps import DeleteNodePool


def check_idle(context: Context, step: DeleteNodePool) -> Task[None]:
    """Raises StateError when something runs on the pool now that was idle for the plan."""
    kube = yield from context.kube()
    asked = context.timing.now()
    running = yield from ask(context, lambda: context.work(asked, lambda: read_work(kube).running))
    busy = running.get(step.name, ())
    if busy:
        why = f"{and_(busy)} started on it since it was looked at, so it is not deleted"
        fix = "run the same command again: it takes another idle slice where there is one"
        raise StateError(Fault(f"node pool {step.name}", why, fix))
