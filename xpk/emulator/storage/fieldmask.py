"""The `fields` parameter of Google's older REST services: `name,iamConfiguration(bucketPolicyOnly),a/b`."""

from __future__ import annotations

from xpk.emulator.http import Json


def project(value: Json, mask: str) -> Json:
    """The parts of a resource that a mask names; all of it for an empty mask or `*`."""
    if mask in ("", "*"):
        return value
    result: Json = {}
    for item in split(mask):
        name, inner = _item(item)
        if name == "*":
            return value
        if name not in value:
            continue
        found = value[name]
        if inner and isinstance(found, dict):
            kept = result.get(name, {})
            result[name] = {**kept, **project(found, inner)}
        else:
            result[name] = found
    return result


def split(mask: str) -> list[str]:
    """The items of a mask: commas inside parentheses do not separate."""
    items, depth, current = [], 0, ""
    for letter in mask:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            items.append(current)
            current = ""
        else:
            current += letter
    return [item.strip() for item in [*items, current] if item.strip()]


def _item(item: str) -> tuple[str, str]:
    for index, letter in enumerate(item):
        if letter in "/.":
            return item[:index], item[index + 1 :]
        if letter == "(":
            return item[:index], item[index + 1 : -1]
    return item, ""
