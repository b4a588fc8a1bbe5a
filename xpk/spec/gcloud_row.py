"""What one gcloud flag means here: fields of the API, or the reason why it is not taken.

A row is data with a reader; the tables of rows are `gcloud_cluster.py` and `gcloud_pool.py`,
and the words of a command line meet them in `gcloud.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from xpk.frozen import dataclass
from xpk.spec import gcloud_value as value
from xpk.spec.api_field import JsonValue, Path

Draft: TypeAlias = tuple[Path, JsonValue, bool]
"""Path, value, append: an `ApiField` that does not know its flag yet."""


@dataclass(frozen=True, slots=True)
class Takes:
    """A flag with a value: `read` makes fields of it. `example` is one legal value.

    `repeats`: each use adds to the others; else gcloud, and so this, takes the last one.
    """

    read: Callable[[str], tuple[Draft, ...]]
    example: str
    repeats: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """`--enable-x` and `--no-enable-x`. Where `off` is None the second is not taken, see `why_no_off`."""

    on: tuple[Draft, ...]
    off: tuple[Draft, ...] | None
    note: str = ""
    note_off: str = ""
    why_no_off: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A flag that is known and not taken. `instead` is what to type."""

    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A flag of gcloud as a program (`--quiet`); it has no meaning for a request to the API."""

    takes_value: bool
    why: str


Row: TypeAlias = Takes | Switch | Refused | Ignored


def text(path: Path, example: str) -> Takes:
    """A flag whose value is taken as it stands."""
    return Takes(lambda given: ((path, value.text(given), False),), example)


def whole(path: Path, example: str, low: int = 0, high: int = 2**31 - 1) -> Takes:
    """A flag with a whole number."""
    return Takes(lambda given: ((path, value.whole(given, low, high), False),), example)


def choice(path: Path, names: Mapping[str, str]) -> Takes:
    """A flag with one word out of a few; `names` maps gcloud's word to the API's."""
    return Takes(lambda given: ((path, value.choice(given, names), False),), next(iter(names)))


def read(path: Path, reader: Callable[[str], JsonValue], example: str, *, append: bool = False) -> Takes:
    """A flag whose value goes through one reader to one field."""
    return Takes(lambda given: ((path, reader(given), append),), example)


def each(path: Path, reader: Callable[[str], JsonValue], example: str) -> Takes:
    """A flag that may be repeated; each use is one element of a list."""
    return Takes(lambda given: ((path, [reader(given)], True),), example, repeats=True)


def switch(path: Path, *, note: str = "", note_off: str = "") -> Switch:
    """A flag which sets one boolean field, true or false."""
    return Switch(((path, True, False),), ((path, False, False),), note, note_off)


def picks(path: Path, on: str, off: str) -> Switch:
    """A flag whose two forms are two words of an enum."""
    return Switch(((path, on, False),), ((path, off, False),))


def only_on(*drafts: Draft, why_no_off: str = "gcloud has no such flag") -> Switch:
    """A flag without a `--no-` form."""
    return Switch(drafts, None, why_no_off=why_no_off)


def within(prefix: Path, rows: Mapping[str, Row]) -> dict[str, Row]:
    """The same rows one level deeper, as for the default pool inside a cluster."""
    return {name: _deeper(prefix, row) for name, row in rows.items()}


def _deeper(prefix: Path, row: Row) -> Row:
    match row:
        case Takes(read=reader):
            return Takes(lambda given: _all_deeper(prefix, reader(given)), row.example, row.repeats, row.note)
        case Switch():
            off = None if row.off is None else _all_deeper(prefix, row.off)
            return Switch(_all_deeper(prefix, row.on), off, row.note, row.note_off, row.why_no_off)
        case _:
            return row


def _all_deeper(prefix: Path, drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    return tuple(((*prefix, *path), item, append) for path, item, append in drafts)
