"""The TPU slice types that GKE has, by name and by topology.

A slice type is keyed by family, topology and machine: `v5p-4x4x32` and `v5p-8x8x8` have the
same count name `v5p-1024` and are different things. Count names are kept as aliases of one
shape each. The reasons are in docs/decisions/0002-slice-catalog.md.
"""

from __future__ import annotations

from functools import cache
from math import prod

from xpk.catalog.machines import FAMILIES, MACHINES, Family, Machine, machine_with
from xpk.catalog.refusals import refusal
from xpk.catalog.topologies import (
    CORES_PER_CHIP,
    PREFIX,
    PREFIXES,
    Topology,
    count_name,
    default_topology,
    is_legal,
    parse_number,
    parse_topology,
    topologies,
    topology_text,
    unique_name,
)
from xpk.errors import UsageError
from xpk.frozen import dataclass


@dataclass(frozen=True, slots=True)
class SliceType:
    """One shape of slice on one machine type. Build it with `resolve` or `slice_types`."""

    family: Family
    topology: Topology
    machine: Machine

    @property
    def name(self) -> str:
        """The one canonical name: `v5p-256`, `v5p-4x4x32`, `v6e-8t`. `resolve` takes it back."""
        if self.machine.chips == 8:
            return f"{PREFIX[self.family]}-8t"
        return unique_name(self.family, self.topology)

    @property
    def device_type(self) -> str:
        """xpk's count name (`v5p-1024`). Several topologies can share one: never compare by it."""
        return count_name(self.family, self.chips)

    @property
    def topology_text(self) -> str:
        """The topology as node labels write it: `4x4x8`."""
        return topology_text(self.topology)

    @property
    def chips(self) -> int:
        """Chips in one slice."""
        return prod(self.topology)

    @property
    def hosts(self) -> int:
        """Hosts (nodes, TPU VMs) in one slice."""
        return self.chips // self.machine.chips

    @property
    def chips_per_host(self) -> int:
        """Chips on each host: the `google.com/tpu` limit of each pod."""
        return self.machine.chips

    @property
    def multi_host(self) -> bool:
        """Whether the slice spans hosts. GKE wants a placement policy then, and takes none otherwise."""
        return self.hosts > 1

    @property
    def accelerator(self) -> str:
        """Value of the node label `cloud.google.com/gke-tpu-accelerator`."""
        return self.machine.accelerator


@cache
def resolve(name: str, flag: str = "") -> SliceType:
    """The slice type that `name` means.

    Takes a count name (`v6e-256`, `v5litepod-256` or `v5e-256`), a topology name (`v5p-4x4x8`),
    a number of chips on one host (`v6e-8t`) or the machine type of a single host
    (`ct6e-standard-8t`).

    Raises `UsageError` with one fault that names the nearest legal slices; `flag`, if given,
    is put before the name in it (`--tpu-type v5p-250`).
    """
    found = _lookup(name)
    if found is None:
        raise UsageError(refusal(name, flag, lambda other: _lookup(other) is not None))
    return found


def _lookup(name: str) -> SliceType | None:
    if name in MACHINES:
        return _single_host(MACHINES[name])
    prefix, _, size = name.partition("-")
    family = PREFIXES.get(prefix)
    if family is None:
        return None
    if size.endswith("t"):
        machine = machine_with(family, parse_number(size[:-1]) or 0)
        return _single_host(machine) if machine else None
    count = parse_number(size)
    if count is not None:
        chips, odd = divmod(count, CORES_PER_CHIP[family])
        topology = None if odd else default_topology(family, chips)
    else:
        topology = parse_topology(size)
    if topology is None or not is_legal(family, topology):
        return None
    return _slice(family, topology)


def _slice(family: Family, topology: Topology) -> SliceType:
    """The slice of this legal shape on the machine xpk takes: four chips a host, one for 1x1."""
    machine = machine_with(family, min(prod(topology), 4))
    assert machine is not None, f"no machine for {family} {topology}"
    return SliceType(family, topology, machine)


def _single_host(machine: Machine) -> SliceType:
    topology: Topology
    if machine.chips == 8:
        topology = (2, 4)
    else:
        found = default_topology(machine.family, machine.chips)
        assert found is not None, f"no shape for one {machine.name}"
        topology = found
    return SliceType(machine.family, topology, machine)


@cache
def slice_types(family: Family | None = None) -> tuple[SliceType, ...]:
    """Every legal slice type, by family, chips, hosts, then the most cube-like shape first."""
    found: list[SliceType] = []
    for one in FAMILIES if family is None else (family,):
        for topology in topologies(one):
            eight = machine_with(one, 8)
            if eight and prod(topology) == 8:
                found.append(_single_host(eight))
            found.append(_slice(one, topology))
    return tuple(found)
