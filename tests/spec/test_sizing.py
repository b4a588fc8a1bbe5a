"""The rule for the size of a ramdisk, with the example of MaxText's guide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.slices import SliceType, resolve, slice_types
from xpk.errors import UsageError
from xpk.spec.quantity import MEBIBYTE
from xpk.spec.sizing import gigabytes, parse_params, required_ramdisk

FLAG = "--mtc-model-params"


def test_the_guide_s_example_of_70_billion_parameters_on_32_hosts() -> None:
    sizing = required_ramdisk(parse_params("70B", FLAG), resolve("v5p-256"))
    assert sizing.slice_type.hosts == 32
    assert sizing.total_bytes == 840 * 10**9
    assert sizing.per_host_shard == 26_250_000_000
    assert sizing.per_host == 52_500_000_000
    assert sizing.with_buffer == 60_375_000_000
    assert sizing.quantity_text == sizing.quantity.text == "57579Mi"


def test_the_working_shows_every_step() -> None:
    assert required_ramdisk(70 * 10**9, resolve("v5p-256")).working == (
        "70B parameters x 12 bytes = 840 GB a checkpoint",
        "/ 32 hosts in a slice of v5p-256 = 26.25 GB a host",
        "x 2, one being written while one stays whole = 52.5 GB",
        "+ 15 % buffer = 60.375 GB, a ramdisk of 57579Mi on each host",
    )


def test_one_host_is_one_host() -> None:
    assert required_ramdisk(10**9, resolve("v6e-8t")).working[1] == (
        "/ 1 host in a slice of v6e-8t = 12 GB a host"
    )


@given(st.integers(min_value=1, max_value=10**15), st.sampled_from(slice_types()))
def test_the_ramdisk_holds_two_shards_and_a_buffer(params: int, slice_type: SliceType) -> None:
    sizing = required_ramdisk(params, slice_type)
    assert sizing.per_host_shard * slice_type.hosts >= params * 12
    assert sizing.quantity.bytes * slice_type.hosts * 100 >= params * 12 * 2 * 115
    assert (sizing.quantity.bytes - MEBIBYTE) * slice_type.hosts * 100 < params * 12 * 2 * 115


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("70B", 70 * 10**9),
        ("70b", 70 * 10**9),
        ("1.5T", 15 * 10**11),
        ("350M", 350 * 10**6),
        ("0.5B", 5 * 10**8),
        ("100k", 10**5),
        ("7000000000", 7 * 10**9),
    ],
)
def test_numbers_of_parameters(text: str, params: int) -> None:
    assert parse_params(text, FLAG) == params


@pytest.mark.parametrize(
    ("text", "why", "fix"),
    [
        ("70", "a model of 70 parameters", "write --mtc-model-params 70B for 70 billion"),
        ("70G", "not a number of parameters", "write --mtc-model-params 70B for 70 billion"),
        ("70 B", "not a number of parameters", "write --mtc-model-params 70B"),
        ("-7B", "not a number of parameters", "write --mtc-model-params 7B"),
        ("7e9", "not a number of parameters", "write --mtc-model-params 7B"),
        ("1,000B", "not a number of parameters", "write --mtc-model-params 1B"),
        ("٧B", "not a number of parameters", "write --mtc-model-params 70B"),
        ("", "not a number of parameters", "write --mtc-model-params 70B"),
        ("llama", "not a number of parameters", "write --mtc-model-params 70B"),
        ("0", "a model has parameters", "write --mtc-model-params 70B"),
        ("0B", "a model has parameters", "write --mtc-model-params 70B"),
        ("1.2345K", "not a whole number of parameters", "write --mtc-model-params 1.2345B"),
        ("999999999T", "more parameters than any model has", "write --mtc-model-params 70B"),
    ],
)
def test_other_numbers_are_refused_with_what_to_type(text: str, why: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_params(text, FLAG)
    (fault,) = caught.value.faults
    assert fault.what == f"{FLAG} {text or repr('')}"
    assert why in fault.why
    assert fix in fault.fix


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 GB"), (10**9, "1 GB"), (60_375_000_000, "60.375 GB"), (1, "0 GB"), (100 * 10**9, "100 GB")],
)
def test_bytes_as_decimal_gigabytes(size: int, text: str) -> None:
    assert gigabytes(size) == text
