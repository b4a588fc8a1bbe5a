"""Writes of users: decode, check fields, merge, default, admit, validate, and only then store."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from xpk.emulator.kubernetes import admission, apply, conversion, errors, normalize, patches, validation
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.options import WriteOptions
from xpk.emulator.kubernetes.target import Target

Json = dict[str, Any]
_DEFAULTED = re.compile(r"failurePolicy\.rules\[\d+\]\.name$")
_SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


class Writes:
    """The writing verbs. Each returns the HTTP status and the object in its stored version."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    def create(self, target: Target, body: Json, options: WriteOptions) -> tuple[int, Json]:
        """POST."""
        body = self._decode(target, body, options)
        meta = body.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self._cluster.suffix()
        if not meta.get("name"):
            cause = errors.required("metadata.name", "name or generateName is required")
            raise errors.invalid(target.kind.kind, target.kind.group, "", [cause])
        if meta.get("resourceVersion"):
            raise errors.bad_request("resourceVersion should not be set on objects to be created")
        target = Target(target.kind, target.version, target.namespace, meta["name"])
        if self._store.get(target.key) is not None:
            raise errors.already_exists(target.kind.resource, target.name)
        writer = apply.Writer(options.manager, "Update", target.kind.api_version(target.version))
        return 201, self._add(target, body, options, lambda new: self._owned(target, None, new, writer))

    def replace(self, target: Target, body: Json, options: WriteOptions) -> tuple[int, Json]:
        """PUT; creates what is not there only where Kubernetes does, which is nowhere here."""
        body = self._decode(target, body, options)
        old = self._existing(target)
        self._same_version(target, old, body)
        return 200, self._change(target, old, body, options, self._updater(target, old, options))

    def patch(self, target: Target, kind: str, body: Any, options: WriteOptions) -> tuple[int, Json]:
        """PATCH by content type: apply, JSON merge, JSON patch; a strategic merge counts as JSON merge."""
        if kind == "application/apply-patch+yaml":
            return self._apply(target, body, options)
        old = self._existing(target)
        if kind == "application/json-patch+json":
            new = patches.operations(old, body)
        elif kind in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            new = patches.merge(old, body)
        else:
            raise errors.ApiError(
                415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}"
            )
        new = self._decode(target, conversion.from_stored(target.kind, target.version, new), options)
        if isinstance(body, dict) and isinstance(body.get("metadata"), dict):
            self._same_version(target, old, body)
        return 200, self._change(target, old, new, options, self._updater(target, old, options))

    def _apply(self, target: Target, body: Any, options: WriteOptions) -> tuple[int, Json]:
        if not options.named:
            raise errors.bad_request(
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
                "apply patch"
            )
        config = self._identified(target, normalize.without_nulls(body))
        self._typed(target, config)
        if config["metadata"].get("managedFields"):
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
        if config["metadata"].get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise errors.conflict(
                target.kind.resource, target.name, "Precondition failed: UID in precondition differs"
            )
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
        review = admission.Review(
            self._cluster, kind, "UPDATE", old, options.dry_run, options.warnings, target.status
        )
        new = self._admit(target, new, review)
        if _without_times(new) == _without_times(old):
            return old
        return new if options.dry_run else self._cluster.update(target.key, new)

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

    def _decode(self, target: Target, body: Any, options: WriteOptions) -> Json:
        """A body in stored form. Unknown fields are refused, warned of or dropped, as the client asked."""
        body = self._identified(target, normalize.without_nulls(body))
        unknown = []
        for fault in validation.check(target.node, body):
            if fault.kind == "unknown":
                unknown.append(f'unknown field "{fault.path}"')
            elif fault.kind == "type" and (not target.kind.custom or fault.path.startswith("metadata")):
                raise errors.bad_request(
                    f'{target.kind.kind} in version "{target.version}" cannot be handled as a '
                    f"{target.kind.kind}: " + validation.go_text(fault, target.kind.kind)
                )
        if unknown and options.validation == "Strict":
            raise errors.bad_request(
                f'{target.kind.kind} in version "{target.version}" cannot be handled as a '
                f"{target.kind.kind}: "
                f"strict decoding error: {', '.join(unknown)}"
            )
        if options.validation == "Warn":
            options.warnings.extend(unknown)
        return conversion.to_stored(target.kind, target.version, normalize.stored(target.node, body))

    def _typed(self, target: Target, config: Json) -> None:
        faults = [
            fault for fault in validation.check(target.node, config, keyed=True) if fault.kind != "value"
        ]
        if faults:
            version = target.kind.api_version(target.version)
            group = version if "/" in version else f"/{version}"  # as Go prints a GroupVersionKind
            name = f"{target.namespace}/{target.name}; {group}, Kind={target.kind.kind}"
            texts = [validation.typed_patch_text(fault) for fault in faults]
            joined = texts[0] if len(texts) == 1 else "errors:\n  " + "\n  ".join(texts)
            raise errors.ApiError(500, "", f"failed to create typed patch object ({name}): {joined}")

    def _identified(self, target: Target, body: Any) -> Json:
        """A copy of the body whose kind, version, namespace and name are those of the path."""
        if not isinstance(body, dict):
            raise errors.bad_request("the object provided is unrecognized (must be of type Object)")
        kind = target.kind
        wanted = kind.api_version(target.version)
        if body.get("apiVersion", wanted) != wanted or body.get("kind", kind.kind) != kind.kind:
            got = f"{body.get('apiVersion')}, Kind={body.get('kind')}"
            raise errors.bad_request(
                f"the API version in the data ({got}) does not match the expected ({wanted}, "
                f"Kind={kind.kind})"
            )
        meta = body.get("metadata")
        if not isinstance(meta, dict):
            meta = {}
        if kind.namespaced and meta.get("namespace", target.namespace) != target.namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if target.name and meta.get("name", target.name) != target.name:
            raise errors.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
            )
        meta = dict(meta) | ({"name": target.name} if target.name else {})
        if kind.namespaced:
            meta["namespace"] = target.namespace
        return {**body, "apiVersion": wanted, "kind": kind.kind, "metadata": meta}

    def _namespace(self, target: Target) -> None:
        if not target.kind.namespaced:
            return
        space = self._store.find("namespaces", "", target.namespace)
        if space is None:
            raise errors.not_found("namespaces", target.namespace)
        if "deletionTimestamp" in space["metadata"]:
            raise errors.ApiError(
                403,
                "Forbidden",
                f'{target.kind.resource} "{target.name}" is forbidden: unable to create new content in '
                "namespace "
                f"{target.namespace} because it is being terminated",
            )

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
