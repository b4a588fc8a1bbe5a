"""A short notation for the schemas of custom resources, and its reader.

One field a line, indented by one space a level: ``name! type attributes``; ``!`` marks a required field.
Types: ``string int int64 bool time quantity object list list(KEY,KEY) set map @TYPE``; ``list``, ``set``
and ``map`` take ``of=`` a simple type, else the fields of their items follow. ``@V1PodTemplateSpec``
expands a built-in type. Attributes: ``default=JSON enum=A|B min= max= pattern=NAME once`` (``once``:
immutable after creation).
"""

from __future__ import annotations

import json
from typing import Any

from xpk.emulator.kubernetes.merge_keys import KEY_DEFAULTS
from xpk.emulator.kubernetes.schema import Node, built_in

Json = dict[str, Any]
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
PATTERNS = {
    "label": f"^{_LABEL}$",
    "subdomain": rf"^{_LABEL}(\.{_LABEL})*$",
    "ilabel": "^(?i)[a-z]([-a-z0-9]*[a-z0-9])?$",
    "reason": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    "qualified": rf"^({_LABEL}(\.{_LABEL})*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
    "quantity": (
        r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
        r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
    ),
}
_LIMITS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
CONDITIONS = """
conditions list(type) max=16
 type! string max=316 pattern=qualified
 status! string enum=True|False|Unknown
 reason! string min=1 max=1024 pattern=reason
 message! string max=32768
 lastTransitionTime! time
 observedGeneration int64 min=0
"""


def read(text: str) -> Json:
    """The OpenAPI schema of an object whose fields ``text`` lists."""
    root: Json = {"type": "object", "properties": {}}
    stack: list[tuple[int, Json]] = [(-1, root)]
    for line in text.splitlines():
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        while stack[-1][0] >= depth:
            stack.pop()
        name, kind, *attributes = line.split()
        parent = stack[-1][1]
        required = name.endswith("!")
        name = name.rstrip("!")
        schema, inner = _field(kind, attributes)
        parent.setdefault("properties", {})[name] = schema
        if required:
            parent.setdefault("required", []).append(name)
        stack.append((depth, inner))
    return root


def _field(kind: str, attributes: list[str]) -> tuple[Json, Json]:
    """A field's schema, and the part of it that the following deeper lines belong to."""
    options = dict(part.partition("=")[::2] for part in attributes)
    if kind.startswith("@"):
        schema = expand(built_in(kind[1:]), kind[1:])
        inner = schema
    elif kind.startswith("list") or kind == "set":
        inner = _simple(options["of"]) if "of" in options else {"type": "object"}
        schema = {"type": "array", "items": inner}
        keys = kind[5:-1].split(",") if "(" in kind else []
        schema["x-kubernetes-list-type"] = "map" if keys else ("set" if kind == "set" else "atomic")
        if keys:
            schema["x-kubernetes-list-map-keys"] = keys
        if "each" in options:
            inner["pattern"] = PATTERNS[options["each"]]
    elif kind == "map":
        schema = inner = {"type": "object", "additionalProperties": _simple(options.get("of", "string"))}
    else:
        schema = inner = _simple(kind)
    _attributes(schema, options)
    return schema, inner


def _simple(kind: str) -> Json:
    match kind:
        case "string" | "object":
            return {"type": kind}
        case "bool":
            return {"type": "boolean"}
        case "int":
            return {"type": "integer", "format": "int32"}
        case "int64":
            return {"type": "integer", "format": "int64"}
        case "time":
            return {"type": "string", "format": "date-time"}
        case "quantity":
            return {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "pattern": PATTERNS["quantity"],
                "x-kubernetes-int-or-string": True,
            }
        case _:
            raise ValueError(f"no such type in the notation: {kind}")


def _attributes(schema: Json, options: dict[str, str]) -> None:
    low, high = _LIMITS.get(schema.get("type", ""), ("minimum", "maximum"))
    if "min" in options:
        schema[low] = int(options["min"])
    if "max" in options:
        schema[high] = int(options["max"])
    if "enum" in options:
        schema["enum"] = options["enum"].split("|")
    if "pattern" in options:
        schema["pattern"] = PATTERNS[options["pattern"]]
    if "default" in options:
        schema["default"] = json.loads(options["default"])
    if "once" in options:
        schema["x-kubernetes-validations"] = [{"rule": "self == oldSelf", "message": "Value is immutable"}]
    if "atomic" in options:
        schema["x-kubernetes-map-type"] = "atomic"


def expand(node: Node, name: str = "") -> Json:
    """A built-in type as a structural schema, with metadata cut to what a template may carry."""
    if name == "V1ObjectMeta":
        return read("annotations map\nfinalizers list of=string\nlabels map\nname string\nnamespace string")
    match node.type:
        case "object":
            return _object(node, name)
        case "map":
            items = expand(node.items) if node.items else {}
            schema: Json = {"type": "object", "additionalProperties": items}
            return schema | ({"x-kubernetes-map-type": "atomic"} if node.atomic else {})
        case "list":
            schema = {"type": "array", "items": expand(node.items) if node.items else {}}
            schema["x-kubernetes-list-type"] = "map" if node.keys else ("set" if node.is_set else "atomic")
            if node.keys:
                schema["x-kubernetes-list-map-keys"] = list(node.keys)
                for key in node.keys:
                    if key in KEY_DEFAULTS:
                        schema["items"]["properties"][key]["default"] = KEY_DEFAULTS[key]
            return schema
        case "quantity":
            return _simple("quantity")
        case "int-or-string":
            return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        case "any":
            return {"x-kubernetes-preserve-unknown-fields": True}
        case other:
            return {"type": other}


def _object(node: Node, name: str) -> Json:
    template = name.endswith("TemplateSpec") or name == "V1PersistentVolumeClaim"
    properties = {
        field: expand(child, "V1ObjectMeta" if template and field == "metadata" else "")
        for field, child in node.fields.items()
    }
    if "metadata" in properties and not template:
        properties["metadata"] = expand(node.fields["metadata"], "V1ObjectMeta")
    for field, child in node.fields.items():
        if field == "template" and "metadata" in child.fields:
            properties[field] = expand(child, "V1PodTemplateSpec")
    schema: Json = {"type": "object", "properties": properties}
    if node.required:
        schema["required"] = list(node.required)
    if node.atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    return schema


def definition(
    group: str,
    kind: str,
    plural: str,
    namespaced: bool,
    versions: list[Json],
    short_names: tuple[str, ...] = (),
) -> Json:
    """The CustomResourceDefinition."""
    names: Json = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    if short_names:
        names["shortNames"] = list(short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced" if namespaced else "Cluster",
            "versions": versions,
        },
    }


def version(name: str, fields: str, *, status: bool, storage: bool = True, deprecated: str = "") -> Json:
    """One version of a definition. ``fields`` are those beside apiVersion, kind and metadata."""
    schema = read(fields)
    head = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    schema["properties"] = {**head, **schema["properties"]}
    body: Json = {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}
    if status:
        body["subresources"] = {"status": {}}
    if deprecated:
        body |= {"deprecated": True, "deprecationWarning": deprecated}
    return body
