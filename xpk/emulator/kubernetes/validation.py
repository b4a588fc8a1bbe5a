"""Checks one object against its schema: unknown fields, types, required fields, and a custom resource's
limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.errors import Cause
from xpk.emulator.kubernetes.merge_keys import KEY_DEFAULTS
from xpk.emulator.kubernetes.schema import Node

_QUANTITY = re.compile(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$")
_GO_TYPES = {"string": "string", "integer": "int32", "number": "float64", "boolean": "bool"}
_NAMES = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "string", "list": "array"}


@dataclass(frozen=True, slots=True)
class Fault:
    """``unknown``: an undeclared field; ``type``: a value of the wrong type; ``duplicate``: two items of a
    keyed list with the same key (``expected``); ``value``: all else, with its cause.
    """

    kind: Literal["unknown", "type", "value", "duplicate"]
    path: str
    expected: str = ""
    value: object = None
    cause: Cause | None = None


UNREAD = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
"""What a typed server says of a quantity that it cannot read."""


def is_unread(fault: Fault) -> bool:
    """Whether the fault is a quantity that is none."""
    return fault.cause is not None and UNREAD in fault.cause.message


def is_quantity(text: str) -> bool:
    """Whether Kubernetes reads this as a quantity."""
    return bool(_QUANTITY.match(text))


def check(node: Node, value: Any, path: str = "", keyed: bool = False) -> Iterator[Fault]:
    """All faults of ``value``, in the order of its fields. Nulls count as absent.

    ``keyed``: items of keyed lists are named by their keys in paths, as server-side apply does.
    """
    if value is None:
        return
    if not _right_type(node, value):
        yield Fault("type", path, node.type, value)
        return
    if node.custom and node.limits:
        yield from _limits(node, value, path)
    if node.type == "quantity" and isinstance(value, str) and not is_quantity(value):
        yield _value_fault(errors.invalid_value(path, value, UNREAD))
    if isinstance(value, dict):
        yield from _object(node, value, path, keyed)
    elif isinstance(value, list) and node.items is not None:
        yield from _list(node, value, path, keyed)


def _object(node: Node, value: dict[str, Any], path: str, keyed: bool) -> Iterator[Fault]:
    if node.type == "map" and node.items is not None:
        for name, child in value.items():
            yield from check(node.items, child, _join(path, name), keyed)
    if node.type != "object":
        return
    for name in node.required:
        if value.get(name) is None:
            yield _value_fault(errors.required(_join(path, name)))
    for name, child in value.items():
        declared = node.fields.get(name)
        if declared is not None:
            yield from check(declared, child, _join(path, name), keyed)
        elif not node.preserve:
            yield Fault("unknown", _join(path, name))


def _list(node: Node, value: list[Any], path: str, keyed: bool) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, child in enumerate(value):
        key = _key(node, child)
        if key and key in seen:
            yield Fault("duplicate", path, key)
        seen.add(key)
        if child is None and node.items is not None and node.items.type != "any":
            yield Fault("type", f"{path}[{index}]", node.items.type, None)
        elif node.items is not None:
            yield from check(node.items, child, f"{path}{key if key and keyed else f'[{index}]'}", keyed)


def _key(node: Node, item: Any) -> str:
    """The item's key as messages have it, ``[name="a"]``; empty when the list is not keyed."""
    if node.is_set:
        return f"[={errors.quoted(item)}]"
    if not node.keys or not isinstance(item, dict):
        return ""
    pairs = ((key, item.get(key, KEY_DEFAULTS.get(key))) for key in node.keys)
    return "[" + ",".join(f"{key}={errors.quoted(value)}" for key, value in pairs) + "]"


def _right_type(node: Node, value: Any) -> bool:
    match node.type:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "int-or-string":
            return isinstance(value, int | str) and not isinstance(value, bool)
        case "quantity":
            return isinstance(value, int | float | str) and not isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "object" | "map":
            return isinstance(value, dict)
        case _:
            return True


def _limits(node: Node, value: Any, path: str) -> Iterator[Fault]:
    limits = node.limits
    body = f"{path} in body should"
    if "enum" in limits and value not in limits["enum"]:
        yield _value_fault(errors.unsupported(path, value, limits["enum"]))
    if "pattern" in limits and not _compiled(limits["pattern"]).search(str(value)):
        yield _value_fault(errors.invalid_value(path, value, f"{body} match '{limits['pattern']}'"))
    for limit, low, text in _BOUNDS:
        if limit in limits:
            size = value if limit in ("minimum", "maximum") else len(value)
            if (size < limits[limit]) if low else (size > limits[limit]):
                yield _value_fault(errors.invalid_value(path, value, f"{body} {text.format(limits[limit])}"))


_BOUNDS = (
    ("minimum", True, "be greater than or equal to {}"),
    ("maximum", False, "be less than or equal to {}"),
    ("minLength", True, "be at least {} chars long"),
    ("maxLength", False, "be at most {} chars long"),
    ("minItems", True, "have at least {} items"),
    ("maxItems", False, "have at most {} items"),
    ("maxProperties", False, "have at most {} properties"),
)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    flags = re.IGNORECASE if "(?i)" in pattern else 0
    return re.compile(pattern.replace("(?i)", ""), flags)


def _value_fault(cause: Cause) -> Fault:
    return Fault("value", cause.field, cause=cause)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def type_cause(fault: Fault) -> Cause:
    """A type fault of a custom resource as the server's 422 says it."""
    expected = _NAMES.get(fault.expected, "object")
    got = json_type(fault.value)
    return errors.invalid_value(
        fault.path,
        fault.value if got == "string" else got,
        f'{fault.path} in body must be of type {expected}: "{got}"',
    )


def typed_patch_text(fault: Fault) -> str:
    """A fault as server-side apply's conversion to a typed value says it."""
    if fault.kind == "unknown":
        return f".{fault.path}: field not declared in schema"
    if fault.kind == "duplicate":
        return f".{fault.path}: duplicate entries for key {fault.expected}"
    expected = {"integer": "numeric (int or float)", "number": "numeric (int or float)", "list": "list"}.get(
        fault.expected, {"boolean": "boolean", "string": "string"}.get(fault.expected, "map")
    )
    value = fault.value
    got = f"&{{{value}}}" if isinstance(value, str) else json_type(value)
    return f".{fault.path}: expected {expected}, got {got}"


def go_text(fault: Fault, kind: str) -> str:
    """A type fault of a built-in kind as the JSON decoder says it."""
    target = _GO_TYPES.get(fault.expected, "object")
    where = f"Go struct field {kind}.{fault.path} of type {target}"
    got = json_type(fault.value)
    return f"json: cannot unmarshal {'number' if got == 'integer' else got} into {where}"


def json_type(value: object) -> str:
    """The JSON type's name of a value."""
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"
