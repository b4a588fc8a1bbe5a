"""The figures of the matrix as text: kinds of requests against what they met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COLUMN = "faults"


@dataclass(frozen=True, slots=True)
class Cell:
    """One case."""

    kind: str
    met: str
    passed: bool

    @property
    def text(self) -> str:
        """As a test report carries it from one process to another."""
        return f"{self.kind}|{self.met}|{'passed' if self.passed else 'failed'}"

    @staticmethod
    def parse(text: str) -> Cell:
        """The inverse of `text`."""
        kind, met, passed = text.split("|")
        return Cell(kind, met, passed == "passed")


def lines(cells: Sequence[Cell]) -> Iterator[str]:
    """A row for each kind of request, a column for each thing that it met, and the sums."""
    if not cells:
        return
    columns = sorted({cell.met for cell in cells})
    kinds = sorted({cell.kind for cell in cells}, key=lambda kind: (kind.partition(" ")[2], kind))
    done, bad = (
        Counter((c.kind, c.met) for c in cells),
        Counter((c.kind, c.met) for c in cells if not c.passed),
    )
    yield "cases of each kind of request (rows) that met each thing (columns); FAILED of them behind a slash"
    for number, column in enumerate(columns):
        total = sum(done[kind, column] for kind in kinds)
        yield f"  {_letter(number)} {column:<40} {total:>5}"
    width = max(len(kind) for kind in kinds)
    yield " " * width + "".join(f"{_letter(number):>5}" for number in range(len(columns)))
    for kind in kinds:
        row = (_figure(done[kind, column], bad[kind, column]) for column in columns)
        yield f"{kind:<{width}}" + "".join(f"{figure:>5}" for figure in row)
    failed = sum(bad.values())
    yield f"fault matrix: {len(kinds)} kinds, {len(columns)} things met, {len(cells)} cases, {failed} failed"


def _figure(done: int, bad: int) -> str:
    return f"{done}/{bad}" if bad else str(done or ".")


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else chr(ord("A") + number - 26)
