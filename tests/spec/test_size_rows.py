"""Rows of `xpk mtc size`."""

from __future__ import annotations

from xpk.catalog.slices import resolve, slice_types
from xpk.spec.fit import fit_of
from xpk.spec.size_rows import size_row, size_rows
from xpk.spec.sizing import required_ramdisk

PARAMS = 70 * 10**9


def test_one_row_says_the_size_and_its_share() -> None:
    assert size_row(required_ramdisk(PARAMS, resolve("v5p-256"))) == {
        "name": "v5p-256",
        "topology": "4x4x8",
        "chips": 128,
        "hosts": 32,
        "machine_type": "ct5p-hightpu-4t",
        "ram_gb_per_host": 448,
        "ramdisk": "57579Mi",
        "ramdisk_bytes": 57579 * 2**20,
        "ramdisk_percent_of_ram": 13,
        "fits": True,
    }


def test_the_table_has_every_type_that_fits_once() -> None:
    rows = size_rows(PARAMS)
    keys = [(row["machine_type"], row["hosts"]) for row in rows]
    assert len(set(keys)) == len(keys)
    fitting = {
        (one.machine.name, one.hosts) for one in slice_types() if fit_of(required_ramdisk(PARAMS, one)).fits
    }
    assert set(keys) == fitting
    assert all(resolve(row["name"]).name == row["name"] for row in rows)


def test_the_most_cube_like_shape_stands_for_all_of_its_size() -> None:
    assert [row["name"] for row in size_rows(PARAMS) if row["chips"] == 512] == ["v4-1024", "v5p-1024"]


def test_types_can_be_chosen() -> None:
    assert [row["name"] for row in size_rows(PARAMS, slice_types("v6e"))] == [
        "v6e-32",
        "v6e-64",
        "v6e-128",
        "v6e-256",
    ]
