"""World faults of a cloud that takes its time: a control plane that is resized, an IAM that is late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xpk.emulator.errors import ApiError, invalid
from xpk.emulator.faults import is_seconds, is_whole
from xpk.emulator.gke import resizes
from xpk.emulator.gke.resizes import Resize, Resizes
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json
from xpk.emulator.iam import Iam

RESIZE, LATE = "control-plane-resize", "iam-late"
KINDS = (RESIZE, LATE)
FIELDS: Mapping[str, Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    RESIZE: {
        "cluster": ("the name of a cluster", lambda value: isinstance(value, str) and bool(value)),
        "after_pools": ("a whole number from 0 (now)", lambda value: is_whole(value, 0)),
        "seconds": ("seconds from 0 to 3600", is_seconds),
        "away_seconds": ("seconds from 0 to 3600", is_seconds),
    },
    LATE: {"seconds": ("seconds from 0 to 3600", is_seconds)},
}


def check(fault: Json) -> None:
    """Raise 400 unless a fault is of a known form."""
    kind, fields = fault["world"], FIELDS[fault["world"]]
    for name, value in fault.items():
        if name == "world":
            continue
        if name not in fields:
            raise invalid(f"A {kind} fault has no {name}")
        words, fits = fields[name]
        if not fits(value):
            raise invalid(f'"{name}" of a fault is {words}, not {value!r}')
    needed = "cluster" if kind == RESIZE else "seconds"
    if needed not in fault:
        raise invalid(f'A {kind} fault needs "{needed}"')


def strike(store: Store, waiting: Resizes, iam: Iam, fault: Json) -> None:
    """Do what a fault says, now or when its time comes. Raises 400 and 404."""
    check(fault)
    if fault["world"] == LATE:
        iam.late = float(fault["seconds"])
        return
    resize = Resize(**{name: value for name, value in fault.items() if name != "world"})
    if resize.after_pools:
        waiting.all.append(resize)
        return
    names = [name for name in store.worlds if resize.means(name)]
    if len(names) != 1:
        raise ApiError("NOT_FOUND", f"Not one running cluster {resize.cluster}.")
    resizes.start(store, names[0], resize)


def shown(waiting: Resizes, iam: Iam) -> list[Json]:
    """Those that wait or last, as they were asked for."""
    found = [{"world": RESIZE, **resize.json()} for resize in waiting.all]
    return found + ([{"world": LATE, "seconds": iam.late}] if iam.late else [])
