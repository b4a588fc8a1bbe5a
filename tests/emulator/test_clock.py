"""Emulated time."""

from __future__ import annotations

import pytest

from xpk.emulator.clock import Clock, ManualClock


def test_a_scaled_clock_runs_faster_and_never_back(monkeypatch: pytest.MonkeyPatch) -> None:
    real = [50.0]
    monkeypatch.setattr("xpk.emulator.clock.time.monotonic", lambda: real[0])
    clock = Clock(0.01, start=1000.0)
    real[0] += 2.0
    assert clock.now() == pytest.approx(1200.0)
    assert clock.real_seconds(300) == pytest.approx(3.0)
    clock.not_before(5000.0)
    assert clock.now() == pytest.approx(5000.0)
    clock.not_before(10.0)
    assert clock.now() == pytest.approx(5000.0)


def test_an_instant_clock_moves_by_jumps_only() -> None:
    clock = Clock(0, start=10.0)
    assert (clock.instant, clock.now(), clock.real_seconds(99)) == (True, 10.0, 0.0)
    clock.jump(5)
    clock.jump(-3)
    assert clock.now() == 15.0


def test_timestamps() -> None:
    assert ManualClock(start=0).timestamp() == "1970-01-01T00:00:00Z"
    assert ManualClock().timestamp(86_400.9) == "1970-01-02T00:00:00Z"


def test_a_negative_scale() -> None:
    with pytest.raises(ValueError):
        Clock(-1)
