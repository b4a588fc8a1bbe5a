"""Steps on a bucket's IAM policy."""

from __future__ import annotations

from xpk.engine.context import Context
from xpk.engine.tasks import Say, Task, await_step, call
from xpk.errors import XpkError
from xpk.plan.bucket import UNKNOWN_NUMBER
from xpk.plan.steps import GrantBucketRole, RevokeBucketRole

_POOL_DEADLINE = 600.0  # IAM learns of a new workload identity pool within minutes
_NO_POOL = "identity pool does not exist"


def check_member(member: str) -> None:
    """Raise ValueError for a member that an offline plan left open: it must never be sent."""
    if UNKNOWN_NUMBER in member:
        raise ValueError(f"{member}: the project's number is not known")


def grant(context: Context, step: GrantBucketRole) -> Task[None]:
    """Add the member, once the step that makes its workload identity pool, or records the grant, is done.

    IAM learns of a new pool within minutes: until then it is tried again.
    """
    check_member(step.member)
    if step.after is not None:
        yield Say("waiting for the cluster's record and workload identity pool")
        yield from await_step(step.after)
    since: float | None = None
    while True:
        try:
            yield from call(
                "kubernetes", lambda: context.cloud.storage.add_binding(step.bucket, step.role, step.member)
            )
            return
        except XpkError as error:
            if _NO_POOL not in str(error).lower():
                raise
            if since is None:
                yield Say("waiting until IAM knows the project's workload identity pool")
                since = context.timing.now()
            elif context.timing.now() - since > _POOL_DEADLINE:
                raise
        yield from context.pause(since)


def revoke(context: Context, step: RevokeBucketRole) -> Task[None]:
    """Take the member's role back; one that is not there is no error."""
    check_member(step.member)
    yield from call(
        "kubernetes", lambda: context.cloud.storage.remove_binding(step.bucket, step.role, step.member)
    )
