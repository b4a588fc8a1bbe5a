"""Several reads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from xpk.engine.reads import together
from xpk.errors import AccessError, CloudError, Fault, XpkError


def _failing(error: Exception) -> Callable[[], int]:
    def fail() -> int:
        raise error

    return fail


def test_results_in_order() -> None:
    assert together([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
    assert together(list[Callable[[], int]]()) == []


def test_reads_run_at_once() -> None:
    barrier = threading.Barrier(8, timeout=10)
    together([lambda: barrier.wait() for _ in range(8)])


def test_all_faults_together_each_once() -> None:
    first, second = Fault("a", "b", "c"), Fault("d", "e", "f")
    reads = [
        _failing(AccessError(first)),
        lambda: 1,
        _failing(CloudError(second)),
        _failing(CloudError(second)),
    ]
    with pytest.raises(XpkError) as caught:
        together(reads)
    assert type(caught.value) is AccessError
    assert caught.value.faults == (first, second)


def test_a_bug_is_not_hidden_by_faults() -> None:
    with pytest.raises(KeyError):
        together([_failing(AccessError(Fault("a", "b", "c"))), _failing(KeyError("x"))])
