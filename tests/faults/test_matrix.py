"""Every request of every writing command meets every fault that fits it, once and for as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.faults import checks, matrix
from tests.faults.catalog import FAULTS, Case

Record = Callable[[str, str, bool], None]
NAMES = [fault.name for fault in FAULTS]


def check_all(cases: Sequence[Case], check: Callable[[Case], None], how: str, record: Record) -> None:
    """Check each case; all that fail are told together."""
    assert cases or matrix.STRIDE > 1, "no request meets this fault"
    if not cases:
        pytest.skip("not in the part for every run; XPK_FAULTS=kinds has it")
    failed = []
    for case in cases:
        try:
            check(case)
        except AssertionError as error:
            failed.append(f"{case}: {error}")
        record(
            case.wanted.kind, f"{case.fault.name}, {how}", not (failed and failed[-1].startswith(f"{case}: "))
        )
    assert not failed, "\n\n".join([f"{len(failed)} of {len(cases)} cases", *failed])


@pytest.mark.parametrize("fault", NAMES)
def test_met_once(fault: str, record: Record) -> None:
    check_all(matrix.once(fault), checks.met_once, "once", record)


@pytest.mark.parametrize("fault", NAMES)
def test_met_for_as_long_as_it_lasts(fault: str, record: Record) -> None:
    check_all(matrix.always(fault), checks.met_always, "always", record)
