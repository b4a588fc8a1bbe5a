"""Schemas as the server uses them: one tree of nodes for built-in kinds and for custom resources.

Built-in types come from ``schema.json`` (generated from the official client's models); which of their lists
merge by key is in ``merge_keys.py``. Custom resources come from the CustomResourceDefinitions that the
world holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from xpk.emulator.kubernetes.merge_keys import ATOMIC_FIELDS, ATOMIC_TYPES, LIST_KEYS, SETS

Json = dict[str, Any]
UNSET = object()
"""The default of a field that has none."""

_WORDS = {
    "s": "string",
    "i": "integer",
    "n": "number",
    "b": "boolean",
    "x": "int-or-string",
    "q": "quantity",
    "*": "any",
}
_LIMITS = (
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
)


@dataclass(slots=True)
class Node:
    """One value's type.

    ``items`` is the element of a list or of a map; ``keys`` make a list an associative one.
    """

    type: str
    fields: dict[str, Node] = field(default_factory=dict)
    items: Node | None = None
    required: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    is_set: bool = False
    atomic: bool = False
    preserve: bool = False
    custom: bool = False
    immutable: bool = False
    default: object = UNSET
    limits: Json = field(default_factory=dict)


ANY = Node("any", preserve=True)


@cache
def table() -> Json:
    """The generated file: ``kinds`` and ``types``."""
    loaded: Json = json.loads((Path(__file__).parent / "schema.json").read_text())
    return loaded


@cache
def built_in(type_name: str) -> Node:
    """The node of one generated type such as ``V1PodSpec``."""
    node = Node("object", atomic=type_name in ATOMIC_TYPES)
    _BUILDING[type_name] = node
    required = []
    for name, word in table()["types"][type_name].items():
        if name.endswith("!"):
            name = name[:-1]
            required.append(name)
        node.fields[name] = _built_in_word(word, type_name, name)
    node.required = tuple(required)
    return node


_BUILDING: dict[str, Node] = {}


def _built_in_word(word: str, owner: str, name: str) -> Node:
    if word in _WORDS:
        return Node(_WORDS[word], preserve=word == "*")
    if word[0] == "[":
        keys = LIST_KEYS.get((owner, name)) or LIST_KEYS.get(("", name), ())
        items = _built_in_word(word[1:], owner, "")
        if items.type != "object" or any(key not in items.fields for key in keys):
            keys = ()
        is_set = (owner, name) in SETS
        return Node("list", items=items, keys=keys, is_set=is_set, atomic=not keys and not is_set)
    if word[0] == "{":
        return Node("map", items=_built_in_word(word[1:], owner, ""), atomic=(owner, name) in ATOMIC_FIELDS)
    return _BUILDING.get(word) or built_in(word)


_KNOWN: dict[bytes, Node] = {}
_MOST_KNOWN = 256


def from_crd(schema: Json) -> Node:
    """The root node of a custom resource: the CRD's schema with the server's own metadata.

    Nobody changes a node once it is made: equal schemas, as of one release in many
    clusters, share theirs.
    """
    digest = hashlib.sha256(json.dumps(schema).encode()).digest()
    root = _KNOWN.get(digest)
    if root is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        root = _KNOWN[digest] = _root(schema)
    return root


def _root(schema: Json) -> Node:
    root = _structural(schema)
    root.fields["apiVersion"] = Node("string")
    root.fields["kind"] = Node("string")
    root.fields["metadata"] = built_in("V1ObjectMeta")
    return root


def _structural(schema: Any) -> Node:
    if not isinstance(schema, dict):
        return ANY
    kind = schema.get("type", "any")
    if schema.get("x-kubernetes-int-or-string"):
        kind = "int-or-string"
    node = Node(kind, custom=True)
    node.preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or kind == "any"
    node.default = schema.get("default", UNSET)
    node.required = tuple(schema.get("required", ()))
    node.limits = {name: schema[name] for name in _LIMITS if name in schema}
    rules = schema.get("x-kubernetes-validations", ())
    node.immutable = any(rule.get("rule") == "self == oldSelf" for rule in rules)
    if kind == "object":
        node.fields = {name: _structural(child) for name, child in schema.get("properties", {}).items()}
        node.atomic = schema.get("x-kubernetes-map-type") == "atomic"
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            node.type, node.items = "map", _structural(extra)
    elif kind == "array":
        node.type = "list"
        node.items = _structural(schema.get("items", {}))
        node.keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        node.is_set = schema.get("x-kubernetes-list-type") == "set"
        node.atomic = not node.keys and not node.is_set
    return node
