"""Strategic merge patch: as a merge patch, but lists with keys merge item by item, with directives.

The rules are those of k8s.io/apimachinery's `strategicpatch`; built-in kinds only, as on a real server.
"""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes import fieldsets
from xpk.emulator.kubernetes.schema import ANY, Node

Json = dict[str, Any]
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def merge(node: Node, live: Any, patch: Any) -> Any:
    """The object with the patch applied: null removes, `$patch` replaces or deletes."""
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    kept = patch.get("$retainKeys")
    words = {key: value for key, value in patch.items() if key not in ("$patch", "$retainKeys")}
    if directive == "replace":
        return words
    if directive == "delete":
        return {}
    result = dict(live) if isinstance(live, dict) else {}
    if isinstance(kept, list):
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in words.items():
        if key.startswith(_ORDER):
            continue
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            result[name] = [item for item in result.get(name, []) if item not in value]
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _value(fieldsets.child_node(node, key), result.get(key), value)
    return result


def _value(node: Node, live: Any, patch: Any) -> Any:
    if isinstance(patch, dict):
        return merge(node, live, patch)
    if not isinstance(patch, list):
        return patch
    if node.keys:
        return _items(node, live if isinstance(live, list) else [], patch)
    if node.is_set and isinstance(live, list):
        return live + [item for item in patch if item not in live]
    return patch


def _items(node: Node, live: list[Json], patch: list[Json]) -> list[Json]:
    """A list by its first key, which is the only one that this form of patch knows."""
    key = node.keys[0]
    if {"$patch": "replace"} in patch:
        return [item for item in patch if "$patch" not in item]
    found = {item.get(key): item for item in live}
    for item in patch:
        if item.get("$patch") == "delete":
            found.pop(item.get(key), None)
        else:
            found[item.get(key)] = merge(node.items or ANY, found.get(item.get(key)), item)
    return list(found.values())
