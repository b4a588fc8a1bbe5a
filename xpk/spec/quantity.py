"""Kubernetes quantities of memory: `60Gi`, `60000Mi`, `32G`.

Follows k8s.io/apimachinery/pkg/api/resource. Stricter in one place: a size without a unit is
refused, because Kubernetes reads it as bytes and nobody means that.
"""

from __future__ import annotations

import re
from typing import Final

from xpk.errors import Fault, UsageError
from xpk.frozen import dataclass

MEBIBYTE: Final = 1024**2
_LARGEST: Final = 2**63 - 1  # Kubernetes keeps a quantity in an int64.
_UNITS: Final[dict[str, int]] = {
    **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: 1000**power for power, letter in enumerate("kMGTPE", 1)},
}
_NUMBER = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})"


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of memory: `text` as it goes into a manifest, `bytes` as Kubernetes reads it."""

    text: str
    bytes: int

    @property
    def mebibytes_ceil(self) -> int:
        """Whole MiB, rounded up as the checkpointing controller does for its tmpfs."""
        return -(-self.bytes // MEBIBYTE)

    @classmethod
    def of_bytes(cls, size: int) -> Quantity:
        """The quantity of `size` bytes, rounded up to whole Mi."""
        mebibytes = -(-size // MEBIBYTE)
        return cls(f"{mebibytes}Mi", mebibytes * MEBIBYTE)


def quantity_bytes(text: str) -> int | None:
    """What Kubernetes reads in `text`, in bytes and rounded up; None if it is no quantity of memory.

    Takes plain numbers and exponents (`6e10`) too; not the suffixes below one (`m`, `u`, `n`).
    """
    match = re.fullmatch(rf"({_NUMBER})(?:([a-zA-Z]{{1,2}})|[eE]([+-]?\d{{1,2}}))?", text, re.ASCII)
    if match is None:
        return None
    number, unit, exponent = match.groups()
    factor = _UNITS.get(unit) if unit else 1
    if factor is None:
        return None
    numerator, denominator = decimal_ratio(number)
    power = int(exponent or 0)
    if power < 0:
        denominator *= 10**-power
    else:
        factor *= 10**power
    return -(-numerator * factor // denominator)


def decimal_ratio(number: str) -> tuple[int, int]:
    """`1.25` as (125, 100): exact, without the import time of `fractions`."""
    whole, _, digits = number.partition(".")
    return int(whole + digits), 10 ** len(digits)


def parse_quantity(text: str, flag: str, instead: str = "") -> Quantity:
    """Read a size with a unit, at least 1Mi.

    `instead`, if given, is added to the advice (", or have it computed: ...").
    Raises `UsageError` with one fault that says what to type.
    """

    def refuse(why: str, fix: str) -> UsageError:
        return UsageError(Fault(f"{flag} {text or repr('')}", why, fix + instead))

    value = quantity_bytes(text)
    if value is None:
        meant = _respell(text) or "a size such as 60Gi or 60000Mi"
        raise refuse("not a Kubernetes quantity", f"write {meant}")
    if value <= 0:
        meant = text.lstrip("-") if value < 0 and _has_unit(text) else "a size such as 60Gi"
        raise refuse("a size is more than zero", f"write {meant}")
    if not _has_unit(text):
        raise refuse(
            f"no unit, Kubernetes would read {text} bytes", f"write {_with_unit(text.lstrip('+'), value)}"
        )
    if value < MEBIBYTE:
        raise refuse("less than 1Mi, the smallest size there is", "write a size such as 60Gi")
    if value > _LARGEST:
        raise refuse("more than Kubernetes can count", "write a size such as 60Gi")
    return Quantity(text, value)


def _has_unit(text: str) -> bool:
    # An exponent is no unit, but nobody writes `6e10` for anything but bytes.
    return any(letter.isalpha() for letter in text)


def _with_unit(number: str, value: int) -> str:
    """What a bare number was most likely meant to be: 60 -> Gi, 60000 -> Mi, more is bytes."""
    if value < 4096:
        return f"{number}Gi"
    if value < 64 * MEBIBYTE:
        return f"{number}Mi"
    return Quantity.of_bytes(value).text


def _respell(text: str) -> str | None:
    """The quantity that a common slip stands for: `60GB`, `60 Gi`, `60gib`, `60,000Mi`."""
    match = re.fullmatch(rf"({_NUMBER})([a-zA-Z]*)", "".join(text.split()).replace(",", ""), re.ASCII)
    if match is None:
        return None
    number, unit = match.groups()
    short = unit[:-1] if unit[-1:] in "bB" else unit
    for known in _UNITS:
        meant = number.lstrip("+-") + known
        if known.lower() == short.lower() and MEBIBYTE <= (quantity_bytes(meant) or 0) <= _LARGEST:
            return meant
    return None
