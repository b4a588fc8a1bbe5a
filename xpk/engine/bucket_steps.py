"""Steps on a bucket's IAM policy."""

from __future__ import annotations

from xpk.engine.context import Context
from xpk.engine.tasks import Say, Task, await_step, call
from xpk.errors import AccessError, Fault, XpkError
from xpk.plan.bucket import UNKNOWN_NUMBER
from xpk.plan.steps import GrantBucketRole, RevokeBucketRole

_POOL_DEADLINE = (
    1800.0  # IAM learns of a change within 7 minutes "or longer" (IAM docs, access change propagation)
)
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
    """Take the member's role back; one that is not there is no error.

    Raises AccessError with the command for somebody who may: the cluster goes all the same, and its record
    with it, so that the same command again could not do it.
    """
    check_member(step.member)
    try:
        yield from call(
            "kubernetes", lambda: context.cloud.storage.remove_binding(step.bucket, step.role, step.member)
        )
    except AccessError as error:
        fix = (
            f"gcloud storage buckets remove-iam-policy-binding gs://{step.bucket} --role={step.role} "
            f"--member={step.member} (by somebody who may)"
        )
        why = f"the grant to the checkpointing driver stays: {error.faults[0].why}"
        raise AccessError(Fault(f"gs://{step.bucket}", why, fix)) from error
