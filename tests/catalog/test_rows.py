"""Rows of `xpk tpu list` and `xpk tpu show`."""

from __future__ import annotations

import json

import pytest

from xpk.catalog.rows import parse_family, tpu_row, tpu_rows
from xpk.catalog.slices import resolve, slice_types
from xpk.errors import UsageError


def test_a_row_says_everything_about_a_slice_and_its_hosts() -> None:
    assert tpu_row(resolve("v6e-256")) == {
        "name": "v6e-256",
        "family": "v6e",
        "device_type": "v6e-256",
        "topology": "16x16",
        "chips": 256,
        "hosts": 64,
        "multi_host": True,
        "machine_type": "ct6e-standard-4t",
        "accelerator": "tpu-v6e-slice",
        "chips_per_host": 4,
        "vcpus_per_host": 180,
        "ram_gb_per_host": 720,
        "boot_disk": "hyperdisk-balanced",
    }


def test_all_rows_are_json() -> None:
    rows = tpu_rows()
    assert len(rows) == len(slice_types())
    assert json.loads(json.dumps(rows)) == rows


def test_rows_of_one_family_and_number_of_hosts() -> None:
    assert [row["name"] for row in tpu_rows("v6e", 1)] == ["v6e-1", "v6e-4", "v6e-8t"]
    assert [row["name"] for row in tpu_rows("v5p", 64)] == ["v5p-512", "v5p-4x4x16"]
    assert tpu_rows("v6e", 3) == []


def test_families_by_name_and_alias() -> None:
    assert [parse_family(text) for text in ("v4", "v5e", "v5litepod", "v5p", "v6e")] == [
        "v4",
        "v5e",
        "v5e",
        "v5p",
        "v6e",
    ]


def test_another_family_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        parse_family("v7")
    assert caught.value.faults[0].what == "--family v7"
    assert caught.value.faults[0].fix == "write one of v4, v5e, v5p, v6e"
