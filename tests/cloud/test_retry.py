"""When something is tried again, how often and after how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from xpk.cloud.retry import Failed
from xpk.errors import CloudError, Fault

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeTime

ERROR = CloudError(Fault("what", "why", "fix"))


def failing(times: int, *, again: bool = True, after: float | None = None) -> Callable[[], int]:
    calls = iter(range(times + 1))

    def attempt() -> int:
        number = next(calls)
        if number < times:
            raise Failed(ERROR, again=again, after=after) from KeyError(number)
        return number

    return attempt


def test_waits_grow_with_jitter_and_a_ceiling(fake_time: FakeTime) -> None:
    retrier = fake_time.retrier(attempts=9, base=1.0, factor=2.0, max_delay=10.0, deadline=1000.0)
    assert retrier.run(failing(8)) == 8
    for wait, full in zip(fake_time.sleeps, [1, 2, 4, 8, 10, 10, 10, 10], strict=True):
        assert full / 2 <= wait <= full
    assert len(set(fake_time.sleeps)) == 8


def test_the_last_error_comes_out_with_its_cause(fake_time: FakeTime) -> None:
    with pytest.raises(CloudError) as caught:
        fake_time.retrier(attempts=3).run(failing(9))
    assert caught.value is ERROR
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__cause__.args == (2,)
    assert len(fake_time.sleeps) == 2


def test_what_must_not_be_repeated_is_not(fake_time: FakeTime) -> None:
    with pytest.raises(CloudError):
        fake_time.retrier().run(failing(1, again=False))
    assert fake_time.sleeps == []


def test_a_wait_beyond_the_deadline_is_not_begun(fake_time: FakeTime) -> None:
    with pytest.raises(CloudError):
        fake_time.retrier(deadline=100.0).run(failing(9, after=40.0))
    assert fake_time.sleeps == [40.0, 40.0]


def test_other_exceptions_pass(fake_time: FakeTime) -> None:
    def attempt() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fake_time.retrier().run(attempt)
    assert fake_time.sleeps == []
