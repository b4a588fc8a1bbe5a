"""Sizes: what Kubernetes reads in them, and what is refused with what to type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.errors import Fault, UsageError
from xpk.spec.quantity import MEBIBYTE, Quantity, parse_quantity, quantity_bytes

FLAG = "--mtc-ramdisk-size"
UNITS = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "Ei": 2**60,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
}


def fault_of(text: str) -> Fault:
    with pytest.raises(UsageError) as caught:
        parse_quantity(text, FLAG)
    (fault,) = caught.value.faults
    return fault


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("60Gi", 60 * 2**30),
        ("60000Mi", 60_000 * 2**20),
        ("32G", 32 * 10**9),
        ("1.5Ti", 3 * 2**39),
        ("128M", 128 * 10**6),
        ("2048Ki", 2 * 2**20),
        ("5000k", 5 * 10**6),
        ("+60Gi", 60 * 2**30),
        (".5Gi", 2**29),
        ("5.Gi", 5 * 2**30),
        ("6e10", 6 * 10**10),
        ("6E10", 6 * 10**10),
        ("1.2e+9", 12 * 10**8),
        ("7Ei", 7 * 2**60),
    ],
)
def test_a_size_is_read_as_kubernetes_reads_it(text: str, size: int) -> None:
    assert parse_quantity(text, FLAG) == Quantity(text, size)


@pytest.mark.parametrize(
    ("text", "size"),
    [("60", 60), ("0", 0), ("0.5", 1), ("-60Gi", -60 * 2**30), ("25e-1", 3), ("1e-50", 1), ("12.", 12)],
)
def test_plain_and_small_numbers_are_quantities_rounded_up(text: str, size: int) -> None:
    assert quantity_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "why", "fix"),
    [
        ("60", "no unit, Kubernetes would read 60 bytes", "write 60Gi"),
        ("+60", "no unit", "write 60Gi"),
        ("0.5", "no unit", "write 0.5Gi"),
        ("60000", "no unit, Kubernetes would read 60000 bytes", "write 60000Mi"),
        ("60000000000", "no unit", "write 57221Mi"),
        ("0", "a size is more than zero", "write a size such as 60Gi"),
        ("0Gi", "a size is more than zero", "write a size such as 60Gi"),
        ("-60Gi", "a size is more than zero", "write 60Gi"),
        ("-60", "a size is more than zero", "write a size such as 60Gi"),
        ("banana", "not a Kubernetes quantity", "write a size such as 60Gi or 60000Mi"),
        ("", "not a Kubernetes quantity", "write a size such as 60Gi or 60000Mi"),
        ("60GB", "not a Kubernetes quantity", "write 60G"),
        ("60GiB", "not a Kubernetes quantity", "write 60Gi"),
        ("60gi", "not a Kubernetes quantity", "write 60Gi"),
        ("60 Gi", "not a Kubernetes quantity", "write 60Gi"),
        ("60Gi ", "not a Kubernetes quantity", "write 60Gi"),
        ("60,000Mi", "not a Kubernetes quantity", "write 60000Mi"),
        ("60m", "not a Kubernetes quantity", "write 60M"),
        ("60K", "not a Kubernetes quantity", "write a size such as 60Gi"),
        ("60Gi;reboot", "not a Kubernetes quantity", "write a size such as 60Gi"),
        ("٦٠Gi", "not a Kubernetes quantity", "write a size such as 60Gi"),
        ("60Ki", "less than 1Mi", "write a size such as 60Gi"),
        ("64e3", "less than 1Mi", "write a size such as 60Gi"),
        ("8Ei", "more than Kubernetes can count", "write a size such as 60Gi"),
        ("9e99", "more than Kubernetes can count", "write a size such as 60Gi"),
        ("9" * 5000 + "Gi", "not a Kubernetes quantity", "write a size such as 60Gi"),
    ],
)
def test_other_sizes_are_refused_with_what_to_type(text: str, why: str, fix: str) -> None:
    fault = fault_of(text)
    assert fault.what == f"{FLAG} {text or repr('')}"
    assert why in fault.why
    assert fix in fault.fix


def test_advice_of_the_caller_is_added() -> None:
    with pytest.raises(UsageError) as caught:
        parse_quantity("60", FLAG, ", or have it computed: --mtc-model-params 70B")
    assert caught.value.faults[0].fix == "write 60Gi, or have it computed: --mtc-model-params 70B"


@given(st.integers(min_value=1, max_value=7 * 2**60))
def test_sizes_round_up_to_whole_mi(size: int) -> None:
    quantity = Quantity.of_bytes(size)
    assert size <= quantity.bytes < size + MEBIBYTE
    assert quantity.bytes == quantity.mebibytes_ceil * MEBIBYTE
    assert parse_quantity(quantity.text, FLAG) == quantity
    assert Quantity("x", size).mebibytes_ceil == quantity.mebibytes_ceil


@given(st.integers(min_value=0, max_value=10**6), st.integers(0, 999), st.sampled_from(sorted(UNITS)))
def test_decimals_are_exact(whole: int, thousandths: int, unit: str) -> None:
    size = quantity_bytes(f"{whole}.{thousandths:03}{unit}")
    assert size == -(-(whole * 1000 + thousandths) * UNITS[unit] // 1000)


@given(st.text(max_size=12) | st.from_regex(r"[+-]?[0-9.,]{1,8} ?[kKmMgGtTiIbBeE]{0,3}", fullmatch=True))
def test_advice_can_be_followed(text: str) -> None:
    try:
        parse_quantity(text, FLAG)
    except UsageError as error:
        advice = (
            error.faults[0].fix.removeprefix("write ").removeprefix("a size such as ").partition(" or ")[0]
        )
        parse_quantity(advice, FLAG)
