"""Whether a ramdisk fits the RAM of a host, beside what else lives there.

tmpfs takes memory only as it fills, so GKE accepts a ramdisk of any size; one that does not fit
ends in the kernel killing the trainer some checkpoints later. So it is refused here.
"""

from __future__ import annotations

from typing import Final

from xpk.catalog.machines import Machine
from xpk.catalog.slices import slice_types
from xpk.errors import Fault
from xpk.frozen import dataclass
from xpk.spec.quantity import MEBIBYTE, Quantity
from xpk.spec.sizing import Sizing, gigabytes, ratio_up, required_ramdisk

_GIBIBYTE: Final = 1024**3
_TRAINER: Final = 8 * 1_000_000_000
_TIGHT_PERCENT: Final = 60


@dataclass(frozen=True, slots=True)
class Fit:
    """A ramdisk beside what else needs the RAM of one host. All in bytes.

    `system` is what GKE keeps for itself, `trainer` what the trainer needs at the least,
    `copy` the host's shard on its way from the chips to the ramdisk (0 where the model is
    unknown).
    """

    machine: Machine
    ramdisk: int
    copy: int
    system: int
    trainer: int

    @property
    def largest(self) -> int:
        """The largest ramdisk, in bytes, that leaves room for the rest."""
        return self.machine.ram_bytes - self.system - self.trainer - self.copy

    @property
    def fits(self) -> bool:
        """Whether all of it fits the host's RAM."""
        return self.ramdisk <= self.largest

    @property
    def tight(self) -> bool:
        """Fits, but takes so much (over 60 % of the RAM) that an input pipeline may run out of it."""
        return self.fits and self.ramdisk * 100 > self.machine.ram_bytes * _TIGHT_PERCENT

    @property
    def percent(self) -> int:
        """The ramdisk's share of the host's RAM, in whole percent."""
        return round(100 * self.ramdisk / self.machine.ram_bytes)


def fit(ramdisk: Quantity, machine: Machine, copy: int = 0) -> Fit:
    """Put a ramdisk of this size beside the trainer; `copy` is the host's shard where it is known.

    What must be left free: GKE's own reservation; 8 GB for the trainer's program (a Python process
    with JAX, libtpu and a small input pipeline, and many need more, so over 60 % is `tight`); and
    the shard, which Orbax holds in host memory while it writes a checkpoint in the background.
    """
    return Fit(machine, ramdisk.bytes, copy, _reserved(machine), _TRAINER)


def fit_of(sizing: Sizing) -> Fit:
    """Put the ramdisk of a known model beside its trainer."""
    return fit(sizing.quantity, sizing.slice_type.machine, sizing.per_host_shard)


def _reserved(machine: Machine) -> int:
    """Memory that pods cannot have: cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes.

    25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % of
    the rest, and 100 MiB for eviction.
    """
    left = machine.ram_bytes
    reserved = 100 * MEBIBYTE
    for gibibytes, percent in ((4, 25), (4, 20), (8, 10), (112, 6)):
        part = min(left, gibibytes * _GIBIBYTE)
        reserved += ratio_up(part * percent, 100)
        left -= part
    return reserved + ratio_up(left * 2, 100)


def misfit(beside: Fit, what: str, sizing: Sizing | None = None) -> Fault | None:
    """The fault of a ramdisk that does not fit, None if it does. `what` is the flag as typed."""
    if beside.fits:
        return None
    needs = f"{gigabytes(beside.ramdisk)} for the ramdisk"
    if beside.copy:
        needs += f", {gigabytes(beside.copy)} for the checkpoint on its way there"
    needs += f" and {gigabytes(beside.system + beside.trainer)} for system and trainer"
    why = f"{needs} do not fit the {beside.machine.ram_gb} GB of a {beside.machine.name}"
    if sizing is None:
        flag = what.partition(" ")[0]
        return Fault(what, why, f"write at most {flag} {beside.largest // MEBIBYTE}Mi")
    return Fault(what, why, _larger(sizing, what.rpartition(" ")[2]))


def _larger(sizing: Sizing, params: str) -> str:
    family = sizing.slice_type.family
    for candidate in slice_types(family):
        if fit_of(required_ramdisk(sizing.params, candidate)).fits:
            return f"take {candidate.name} ({candidate.hosts} hosts) or larger"
    return f"no slice of {family} is large enough; those that are: xpk mtc size --model-params {params}"
