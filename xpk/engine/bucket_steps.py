"""Steps on a bucket's IAM policy."""

from __future__ import annotations

import contextlib

from xpk.cloud.errors import NotFound
from xpk.cloud.transport import LOGIN
from xpk.engine.context import Context
from xpk.engine.tasks import Say, Task, await_step, call
from xpk.errors import AccessError, Fault, StateError, XpkError
from xpk.plan.bucket import UNKNOWN_NUMBER, is_driver
from xpk.plan.deletion import has_mtc
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

    IAM learns of a new pool within minutes: until then it is tried again. Raises StateError where somebody
    else has deleted the cluster meanwhile: its driver's role is then taken back.
    """
    check_member(step.member)
    if step.after is not None:
        yield Say("waiting for the cluster's record and workload identity pool")
        yield from await_step(step.after)
    made = yield from _add(context, step)
    if is_driver(step.member):
        yield from _check_wanted(context, step, made)


def _add(context: Context, step: GrantBucketRole) -> Task[bool]:
    since: float | None = None
    while True:
        try:
            return (
                yield from call(
                    "kubernetes",
                    lambda: context.cloud.storage.add_binding(step.bucket, step.role, step.member),
                )
            )
        except XpkError as error:
            if _NO_POOL not in str(error).lower():
                raise
            if since is None:
                yield Say("waiting until IAM knows the project's workload identity pool")
                since = context.timing.now()
            elif context.timing.now() - since > _POOL_DEADLINE:
                raise
        yield from context.pause(since)


def _check_wanted(context: Context, step: GrantBucketRole, made: bool) -> Task[None]:
    """The cluster must still be there: whoever deleted it between its record and the grant saw no grant.

    A deletion that sees none looks for it again after the cluster, and this looks for the cluster after the
    grant: whatever the order, one of the two sees what the other one did.
    """
    cluster = yield from call("gke", lambda: context.cloud.gke.get_cluster(context.cluster))
    if cluster is not None and cluster.get("status") != "STOPPING":
        return
    why = "was deleted by somebody else meanwhile"
    if made:
        users = yield from _take_back(
            context, RevokeBucketRole(step.bucket, step.role, step.member, last=True)
        )
        if users:
            why += f"; gs://{step.bucket} keeps the driver's role: {users} may use it"
        else:
            why += f"; the driver's role on gs://{step.bucket} was taken back"
    fix = "run the same command again to create it anew"
    raise StateError(Fault(f"cluster {context.short_name}", why, fix))


def revoke(context: Context, step: RevokeBucketRole) -> Task[None]:
    """Take the member's role back; one that is not there is no error.

    It stays where another cluster came to use it since the plan was made.
    """
    check_member(step.member)
    users = yield from _take_back(context, step)
    if users:
        yield Say(f"it stays: {users} may use it")


def _take_back(context: Context, step: RevokeBucketRole) -> Task[str]:
    """The other clusters for which the role stays; where there is none, it is gone.

    Raises the error with the command that takes it back, where the same command again could not: without
    the rights, and when the cluster is gone with its record.
    """
    try:
        users = yield from call("gke", lambda: _users(context))
        if not users:
            yield from call("kubernetes", lambda: _remove(context, step))
        return users
    except XpkError as error:
        if not (isinstance(error, AccessError) or step.last):
            raise
        fix = (
            f"gcloud storage buckets remove-iam-policy-binding gs://{step.bucket} --role={step.role} "
            f"--member={step.member} (by somebody who may, unless another cluster uses it)"
        )
        fault = error.faults[0]
        if fault.fix == LOGIN:
            fix = f"{LOGIN}, then {fix}"
        why = f"the grant to the checkpointing driver stays: {fault.what}: {fault.why}"
        raise type(error)(Fault(f"gs://{step.bucket}", why, fix)) from error


def _remove(context: Context, step: RevokeBucketRole) -> None:
    with contextlib.suppress(NotFound):  # a bucket that is gone
        context.cloud.storage.remove_binding(step.bucket, step.role, step.member)


def _users(context: Context) -> str:
    """The project's other clusters with checkpointing: all their drivers have one name for IAM."""
    project = context.cluster.split("/")[1]
    own = (context.short_name, context.location.rpartition("/")[2])
    clusters = context.cloud.gke.list_clusters(f"projects/{project}/locations/-")
    return ", ".join(
        sorted(
            str(c["name"]) for c in clusters if has_mtc(c) and (c["name"], c.get("location", own[1])) != own
        )
    )
