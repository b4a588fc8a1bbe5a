"""Steps on Kubernetes objects: apply, replace, delete, and the release files of JobSet and Kueue.

Fields of others. The objects of a release are forced: their only other owners are whoever
installed the release before (kubectl, Google's xpk), and a half-applied release is worse than
either version. A queue, a ConfigMap or a CheckpointConfiguration is forced only where the plan showed
the change to a person and the other owner is kubectl, by which people and Google's xpk
write; what a controller or another tool owns is left to it, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xpk.cloud.errors import Conflict, FieldConflict, KindNotServed, WebhookNotReady
from xpk.engine.away import ask, ask_all
from xpk.engine.context import Context
from xpk.engine.tasks import Say, Task, await_step
from xpk.engine.wire import Json, KubeApi
from xpk.engine.workload_steps import create_workload
from xpk.errors import Fault, NotReady, StateError, XpkError
from xpk.plan.steps import ApplyObject, DeleteObject, InstallRelease, ObjectRef, ReplaceObject

DEADLINE = 1800.0
FIELD_MANAGER = "xpk"
"""`xpk.cloud.kube` writes under this name."""
_FIRST = frozenset({"Namespace", "CustomResourceDefinition"})
_LAST = frozenset({"Deployment"})


def apply_object(context: Context, step: ApplyObject) -> Task[None]:
    """Server-side apply, of a new workload a create; waits while a webhook or the kind is not there yet."""
    kube = yield from context.kube()
    if step.manifest["kind"] == "JobSet" and not step.why:
        yield from create_workload(context, kube, step.manifest, DEADLINE)
    else:
        yield from apply_manifest(context, kube, step.manifest, shown=bool(step.why))


def apply_manifest(context: Context, kube: KubeApi, manifest: Json, *, shown: bool) -> Task[None]:
    """Apply one object. `shown`: a person saw the change, so that a field of kubectl's may be taken over."""
    since, force, said = context.timing.now(), False, False
    while True:
        try:
            yield from ask(context, lambda: kube.apply(manifest, force=force))  # noqa: B023
            return
        except FieldConflict as error:
            if force or not shown or not all(map(_yields, error.managers)):
                raise _owned(manifest, error) from error
            force = True
            continue
        except (WebhookNotReady, KindNotServed) as error:
            _check_time(context, since, _words(manifest), error)
        if not said:
            yield Say("waiting for the controller to answer")
            said = True
        yield from context.pause(since)


def _yields(manager: str) -> bool:
    """Whether a person who saw the change may take a field from this owner: kubectl, or our own creates."""
    return manager.startswith("kubectl") or manager in ("before-first-apply", FIELD_MANAGER)


def _owned(manifest: Json, error: FieldConflict) -> StateError:
    owner = ", ".join(error.managers) or "another program"
    fix = f"change it with {owner}, or delete the object and run the same command again"
    return StateError(Fault(_words(manifest), error.faults[0].why, fix))


def replace_object(context: Context, step: ReplaceObject) -> Task[None]:
    """Delete, wait until the name is free, create."""
    kube = yield from context.kube()
    yield from _delete(context, kube, step.manifest, step.uid)
    yield Say("creating it again")
    if step.manifest["kind"] == "JobSet":
        yield from create_workload(context, kube, step.manifest, DEADLINE)
    else:
        yield from apply_manifest(context, kube, step.manifest, shown=True)


def delete_object(context: Context, step: DeleteObject) -> Task[None]:
    """Delete and wait until it is gone; one that is not there is no error."""
    kube = yield from context.kube()
    yield from _delete(context, kube, reference(step.ref), step.uid)


def reference(ref: ObjectRef) -> Json:
    """The least of a manifest that names an object."""
    metadata = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}


def _delete(context: Context, kube: KubeApi, manifest: Json, uid: str) -> Task[None]:
    path = kube.path_of(manifest)
    since = context.timing.now()
    there = yield from ask(context, lambda: _ask_deletion(kube, path, uid))
    if there:
        yield Say("waiting until it is gone")
    while there:
        found = yield from ask(context, lambda: kube.get(path))
        # Without a mark of deletion it is another one, which somebody else made of the name meanwhile.
        if found is None or "deletionTimestamp" not in found.get("metadata", {}):
            return
        if context.timing.now() - since > DEADLINE:
            holders = (
                ", ".join(map(str, found.get("metadata", {}).get("finalizers", [])))
                or "nothing that is named"
            )
            fix = "stop what uses it, then run the same command again"
            raise NotReady(
                Fault(_words(manifest), f"not gone after {DEADLINE / 60:.0f} minutes, held by {holders}", fix)
            )
        yield from context.pause(since)


def _ask_deletion(kube: KubeApi, path: str, uid: str) -> bool:
    """False when it is not there, or when another one has its name since it was looked at: that stays."""
    try:
        return kube.delete(path, propagation="Foreground", uid=uid)
    except Conflict:
        found = kube.get(path)
        if uid and (found is None or found["metadata"].get("uid") != uid):
            return False
        raise


def install_release(context: Context, step: InstallRelease) -> Task[None]:
    """Namespaces and kinds first, the controller last, between them all else at once.

    A release counts as installed by its controller (`plan/releases.py`): whoever is interrupted before
    that finds the release missing and applies all of it again.
    """
    if not step.manifests:
        raise ValueError(f"{step.component}: the release file has not been read")
    if step.after is not None:
        yield from await_step(step.after)
    kube = yield from context.kube()
    first = [m for m in step.manifests if m["kind"] in _FIRST]
    rest = [m for m in step.manifests if m["kind"] not in _FIRST | _LAST]
    last = [m for m in step.manifests if m["kind"] in _LAST]
    total = len(step.manifests)
    yield Say(f"0 of {total} objects")
    applied = yield from _apply_all(context, kube, first)
    yield from _await_established(
        context, kube, [o for o in applied if o.get("kind") == "CustomResourceDefinition"]
    )
    yield Say(f"{len(first)} of {total} objects")
    yield from _apply_all(context, kube, rest)
    yield Say(f"{total - len(last)} of {total} objects")
    yield from _apply_all(context, kube, last)
    yield Say(f"{total} of {total} objects")


def _apply_all(context: Context, kube: KubeApi, manifests: Sequence[Json]) -> Task[list[Json]]:
    """Apply several at once; again and again those that a webhook or a new kind kept back."""
    since, applied, pending = context.timing.now(), list[Json](), list(manifests)
    while True:
        results = yield from ask_all(context, [_forced(kube, m) for m in pending])
        late: list[Json] = []
        for manifest, result in zip(pending, results, strict=True):
            if isinstance(result, WebhookNotReady | KindNotServed):
                _check_time(context, since, _words(manifest), result)
                late.append(manifest)
            elif isinstance(result, XpkError):
                raise result
            else:
                applied.append({"kind": manifest["kind"], **result})
        if not late:
            return applied
        pending = late
        yield from context.pause(since)


def _forced(kube: KubeApi, manifest: Json) -> Callable[[], Json]:
    return lambda: kube.apply(manifest, force=True)


def _await_established(context: Context, kube: KubeApi, crds: Sequence[Json]) -> Task[None]:
    since, pending = context.timing.now(), [c for c in crds if not established(c)]
    while pending:
        paths = [kube.path_of(c) for c in pending]
        found = yield from ask_all(context, [_getter(kube, path) for path in paths])
        still: list[Json] = []
        for crd, result in zip(pending, found, strict=True):
            if isinstance(result, XpkError):
                raise result
            if not established(result or {}):
                _check_time(context, since, _words(crd), None)
                still.append(crd)
        pending = still
        if pending:
            yield from context.pause(since)


def _getter(kube: KubeApi, path: str) -> Callable[[], Json | None]:
    return lambda: kube.get(path)


def established(crd: Json) -> bool:
    """Whether the API server serves a kind."""
    conditions = crd.get("status", {}).get("conditions", [])
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)


def _check_time(context: Context, since: float, what: str, error: XpkError | None) -> None:
    if context.timing.now() - since <= DEADLINE:
        return
    why = error.faults[0].why if error is not None else "the API server does not serve it yet"
    raise NotReady(
        Fault(what, f"{why} (for {DEADLINE / 60:.0f} minutes)", "run the same command again to go on waiting")
    )


def _words(manifest: Json) -> str:
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    return f"{manifest['kind']} {namespace + '/' if namespace else ''}{metadata['name']}"
