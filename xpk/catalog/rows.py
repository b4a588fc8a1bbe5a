"""Slice types as plain rows, for `xpk tpu list` and `xpk tpu show`. Nothing here prints."""

from __future__ import annotations

from typing import TypedDict

from xpk.catalog.machines import FAMILIES, Family
from xpk.catalog.slices import SliceType, slice_types
from xpk.catalog.topologies import PREFIXES
from xpk.errors import Fault, UsageError


class TpuRow(TypedDict):
    """One slice type; the keys are the JSON keys. RAM in decimal gigabytes, of one host."""

    name: str
    family: Family
    device_type: str
    topology: str
    chips: int
    hosts: int
    multi_host: bool
    machine_type: str
    accelerator: str
    chips_per_host: int
    vcpus_per_host: int
    ram_gb_per_host: int
    boot_disk: str


def tpu_row(slice_type: SliceType) -> TpuRow:
    """The row of one slice type."""
    machine = slice_type.machine
    return {
        "name": slice_type.name,
        "family": slice_type.family,
        "device_type": slice_type.device_type,
        "topology": slice_type.topology_text,
        "chips": slice_type.chips,
        "hosts": slice_type.hosts,
        "multi_host": slice_type.multi_host,
        "machine_type": machine.name,
        "accelerator": machine.accelerator,
        "chips_per_host": machine.chips,
        "vcpus_per_host": machine.vcpus,
        "ram_gb_per_host": machine.ram_gb,
        "boot_disk": machine.boot_disk,
    }


def tpu_rows(family: Family | None = None, hosts: int | None = None) -> list[TpuRow]:
    """Rows of all slice types, of one family and with one number of hosts where given."""
    return [tpu_row(one) for one in slice_types(family) if hosts is None or one.hosts == hosts]


def parse_family(text: str, flag: str = "--family") -> Family:
    """`v5p`, or `v5litepod` as the alias of `v5e`. Raises `UsageError` for any other family."""
    family = PREFIXES.get(text)
    if family is None:
        raise UsageError(Fault(f"{flag} {text}", "no such TPU family", f"write one of {', '.join(FAMILIES)}"))
    return family
