"""Server-side apply: merges a configuration into an object and keeps who owns which field.

The rules are those of https://kubernetes.io/docs/reference/using-api/server-side-apply/: a manager owns
what it applied; what it no longer applies and nobody else owns goes away; another manager's field with
another value is a conflict unless forced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from xpk.emulator.kubernetes import fieldsets
from xpk.emulator.kubernetes.errors import ApiError
from xpk.emulator.kubernetes.fieldsets import Path
from xpk.emulator.kubernetes.schema import ANY, Node

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: a manager's name, how, under which version, and through which subresource."""

    manager: str
    operation: Literal["Apply", "Update"]
    api_version: str
    subresource: str = ""


Managers = dict[Writer, tuple[set[Path], str]]
"""Owned fields and the time of the last change, by writer."""


def managers_of(obj: Json | None) -> Managers:
    """The managers of an object."""
    found: Managers = {}
    for entry in (obj or {}).get("metadata", {}).get("managedFields") or ():
        writer = Writer(
            entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")
        )
        found[writer] = (fieldsets.decode(entry.get("fieldsV1") or {}), entry.get("time", ""))
    return found


def managed_fields(managers: Managers) -> list[Json]:
    """The managedFields of these managers; those that own nothing are left out."""
    entries = []
    for writer, (paths, time) in managers.items():
        if not paths:
            continue
        entry: Json = {
            "manager": writer.manager,
            "operation": writer.operation,
            "apiVersion": writer.api_version,
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.encode(paths),
        }
        if writer.subresource:
            entry["subresource"] = writer.subresource
        entries.append(entry)
    return sorted(entries, key=lambda entry: (entry["operation"], entry["time"], entry["manager"]))


def apply(node: Node, live: Json | None, config: Json, writer: Writer, force: bool, now: str) -> Json:
    """The merged object with its new managedFields. Raises 409 with one cause per contested field."""
    managers = managers_of(live)
    wanted = fieldsets.leaves(node, config)
    merged: Json = _merge(node, live or {}, config)
    current = fieldsets.leaves(node, live or {})
    contested = {path for path, value in wanted.items() if path in current and current[path] != value}
    conflicts = [
        (other, path)
        for other, (paths, _) in managers.items()
        if (other.manager, other.operation) != (writer.manager, "Apply")
        for path in sorted(paths & contested, key=fieldsets.order)
    ]
    if conflicts and not force:
        raise _refusal(conflicts)
    for other, path in conflicts:
        managers[other] = (managers[other][0] - {path}, managers[other][1])
    before, time = managers.get(writer, (set(), ""))
    others = set().union(*(paths for other, (paths, _) in managers.items() if other != writer))
    for path in sorted(before - set(wanted), key=lambda path: (path[-1] == ".", -len(path))):
        if path not in others:
            _remove(node, merged, path, others)
    owned = set(wanted)
    managers[writer] = (owned, time if owned == before and time else now)
    merged["metadata"] = {**merged.get("metadata", {}), "managedFields": managed_fields(managers)}
    return merged


def update(node: Node, live: Json | None, new: Json, writer: Writer, now: str) -> Json:
    """An object written whole: the writer owns what it added or changed, and nobody what is gone."""
    managers = managers_of(live)
    before = fieldsets.leaves(node, live or {})
    after = fieldsets.leaves(node, new)
    maps = fieldsets.maps(node, new)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    changed |= maps - fieldsets.maps(node, live or {})
    kept: Managers = {}
    for other, (paths, time) in managers.items():
        remaining = {path for path in paths if path in after or path in maps}
        kept[other] = (remaining if other == writer else remaining - changed, time)
    if changed:
        kept[writer] = (kept.get(writer, (set(), ""))[0] | changed, now)
    new = {**new, "metadata": {**new["metadata"]}}
    entries = managed_fields(kept)
    new["metadata"].pop("managedFields", None)
    if entries:
        new["metadata"]["managedFields"] = entries
    return new


def _refusal(conflicts: list[tuple[Writer, Path]]) -> ApiError:
    by_writer: dict[str, list[str]] = {}
    causes = []
    for writer, path in conflicts:
        who = f'"{writer.manager}"'
        if writer.subresource:
            who += f' with subresource "{writer.subresource}"'
        if writer.operation == "Update":
            who += f" using {writer.api_version}"
        by_writer.setdefault(who, []).append(fieldsets.text(path))
        causes.append(
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {who}",
                "field": fieldsets.text(path),
            }
        )
    count = len(conflicts)
    if count == 1:
        ((who, paths),) = by_writer.items()
        message = f"Apply failed with 1 conflict: conflict with {who}: {paths[0]}"
    else:
        parts = [
            "\n".join([f"conflicts with {who}:", *(f"- {p}" for p in paths)])
            for who, paths in by_writer.items()
        ]
        message = f"Apply failed with {count} conflicts: " + "\n".join(parts)
    return ApiError(409, "Conflict", message, {"causes": causes})


def _merge(node: Node, live: Any, config: Any) -> Any:
    if node.atomic or config is None:
        return config
    if isinstance(config, dict) and isinstance(live, dict):
        merged = dict(live)
        for name, child in config.items():
            merged[name] = _merge(fieldsets.child_node(node, name), live.get(name), child)
        return merged
    if isinstance(config, list) and isinstance(live, list):
        if node.keys:
            return _merge_items(node, live, config)
        if node.is_set:
            return live + [item for item in config if item not in live]
    return config


def _merge_items(node: Node, live: list[Json], config: list[Json]) -> list[Json]:
    merged = {fieldsets.item_key(node, item): item for item in live}
    for item in config:
        key = fieldsets.item_key(node, item)
        merged[key] = _merge(node.items or ANY, merged.get(key), item)
    return list(merged.values())


def _remove(node: Node, obj: Json, path: Path, others: set[Path]) -> None:
    """Take one field out of ``obj`` (copying the way to it); a parent that becomes empty goes with it."""
    element, rest = path[0], path[1:]
    name = element[2:]
    if name not in obj:
        return
    child = fieldsets.child_node(node, name)
    if not rest:
        del obj[name]
        return
    value = obj[name]
    if isinstance(value, dict):
        obj[name] = dict(value)
        _remove(child, obj[name], rest, others)
    elif isinstance(value, list):
        obj[name] = _remove_item(child, value, rest, others)
    if not obj[name]:
        del obj[name]


def _remove_item(node: Node, items: list[Any], path: Path, others: set[Path]) -> list[Any]:
    element, rest = path[0], path[1:]
    if element.startswith("v:"):
        return [item for item in items if "v:" + json.dumps(item) != element]
    kept: list[Any] = []
    for item in items:
        if fieldsets.item_key(node, item) != element:
            kept.append(item)
        elif rest != (".",):
            copy = dict(item)
            if not (rest[0][2:] in node.keys and len(rest) == 1):
                _remove(node.items or ANY, copy, rest, others)
            kept.append(copy)
    return kept
