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
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkKMGTPE]?i?)")


def number(value: str | int | float) -> Decimal:
    """The value in units (bytes, cores, chips). Raises ValueError for what is no quantity."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match.group(2) not in _SUFFIXES:
        raise ValueError(f"quantities must match the regular expression: {value!r}")
    return Decimal(match.group(1)) * _SUFFIXES[match.group(2)]


def text(value: Decimal) -> str:
    """A number as the shortest quantity without a suffix."""
    whole = value.to_integral_value()
    return str(int(whole)) if whole == value else f"{int(value * 1000)}m"


def canonical(value: str | int | float) -> str:
    """The form that the server stores: `1024Mi` is `1Gi`, `0.5` is `500m`, `1000m` is `1`.

    What is no quantity stays as it is: that is the checks' affair.
    """
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match.group(2) not in _SUFFIXES or match.group(1).count(".") > 1:
        return str(value)
    if "e" in match.group(1).lower():
        return str(value)
    total = number(str(value))
    letters = "KMGTPE" if match.group(2).endswith("i") and abs(total) >= 1024 else ""
    if letters and total == total.to_integral_value():
        size, power = int(total), 0
        while power < len(letters) and size and size % 1024 == 0:
            size, power = size // 1024, power + 1
        return f"{size}{letters[power - 1]}i" if power else str(size)
    for suffix in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        scaled = total / _SUFFIXES[suffix]
        if scaled == scaled.to_integral_value() and (scaled or suffix == ""):
            return f"{int(scaled)}{suffix}"
    return str(value)
