"""What a client sends and in which form it wants the answer: JSON or YAML in; objects, rows or metadata out.

Not what the objects mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from xpk.emulator.http import Request
from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.errors import ApiError

Json = dict[str, Any]
_TAKEN = ("*/*", "application/*", "application/json", "application/yaml")


class Doubled(dict[str, Any]):
    """An object with fields that were given twice: their names are in ``twice``."""

    twice: tuple[str, ...] = ()


def read(request: Request) -> Any:
    """The body, None when there is none. Raises 400 for what is no JSON or YAML, 415 for protobuf."""
    if not request.body.strip():
        return None
    if "protobuf" in header(request.headers, "content-type"):
        raise ApiError(415, "UnsupportedMediaType", "the emulator reads JSON and YAML, not protobuf")
    try:
        return json.loads(request.body, object_pairs_hook=_object)
    except ValueError:
        pass
    try:
        return yaml.safe_load(request.body)
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding the body: {error}") from error


def doubled(value: Any, path: str = "") -> list[str]:
    """The paths of all fields that were given twice."""
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in doubled(item, f"{path}[{at}]")]
    if not isinstance(value, dict):
        return []
    start = f"{path}." if path else ""
    own = [f"{start}{name}" for name in value.twice] if isinstance(value, Doubled) else []
    return own + [found for name, item in value.items() for found in doubled(item, f"{start}{name}")]


def _object(pairs: list[tuple[str, Any]]) -> Json:
    """The object of these members; as Go reads it, a map that comes twice has the members of both."""
    found: Json = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = Doubled()
    seen: list[str] = []
    for name, value in pairs:
        if name in twice:
            seen.append(name)
            before = twice[name]
            if isinstance(before, dict) and isinstance(value, dict):
                value = {**before, **value}
        twice[name] = value
    twice.twice = tuple(dict.fromkeys(seen))
    return twice


def header(headers: Mapping[str, str], wanted: str) -> str:
    """A header by its name in lower case, empty when it is not there."""
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def form(headers: Mapping[str, str]) -> str:
    """What the answer is to be: ``Table``, ``PartialObjectMetadata`` (also for its list) or empty for
    objects. Raises 406 when nothing that the client takes can be given.
    """
    ranges = [
        part.replace(" ", "").split(";") for part in header(headers, "accept").split(",") if part.strip()
    ]
    for kind, *words in ranges:
        if kind not in _TAKEN:
            continue
        if "as=Table" in words:
            return "Table"
        if any(word.startswith("as=PartialObjectMetadata") for word in words):
            return "PartialObjectMetadata"
        return ""
    if not ranges:
        return ""
    text = (
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )
    raise ApiError(406, "NotAcceptable", text)


def partial(item: Json) -> Json:
    """An object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}
