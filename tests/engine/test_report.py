"""What a person reads when a run ends early."""

from __future__ import annotations

import json

from xpk.engine.report import Failure, Report, error_of, fold, interrupted
from xpk.errors import Fault, QuotaError, StockoutError

FIX = "another zone"


def stockout(name: str) -> Failure:
    return Failure(f"pool/{name}", StockoutError(Fault(f"node pool {name}", f"no machines for {name}", FIX)))


def test_nothing_failed() -> None:
    assert error_of(Report(("a",), (), (), (), 1.0)) is None


def test_the_first_failure_decides_the_kind_and_all_are_told() -> None:
    quota = Failure("x", QuotaError(Fault("x", "no quota", "ask")))
    error = error_of(Report(("a",), (stockout("np-1"), quota), ("c",), (), 1.0))
    assert type(error) is StockoutError
    assert [fault.what for fault in error.faults] == ["node pool np-1", "x", "stopped after 1 of 4 steps"]
    assert error.faults[-1].why == "done: a; not started: c"


def test_sixty_slices_without_machines_are_not_sixty_faults() -> None:
    error = error_of(Report((), tuple(stockout(f"np-{i}") for i in range(60)), (), (), 1.0))
    assert error is not None
    assert [fault.what for fault in error.faults] == [
        "node pool np-0",
        "node pool np-1",
        "node pool np-2",
        "57 more steps",
        "stopped after 0 of 60 steps",
    ]
    assert error.faults[3].why.endswith("and 52 more")


def test_an_interruption_names_what_goes_on_in_the_cloud() -> None:
    error = interrupted(Report(("a",), (), ("c", "d"), ("b",), 1.0))
    assert error.exit_code == 130
    assert error.faults == (
        Fault(
            "interrupted after 1 of 4 steps",
            "done: a; running in the cloud anyway: b; not started: c, d",
            "run the same command again to go on",
        ),
    )


def test_many_names_are_folded() -> None:
    assert fold([]) == "nothing"
    assert fold([str(i) for i in range(6)]) == "0, 1, 2, 3, 4, 5"
    assert fold([str(i) for i in range(7)]) == "0, 1, 2, 3, 4 and 2 more"


def test_json() -> None:
    found = json.loads(json.dumps(Report(("a",), (stockout("np-1"),), ("c",), ("b",), 1.23456).as_json()))
    assert found == {
        "done": ["a"],
        "failed": [
            {
                "step": "pool/np-1",
                "faults": [{"what": "node pool np-1", "why": "no machines for np-1", "fix": FIX}],
            }
        ],
        "left": ["c"],
        "startedInCloud": ["b"],
        "seconds": 1.235,
    }
