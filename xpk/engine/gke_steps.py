"""Steps that change GKE: send the plan's request, wait for its operation, judge what came of it.

create calls of GKE are not idempotent: after a request without an answer, what exists is read
before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, assert_never

from xpk.cloud.errors import AlreadyExists, Ambiguous, NotFound, OperationInProgress, clean
from xpk.cloud.google_errors import operation_error
from xpk.engine.away import running_on, unfinished
from xpk.engine.context import Context
from xpk.engine.idle import check_idle
from xpk.engine.tasks import Expired, Say, Task, await_operation, call, send
from xpk.engine.wire import Json
from xpk.errors import (
    CloudError,
    Fault,
    NotReady,
    QuotaError,
    StateError,
    StockoutError,
    UnreachableError,
    XpkError,
)
from xpk.plan.compare import differences
from xpk.plan.steps import (
    CreateCluster,
    CreateNodePool,
    DeleteCluster,
    DeleteNodePool,
    Request,
    UpdateCluster,
    UpdateNodePool,
)

CLUSTER_DEADLINE = 3600.0  # gcloud's own limit for clusters create
POOL_DEADLINE = 3600.0  # GKE itself gives up waiting for machines after about 35 minutes
OTHER_DEADLINE = 1800.0
_TRIES = 5
_FILLED_IN = frozenset({"nodePools", "initialNodeCount", "initialClusterVersion", "nodeConfig"})
# Among what GKE starts on its own, and what is somebody else's, is no update that was asked for here.
_NOT_UPDATES = frozenset(
    f"{kind}_{what}" for kind in ("CREATE", "DELETE", "REPAIR", "RESIZE") for what in ("CLUSTER", "NODE_POOL")
) | {"AUTO_REPAIR_NODES", "AUTO_UPGRADE_NODES"}

GkeStep = CreateCluster | UpdateCluster | DeleteCluster | CreateNodePool | UpdateNodePool | DeleteNodePool
Verb = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Write:
    """One request to GKE with what is needed to judge it. `target` is the full name of what it changes.

    `etag`, where there is one, is that of the pool that is meant, and no other one of its name.
    """

    what: str
    verb: Verb
    request: Request
    target: str
    deadline: float
    etag: str = ""

    @property
    def is_pool(self) -> bool:
        """Whether a node pool is changed, and not the cluster."""
        return "/nodePools/" in self.target


def write_of(step: GkeStep) -> Write:
    """The write of a step."""
    match step:
        case CreateCluster():
            name = str(step.cluster["name"])
            return Write(f"cluster {name}", "create", step.request, step.full_name, CLUSTER_DEADLINE)
        case UpdateCluster():
            what = f"cluster {step.full_name.rpartition('/')[2]}: {step.what}"
            return Write(what, "update", step.request, step.full_name, OTHER_DEADLINE)
        case DeleteCluster():
            what = f"cluster {step.full_name.rpartition('/')[2]}"
            return Write(what, "delete", step.request, step.full_name, CLUSTER_DEADLINE)
        case CreateNodePool():
            verb: Verb = "create"
        case UpdateNodePool():
            verb = "update"
        case DeleteNodePool():
            verb = "delete"
        case _:
            assert_never(step)
    target = f"{step.cluster}/nodePools/{step.name}"
    etag = step.etag if isinstance(step, DeleteNodePool) else ""
    return Write(f"node pool {step.name}", verb, step.request, target, POOL_DEADLINE, etag)


def change_gke(context: Context, step: GkeStep) -> Task[None]:
    """Carry out one step.

    Raises NotReady when the operation does not end in time, StockoutError, QuotaError or
    CloudError with Google's words when it fails.
    """
    write = write_of(step)
    if isinstance(step, DeleteNodePool) and step.only_idle:
        yield from check_idle(context, step)
    operation = yield from _start(context, write)
    if operation is None:
        return
    try:
        done = yield from await_operation(operation, write.deadline)
    except Expired:
        raise _late(write) from None
    except NotFound:
        yield from _settle(context, write)
        return
    error = operation_error(done, write.what)
    if error is not None:
        raise (yield from _explain(context, write, error))


def _send(context: Context, write: Write) -> Json:
    """Send the request now. Blocking.

    Raises StateError when the pool is no more the one that the plan deletes: GKE takes no etag for that, so
    it is looked at right before. Between a plan and its consent, or while GKE let the request wait, somebody
    else may have replaced or changed it, and may work on it by now.
    """
    if write.etag:
        found = _reader(context, write)()
        if found is not None and found.get("etag", write.etag) != write.etag:
            why = "was changed by somebody else since it was looked at, so it is not deleted"
            raise StateError(Fault(write.what, why, "run the same command again: it looks at what is there"))
    request = write.request
    return context.cloud.gke.send(request.method, request.path, request.body)


def _start(context: Context, write: Write) -> Task[Json | None]:
    """The operation of the request, or None when what it asks for is already so."""
    unsure: Ambiguous | None = None
    for _ in range(_TRIES):
        try:
            return (yield from send(lambda: _send(context, write)))
        except Ambiguous as error:
            unsure = error
        except AlreadyExists as error:
            if unsure is None:
                yield Say("somebody else creates it at this moment")
                found = yield from call("gke", _reader(context, write))
                if not same(write, found):
                    fix = "run the same command again: it looks at what is there"
                    why = "was created by somebody else meanwhile, and not as it is asked for here"
                    raise StateError(Fault(write.what, why, fix)) from error
        except NotFound:
            if write.verb == "delete":
                return None
            raise
        except OperationInProgress:
            # What was in the way for so long may be an earlier run's own request for the same.
            running = yield from call("gke", lambda: _running_operation(context, write))
            if running is None or write.verb == "update":
                raise
            return running
        except QuotaError as error:
            raise _conditions_error(context, write, {}, error) from error
        yield Say("no answer: looking whether it was carried out")
        running = yield from call("gke", lambda: _running_operation(context, write))
        if running is not None:
            return running
        there = yield from call("gke", _reader(context, write))
        if write.verb == "create" and there is not None:
            yield from _settle(context, write)
            return None
        if write.verb == "delete" and there is None:
            return None
    raise unsure or UnreachableError(Fault(write.what, "no answer", "run the same command again"))


def same(write: Write, found: Json | None) -> bool:
    """Whether what somebody else created meanwhile is what this request asks for: then it is joined.

    Not what GKE fills in by itself while it creates: pools, counts and versions of a cluster.
    """
    body = write.request.body or {}
    wanted = body.get("nodePool" if write.is_pool else "cluster", {})
    own = {key: value for key, value in wanted.items() if write.is_pool or key not in _FILLED_IN}
    return found is not None and not any(differences(own, found))


def _running_operation(context: Context, write: Write) -> Json | None:
    """The operation that the write may have started: of its kind, on its target, and not done."""
    operations = context.cloud.gke.list_operations(context.location, unfinished)
    for operation in running_on(operations, write.target):
        kind = str(operation.get("operationType") or "")
        if kind.startswith(f"{write.verb.upper()}_") if write.verb != "update" else kind not in _NOT_UPDATES:
            return operation
    return None


def _reader(context: Context, write: Write) -> Callable[[], Json | None]:
    gke = context.cloud.gke
    return lambda: gke.get_node_pool(write.target) if write.is_pool else gke.get_cluster(write.target)


def _settle(context: Context, write: Write) -> Task[None]:
    """Wait by the object's own status, where no operation tells: until it is made, changed or gone."""
    since = context.timing.now()
    while True:
        found = yield from call("gke", _reader(context, write))
        status = str((found or {}).get("status", ""))
        if found is None and write.verb == "delete":
            return
        if found is None:
            raise CloudError(
                Fault(write.what, "is not there after GKE took the request", "run the same command again")
            )
        if status in {"ERROR", "DEGRADED"}:
            raise _conditions_error(
                context, write, found, CloudError(Fault(write.what, f"is {status}", _AGAIN))
            )
        if status in {"RUNNING", "RUNNING_WITH_ERROR"} and write.verb != "delete":
            return
        if context.timing.now() - since > write.deadline:
            raise _late(write)
        yield Say(status.lower())
        yield from context.pause(since)


_AGAIN = "run the same command again: it replaces what failed and goes on"


def _late(write: Write) -> NotReady:
    why = f"not done after {write.deadline / 60:.0f} minutes; Google goes on with it"
    return NotReady(Fault(write.what, why, "run the same command again to go on waiting"))


def _explain(context: Context, write: Write, error: XpkError) -> Task[XpkError]:
    """The failure of an operation in Compute Engine's own words, which stand in the pool's conditions."""
    if write.verb != "create" or not write.is_pool:
        return error
    try:
        pool = yield from call("gke", _reader(context, write))
    except XpkError:
        return error
    return _conditions_error(context, write, pool or {}, error)


def _conditions_error(context: Context, write: Write, found: Json, error: XpkError) -> XpkError:
    conditions = [c for c in found.get("conditions", []) if isinstance(c, dict)]
    codes = {str(c.get("code") or c.get("canonicalCode")) for c in conditions}
    messages = dict.fromkeys(clean(str(c["message"])) for c in conditions if c.get("message"))
    why = "; ".join(messages) or error.faults[0].why
    if isinstance(error, StockoutError) or "GCE_STOCKOUT" in codes:
        fix = (
            "run the same command again later: it replaces this pool; "
            "or take another zone, --reservation, --spot or --flex"
        )
        return StockoutError(Fault(write.what, why, fix))
    if isinstance(error, QuotaError) or "GCE_QUOTA_EXCEEDED" in codes:
        project, region = context.cluster.split("/")[1], context.cluster.split("/")[3]
        fix = (
            f"gcloud compute regions describe {region} --project {project} shows the quotas; "
            "ask for more, or for fewer chips"
        )
        return QuotaError(Fault(write.what, why, fix))
    return type(error)(Fault(write.what, why, _AGAIN))
