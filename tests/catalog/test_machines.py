"""What one host has, against the tables of Google's TPU pages."""

from __future__ import annotations

import pytest

from xpk.catalog.machines import FAMILIES, MACHINES, Family, machine_with


@pytest.mark.parametrize(
    ("name", "family", "chips", "vcpus", "ram_gb", "accelerator", "boot_disk"),
    [
        ("ct4p-hightpu-4t", "v4", 4, 240, 407, "tpu-v4-podslice", "pd-balanced"),
        ("ct5lp-hightpu-1t", "v5e", 1, 24, 48, "tpu-v5-lite-podslice", "pd-balanced"),
        ("ct5lp-hightpu-4t", "v5e", 4, 112, 192, "tpu-v5-lite-podslice", "pd-balanced"),
        ("ct5lp-hightpu-8t", "v5e", 8, 224, 384, "tpu-v5-lite-podslice", "pd-balanced"),
        ("ct5p-hightpu-4t", "v5p", 4, 208, 448, "tpu-v5p-slice", "pd-balanced"),
        ("ct6e-standard-1t", "v6e", 1, 44, 176, "tpu-v6e-slice", "hyperdisk-balanced"),
        ("ct6e-standard-4t", "v6e", 4, 180, 720, "tpu-v6e-slice", "hyperdisk-balanced"),
        ("ct6e-standard-8t", "v6e", 8, 180, 1440, "tpu-v6e-slice", "hyperdisk-balanced"),
    ],
)
def test_a_machine_is_as_documented(
    name: str, family: Family, chips: int, vcpus: int, ram_gb: int, accelerator: str, boot_disk: str
) -> None:
    machine = MACHINES[name]
    assert (machine.family, machine.chips, machine.vcpus) == (family, chips, vcpus)
    assert (machine.ram_gb, machine.accelerator, machine.boot_disk) == (ram_gb, accelerator, boot_disk)
    assert machine.ram_bytes == ram_gb * 10**9


def test_the_machines_are_exactly_these_eight() -> None:
    assert len(MACHINES) == 8


def test_a_name_ends_with_its_chips_as_gcloud_counts_hosts_by_it() -> None:
    for name, machine in MACHINES.items():
        assert name == machine.name
        assert name.endswith(f"-{machine.chips}t")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_hosts_of_four_chips(family: Family) -> None:
    machine = machine_with(family, 4)
    assert machine is not None
    assert machine.family == family


@pytest.mark.parametrize(("family", "chips"), [("v4", 1), ("v5p", 8), ("v6e", 2), ("v6e", 0)])
def test_no_machine_is_invented(family: Family, chips: int) -> None:
    assert machine_with(family, chips) is None
