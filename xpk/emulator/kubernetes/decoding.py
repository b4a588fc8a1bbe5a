"""Reads what a client sends as an object of the kind that the path names: fields, types, identity.

Not its rules: those are of the admission.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xpk.emulator.kubernetes import bodies, conversion, errors, normalize, validation
from xpk.emulator.kubernetes.options import WriteOptions
from xpk.emulator.kubernetes.target import Target

Json = dict[str, Any]


def decode(target: Target, body: Any, options: WriteOptions) -> Json:
    """A body in stored form. Unknown fields are refused, warned of or dropped, as the client asked."""
    twice = [f'duplicate field "{path}"' for path in bodies.doubled(body)]
    body = identified(target, normalize.without_nulls(body), _unconverted)
    unknown = []
    for fault in validation.check(target.node, body):
        if fault.kind == "unknown":
            unknown.append(f'unknown field "{fault.path}"')
        elif fault.kind == "value" and not target.kind.custom and validation.is_unread(fault):
            raise errors.bad_request(f"{_cannot(target)}: {validation.UNREAD}")
        elif fault.kind == "type" and (not target.kind.custom or fault.path.startswith("metadata")):
            raise errors.bad_request(f"{_cannot(target)}: {validation.go_text(fault, target.kind.kind)}")
    found = twice + unknown
    if found and options.validation == "Strict":
        raise errors.bad_request(f"{_cannot(target)}: strict decoding error: {', '.join(found)}")
    if options.validation == "Warn":
        options.warnings.extend(found)
    return conversion.to_stored(target.kind, target.version, normalize.stored(target.node, body))


def typed(target: Target, config: Json) -> None:
    """Raises 500 for what server-side apply cannot read with the schema, 400 for a quantity that is none."""
    found = list(validation.check(target.node, config, keyed=True))
    faults = [fault for fault in found if fault.kind != "value"]
    if faults:
        version = target.kind.api_version(target.version)
        group = version if "/" in version else f"/{version}"  # as Go prints a GroupVersionKind
        name = f"{target.namespace}/{target.name}; {group}, Kind={target.kind.kind}"
        texts = [validation.typed_patch_text(fault) for fault in faults]
        joined = texts[0] if len(texts) == 1 else "errors:\n  " + "\n  ".join(texts)
        raise errors.ApiError(500, "", f"failed to create typed patch object ({name}): {joined}")


def identified(target: Target, body: Any, mismatch: Callable[[Target, str, str], str]) -> Json:
    """A copy of the body whose kind, version, namespace and name are those of the path.

    Raises 400 for another one; ``mismatch`` says what is wrong with another kind.
    """
    if not isinstance(body, dict):
        raise errors.bad_request("the object provided is unrecognized (must be of type Object)")
    kind = target.kind
    wanted = kind.api_version(target.version)
    if body.get("apiVersion", wanted) != wanted or body.get("kind", kind.kind) != kind.kind:
        given = str(body.get("apiVersion", wanted)), str(body.get("kind", kind.kind))
        raise errors.bad_request(mismatch(target, *given))
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


def invalid_type(target: Target, version: str, kind: str) -> str:
    """What server-side apply says of another kind."""
    return f"invalid object type: {version if '/' in version else '/' + version}, Kind={kind}"


def _unconverted(target: Target, version: str, kind: str) -> str:
    return (
        f"{kind} in version {errors.quoted(version.rpartition('/')[2])} cannot be handled as a "
        f"{target.kind.kind}: the API version in the data ({version}) does not match the expected API "
        f"version ({target.kind.api_version(target.version)})"
    )


def _cannot(target: Target) -> str:
    return f'{target.kind.kind} in version "{target.version}" cannot be handled as a {target.kind.kind}'
