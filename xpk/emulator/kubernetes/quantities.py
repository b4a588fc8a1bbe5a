"""Kubernetes quantities as numbers."""

from __future__ import annotations

import re
from decimal import Decimal

_SUFFIXES: dict[str, Decimal] = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


def number(value: str | int | float) -> Decimal:
    """The value in units (bytes, cores, chips). Raises ValueError for what is no quantity."""
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkKMGTPE]?i?)", str(value))
    if match is None or match.group(2) not in _SUFFIXES:
        raise ValueError(f"quantities must match the regular expression: {value!r}")
    return Decimal(match.group(1)) * _SUFFIXES[match.group(2)]


def text(value: Decimal) -> str:
    """A number as the shortest quantity without a suffix."""
    whole = value.to_integral_value()
    return str(int(whole)) if whole == value else f"{int(value * 1000)}m"
