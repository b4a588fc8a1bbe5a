"""The creation of a workload: of two that ask for one name at the same moment, one gets it.

A server-side apply would merge the two: while Kueue keeps a JobSet suspended, its node selector and
tolerations may still change (JobSet v0.12, ValidateUpdate). A create never does.
"""

from __future__ import annotations

from xpk.cloud.errors import AlreadyExists, Ambiguous, KindNotServed, WebhookNotReady
from xpk.engine.away import ask
from xpk.engine.context import Context
from xpk.engine.tasks import Say, Task
from xpk.engine.wire import Json, KubeApi
from xpk.errors import Fault, StateError, XpkError
from xpk.plan.workload import HASH

_TRIES = 5


def create_workload(context: Context, kube: KubeApi, jobset: Json, deadline: float) -> Task[None]:
    """Create a JobSet; one that somebody else made meanwhile, as it is asked for here, is taken for it.

    After a request without an answer, what exists is read before anything is sent again. Waits `deadline`
    seconds for webhooks. Raises StateError when the name went to another workload.
    """
    since, tries, said = context.timing.now(), 0, False
    while True:
        try:
            yield from ask(context, lambda: kube.create(jobset))
            return
        except (WebhookNotReady, KindNotServed) as error:
            if context.timing.now() - since > deadline:
                raise
            unsure: XpkError = error
        except (AlreadyExists, Ambiguous) as error:
            unsure = error
            tries += 1
            found = yield from ask(context, lambda: kube.get(kube.path_of(jobset)))
            if found is not None:
                _check_same(jobset, found)
                return
            if tries == _TRIES:
                raise
        if not said:
            waits = isinstance(unsure, WebhookNotReady | KindNotServed)
            yield Say(
                "waiting for the controller to answer" if waits else "looked, and it is not there: again"
            )
            said = True
        yield from context.pause(since)


def _check_same(jobset: Json, found: Json) -> None:
    """Raise StateError unless what is there is what was asked for, and stays."""
    what = f"workload {jobset['metadata']['name']}"
    if found["metadata"].get("deletionTimestamp"):
        why = "is being deleted by somebody else at this moment"
        raise StateError(Fault(what, why, "run the same command again: it waits until the name is free"))
    asked, there = (
        (m["metadata"].get("annotations", {}).get(HASH), m["spec"].get("ttlSecondsAfterFinished"))
        for m in (jobset, found)
    )
    if asked != there:
        why = "was created by somebody else meanwhile, and not as it is asked for here; theirs stays"
        fix = "use another --workload name; or the same command again, which replaces theirs when confirmed"
        raise StateError(Fault(what, why, fix))
