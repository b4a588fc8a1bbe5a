"""The machine types that GKE runs TPU hosts on: what one host has.

Not here: how many hosts a slice has (`slices.py`), nor CPU machine types, which xpk passes
through unchecked because GKE knows them better.
"""

from __future__ import annotations

from typing import Final, Literal

from xpk.frozen import dataclass

Family = Literal["v4", "v5e", "v5p", "v6e"]
BootDisk = Literal["pd-balanced", "hyperdisk-balanced"]

FAMILIES: Final[tuple[Family, ...]] = ("v4", "v5e", "v5p", "v6e")


@dataclass(frozen=True, slots=True)
class Machine:
    """One Compute Engine machine type with TPU chips.

    `chips`, `vcpus` and `ram_gb` (decimal gigabytes) are those of one host. `accelerator` is
    the value of the node label `cloud.google.com/gke-tpu-accelerator`. `boot_disk` is a disk
    type that this machine can start from.
    """

    name: str
    family: Family
    chips: int
    vcpus: int
    ram_gb: int
    accelerator: str
    boot_disk: BootDisk

    @property
    def ram_bytes(self) -> int:
        """RAM of one host in bytes."""
        return self.ram_gb * 1_000_000_000


# vCPU and RAM: the tables of cloud.google.com/tpu/docs/{v4,v5e,v5p,v6e}; RAM of v4 from axlearn's
# GCE_MACHINE_TYPE_TO_MEMORY_REQUEST. Boot disks: cloud.google.com/tpu/docs/storage-options (v6e
# takes Hyperdisk only, v4 no Hyperdisk at all).
_ALL: Final = (
    Machine("ct4p-hightpu-4t", "v4", 4, 240, 407, "tpu-v4-podslice", "pd-balanced"),
    Machine("ct5lp-hightpu-1t", "v5e", 1, 24, 48, "tpu-v5-lite-podslice", "pd-balanced"),
    Machine("ct5lp-hightpu-4t", "v5e", 4, 112, 192, "tpu-v5-lite-podslice", "pd-balanced"),
    Machine("ct5lp-hightpu-8t", "v5e", 8, 224, 384, "tpu-v5-lite-podslice", "pd-balanced"),
    Machine("ct5p-hightpu-4t", "v5p", 4, 208, 448, "tpu-v5p-slice", "pd-balanced"),
    Machine("ct6e-standard-1t", "v6e", 1, 44, 176, "tpu-v6e-slice", "hyperdisk-balanced"),
    Machine("ct6e-standard-4t", "v6e", 4, 180, 720, "tpu-v6e-slice", "hyperdisk-balanced"),
    Machine("ct6e-standard-8t", "v6e", 8, 180, 1440, "tpu-v6e-slice", "hyperdisk-balanced"),
)

MACHINES: Final[dict[str, Machine]] = {machine.name: machine for machine in _ALL}
"""Every machine type by its name."""


def machine_with(family: Family, chips: int) -> Machine | None:
    """The machine type of `family` whose host has `chips` chips, or None."""
    for machine in _ALL:
        if machine.family == family and machine.chips == chips:
            return machine
    return None
