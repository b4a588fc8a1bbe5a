"""Names of slices: every name of Google's xpk, every legal shape, and what is said about the rest."""

from __future__ import annotations

import csv
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.machines import FAMILIES, MACHINES, Family
from xpk.catalog.slices import SliceType, resolve, slice_types
from xpk.catalog.topologies import LARGEST, PREFIX, PREFIXES
from xpk.errors import Fault, UsageError

# Every v4, v5e, v5p and v6e name of Google's xpk 1.16.0 with what it makes of it; `listed` says
# whether a shape is one of xpk's own defaults.
XPK = list(csv.DictReader((Path(__file__).parent / "xpk_names.csv").read_text().splitlines()))

some_slice = st.sampled_from(slice_types())


def sides_of(row: dict[str, str]) -> list[int]:
    return [int(side) for side in row["topology"].split("x")]


def family_of(row: dict[str, str]) -> Family:
    return PREFIXES[row["name"].partition("-")[0]]


def too_large(row: dict[str, str]) -> bool:
    return prod(sides_of(row)) > LARGEST[family_of(row)]


def in_order(row: dict[str, str]) -> bool:
    return row["topology"] == "2x2x1" or sides_of(row) == sorted(sides_of(row))


def fault_of(name: str, flag: str = "") -> Fault:
    with pytest.raises(UsageError) as caught:
        resolve(name, flag)
    (fault,) = caught.value.faults
    return fault


def test_the_file_of_names_is_whole() -> None:
    assert len(XPK) == 1437
    assert {row["kind"] for row in XPK} == {"count", "topology"}


def test_every_count_name_means_one_shape_of_the_same_size() -> None:
    for row in XPK:
        if row["kind"] == "count" and not too_large(row):
            found = resolve(row["name"])
            assert found.chips == prod(sides_of(row)), row
            assert found.device_type == found.name == row["name"], row
            assert str(found.hosts) == row["hosts"], row
            assert (found.accelerator, found.machine.name) == (row["accelerator"], row["machine"]), row


def test_every_default_that_xpk_lists_is_the_default_here() -> None:
    listed = [row for row in XPK if row["kind"] == "count" and row["listed"] == "yes" and not too_large(row)]
    assert len(listed) > 80
    for row in listed:
        assert resolve(row["name"]).topology_text == row["topology"], row


def test_every_topology_name_in_order_means_that_topology() -> None:
    rows = [row for row in XPK if row["kind"] == "topology" and in_order(row) and not too_large(row)]
    assert len(rows) > 450
    for row in rows:
        found = resolve(row["name"])
        assert found.topology_text == row["topology"], row
        assert str(found.hosts) == row["hosts"], row
        assert (found.accelerator, found.machine.name) == (row["accelerator"], row["machine"]), row


def test_topology_names_in_another_order_are_told_the_right_one() -> None:
    rows = [row for row in XPK if not in_order(row) and not too_large(row) and row["kind"] == "topology"]
    assert len(rows) > 600
    for row in rows:
        right = "x".join(map(str, sorted(sides_of(row))))
        assert f"{row['name'].partition('-')[0]}-{right}" in fault_of(row["name"]).fix, row


def test_names_beyond_the_largest_slice_are_told_a_legal_one() -> None:
    rows = [row for row in XPK if too_large(row)]
    assert len(rows) > 150
    for row in rows:
        fault = fault_of(row["name"])
        assert f"{LARGEST[family_of(row)]} chips" in fault.why, row
        named = [word for word in fault.fix.replace("(", " ").split() if word.startswith("v")]
        assert named, row
        for name in named:
            resolve(name.rstrip(",)"))


@pytest.mark.parametrize(
    ("name", "topology", "hosts", "machine"),
    [
        ("v6e-256", "16x16", 64, "ct6e-standard-4t"),
        ("v5litepod-256", "16x16", 64, "ct5lp-hightpu-4t"),
        ("v5e-256", "16x16", 64, "ct5lp-hightpu-4t"),
        ("v5e-4x8", "4x8", 8, "ct5lp-hightpu-4t"),
        ("v5litepod-4x8", "4x8", 8, "ct5lp-hightpu-4t"),
        ("v5p-128", "4x4x4", 16, "ct5p-hightpu-4t"),
        ("v5p-4x4x4", "4x4x4", 16, "ct5p-hightpu-4t"),
        ("v5p-4x4x32", "4x4x32", 128, "ct5p-hightpu-4t"),
        ("v5p-1024", "8x8x8", 128, "ct5p-hightpu-4t"),
        ("v4-8192", "16x16x16", 1024, "ct4p-hightpu-4t"),
        ("v4-3072", "8x12x16", 384, "ct4p-hightpu-4t"),
        ("v4-8", "2x2x1", 1, "ct4p-hightpu-4t"),
        ("v5p-8", "2x2x1", 1, "ct5p-hightpu-4t"),
        ("ct5p-hightpu-4t", "2x2x1", 1, "ct5p-hightpu-4t"),
        ("v6e-1", "1x1", 1, "ct6e-standard-1t"),
        ("v6e-4", "2x2", 1, "ct6e-standard-4t"),
        ("ct6e-standard-4t", "2x2", 1, "ct6e-standard-4t"),
        ("v6e-8", "2x4", 2, "ct6e-standard-4t"),
        ("v6e-2x4", "2x4", 2, "ct6e-standard-4t"),
        ("v6e-8t", "2x4", 1, "ct6e-standard-8t"),
        ("ct6e-standard-8t", "2x4", 1, "ct6e-standard-8t"),
        ("v5litepod-1", "1x1", 1, "ct5lp-hightpu-1t"),
        ("v5litepod-4", "2x2", 1, "ct5lp-hightpu-4t"),
        ("v5litepod-8", "2x4", 2, "ct5lp-hightpu-4t"),
        ("v5litepod-8t", "2x4", 1, "ct5lp-hightpu-8t"),
        ("v5e-8t", "2x4", 1, "ct5lp-hightpu-8t"),
        ("v6e-1t", "1x1", 1, "ct6e-standard-1t"),
    ],
)
def test_names_people_type(name: str, topology: str, hosts: int, machine: str) -> None:
    found = resolve(name)
    assert (found.topology_text, found.hosts, found.machine.name) == (topology, hosts, machine)
    assert found.multi_host == (hosts > 1)


def test_two_topologies_of_one_device_type_are_told_apart() -> None:
    long, cube = resolve("v5p-4x4x32"), resolve("v5p-8x8x8")
    assert long.device_type == cube.device_type == "v5p-1024"
    assert (long.name, cube.name) == ("v5p-4x4x32", "v5p-1024")
    assert long != cube


def test_one_host_with_eight_chips_is_told_apart_from_two_with_four() -> None:
    one, two = resolve("v6e-8t"), resolve("v6e-8")
    assert one.topology == two.topology
    assert (one.name, one.device_type) == ("v6e-8t", "v6e-8")
    assert one != two


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_a_machine_type_names_the_slice_of_one_such_host(machine: str) -> None:
    found = resolve(machine)
    assert found.hosts == 1
    assert found.machine.name == machine


def test_names_are_unique_and_read_back() -> None:
    every = slice_types()
    assert len({one.name for one in every}) == len(every) == len(set(every))
    for one in every:
        assert resolve(one.name) == one


@given(some_slice)
def test_hosts_and_chips_add_up(one: SliceType) -> None:
    assert one.chips == prod(one.topology)
    assert one.hosts * one.chips_per_host == one.chips
    assert one.multi_host == (one.hosts > 1)
    assert one.machine.family == one.family


@given(some_slice)
def test_the_topology_name_agrees_with_the_name(one: SliceType) -> None:
    by_topology = resolve(f"{PREFIX[one.family]}-{one.topology_text}")
    assert by_topology.topology == one.topology
    assert by_topology == one or one.chips_per_host == 8
    assert resolve(one.device_type).chips == one.chips


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_listed_alone_and_by_size(family: Family) -> None:
    some = slice_types(family)
    assert some == tuple(one for one in slice_types() if one.family == family)
    assert [one.chips for one in some] == sorted(one.chips for one in some)


@pytest.mark.parametrize(
    ("name", "why", "fix"),
    [
        ("v5p-250", "no such slice", "nearest are v5p-256 (4x4x8) and v5p-128 (4x4x4)"),
        ("v5p-7", "no such slice", "nearest are v5p-8 (2x2x1) and v5p-16 (2x2x2)"),
        ("v6e-6", "no such slice", "nearest are v6e-8 (2x4) and v6e-4 (2x2)"),
        ("v4-8x4x4", "another order", "write v4-4x4x8 (v4-256)"),
        ("v5p-1x2x2", "another order", "write v5p-2x2x1 (v5p-8)"),
        ("v5p-32x4x4", "another order", "write v5p-4x4x32"),
        ("v5p-16x16x28", "larger than the largest slice of v5p, 6144 chips", "v5p-16x16x24 (v5p-12288)"),
        ("v5p-17920", "larger than the largest slice of v5p, 6144 chips", "v5p-12288 (16x16x24)"),
        ("v5e-512", "larger than the largest slice of v5e, 256 chips", "v5litepod-256 (16x16)"),
        ("v6e-" + "9" * 5000, "larger than the largest", "v6e-256"),
        ("v6e-4x4x4", "slices of v6e have 2 axes", "v6e-8x8 (v6e-64)"),
        ("v4-16x16", "slices of v4 have 3 axes", "v4-4x8x8"),
        ("v5p-4x4x6", "no such slice", "v5p-4x4x8 (v5p-256) and v5p-4x4x4 (v5p-128)"),
        ("V6E-256", "no such slice", "did you mean v6e-256?"),
        ("v6e256", "no such slice", "did you mean v6e-256?"),
        ("v6e 256", "no such slice", "did you mean v6e-256?"),
        ("v6e-16*16", "no such slice", "did you mean v6e-16x16?"),
        ("v5p_128", "no such slice", "did you mean v5p-128?"),
        ("v5-128", "no such TPU family", "did you mean v5litepod-128 or v5p-128?"),
        ("v5lite-16", "no such TPU family", "did you mean v5litepod-16?"),
        ("v6-256", "no such TPU family", "did you mean v6e-256?"),
        ("tpu-v6e-256", "no such TPU family", "did you mean v6e-256?"),
        ("v6-250", "no such TPU family", "xpk tpu list --family v6e"),
        ("tpu7x-128", "xpk supports v4, v5e (v5litepod), v5p and v6e", "xpk tpu list"),
        ("v3-8", "xpk supports v4, v5e (v5litepod), v5p and v6e", "xpk tpu list"),
        ("h100-mega-80gb-8", "xpk supports v4, v5e (v5litepod), v5p and v6e", "xpk tpu list"),
        ("n2-standard-32-2", "xpk supports v4, v5e (v5litepod), v5p and v6e", "xpk tpu list"),
        ("", "xpk supports v4, v5e (v5litepod), v5p and v6e", "xpk tpu list"),
        ("v6e", "not a name of a slice", "xpk tpu list --family v6e"),
        ("v6e-0256", "not a name of a slice", "write v6e-256 (16x16) or v6e-16x16"),
        ("v6e-256-1", "not a name of a slice", "xpk tpu list --family v6e"),
        ("v6e-2t", "no v6e machine has that many chips", "write v6e-1t, v6e-4t or v6e-8t"),
        ("ct5p-hightpu-1t", "no slice is made of one such machine", "write ct5p-hightpu-4t"),
    ],
)
def test_other_names_are_refused_with_what_to_type(name: str, why: str, fix: str) -> None:
    fault = fault_of(name, "--tpu-type")
    assert fault.what == f"--tpu-type {name or repr('')}"
    assert why in fault.why
    assert fix in fault.fix


def test_without_a_flag_the_name_alone_is_blamed() -> None:
    assert fault_of("v5p-250").what == "v5p-250"


@given(st.sampled_from(sorted(PREFIXES)), st.integers(min_value=0, max_value=20_000))
def test_any_number_resolves_or_is_told_names_that_do(prefix: str, count: int) -> None:
    try:
        found = resolve(f"{prefix}-{count}")
    except UsageError as error:
        (fault,) = error.faults
        words = fault.fix.replace("(", " ").replace(")", " ").split()
        named = [word for word in words if word.startswith(PREFIX[PREFIXES[prefix]] + "-")]
        assert named
        for name in named:
            resolve(name.rstrip(";"))
    else:
        assert found.name == f"{PREFIX[PREFIXES[prefix]]}-{count}"


@given(st.text(max_size=40) | st.from_regex(r"v(4|5e|5p|6e|5litepod)-[0-9x*t-]{0,12}", fullmatch=True))
def test_any_text_is_a_slice_or_one_fault(text: str) -> None:
    try:
        assert resolve(text) in slice_types()
    except UsageError as error:
        (fault,) = error.faults
        assert fault.why
        assert fault.fix
