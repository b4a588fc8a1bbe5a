"""Which requests meet which faults: a part for every run, more with XPK_FAULTS=kinds, the whole with all.

In every run each request of each command meets a fault, and each fault every sixth kind of request. With
`kinds` each fault meets each kind that it fits, with `all` each request. The cheapest command that sends
a kind stands for it.
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
    met: set[tuple[str, object]] = set()
    kinds: dict[str, int] = {}
    for case in product():
        key = (case.wanted.kind, case.fault.name)
        number = kinds.setdefault(case.wanted.kind, len(kinds))
        if key not in chosen and (number + FAULTS.index(case.fault)) % STRIDE == 0:
            chosen[key] = case
            met.add((case.command, case.wanted))
    more: list[Case] = []
    for case in product():
        if (case.command, case.wanted) not in met:
            number = len(more) % len(FAULTS)
            if FAULTS[number].fits(case.wanted):
                case = Case(case.command, case.wanted, FAULTS[number])
            more.append(case)
            met.add((case.command, case.wanted))
    return frozenset([*chosen.values(), *more])


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
    return frozenset(chosen.values())


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
