"""Rows of a plan on a page: neighbours that are alike in one row, long ones folded under themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from xpk.frozen import dataclass

Sign = Literal["+", "~", "-", "."]
WIDTH = 80
_NAMES = 28  # a longer name pushes its own row, and no other


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a plan: what happens to what, and how it will be."""

    sign: Sign
    noun: str
    name: str
    detail: str


def page(lines: Sequence[Line]) -> Iterator[str]:
    """The rows in columns, at most `WIDTH` wide where their words let them."""
    noun = max((len(line.noun) for line in lines), default=0)
    names = min(max((len(line.name) for line in lines), default=0), _NAMES)
    indent = noun + names + 8
    for line in lines:
        head = f"  {line.sign} {line.noun:<{noun}}  {line.name:<{names}}  "
        first, *rest = folded(line.detail, len(head), indent)
        yield f"{head}{first}".rstrip()
        yield from (f"{'':<{indent}}{part}" for part in rest)


def folded(detail: str, used: int, indent: int, width: int = WIDTH) -> list[str]:
    """The detail in lines: `used` columns of the first are taken, and `indent` of the others.

    A word is never cut: it may have to be pasted.
    """
    lines: list[str] = []
    room = width - used
    while len(detail) > room and (at := _break(detail, max(room, 1))) is not None:
        lines.append(detail[:at].rstrip())
        detail = detail[at:].lstrip()
        room = width - indent
    return [*lines, detail]


def _break(detail: str, room: int) -> int | None:
    """Where a line ends: after a clause, or after a part of one that is not too short, or between words."""
    head = detail[: room + 1]
    clause, part = head.rfind("; ") + 1, head.rfind(", ") + 1
    if clause or part >= room // 2:
        return clause or part
    word = head.rfind(" ")
    word = word if word > 0 else detail.find(" ", room)
    return word if word > 0 else None


def fold(lines: Iterable[Line]) -> list[Line]:
    """Join neighbours that differ only in their name: `c-np-0 .. 1` with their number in front."""
    groups: list[list[Line]] = []
    for line in lines:
        # what is deleted is named one by one
        if groups and line.sign != "-" and _joins(groups[-1][-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_joined(group) for group in groups]


def _joins(before: Line, line: Line) -> bool:
    """Whether a row goes on from the one before it: the next number, or a name without one."""
    if (before.sign, before.noun, before.detail) != (line.sign, line.noun, line.detail):
        return False
    if before.noun != "pools":
        return True
    stem, _, index = line.name.rpartition("-")
    former, _, number = before.name.rpartition("-")
    return stem == former and index.isdigit() and number.isdigit() and int(index) == int(number) + 1


def _joined(group: list[Line]) -> Line:
    first, last = group[0], group[-1]
    if len(group) == 1:
        return first
    stem, _, index = last.name.rpartition("-")
    numbered = index.isdigit() and first.name.startswith(f"{stem}-")
    name = f"{first.name} .. {index if numbered else last.name}"
    detail = first.detail
    if first.noun == "pools" and first.sign == "+":
        count, _, rest = detail.partition(" slice of ")
        detail = f"{int(count) * len(group)} slices of {rest.replace(', ', ', each ', 1)}"
    return Line(first.sign, first.noun, name, detail)
