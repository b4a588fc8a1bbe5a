"""How large the ramdisk of a host has to be. Whether it fits its RAM is `fit.py`'s to say.

The rule is that of MaxText's guide to emergency checkpointing: a checkpoint is 12 bytes a
parameter, each host of a slice keeps an equal share of it twice (one is written while the other
stays whole), and 15 % are added. GB is 10^9 bytes everywhere, as in that guide and in the
machine tables.
"""

from __future__ import annotations

import re
from typing import Final

from xpk.catalog.slices import SliceType
from xpk.errors import Fault, UsageError
from xpk.frozen import dataclass
from xpk.spec.quantity import Quantity, decimal_ratio

BYTES_PER_PARAMETER: Final = 12
COPIES: Final = 2
BUFFER_PERCENT: Final = 15

_POWERS: Final[dict[str, int]] = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


@dataclass(frozen=True, slots=True)
class Sizing:
    """The rule applied to one model and one slice type. Bytes, rounded up."""

    params: int
    slice_type: SliceType
    total_bytes: int
    per_host_shard: int
    per_host: int
    with_buffer: int

    @property
    def quantity(self) -> Quantity:
        """The ramdisk of one host, rounded up to whole Mi."""
        return Quantity.of_bytes(self.with_buffer)

    @property
    def quantity_text(self) -> str:
        """What goes into the manifest: `57579Mi`."""
        return self.quantity.text

    @property
    def working(self) -> tuple[str, ...]:
        """The calculation, one step a line, for people."""
        hosts = f"{self.slice_type.hosts} host{'s' if self.slice_type.hosts > 1 else ''}"
        total = f"{_count(self.params)} parameters x {BYTES_PER_PARAMETER} bytes"
        shard = f"/ {hosts} in a slice of {self.slice_type.name}"
        buffered = f"{gigabytes(self.with_buffer)}, a ramdisk of {self.quantity_text} on each host"
        return (
            f"{total} = {gigabytes(self.total_bytes)} a checkpoint",
            f"{shard} = {gigabytes(self.per_host_shard)} a host",
            f"x {COPIES}, one being written while one stays whole = {gigabytes(self.per_host)}",
            f"+ {BUFFER_PERCENT} % buffer = {buffered}",
        )


def required_ramdisk(params: int, slice_type: SliceType) -> Sizing:
    """Apply the rule. Each value is computed exactly from the parameters, then rounded up to bytes."""
    total = params * BYTES_PER_PARAMETER
    return Sizing(
        params=params,
        slice_type=slice_type,
        total_bytes=total,
        per_host_shard=ratio_up(total, slice_type.hosts),
        per_host=ratio_up(total * COPIES, slice_type.hosts),
        with_buffer=ratio_up(total * COPIES * (100 + BUFFER_PERCENT), 100 * slice_type.hosts),
    )


def ratio_up(numerator: int, denominator: int) -> int:
    """The quotient of two integers, rounded up."""
    return -(-numerator // denominator)


def parse_params(text: str, flag: str) -> int:
    """Read a number of parameters: `70B`, `1.5T`, `350M`, `350m` or a plain integer.

    Raises `UsageError` for anything else, and for a plain number below a million, which is a
    number of billions whose letter was forgotten.
    """
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,18})?)([KMBTkmbt]?)", text, re.ASCII)
    if match is None:
        raise _no_params(text, flag, "not a number of parameters")
    letter = match[2].upper()
    numerator, denominator = decimal_ratio(match[1])
    value, rest = divmod(numerator * _POWERS.get(letter, 1), denominator)
    if rest:
        raise _no_params(text, flag, "not a whole number of parameters")
    if value == 0:
        raise _no_params(text, flag, "a model has parameters")
    if not letter and value < 1_000_000:
        raise _no_params(text, flag, f"a model of {value} parameters needs no ramdisk")
    if value > 10**18:
        raise UsageError(Fault(f"{flag} {text}", "more parameters than any model has", f"write {flag} 70B"))
    return value


def _no_params(text: str, flag: str, why: str) -> UsageError:
    digits = re.match(r"[\s+-]*(\d{1,9}(?:\.\d{1,9})?)", text, re.ASCII)
    number = digits[1] if digits and decimal_ratio(digits[1])[0] > 0 else "70"
    return UsageError(
        Fault(f"{flag} {text or repr('')}", why, f"write {flag} {number}B for {number} billion")
    )


def gigabytes(size: int) -> str:
    """Bytes as decimal gigabytes with at most three digits after the point: `60.375 GB`."""
    return f"{_in_units(size, 10**9)} GB"


def _in_units(value: int, unit: int) -> str:
    thousandths = (value * 1000 + unit // 2) // unit
    return f"{thousandths // 1000}.{thousandths % 1000:03}".rstrip("0").rstrip(".")


def _count(params: int) -> str:
    for letter, power in reversed(_POWERS.items()):
        if params >= power:
            return f"{_in_units(params, power)}{letter}"
    return str(params)
