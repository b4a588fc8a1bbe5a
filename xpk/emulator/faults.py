"""Faults on demand: answers that are replaced, delayed or cut, and capacity that is not there.

What a world fault does at once to a cluster or a bucket is in `disasters.py`; here is what
stays and waits for a request to match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from xpk.emulator.errors import STATUSES, google_error, invalid
from xpk.emulator.http import Json, Request, Response

When = Literal["before", "after"]
REQUEST_KEYS: dict[str, type | tuple[type, ...]] = {
    "match": dict,
    "times": int,
    "status": int,
    "body": dict,
    "headers": dict,
    "when": str,
    "drop": bool,
    "delay_seconds": (int, float),
}
CAPACITY = {"stockout": "GCE_STOCKOUT", "quota": "GCE_QUOTA_EXCEEDED"}


@dataclass(slots=True)
class RequestFault:
    """Changes the answer of the next `times` requests that match.

    `when` "after": the request takes effect first. `drop`: the connection is closed without an
    answer. `delay_seconds` are real seconds. Without `status` and `drop` it only delays.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)
    when: When = "before"
    drop: bool = False
    delay_seconds: float = 0.0

    def matches(self, request: Request) -> bool:
        """Whether a request is meant: `method` is whole (empty: any), `path` is searched as a regex."""
        return self.method in ("", request.method) and re.search(self.path, request.path) is not None

    def response(self) -> Response | None:
        """The answer that replaces the real one, if any does."""
        if not self.status or self.drop:
            return None
        name = next((name for name, code in STATUSES.items() if code == self.status), "UNKNOWN")
        body = self.body or google_error(self.status, name, f"Injected fault: {self.status}.")
        return Response(self.status, body, self.headers).rendered()

    def json(self) -> Json:
        """As it was asked for."""
        return {
            "match": {"method": self.method, "path": self.path},
            "times": self.times,
            "status": self.status,
            "body": self.body,
            "headers": self.headers,
            "when": self.when,
            "drop": self.drop,
            "delay_seconds": self.delay_seconds,
        }


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
        """Keep a request fault. Raises 400 when it is not of the known form."""
        match = fault.get("match")
        unknown = set(fault) - set(REQUEST_KEYS)
        if unknown or not isinstance(match, dict) or set(match) - {"method", "path"}:
            raise invalid(f"Not a fault: {fault}")
        if fault.get("when", "before") not in ("before", "after"):
            raise invalid('"when" is "before" or "after"')
        if not any(fault.get(name) for name in ("status", "drop", "delay_seconds")):
            raise invalid("A fault needs status, drop or delay_seconds")
        for name, kind in REQUEST_KEYS.items():
            if name in fault and not isinstance(fault[name], kind):
                raise invalid(f'"{name}" of a fault has the wrong type: {fault[name]!r}')
        rest = {name: value for name, value in fault.items() if name != "match"}
        path = str(match.get("path", ""))
        check_pattern(path)
        self.requests.append(RequestFault(str(match.get("method", "")), path, **rest))

    def add_capacity(self, fault: Json) -> None:
        """Keep a stockout or a missing quota. Raises 400 when it is not of the known form."""
        if set(fault) - {"world", "pool", "times"}:
            raise invalid(f"Not a fault: {fault}")
        pattern = str(fault.get("pool", ""))
        check_pattern(pattern)
        self.capacity.append(CapacityFault(str(fault["world"]), pattern, int(fault.get("times", 0))))

    def take(self, request: Request) -> RequestFault | None:
        """The first fault that matches a request; one of its times is used up."""
        for fault in self.requests:
            if fault.matches(request):
                fault.times -= 1
                if fault.times <= 0:
                    self.requests.remove(fault)
                return fault
        return None

    def condition(self, pool: str) -> str | None:
        """The condition that keeps a pool's machines away; one of the fault's times is used up."""
        for fault in self.capacity:
            if re.search(fault.pool, pool):
                fault.times -= 1
                if fault.times == 0:
                    self.capacity.remove(fault)
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
