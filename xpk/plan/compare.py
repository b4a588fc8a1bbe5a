"""Whether what exists is already as wanted.

A server adds defaults, so equality is the wrong question: everything wanted must be there, with
the same value. Lists must match item by item. Quantities are compared by size, since a server
may write 4096Mi as 4Gi.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?")
_FACTORS: dict[str, int] = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
}  # fmt: skip


def differences(wanted: Any, actual: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every place where `actual` lacks what `wanted` says: path, actual value, wanted value."""
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        for key, value in wanted.items():
            yield from differences(value, actual.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        for index, (left, right) in enumerate(zip(wanted, actual, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif not _same(wanted, actual):
        yield path, actual, wanted


def _same(wanted: Any, actual: Any) -> bool:
    if wanted == actual or (actual is None and wanted in ({}, [], "", False, 0)):
        return True
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return False
    if isinstance(wanted, str | int) and isinstance(actual, str | int):
        left, right = quantity(str(wanted)), quantity(str(actual))
        return left is not None and left == right
    return False


def quantity(text: str) -> int | None:
    """The size of a Kubernetes quantity in thousandths of its base unit, None when it is not one."""
    match = _QUANTITY.fullmatch(text)
    if not match:
        return None
    whole, _, part = match[1].partition(".")
    scale = 1 if match[2] == "m" else 1000 * _FACTORS[match[2] or ""]
    return int(whole + part) * scale // int(10 ** len(part))
