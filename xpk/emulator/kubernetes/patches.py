"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902): what kubectl's users send by hand.

Not the strategic merge patch, which needs the schema: that is in `strategic.py`.
"""

from __future__ import annotations

import copy
from typing import Any

from xpk.emulator.kubernetes.errors import ApiError, bad_request

Json = dict[str, Any]


def merge(target: Any, patch: Any) -> Any:
    """The target with a merge patch applied: null removes."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def operations(target: Json, patch: Any) -> Json:
    """The target with a JSON patch applied.

    Raises 400 for what is no patch, 422 when a path is not there or a test fails.
    """
    if not isinstance(patch, list) or not all(isinstance(step, dict) for step in patch):
        raise bad_request("error decoding patch: not a list of operations")
    result = copy.deepcopy(target)
    for step in patch:
        _step(result, step)
    return result


def _step(root: Json, step: Json) -> None:
    for name in ("path", "from") if step.get("op") in ("move", "copy") else ("path",):
        if not isinstance(step.get(name), str):
            raise _failed(f"an operation needs {name}")
    match step.get("op"):
        case "add" | "replace":
            _set(root, step["path"], copy.deepcopy(step.get("value")), step["op"] == "add")
        case "remove":
            _take(root, step["path"])
        case "test":
            parent, last = _parent(root, step["path"])
            if _value(parent, last) != step.get("value"):
                raise _failed(f"testing path {step['path']} failed")
        case "move":
            _set(root, step["path"], _take(root, step["from"]), True)
        case "copy":
            parent, last = _parent(root, step["from"])
            _set(root, step["path"], copy.deepcopy(_value(parent, last)), True)
        case other:
            raise _failed(f"unexpected kind: {other}")


def _parent(root: Json, path: str) -> tuple[Any, str]:
    words = [word.replace("~1", "/").replace("~0", "~") for word in path.split("/")[1:]]
    if not words:
        raise _failed("the whole object cannot be patched")
    level: Any = root
    for word in words[:-1]:
        level = _value(level, word)
    return level, words[-1]


def _value(parent: Any, word: str) -> Any:
    try:
        return parent[_place(word, len(parent))] if isinstance(parent, list) else parent[word]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise _failed(f'error in remove for path: "{word}" does not exist') from error


def _set(root: Json, path: str, value: Any, add: bool) -> None:
    parent, last = _parent(root, path)
    if isinstance(parent, list):
        place = len(parent) if last == "-" and add else _place(last, len(parent) + add)
        if place > len(parent) - (not add):
            raise _failed(f"index {last} is out of range")
        parent[place : place if add else place + 1] = [value]
        return
    if not isinstance(parent, dict):
        raise _failed(f'"{last}" is not below an object or a list')
    parent[last] = value  # a member that is not there is replaced too, as by the server's library


def _place(word: str, length: int) -> int:
    """An index; a negative one counts from the end, as by the server's library."""
    if not word.removeprefix("-").isdecimal():
        raise _failed(f'"{word}" is not an index')
    place = int(word)
    if place < -length:
        raise _failed(f"index {word} is out of range")
    return place if place >= 0 else place + length


def _take(root: Json, path: str) -> Any:
    parent, last = _parent(root, path)
    value = _value(parent, last)
    if isinstance(parent, list):
        parent.pop(_place(last, len(parent)))
    else:
        del parent[last]
    return value


def _failed(message: str) -> ApiError:
    return ApiError(
        422, "Invalid", f"the server rejected our request due to an error in our request: {message}"
    )
