"""Readers for the values of gcloud flags: text in, a JSON value out.

A reader raises `BadValue` with a reason and an example; `gcloud.py` turns that into a
fault which names the flag. Nothing here knows a flag or a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network

_INT32 = 2**31 - 1
_LONGEST = 3650 * 86400
_GIB = {"": 1, "GB": 1, "G": 1, "GIB": 1, "GI": 1, "TB": 1024, "T": 1024, "TIB": 1024, "TI": 1024}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadValue(Exception):
    """A value that its flag cannot take: why, and one that it can."""

    def __init__(self, why: str, example: str) -> None:
        super().__init__(why)
        self.why = why
        self.example = example


def text(value: str) -> str:
    """Any text but an empty one."""
    if not value.strip():
        raise BadValue("it needs a value", "VALUE")
    return value.strip()


def whole(value: str, low: int = 0, high: int = _INT32) -> int:
    """A whole number between `low` and `high`."""
    try:
        number = int(value.strip())
    except ValueError:
        raise BadValue("not a whole number", str(max(low, 1))) from None
    if not low <= number <= high:
        span = f"{low} or more" if number < low and high == _INT32 else f"from {low} to {high}"
        raise BadValue(f"the number has to be {span}", str(low if number < low else high))
    return number


def fraction(value: str) -> float:
    """A part of a whole, above 0 and at most 1."""
    try:
        number = float(value.strip())
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise BadValue("not a fraction above 0 and at most 1", "0.25")
    return number


def choice(value: str, names: Mapping[str, str]) -> str:
    """The API's word for gcloud's word; gcloud reads these without regard to case."""
    wanted = value.strip().lower().replace("_", "-")
    for name, meaning in names.items():
        if wanted == name.lower().replace("_", "-"):
            return meaning
    raise BadValue(f"gcloud knows {', '.join(names)}", next(iter(names)))


def disk_gib(value: str) -> int:
    """A disk size in GiB as gcloud reads it: `100` and `100GB` are both 100 GiB. At least 10."""
    words = value.strip().upper()
    digits = words.rstrip("GTIB ")
    unit = words[len(digits) :].strip()
    if not _few_digits(digits) or unit not in _GIB:
        raise BadValue("not a disk size in whole GB", "100GB")
    size = int(digits) * _GIB[unit]
    if not 10 <= size <= 65536:
        raise BadValue("a boot disk has 10 GB to 64 TB", "100GB")
    return size


def seconds(value: str) -> str:
    """A duration such as `7d`, `90m` or `3600` (seconds) in the API's form `3600s`."""
    words = value.strip().lower()
    unit = words[-1:] if words[-1:] in _SECONDS else ""
    digits = words.removesuffix(unit) if unit else words
    if not _few_digits(digits) or int(digits) * _SECONDS[unit or "s"] > _LONGEST:
        raise BadValue("not a duration of at most ten years", "3600s")
    return f"{int(digits) * _SECONDS[unit or 's']}s"


def cidr(value: str) -> str:
    """An IPv4 or IPv6 range without host bits."""
    try:
        return str(ip_network(value.strip()))
    except ValueError as error:
        raise BadValue(str(error), _network_of(value) or "10.0.0.0/14") from None


def cidr_or_size(value: str) -> str:
    """A range, or only its size such as `/14`, for which GKE finds a free range."""
    words = value.strip()
    if words.startswith("/") and _few_digits(words[1:]) and 8 <= int(words[1:]) <= 30:
        return words
    return cidr(words)


def moment(value: str) -> str:
    """An RFC 3339 time in UTC, which is what the API takes. A time without a zone is UTC."""
    try:
        when = datetime.fromisoformat(value.strip())
        utc = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadValue("not a time in RFC 3339", "2030-01-01T09:00:00Z") from None
    return utc.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def clock(value: str) -> str:
    """A time of day in UTC, `HH:MM`."""
    hours, colon, minutes = value.strip().partition(":")
    if colon and _few_digits(hours) and _few_digits(minutes) and int(hours) < 24 and int(minutes) < 60:
        return f"{int(hours):02d}:{int(minutes):02d}"
    raise BadValue("not a time of day", "03:00")


def words(value: str) -> list[str]:
    """A list. gcloud's `^;^a;b` names another separator than the comma, as `gcloud topic escaping` has it."""
    separator, rest = _separator(value.strip())
    parts = [part.strip() for part in rest.split(separator)]
    found = [part for part in parts if part]
    if not found:
        raise BadValue("it needs at least one value", "VALUE")
    return list(dict.fromkeys(found))


def mapping(value: str) -> dict[str, str]:
    """`KEY=VALUE,KEY=VALUE`; a key alone or one that comes twice is not taken."""
    found: dict[str, str] = {}
    for part in words(value):
        key, equals, item = part.partition("=")
        if not equals or not key.strip():
            raise BadValue(f"{part!r} is not KEY=VALUE", "KEY=VALUE")
        if found.setdefault(key.strip(), item.strip()) != item.strip():
            raise BadValue(f"the key {key.strip()!r} stands there twice", "KEY=VALUE")
    return found


def record(value: str, keys: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, str]:
    """A `mapping` whose keys are known, as in `network=N,subnetwork=S`."""
    found = mapping(value)
    example = ",".join(f"{key}={key.upper()}" for key in required or keys[:1])
    for key in found:
        if key not in keys:
            raise BadValue(f"{key!r} is none of {', '.join(keys)}", example)
    for key in required:
        if not found.get(key):
            raise BadValue(f"{key} is missing", example)
    return found


def _few_digits(text: str) -> bool:
    """So few that the number is cheap to read, whatever was typed."""
    return len(text) <= 12 and text.isascii() and text.isdecimal()


def _separator(value: str) -> tuple[str, str]:
    if value.startswith("^"):
        end = value.find("^", 1)
        if end > 1:
            return value[1:end], value[end + 1 :]
    return ",", value


def _network_of(value: str) -> str:
    try:
        return str(ip_network(value.strip(), strict=False))
    except ValueError:
        return ""
