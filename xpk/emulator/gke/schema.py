"""Strict reading of GKE's request bodies by the field names and types of the API's own messages.

The data, `schema.json`, is generated from the descriptors of google-cloud-container
(`tests/emulator/generate_gke_schema.py`). What a value must be beyond its type is decided in
`clusters.py` and `nodepools.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from xpk.emulator.errors import ApiError, invalid
from xpk.emulator.http import Json

ApiVersion = Literal["v1", "v1beta1"]
Shape = Literal["one", "many", "map"]
INT32 = 1 << 31
INT64 = 1 << 63


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message. `presence`: an explicit default value is kept, not dropped."""

    type: str
    shape: Shape
    reference: str | None
    presence: bool


@cache
def _data() -> Json:
    text = files("xpk.emulator.gke").joinpath("schema.json").read_text(encoding="utf-8")
    data: Json = json.loads(text)
    return data


@cache
def fields(message: str, version: ApiVersion) -> dict[str, Field]:
    """The fields of a message by their JSON names."""
    found: dict[str, list[Any]] = dict(_data()["v1"]["messages"].get(message, {}))
    if version == "v1beta1":
        found.update(_data()["v1beta1"]["messages"].get(message, {}))
    return {name: Field(*row) for name, row in found.items()}


@cache
def enum(name: str) -> dict[str, int]:
    """The values of an enum."""
    for version in ("v1", "v1beta1"):
        if name in _data()[version]["enums"]:
            values: dict[str, int] = _data()[version]["enums"][name]
            return values
    raise KeyError(name)


def read(body: Json, message: str, version: ApiVersion = "v1") -> Json:
    """The body as proto3 keeps it: camelCase names, enum names, default values dropped.

    Raises 400 for an unknown field, a wrong type or an unknown enum value, as Google words it.
    """
    return _message(body, message, version, "")


def _message(value: object, message: str, version: ApiVersion, path: str) -> Json:
    if not isinstance(value, dict):
        raise _bad(path, message, value)
    known = fields(message, version)
    result: Json = {}
    for key, item in value.items():
        name = re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), str(key))
        if name not in known:
            at = f" at '{path}'" if path else ""
            raise invalid(f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.')
        if item is None:
            continue
        field = known[name]
        parsed = _shaped(item, field, version, f"{path}.{_snake(name)}" if path else _snake(name))
        if field.presence or parsed not in (False, 0, "", [], {}):
            result[name] = parsed
    return result


def _shaped(value: object, field: Field, version: ApiVersion, path: str) -> object:
    if field.shape == "many":
        if not isinstance(value, list):
            raise _bad(path, field.type, value)
        return [_single(item, field, version, f"{path}[{index}]") for index, item in enumerate(value)]
    if field.shape == "map":
        if not isinstance(value, dict):
            raise _bad(path, field.type, value)
        return {str(key): _single(item, field, version, f"{path}[{key}]") for key, item in value.items()}
    parsed = _single(value, field, version, path)
    if field.type == "enum" and not field.presence and enum(field.reference or "")[str(parsed)] == 0:
        return ""
    return parsed


def _single(value: object, field: Field, version: ApiVersion, path: str) -> object:
    match field.type:
        case "message":
            return _message(value, field.reference or "", version, path)
        case "enum":
            return _enum(value, field.reference or "", path)
        case "bool" if isinstance(value, bool):
            return value
        case "string" if isinstance(value, str):
            return value
        case "int32" | "int64" as kind:
            return _integer(value, kind, path)
        case "double" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case "any":
            return value
        case kind:
            raise _bad(path, kind, value)


def _integer(value: object, kind: str, path: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _bad(path, kind, value)
    try:
        number = int(value)
    except ValueError:
        raise _bad(path, kind, value) from None
    limit = INT32 if kind == "int32" else INT64
    if not -limit <= number < limit:
        raise _bad(path, kind, value)
    # proto3's JSON form of a 64-bit integer is a string
    return number if kind == "int32" or number == 0 else str(number)


def _enum(value: object, name: str, path: str) -> str:
    values = enum(name)
    if isinstance(value, str) and value in values:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        for known, number in values.items():
            if number == value:
                return known
    raise _bad(path, f"google.container.v1.{name}", value)


def _bad(path: str, kind: str, value: object) -> ApiError:
    return invalid(f"Invalid value at '{path}' ({kind}), {json.dumps(value)[:200]}")


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)
