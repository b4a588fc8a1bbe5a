"""Whether a ramdisk fits the RAM of a host beside the trainer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.machines import MACHINES, Machine
from xpk.catalog.slices import resolve, slice_types
from xpk.spec.fit import fit, fit_of, misfit
from xpk.spec.quantity import Quantity, parse_quantity
from xpk.spec.sizing import required_ramdisk

GB = 10**9
machines = st.sampled_from(sorted(MACHINES.values(), key=lambda machine: machine.name))


def test_the_guide_s_ramdisk_on_the_guide_s_machine() -> None:
    beside = fit(parse_quantity("60000Mi", ""), MACHINES["ct6e-standard-4t"])
    assert (beside.fits, beside.tight, beside.percent) == (True, False, 9)
    assert misfit(beside, "--mtc-ramdisk-size 60000Mi") is None


def test_gke_s_reservation_is_that_of_its_documentation() -> None:
    # 192 GB = 178.81 GiB: 1 + 0.8 + 0.8 + 6.72 GiB of the first 128, 2 % of 50.81, and 100 MiB.
    beside = fit(Quantity.of_bytes(GB), MACHINES["ct5lp-hightpu-4t"])
    assert beside.system / 2**30 == pytest.approx(
        1 + 0.8 + 0.8 + 6.72 + 0.02 * 50.814 + 100 / 1024, abs=0.001
    )


@pytest.mark.parametrize(
    ("machine", "fits", "not_fits"),
    [
        ("ct4p-hightpu-4t", "350Gi", "380Gi"),
        ("ct5lp-hightpu-1t", "30Gi", "34Gi"),
        ("ct5lp-hightpu-4t", "150Gi", "170Gi"),
        ("ct5p-hightpu-4t", "390Gi", "410Gi"),
        ("ct6e-standard-4t", "640Gi", "650Gi"),
    ],
)
def test_the_limit_leaves_room_for_system_and_trainer(machine: str, fits: str, not_fits: str) -> None:
    assert fit(parse_quantity(fits, ""), MACHINES[machine]).fits
    assert not fit(parse_quantity(not_fits, ""), MACHINES[machine]).fits


@given(machines, st.integers(min_value=1, max_value=2000 * GB), st.integers(min_value=0, max_value=500 * GB))
def test_what_fits_leaves_the_rest_its_room(machine: Machine, size: int, copy: int) -> None:
    beside = fit(Quantity("x", size), machine, copy)
    together = size + copy + beside.system + beside.trainer
    assert beside.fits == (together <= machine.ram_bytes)
    assert beside.tight == (beside.fits and size / machine.ram_bytes > 0.6)


@given(machines)
def test_the_largest_size_that_is_named_fits_and_one_more_does_not(machine: Machine) -> None:
    largest = fit(Quantity.of_bytes(1), machine).largest
    assert fit(Quantity("x", largest), machine).fits
    assert not fit(Quantity("x", largest + 1), machine).fits


def test_a_size_that_does_not_fit_is_told_the_largest_that_does() -> None:
    machine = MACHINES["ct6e-standard-4t"]
    fault = misfit(fit(parse_quantity("700Gi", ""), machine), "--mtc-ramdisk-size 700Gi")
    assert fault is not None
    assert fault.what == "--mtc-ramdisk-size 700Gi"
    assert "751.619 GB for the ramdisk" in fault.why
    assert "the 720 GB of a ct6e-standard-4t" in fault.why
    flag, size = fault.fix.removeprefix("write at most ").split()
    assert flag == "--mtc-ramdisk-size"
    assert fit(parse_quantity(size, flag), machine).fits


def test_a_known_model_needs_room_for_its_shard_too() -> None:
    sizing = required_ramdisk(70 * GB, resolve("v5p-256"))
    assert fit_of(sizing).copy == sizing.per_host_shard == 26_250_000_000
    assert fit_of(sizing).fits


def test_a_model_that_does_not_fit_is_told_the_smallest_slice_that_does() -> None:
    sizing = required_ramdisk(700 * GB, resolve("v5p-64"))
    fault = misfit(fit_of(sizing), "--mtc-model-params 700B", sizing)
    assert fault is not None
    assert "1050 GB for the checkpoint on its way there" in fault.why
    name = fault.fix.split()[1]
    fitting = [one.hosts for one in slice_types("v5p") if fit_of(required_ramdisk(sizing.params, one)).fits]
    assert resolve(name).hosts == min(fitting)


def test_a_model_too_large_for_a_family_is_told_where_to_look() -> None:
    sizing = required_ramdisk(100_000 * GB, resolve("v5e-256"))
    fault = misfit(fit_of(sizing), "--mtc-model-params 100T", sizing)
    assert fault is not None
    assert "no slice of v5e is large enough" in fault.fix
    assert "xpk mtc size --model-params 100T" in fault.fix
