"""What a rehearsal breaks, when, and on which slices: chosen purely, the same for the same seed."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.slices import resolve
from xpk.errors import UsageError
from xpk.rehearsal.conduct.moments import drawn, fixed, steps_needed
from xpk.rehearsal.conduct.scaling import scaled
from xpk.rehearsal.conduct.user_command import modes_of
from xpk.rehearsal.conduct.victims import victims
from xpk.rehearsal.record.events import FaultKind, Host

KINDS = st.sampled_from(get_args(FaultKind))


@given(st.integers(1, 30), st.integers(1, 20), st.integers())
def test_random_moments_leave_something_to_come_back_to(period: int, times: int, seed: int) -> None:
    found = drawn(period, times, seed)
    assert found == drawn(period, times, seed)
    assert len(found) == times
    assert all(period < one.steps <= 3 * period and 0 <= one.fraction < 1 for one in found)
    assert steps_needed(found, period) > sum(one.steps for one in found) + period


def test_a_step_is_the_same_each_time() -> None:
    assert [one.steps for one in fixed(13, 3)] == [13, 13, 13]
    assert {one.fraction for one in fixed(13, 3)} == {0.0}


@given(KINDS, st.integers(2, 5), st.integers(1, 4), st.integers())
def test_victims_are_hosts_of_the_run(kind: FaultKind, slices: int, hosts: int, seed: int) -> None:
    found = victims(kind, slices, hosts, random.Random(seed))
    assert found == victims(kind, slices, hosts, random.Random(seed))
    assert len(set(found)) == len(found) == {"slice": hosts, "all-ramdisks": slices * hosts}.get(kind, 1)
    assert all(0 <= one.slice_index < slices and 0 <= one.host_index < hosts for one in found)
    if kind == "host":
        assert all(one.slice_index < slices - 1 for one in found)
    if kind == "last-slice-host":
        assert all(one.slice_index == slices - 1 for one in found)
    if kind == "slice":
        assert len({one.slice_index for one in found}) == 1


def test_every_host_can_be_hit() -> None:
    seen = {victims("process", 2, 2, random.Random(seed))[0] for seed in range(60)}
    assert seen == {Host(s, h) for s in range(2) for h in range(2)}


@pytest.mark.parametrize(
    ("asked", "hosts", "name"),
    [
        ("v6e-256", 2, "v6e-8"),
        ("v6e-256", 4, "v6e-16"),
        ("v5p-1024", 2, "v5p-16"),
        ("v4-512", 4, "v4-32"),
        ("v5litepod-256", 2, "v5litepod-8"),
    ],
)
def test_scaled_down_within_the_family(asked: str, hosts: int, name: str) -> None:
    found, overrides = scaled(resolve(asked), hosts, "--hosts-per-slice")
    assert (found.name, found.hosts, found.multi_host) == (name, hosts, True)
    assert [(one.was, one.now) for one in overrides] == [(resolve(asked).name, name)]


def test_a_slice_of_that_size_is_not_overridden() -> None:
    assert scaled(resolve("v6e-8"), 2, "--hosts-per-slice") == (resolve("v6e-8"), ())


def test_no_slice_of_that_size() -> None:
    with pytest.raises(UsageError) as caught:
        scaled(resolve("v6e-256"), 3, "--hosts-per-slice")
    (fault,) = caught.value.faults
    assert fault.what == "--hosts-per-slice 3"
    assert "2, 4, 8" in fault.why
    assert fault.fix == "write --hosts-per-slice 2"


EMERGENCY = "python3 t.py enable_emergency_checkpoint=1 local_checkpoint_period=5 checkpoint_period=20"
MULTI_TIER = (
    "python3 t.py enable_multi_tier_checkpointing=true enable_emergency_checkpoint=true "
    "local_checkpoint_period=7 multi_tier_checkpointing_backup_interval_minutes=30"
)
SHELL = "bash -c 'python3 t.py enable_emergency_checkpoint=1 local_checkpoint_period=$N'"


@pytest.mark.parametrize(
    ("command", "mode", "local", "bucket", "minutes"),
    [
        (EMERGENCY, "emergency", 5, 20, None),
        (MULTI_TIER, "multi-tier", 7, None, 30),
        ("python3 t.py checkpoint_period=9", "bucket", None, 9, None),
        ("python3 t.py", "none", None, None, None),
        (SHELL, "emergency", None, None, None),
    ],
)
def test_how_a_command_saves(
    command: str, mode: str, local: int | None, bucket: int | None, minutes: int | None
) -> None:
    found, periods = modes_of(command)
    assert (found, periods.local, periods.bucket, periods.backup_minutes) == (mode, local, bucket, minutes)
