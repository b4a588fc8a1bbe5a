"""Machine types that a node pool may ask for, with the TPU chips each has.

Typed here a second time on purpose: a wrong table in the tool must not be excused by the emulator.
TPU machines: the tables of cloud.google.com/tpu/docs (v4, v5e, v5p, v6e).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TpuMachine:
    """A machine with TPU chips. `axes` is how many numbers its topologies have."""

    chips: int
    axes: int
    max_chips: int
    hyperdisk_only: bool = False


TPU_MACHINES: dict[str, TpuMachine] = {
    "ct4p-hightpu-4t": TpuMachine(4, 3, 4096),
    "ct5lp-hightpu-1t": TpuMachine(1, 2, 256),
    "ct5lp-hightpu-4t": TpuMachine(4, 2, 256),
    "ct5lp-hightpu-8t": TpuMachine(8, 2, 8),
    "ct5p-hightpu-1t": TpuMachine(1, 3, 1),
    "ct5p-hightpu-2t": TpuMachine(2, 3, 2),
    "ct5p-hightpu-4t": TpuMachine(4, 3, 6144),
    "ct6e-standard-1t": TpuMachine(1, 2, 1, hyperdisk_only=True),
    "ct6e-standard-4t": TpuMachine(4, 2, 256, hyperdisk_only=True),
    "ct6e-standard-8t": TpuMachine(8, 2, 8, hyperdisk_only=True),
    "tpu7x-standard-1t": TpuMachine(1, 3, 1, hyperdisk_only=True),
    "tpu7x-standard-4t": TpuMachine(4, 3, 9216, hyperdisk_only=True),
}
_CPU = re.compile(
    r"(e2-(micro|small|medium)|f1-micro|g1-small"
    r"|(e2|n1|n2|n2d|n4|n4d|c2|c2d|c3|c3d|c4|c4a|c4d|t2a|t2d|m1|m2|m3|z3)"
    r"-(standard|highmem|highcpu|megamem|ultramem|custom)-\d+(-\d+)?(-lssd|-metal)?)"
)
_TOPOLOGY = re.compile(r"\d{1,3}x\d{1,3}(x\d{1,3})?")
FLAT = {(2, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16)}
BELOW_A_CUBE = {(2, 2, 2), (2, 2, 4), (2, 4, 4)}
HYPERDISK_FAMILIES = ("c3", "c3d", "c4", "c4a", "c4d", "n4", "n4d", "m3", "z3", "c2", "n2")
HYPERDISK_ONLY_FAMILIES = ("c4", "c4a", "c4d", "n4", "n4d")


def known(machine_type: str) -> bool:
    """Whether Compute Engine has such a machine, by table or by the form of its name."""
    return machine_type in TPU_MACHINES or _CPU.fullmatch(machine_type) is not None


def hosts(machine: TpuMachine, topology: str) -> int | None:
    """How many machines a slice of this topology has; None when the topology is not possible."""
    if not _TOPOLOGY.fullmatch(topology):
        return None
    axes = [int(axis) for axis in topology.split("x")]
    chips = math.prod(axes)
    if len(axes) != machine.axes or chips == 0 or chips > machine.max_chips or chips % machine.chips:
        return None
    count = chips // machine.chips
    return count if count == 1 or _exists(axes) else None


def _exists(axes: list[int]) -> bool:
    """Whether a multi-host slice has such a shape: GKE lists the 2D ones; 3D ones are made of 4x4x4 cubes."""
    if len(axes) == 2:
        return tuple(axes) in FLAT
    cubes = all(axis % 4 == 0 for axis in axes)
    return tuple(axes) in BELOW_A_CUBE or (cubes and axes == sorted(axes))


def disk_fits(machine_type: str, disk_type: str) -> bool:
    """Whether a boot disk of this type can be attached (cloud.google.com/tpu/docs/storage-options)."""
    hyperdisk = disk_type.startswith("hyperdisk-")
    if disk_type not in ("pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced"):
        return False
    tpu = TPU_MACHINES.get(machine_type)
    if tpu is not None:
        return hyperdisk if tpu.hyperdisk_only else not hyperdisk
    family = machine_type.split("-")[0]
    if hyperdisk:
        return family in HYPERDISK_FAMILIES
    return family not in HYPERDISK_ONLY_FAMILIES
