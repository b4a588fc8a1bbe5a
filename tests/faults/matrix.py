"""Which requests meet which faults: a part for every run, more with XPK_FAULTS=kinds, the whole with all.

In every run each kind of request of each command meets a fault once, each fault is met, once and for as
long as it lasts, and each fault meets every twelfth kind of request. With `kinds` each fault meets each kind
that it fits, with `all` each request. The cheapest command that sends a kind stands for it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

from tests.faults.catalog import FAULTS, Case, RequestFault
from tests.faults.commands import COMMANDS
from tests.faults.states import reference

EVERYTHING = os.environ.get("XPK_FAULTS") == "all"
STRIDE = 1 if os.environ.get("XPK_FAULTS") in ("all", "kinds") else 6
_ONCE = 1 if STRIDE == 1 else 2 * STRIDE
# Lasting faults that are told apart by nothing but their name: in the part, one of them for each kind.
_ALIKE = tuple(fault.name for fault in FAULTS if fault.codes == {5} and fault.name != "410")


def _product() -> Iterator[Case]:
    for command in COMMANDS:
        for wanted in reference(command.name).wanted:
            for fault in FAULTS:
                if fault.fits(wanted):
                    yield Case(command.name, wanted, fault)


@functools.cache
def product() -> tuple[Case, ...]:
    """Every request of every command with every fault that fits it."""
    return tuple(_product())


@functools.cache
def _part_once() -> frozenset[Case]:
    chosen: dict[tuple[str, str], Case] = {}
    kinds: dict[str, int] = {}
    for case in product():
        key = (case.wanted.kind, case.fault.name)
        number = kinds.setdefault(case.wanted.kind, len(kinds))
        if key not in chosen and (number + FAULTS.index(case.fault)) % _ONCE == 0:
            chosen[key] = case
    met = {_met(case) for case in chosen.values()}
    more: list[Case] = []
    for case in product():
        if _met(case) not in met:
            more.append(_with_fault(case, len(more)))
            met.add(_met(case))
    return _with_each_fault([*chosen.values(), *more])


def _met(case: Case) -> tuple[str, object]:
    """What is to meet some fault: each kind of request of each command; with `kinds`, each request."""
    return case.command, case.wanted if STRIDE == 1 else case.wanted.kind


def _with_fault(case: Case, number: int) -> Case:
    """The request with a fault that fits it: one after another in turn."""
    faults = [*FAULTS[number % len(FAULTS) :], *FAULTS]
    return Case(case.command, case.wanted, next(fault for fault in faults if fault.fits(case.wanted)))


def _with_each_fault(cases: list[Case]) -> frozenset[Case]:
    """The cases and, for each fault that none of them meets, the first request that it fits."""
    first = {case.fault.name: case for case in reversed(product())}
    met = {case.fault.name for case in cases}
    return frozenset([*cases, *(case for name, case in first.items() if name not in met)])


@functools.cache
def _part_always() -> frozenset[Case]:
    chosen: dict[tuple[str, str], Case] = {}
    kinds: dict[str, int] = {}
    for case in product():
        kind = case.wanted.kind
        number = kinds.setdefault(kind, len(kinds))
        name = case.fault.name
        if name in _ALIKE:
            if name != _turn(kind, number, case):
                continue
            name = "down"
        if (number + FAULTS.index(case.fault)) % STRIDE == 0:
            chosen.setdefault((kind, name), case)
    return _with_each_fault([*chosen.values()])


def _turn(kind: str, number: int, case: Case) -> str:
    """Which of the faults that are alike a kind meets, one after another."""
    fitting = [name for name in _ALIKE if _by_name(name).fits(case.wanted)]
    return fitting[number % len(fitting)]


def _by_name(name: str) -> RequestFault:
    return next(fault for fault in FAULTS if fault.name == name)


def once(fault: str) -> list[Case]:
    """The cases of a fault that is met once."""
    chosen = product() if EVERYTHING else _part_once()
    return sorted((case for case in chosen if case.fault.name == fault), key=str)


def always(fault: str) -> list[Case]:
    """The cases of a fault that stays."""
    chosen = product() if EVERYTHING else _part_always()
    return sorted((case for case in chosen if case.fault.name == fault), key=str)
