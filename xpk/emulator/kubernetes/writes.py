"""Writes of users: decode, check fields, merge, default, admit, validate, and only then store."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from xpk.emulator.kubernetes import (
    admission,
    apply,
    conversion,
    decoding,
    errors,
    normalize,
    patches,
    strategic,
    validation,
)
from xpk.emulator.kubernetes.admission import jobs
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.options import WriteOptions
from xpk.emulator.kubernetes.target import Target

Json = dict[str, Any]
APPLY_PATCH = "application/apply-patch+yaml"
_FORMS = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_PATCH,
)
_DEFAULTED = re.compile(r"failurePolicy\.rules\[\d+\]\.name$|^spec\.replicatedJobs.*\.(limits|requests)\.")
_SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


class Writes:
    """The writing verbs. Each returns the HTTP status and the object in its stored version."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    def create(self, target: Target, body: Json, options: WriteOptions) -> tuple[int, Json]:
        """POST."""
        body = decoding.decode(target, body, options)
        meta = body.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self._cluster.suffix()
        if not meta.get("name"):
            cause = errors.required("metadata.name", "name or generateName is required")
            raise errors.invalid(target.kind.kind, target.kind.group, "", [cause])
        if meta.get("resourceVersion"):
            raise errors.internal("resourceVersion should not be set on objects to be created")
        target = Target(target.kind, target.version, target.namespace, meta["name"])
        if self._store.get(target.key) is not None:
            raise errors.already_exists(target.kind.resource, target.name)
        writer = apply.Writer(options.manager, "Update", target.kind.api_version(target.version))
        return 201, self._add(target, body, options, lambda new: self._owned(target, None, new, writer))

    def replace(self, target: Target, body: Json, options: WriteOptions) -> tuple[int, Json]:
        """PUT; creates what is not there only where Kubernetes does, which is nowhere here."""
        body = decoding.decode(target, body, options)
        old = self._existing(target)
        self._same_version(target, old, body)
        return 200, self._change(target, old, body, options, self._updater(target, old, options))

    def patch(self, target: Target, kind: str, body: Any, options: WriteOptions) -> tuple[int, Json]:
        """PATCH by content type: apply, JSON merge, JSON patch, and strategic merge of built-in kinds."""
        if kind == APPLY_PATCH:
            return self._apply(target, body, options)
        old = self._existing(target)
        if kind == "application/json-patch+json":
            new = patches.operations(old, body)
        elif kind == "application/merge-patch+json":
            new = patches.merge(old, body)
        elif kind == "application/strategic-merge-patch+json" and not target.kind.custom:
            new = strategic.merge(target.node, old, body)
        else:
            taken = (*_FORMS[:2], *(() if target.kind.custom else _FORMS[2:3]), *_FORMS[3:])
            text = "the body of the request was in an unknown format - accepted media types include: "
            raise errors.ApiError(415, "UnsupportedMediaType", text + ", ".join(taken))
        new = decoding.decode(target, conversion.from_stored(target.kind, target.version, new), options)
        if isinstance(body, dict) and isinstance(body.get("metadata"), dict):
            self._same_version(target, old, body)
            self._same_uid(target, old, body)
        return 200, self._change(target, old, new, options, self._updater(target, old, options))

    def _apply(self, target: Target, body: Any, options: WriteOptions) -> tuple[int, Json]:
        config = decoding.identified(target, normalize.without_nulls(body), decoding.invalid_type)
        decoding.typed(target, config)
        if "managedFields" in config["metadata"]:
            raise errors.bad_request("metadata.managedFields must be nil")
        config = conversion.to_stored(target.kind, target.version, normalize.stored(target.node, config))
        if target.kind.status and not target.status:
            config.pop("status", None)
        old = self._store.get(target.key)
        writer = apply.Writer(options.manager, "Apply", target.kind.api_version(target.version), _sub(target))
        merged = apply.apply(target.stored, old, config, writer, options.force, self._cluster.stamp())
        if old is None:
            if target.status:
                raise errors.not_found(target.kind.resource, target.name)
            return 201, self._add(target, merged, options, lambda new: new)
        self._same_uid(target, old, config)
        self._same_version(target, old, config)
        return 200, self._change(target, old, merged, options, lambda new: new)

    def _add(self, target: Target, new: Json, options: WriteOptions, own: Callable[[Json], Json]) -> Json:
        cluster, kind = self._cluster, target.kind
        self._namespace(target)
        new = {**new, "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": dict(new["metadata"])}
        if kind.status:
            new.pop("status", None)
        for name in _SERVER_FIELDS:
            new["metadata"].pop(name, None)
        if kind.namespaced:
            new["metadata"]["namespace"] = target.namespace
        else:
            new["metadata"].pop("namespace", None)
        new = own(normalize.with_defaults(target.stored, new))
        review = admission.Review(cluster, kind, "CREATE", None, options.dry_run, options.warnings)
        new = self._admit(target, new, review)
        new["metadata"] |= {"uid": cluster.new_uid(), "creationTimestamp": cluster.stamp()}
        if kind.resource == "jobs.batch":
            new = jobs.select(new)
        if "spec" in new or kind.custom:
            new["metadata"]["generation"] = 1
        return new if options.dry_run else self._store.put(target.key, new)

    def _change(
        self, target: Target, old: Json, new: Json, options: WriteOptions, own: Callable[[Json], Json]
    ) -> Json:
        kind = target.kind
        if target.status:
            managed = new["metadata"].get("managedFields")
            new = {**old, "status": new.get("status", {})}
            if managed is not None:
                new["metadata"] = {**old["metadata"], "managedFields": managed}
            new = own(new)
        else:
            new = {**new, "apiVersion": kind.api_version(), "metadata": dict(new["metadata"])}
            if kind.status:
                new.pop("status", None)
                new |= {"status": old["status"]} if "status" in old else {}
            for name in _SERVER_FIELDS:
                new["metadata"].pop(name, None)
                new["metadata"] |= {name: old["metadata"][name]} if name in old["metadata"] else {}
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            new = own(normalize.with_defaults(target.stored, new))
        self._finalizers(target, old, new)
        review = admission.Review(
            self._cluster, kind, "UPDATE", old, options.dry_run, options.warnings, target.status
        )
        new = self._admit(target, new, review)
        if _without_times(new) == _without_times(old):
            return old
        return new if options.dry_run else self._cluster.update(target.key, new)

    def _finalizers(self, target: Target, old: Json, new: Json) -> None:
        """An object that is being deleted takes no new finalizer."""
        before = old["metadata"].get("finalizers") or []
        added = [name for name in new["metadata"].get("finalizers") or () if name not in before]
        if added and "deletionTimestamp" in old["metadata"]:
            text = (
                "Forbidden: no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{', '.join(map(errors.quoted, added))}}}"
            )
            cause = errors.Cause("FieldValueForbidden", "metadata.finalizers", text)
            raise errors.invalid(target.kind.kind, target.kind.group, target.name, [cause])

    def _check(self, target: Target, new: Json, old: Json | None, defaulted: bool) -> None:
        """The rules of the schema. Before `defaulted`, what webhooks may still fill in is let through."""
        causes = []
        if target.kind.resource in admission.NEED_SPEC and "spec" not in new:
            causes.append(errors.required("spec"))
        for fault in validation.check(target.stored, new):
            if fault.kind == "type":
                causes.append(validation.type_cause(fault))
            elif fault.kind == "duplicate" and target.kind.custom:
                causes.append(errors.duplicate(fault.path, fault.expected))
            elif fault.cause is not None and (defaulted or not _DEFAULTED.search(fault.path)):
                causes.append(fault.cause)
        if old is not None and target.kind.custom and defaulted:
            causes += admission.immutable(target.stored, old, new)
        if causes:
            raise errors.invalid(target.kind.kind, target.kind.group, target.name, causes)

    def _admit(self, target: Target, new: Json, review: admission.Review) -> Json:
        self._check(target, new, review.old, False)
        new = admission.mutate(review, new)
        self._check(target, new, review.old, True)
        admission.validate(review, new)
        return new

    def _namespace(self, target: Target) -> None:
        if not target.kind.namespaced:
            return
        space = self._store.find("namespaces", "", target.namespace)
        if space is None:
            raise errors.not_found("namespaces", target.namespace)
        if "deletionTimestamp" in space["metadata"]:
            raise errors.terminating(target.kind.resource, target.name, target.namespace)

    def _existing(self, target: Target) -> Json:
        old = self._store.get(target.key)
        if old is None:
            raise errors.not_found(target.kind.resource, target.name)
        return old

    def _same_version(self, target: Target, old: Json, body: Json) -> None:
        asked = (body.get("metadata") or {}).get("resourceVersion")
        if asked and asked != old["metadata"]["resourceVersion"]:
            why = (
                "the object has been modified; please apply your changes to the latest version and try again"
            )
            raise errors.conflict(target.kind.resource, target.name, why)

    def _same_uid(self, target: Target, old: Json, body: Json) -> None:
        uid = body["metadata"].get("uid") or old["metadata"]["uid"]
        if uid != old["metadata"]["uid"]:
            cause = errors.invalid_value("metadata.uid", uid, "field is immutable")
            raise errors.invalid(target.kind.kind, target.kind.group, target.name, [cause])

    def _updater(self, target: Target, old: Json, options: WriteOptions) -> Callable[[Json], Json]:
        writer = apply.Writer(
            options.manager, "Update", target.kind.api_version(target.version), _sub(target)
        )
        return lambda new: self._owned(target, old, new, writer)

    def _owned(self, target: Target, old: Json | None, new: Json, writer: apply.Writer) -> Json:
        return apply.update(target.stored, old, new, writer, self._cluster.stamp())


def _sub(target: Target) -> str:
    return "status" if target.status else ""


def _without_times(obj: Json) -> Json:
    """What decides whether a write changes anything: all but the times in managedFields."""
    meta = {
        name: value
        for name, value in obj["metadata"].items()
        if name not in ("managedFields", "resourceVersion")
    }
    entries = [
        {k: v for k, v in e.items() if k != "time"} for e in obj["metadata"].get("managedFields") or ()
    ]
    return {**obj, "metadata": {**meta, "managedFields": sorted(entries, key=str)}}
