"""Ramdisk sizes as plain rows, for `xpk mtc size`. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from xpk.catalog.slices import SliceType, slice_types
from xpk.spec.fit import fit_of
from xpk.spec.sizing import Sizing, required_ramdisk


class SizeRow(TypedDict):
    """One line of `xpk mtc size`; the keys are the JSON keys. Ramdisk and RAM are those of one host."""

    name: str
    topology: str
    chips: int
    hosts: int
    machine_type: str
    ram_gb_per_host: int
    ramdisk: str
    ramdisk_bytes: int
    ramdisk_percent_of_ram: int
    fits: bool


def size_row(sizing: Sizing) -> SizeRow:
    """The row of one model on one slice type."""
    slice_type, beside = sizing.slice_type, fit_of(sizing)
    return {
        "name": slice_type.name,
        "topology": slice_type.topology_text,
        "chips": slice_type.chips,
        "hosts": slice_type.hosts,
        "machine_type": slice_type.machine.name,
        "ram_gb_per_host": slice_type.machine.ram_gb,
        "ramdisk": sizing.quantity_text,
        "ramdisk_bytes": sizing.quantity.bytes,
        "ramdisk_percent_of_ram": beside.percent,
        "fits": beside.fits,
    }


def size_rows(params: int, types: Iterable[SliceType] | None = None) -> list[SizeRow]:
    """Rows of the slice types that the model's checkpoints fit, one for each number of hosts.

    Shapes with as many hosts of the same machine come out the same, so the first of them, the
    most cube-like, stands for all.
    """
    rows: dict[tuple[str, int], SizeRow] = {}
    for one in slice_types() if types is None else types:
        rows.setdefault((one.machine.name, one.hosts), size_row(required_ramdisk(params, one)))
    return [row for row in rows.values() if row["fits"]]
