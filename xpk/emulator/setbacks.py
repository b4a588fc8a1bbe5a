"""World faults of GKE's operations: those that end in an error, and those that never end.

A fault waits for operations that start after it. What an operation that failed leaves behind is
in `gke/aftermath.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xpk.emulator.errors import invalid
from xpk.emulator.faults import check_pattern, is_seconds, is_whole
from xpk.emulator.gke.operations import Setback
from xpk.emulator.http import Json

ERROR, STUCK = "operation-error", "operation-stuck"
KINDS = (ERROR, STUCK)
LAST_CODE = 16
"""The highest of google.rpc.Code."""
CHECKS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "world": ("a text", lambda value: value in KINDS),
    "operation": ("a regular expression", lambda value: isinstance(value, str)),
    "target": ("a regular expression", lambda value: isinstance(value, str)),
    "times": ("a whole number from 0 (always)", lambda value: is_whole(value, 0)),
    "code": (f"a google.rpc.Code from 1 to {LAST_CODE}", lambda value: is_whole(value, 1, LAST_CODE)),
    "message": ("a text", lambda value: isinstance(value, str) and bool(value)),
    "seconds": ("seconds from 0 to 3600", is_seconds),
}
ONLY_ERRORS = ("code", "message", "seconds")


@dataclass(slots=True)
class OperationFault:
    """What becomes of the next `times` (0: of all) operations whose type and target match.

    `operation` and `target` are searched as regular expressions in the operation's type
    (CREATE_NODE_POOL) and in the full name of the cluster or pool. `seconds` is when it ends
    after its start; None: as late as it would have without the fault.
    """

    world: str
    operation: str = ""
    target: str = ""
    times: int = 1
    code: int = 13
    message: str = "Internal error."
    seconds: float | None = None

    def matches(self, kind: str, target: str) -> bool:
        """Whether an operation is meant."""
        return re.search(self.operation, kind) is not None and re.search(self.target, target) is not None

    def setback(self) -> Setback:
        """What the operation is told."""
        if self.world == STUCK:
            return Setback(stuck=True)
        return Setback(error={"code": self.code, "message": self.message}, seconds=self.seconds)

    def json(self) -> Json:
        """As it was asked for, with what is left of its times; it can be asked for again."""
        asked: Json = {
            "world": self.world,
            "operation": self.operation,
            "target": self.target,
            "times": self.times,
        }
        if self.world == ERROR:
            asked |= {"code": self.code, "message": self.message}
            asked |= {} if self.seconds is None else {"seconds": self.seconds}
        return asked


class OperationFaults:
    """Those that wait."""

    def __init__(self) -> None:
        self.all: list[OperationFault] = []

    def add(self, fault: Json) -> None:
        """Keep a fault. Raises 400 when it is not of the known form."""
        for name, value in fault.items():
            if name not in CHECKS or (name in ONLY_ERRORS and fault["world"] == STUCK):
                raise invalid(f"A {fault['world']} fault has no {name}")
            words, fits = CHECKS[name]
            if not fits(value):
                raise invalid(f'"{name}" of a fault is {words}, not {value!r}')
        for name in ("operation", "target"):
            check_pattern(fault.get(name, ""))
        self.all.append(OperationFault(**fault))

    def take(self, kind: str, target: str) -> Setback | None:
        """The first one that matches an operation that starts; one of its times is used up."""
        for fault in self.all:
            if fault.matches(kind, target):
                if fault.times == 1:
                    self.all.remove(fault)
                fault.times = max(0, fault.times - 1)
                return fault.setback()
        return None
