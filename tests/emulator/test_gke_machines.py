"""Machine types, topologies and disks that the emulated GKE knows."""

from __future__ import annotations

import pytest

from xpk.emulator.gke.machines import TPU_MACHINES, disk_fits, hosts, known


@pytest.mark.parametrize(
    ("machine", "topology", "count"),
    [
        ("ct5p-hightpu-4t", "2x2x1", 1),
        ("ct5p-hightpu-4t", "2x2x2", 2),
        ("ct5p-hightpu-4t", "4x4x8", 32),
        ("ct5p-hightpu-4t", "16x16x24", 1536),
        ("ct5p-hightpu-4t", "16x24x24", None),
        ("ct5p-hightpu-4t", "8x4x4", None),
        ("ct5p-hightpu-4t", "4x4x6", None),
        ("ct5p-hightpu-4t", "4x4", None),
        ("ct4p-hightpu-4t", "16x16x16", 1024),
        ("ct4p-hightpu-4t", "16x16x20", None),
        ("ct5lp-hightpu-4t", "16x16", 64),
        ("ct5lp-hightpu-8t", "2x4", 1),
        ("ct5lp-hightpu-8t", "4x4", None),
        ("ct6e-standard-4t", "2x4", 2),
        ("ct6e-standard-4t", "4x2", None),
        ("ct6e-standard-1t", "1x1", 1),
        ("ct6e-standard-4t", "0x4", None),
        ("ct6e-standard-4t", "4x4 ", None),
    ],
)
def test_hosts_of_a_slice(machine: str, topology: str, count: int | None) -> None:
    assert hosts(TPU_MACHINES[machine], topology) == count


@pytest.mark.parametrize(
    ("machine", "is_known"),
    [
        ("e2-standard-16", True),
        ("e2-medium", True),
        ("n2-custom-8-16384", True),
        ("c3d-highmem-60", True),
        ("e2-standard", False),
        ("e3-standard-4", False),
        ("ct7p-hightpu-4t", False),
        ("e2-standard-16; rm", False),
    ],
)
def test_known_machines(machine: str, is_known: bool) -> None:
    assert known(machine) is is_known


@pytest.mark.parametrize(
    ("machine", "disk", "fits"),
    [
        ("ct6e-standard-4t", "hyperdisk-balanced", True),
        ("ct6e-standard-4t", "pd-balanced", False),
        ("ct5p-hightpu-4t", "pd-ssd", True),
        ("ct4p-hightpu-4t", "hyperdisk-balanced", False),
        ("e2-standard-4", "pd-standard", True),
        ("e2-standard-4", "hyperdisk-balanced", False),
        ("c3-standard-4", "hyperdisk-balanced", True),
        ("n4-standard-4", "pd-balanced", False),
        ("e2-standard-4", "floppy", False),
    ],
)
def test_boot_disks(machine: str, disk: str, fits: bool) -> None:
    assert disk_fits(machine, disk) is fits
