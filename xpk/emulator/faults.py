"""Faults on demand: answers that are replaced, delayed or cut, and capacity that is not there.

What a world fault does at once to a cluster or a bucket is in `disasters.py`; here is what
stays and waits for a request to match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from xpk.emulator.errors import STATUSES, google_error, invalid
from xpk.emulator.http import Json, Request, Response

When = Literal["before", "after"]
LONGEST_DELAY = 3600
CHECKS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "match": ("a method, a path or both", lambda value: is_match(value)),
    "times": ("a whole number from 1", lambda value: is_whole(value, 1)),
    "status": ("an HTTP status from 200 to 599", lambda value: is_whole(value, 200, 599)),
    "body": ("a JSON object", lambda value: isinstance(value, dict)),
    "headers": ("an object of texts", lambda value: is_texts(value)),
    "when": ('"before" or "after"', lambda value: value in ("before", "after")),
    "drop": ("true or false", lambda value: isinstance(value, bool)),
    "skip": ("a whole number from 0", lambda value: is_whole(value, 0)),
    "raw": ("a text", lambda value: isinstance(value, str)),
    "cut": ("a whole number of bytes", lambda value: is_whole(value, 0)),
    "delay_seconds": (f"seconds from 0 to {LONGEST_DELAY}", lambda value: is_seconds(value)),
}
CAPACITY = {"stockout": "GCE_STOCKOUT", "quota": "GCE_QUOTA_EXCEEDED"}


@dataclass(slots=True)
class RequestFault:
    """Changes the answer of the next `times` requests that match, after `skip` that are spared.

    `when` "after": the request takes effect first. `drop`: the connection is closed without an
    answer; `cut`: after so many bytes of it. `raw` is sent in place of JSON. `delay_seconds` are real
    seconds. Without `status`, `raw`, `cut` and `drop` it only delays.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)
    when: When = "before"
    drop: bool = False
    skip: int = 0
    raw: str | None = None
    cut: int | None = None
    delay_seconds: float = 0.0

    def matches(self, request: Request) -> bool:
        """Whether a request is meant: `method` is whole (empty: any), `path` is searched as a regex."""
        return self.method in ("", request.method) and re.search(self.path, request.path) is not None

    def response(self) -> Response | None:
        """The answer that replaces the real one, if any does."""
        if self.drop:
            return None
        if self.raw is not None:
            return Response(self.status or 200, self.raw.encode(), self.headers).rendered()
        if not self.status:
            return None
        name = next((name for name, code in STATUSES.items() if code == self.status), "UNKNOWN")
        body = self.body or google_error(self.status, name, f"Injected fault: {self.status}.")
        return Response(self.status, body, self.headers).rendered()

    def json(self) -> Json:
        """As it was asked for, with what is left of its times; it can be asked for again."""
        asked: Json = {
            "match": {"method": self.method, "path": self.path},
            "times": self.times,
            "headers": self.headers,
            "when": self.when,
            "drop": self.drop,
            "delay_seconds": self.delay_seconds,
        }
        optional = {
            "status": self.status or None,
            "body": self.body or None,
            "skip": self.skip or None,
            "raw": self.raw,
            "cut": self.cut,
        }
        return asked | {name: value for name, value in optional.items() if value is not None}


@dataclass(slots=True)
class CapacityFault:
    """No machines for node pools whose name matches; `times` 0 means always."""

    kind: str
    pool: str
    times: int = 0

    def json(self) -> Json:
        """As it was asked for."""
        return {"world": self.kind, "pool": self.pool, "times": self.times}


class Faults:
    """All faults that wait."""

    def __init__(self) -> None:
        self.requests: list[RequestFault] = []
        self.capacity: list[CapacityFault] = []

    def add_request(self, fault: Json) -> None:
        """Keep a request fault. Raises 400 when it is not of the known form.

        `method` and `path` may also stand beside the rest, without `match`.
        """
        if "match" not in fault and fault.keys() & {"method", "path"}:
            short = {name: fault[name] for name in ("method", "path") if name in fault}
            fault = {"match": short, **{name: fault[name] for name in fault if name not in short}}
        match = fault.get("match")
        unknown = set(fault) - set(CHECKS)
        if unknown or not isinstance(match, dict):
            raise invalid(f"Not a fault: {fault}")
        for name, value in fault.items():
            words, fits = CHECKS[name]
            if not fits(value):
                raise invalid(f'"{name}" of a fault is {words}, not {value!r}')
        if not (fault.keys() & {"raw", "cut"}) and not any(
            fault.get(name) for name in ("status", "drop", "delay_seconds")
        ):
            raise invalid("A fault needs status, drop, raw, cut or delay_seconds")
        rest = {name: value for name, value in fault.items() if name != "match"}
        check_pattern(match.get("path", ""))
        self.requests.append(RequestFault(match.get("method", ""), match.get("path", ""), **rest))

    def add_capacity(self, fault: Json) -> None:
        """Keep a stockout or a missing quota. Raises 400 when it is not of the known form."""
        pattern, times = fault.get("pool", ""), fault.get("times", 0)
        if set(fault) - {"world", "pool", "times"} or not isinstance(pattern, str) or not is_whole(times, 0):
            raise invalid(f"Not a fault: {fault}")
        check_pattern(pattern)
        self.capacity.append(CapacityFault(str(fault["world"]), pattern, times))

    def take(self, request: Request) -> RequestFault | None:
        """The first fault that matches a request; one of its times is used up."""
        for fault in self.requests:
            if fault.matches(request):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.requests.remove(fault)
                return fault
        return None

    def condition(self, pool: str) -> str | None:
        """The condition that keeps a pool's machines away; one of the fault's times is used up."""
        for fault in self.capacity:
            if re.search(fault.pool, pool):
                if fault.times == 1:
                    self.capacity.remove(fault)
                fault.times = max(0, fault.times - 1)
                return CAPACITY[fault.kind]
        return None

    def list(self) -> list[Json]:
        """All, as they were asked for."""
        return [fault.json() for fault in self.requests] + [fault.json() for fault in self.capacity]

    def clear(self) -> None:
        """Forget all."""
        self.requests.clear()
        self.capacity.clear()


def check_pattern(pattern: str) -> None:
    """Raise 400 for a text that is not a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise invalid(f"Not a regular expression: {pattern}: {error}") from error


def is_whole(value: object, low: int, high: int | None = None) -> bool:
    """Whether a value is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value >= low and (high is None or value <= high)


def is_seconds(value: object) -> bool:
    """Whether a value is a time that somebody would wait."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_DELAY


def is_texts(value: object) -> bool:
    """Whether a value is an object whose values can stand in a header."""
    return isinstance(value, dict) and all(isinstance(v, str) and v.isprintable() for v in value.values())


def is_match(value: object) -> bool:
    """Whether a value says which requests are meant."""
    return isinstance(value, dict) and not set(value) - {"method", "path"} and is_texts(value)
