"""A container's own requests and limits as numbers, as a kubelet gives them to the container."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any

Json = dict[str, Any]
_UNITS = {
    **{f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", 1)},
    **{letter: Fraction(1, 1000**power) for power, letter in enumerate("mun", 1)},
    "": Fraction(1),
}


def amount(text: str) -> Fraction:
    """A quantity (k8s.io/apimachinery/pkg/api/resource). Raises ValueError for what is none."""
    match = re.fullmatch(r"([+-]?[0-9.]+)(?:([eE][+-]?\d{1,2})|([a-zA-Z]{0,2}))", text.strip())
    if match is None or match[3] not in (None, *_UNITS):
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    return Fraction(match[1] + (match[2] or "")) * _UNITS[match[3] or ""]


def resource(
    container: Mapping[str, Any], reference: Mapping[str, Any], allocatable: Mapping[str, Any]
) -> str:
    """The value of a `resourceFieldRef`.

    A limit that is not set is what the node has to give. Raises ValueError for another resource name.
    """
    kind, _, name = str(reference.get("resource", "")).partition(".")
    amounts = (container.get("resources") or {}).get(kind) or {}
    if kind == "limits":
        amounts = {**allocatable, **amounts}
    elif kind != "requests":
        raise ValueError(f"unsupported container resource : {reference.get('resource')}")
    divisor = amount(str(reference.get("divisor") or "1")) or Fraction(1)
    return str(ceil(amount(str(amounts.get(name, "0"))) / divisor))
