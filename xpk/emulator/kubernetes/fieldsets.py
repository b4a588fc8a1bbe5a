"""Sets of fields, as server-side apply keeps them per manager in metadata.managedFields.

A path is a tuple of elements in the notation of FieldsV1: ``f:name`` a field, ``k:{...}`` an item of a
keyed list, ``v:...`` an item of a set, ``.`` the item itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from xpk.emulator.kubernetes.merge_keys import KEY_DEFAULTS
from xpk.emulator.kubernetes.schema import ANY, Node

Json = dict[str, Any]
Path = tuple[str, ...]
_SERVER_FIELDS = (
    *(
        "name",
        "namespace",
        "creationTimestamp",
        "uid",
        "resourceVersion",
        "generation",
        "selfLink",
        "generateName",
    ),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"),
)
_UNOWNED = frozenset(
    {("f:apiVersion",), ("f:kind",), *(("f:metadata", f"f:{name}") for name in _SERVER_FIELDS)}
)


def leaves(node: Node, value: Json) -> dict[Path, Any]:
    """Every field that a manager can own, with its value. Parents of such fields are not in it."""
    return {
        path: leaf
        for path, leaf in _walk(node, value, ())
        if path[:1] not in _UNOWNED and path[:2] not in _UNOWNED
    }


def _walk(node: Node, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and not node.atomic:
        for name, child in value.items():
            yield from _walk(child_node(node, name), child, (*path, f"f:{name}"))
    elif isinstance(value, list) and node.keys and value:
        for item in value:
            element = (*path, item_key(node, item))
            yield (*element, "."), None
            yield from _walk(node.items or ANY, item, element)
    elif isinstance(value, list) and node.is_set and value:
        for item in value:
            yield (*path, "v:" + json.dumps(item)), item
    else:
        yield path, value


def maps(node: Node, value: Json) -> set[Path]:
    """Every map with members (labels, data): who adds one by a plain write owns it besides its members."""
    return {path for path in _maps(node, value, ()) if path[:2] not in _UNOWNED and path[:1] not in _UNOWNED}


def _maps(node: Node, value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and value and not node.atomic:
        if path and (node.type == "map" or (node.custom and path != ("f:metadata",))):
            yield (*path, ".")
        for name, child in value.items():
            yield from _maps(child_node(node, name), child, (*path, f"f:{name}"))
    elif isinstance(value, list) and node.keys:
        for item in value:
            yield from _maps(node.items or ANY, item, (*path, item_key(node, item)))


def order(path: Path) -> tuple[tuple[bool, str], ...]:
    """Sorts as the server walks a set: at each level first its own members, then what is below them."""
    last = len(path) - 1
    return tuple((at < last, element) for at, element in enumerate(path))


def child_node(node: Node, name: str) -> Node:
    """The node of a field or of a map's value."""
    if node.type == "map" and node.items is not None:
        return node.items
    return node.fields.get(name, ANY)


def item_key(node: Node, item: object) -> str:
    """The element that names one item of a keyed list; a wrong item is named by its value."""
    if not isinstance(item, dict):
        return "v:" + json.dumps(item)
    key = {name: item.get(name, KEY_DEFAULTS.get(name)) for name in sorted(node.keys)}
    return "k:" + json.dumps(key, separators=(",", ":"))


def encode(paths: Iterable[Path]) -> Json:
    """The FieldsV1 form."""
    root: Json = {}
    for path in sorted(paths):
        level = root
        for element in path:
            level = level.setdefault(element, {})
    return root


def decode(fields: Json) -> set[Path]:
    """The paths of a FieldsV1."""
    found: set[Path] = set()
    stack: list[tuple[Path, Json]] = [((), fields)]
    while stack:
        path, level = stack.pop()
        for element, below in level.items():
            if below:
                stack.append(((*path, element), below))
            else:
                found.add((*path, element))
    return found


def text(path: Path) -> str:
    """The path as the server's messages have it: ``.spec.containers[name="a"].image``."""
    words = []
    for element in path:
        if element.startswith("f:"):
            words.append("." + element[2:])
        elif element.startswith("k:"):
            key = json.loads(element[2:])
            words.append("[" + ",".join(f"{name}={json.dumps(value)}" for name, value in key.items()) + "]")
        elif element.startswith("v:"):
            words.append(f"[={element[2:]}]")
    return "".join(words)
