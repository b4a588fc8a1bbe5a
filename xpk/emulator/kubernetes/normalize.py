"""Brings an object into the form that the server stores: no nulls, quantities as text, defaults, nothing
undeclared.
"""

from __future__ import annotations

import copy
from typing import Any

from xpk.emulator.kubernetes import quantities
from xpk.emulator.kubernetes.schema import UNSET, Node


def without_nulls(value: Any) -> Any:
    """A copy without null fields: for the server they are absent."""
    if isinstance(value, dict):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [without_nulls(child) for child in value]
    return value


def stored(node: Node, value: Any) -> Any:
    """A copy in stored form: a built-in quantity given as a number becomes text; undeclared fields are
    dropped.
    """
    if isinstance(value, dict):
        if node.type == "map" and node.items is not None:
            return {key: stored(node.items, child) for key, child in value.items()}
        return {
            key: stored(node.fields[key], child) if key in node.fields else copy.deepcopy(child)
            for key, child in value.items()
            if key in node.fields or node.preserve or node.type == "any"
        }
    if isinstance(value, list) and node.items is not None:
        return [stored(node.items, child) for child in value]
    if node.type == "quantity":
        return quantities.canonical(value)
    return value


def with_defaults(node: Node, value: Any) -> Any:
    """A copy with the defaults of a custom resource's schema filled in, where the parent is present."""
    if isinstance(value, dict):
        if node.type == "map" and node.items is not None:
            return {key: with_defaults(node.items, child) for key, child in value.items()}
        filled = dict(value)
        for name, child in node.fields.items():
            if name not in filled and child.default is not UNSET:
                filled[name] = copy.deepcopy(child.default)
            if name in filled and isinstance(filled[name], dict | list):
                filled[name] = with_defaults(child, filled[name])
        return filled
    if isinstance(value, list) and node.items is not None:
        return [with_defaults(node.items, child) for child in value]
    return value
