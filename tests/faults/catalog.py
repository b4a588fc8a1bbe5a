"""The faults that a request can meet: which requests each fits, how it is made, what it must end in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.hook import How, Wire, struck
from tests.faults.wanted import Wanted
from tests.faults.world import Json, World

FOREVER = 1_000_000
RETRY_AFTER = 7.0
Passing = Literal["passes", "stays"]


def _any(wanted: Wanted) -> bool:
    return True


@dataclass(slots=True)
class Met:
    """How often a fault was met; known when it is over."""

    often: int = 0


@dataclass(frozen=True, slots=True)
class RequestFault:
    """`absorbed`: met once it goes unseen. `codes`: the exit codes of one that stays."""

    name: str
    codes: frozenset[int]
    absorbed: Callable[[Wanted], bool] = _any
    fits: Callable[[Wanted], bool] = _any
    emulator: Callable[[Wanted], Json] | None = None
    wire: How | None = None
    least_sleep: float = 0.0

    @contextmanager
    def on(self, world: World, wanted: Wanted, times: int) -> Iterator[Met]:
        """Let the request meet it `times` times, beginning with the wanted one."""
        met = Met()
        if self.wire is not None:
            wire = Wire(self.wire, wanted.method, wanted.pattern, wanted.nth, times)
            with struck(wire):
                yield met
            met.often = wire.struck
            return
        assert self.emulator is not None
        match = {"method": wanted.method, "path": wanted.pattern}
        world.fault(match=match, skip=wanted.nth, times=times, **self.emulator(wanted))
        yield met
        left = world.emulator.cloud.faults.requests
        met.often = times - (left[0].times if left else 0)
        world.heal()


def _status(
    code: int, headers: dict[str, str] | None = None, after: bool = False
) -> Callable[[Wanted], Json]:
    def fault(wanted: Wanted) -> Json:
        extra: Json = {"when": "after"} if after else {}
        return {"status": code, "body": body_of(wanted, code), "headers": headers or {}, **extra}

    return fault


def body_of(wanted: Wanted, code: int) -> Json:
    """The refusal in the form of the API that answers."""
    if wanted.api == "kubernetes":
        taken = "AlreadyExists" if wanted.method == "POST" else "Conflict"
        reason = {401: "Unauthorized", 403: "Forbidden", 409: taken, 410: "Expired"}.get(code, "")
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": reason,
            "code": code,
            "message": f"injected {code}",
        }
    status = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
    name = status.get(code, "UNAVAILABLE" if code >= 500 else "ABORTED")
    if code == 409 and wanted.method == "POST":
        name = "ALREADY_EXISTS"
    return {"error": {"code": code, "message": f"injected {code}", "status": name}}


def _is(**fault: object) -> Callable[[Wanted], Json]:
    return lambda wanted: dict(fault)


def _writes(wanted: Wanted) -> bool:
    return wanted.write


def _guarded(wanted: Wanted) -> bool:
    return wanted.method == "PUT" and wanted.api == "storage"


def _never(wanted: Wanted) -> bool:
    return False


def _json(wanted: Wanted) -> bool:
    return wanted.api != "releases"


def _conflict_passes(wanted: Wanted) -> bool:
    """Kubernetes' own conflicts pass; GKE's 409 says that a name is taken or a request came too late."""
    return wanted.api in ("kubernetes", "storage")


_DOWN = frozenset({5})
_HALF = '{"kind": "Half'
FAULTS = (
    RequestFault("429", _DOWN, emulator=_status(429)),
    RequestFault(
        "429 Retry-After", _DOWN, emulator=_status(429, {"Retry-After": "7"}), least_sleep=RETRY_AFTER
    ),
    RequestFault("500", _DOWN, emulator=_status(500)),
    RequestFault("503", _DOWN, emulator=_status(503)),
    RequestFault("503 after", _DOWN, emulator=_status(503, after=True), fits=lambda w: w.write),
    RequestFault("refused", _DOWN, wire="refused"),
    RequestFault("reset before", _DOWN, emulator=_is(drop=True)),
    RequestFault("reset after", _DOWN, emulator=_is(drop=True, when="after")),
    RequestFault("timeout before", _DOWN, wire="timeout before"),
    RequestFault("timeout after", _DOWN, wire="timeout after"),
    RequestFault("malformed", _DOWN, emulator=_is(raw=_HALF), fits=_json),
    RequestFault("malformed after", _DOWN, emulator=_is(raw=_HALF, when="after"), fits=lambda w: w.write),
    RequestFault("truncated", _DOWN, emulator=_is(cut=5)),
    RequestFault("401", frozenset({3}), absorbed=_never, fits=_json, emulator=_status(401)),
    RequestFault("403", frozenset({3}), absorbed=_never, fits=_json, emulator=_status(403)),
    RequestFault("409", frozenset({4}), absorbed=_conflict_passes, fits=_writes, emulator=_status(409)),
    RequestFault("412", frozenset({4}), fits=_guarded, emulator=_status(412)),
    RequestFault("410", _DOWN, fits=lambda w: w.listing, emulator=_status(410)),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


@dataclass(frozen=True, slots=True)
class Case:
    """One request of one command that meets one fault."""

    command: str
    wanted: Wanted
    fault: RequestFault = field(repr=False)

    def __str__(self) -> str:
        return f"{self.command}: {self.wanted} meets {self.fault.name}"
