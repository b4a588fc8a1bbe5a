"""The `--custom-*-arguments` flags: gcloud's words, read as fields of the GKE API.

xpk pastes these texts into a shell line behind `gcloud container clusters create` or
`node-pools create`. Here they are split into words (no shell is involved, so `$(...)`, `;` and
`|` are plain text), looked up in a table, and become fields of the request. What a flag means is
said in `gcloud_cluster.py`, `gcloud_network.py`, `gcloud_pool.py` and `gcloud_slice.py`. What
only holds or merges fields imports `api_field.py`, which does not load these.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import assert_never

from xpk.errors import FaultCollector
from xpk.spec.api_field import NO_ARGUMENTS, ApiField, GcloudArguments, Json, Path, merge
from xpk.spec.gcloud_cluster import cluster_rows
from xpk.spec.gcloud_program import PROGRAM_ROWS, long_name
from xpk.spec.gcloud_row import Draft, Ignored, Refused, Row, Switch, Takes
from xpk.spec.gcloud_slice import nodepool_rows
from xpk.spec.gcloud_value import BadValue

__all__ = [
    "NO_ARGUMENTS",
    "ApiField",
    "GcloudArguments",
    "Json",
    "merge",
    "parse_cluster_arguments",
    "parse_nodepool_arguments",
]


def parse_cluster_arguments(text: str, flag: str) -> GcloudArguments:
    """The fields of a `Cluster` that `text`, given to `flag`, asks for.

    Raises `UsageError` with one fault for each word that is unknown, badly valued, or stands for
    something that this program decides itself (then with the flag to use instead).
    """
    return _Reading("clusters create", cluster_rows, flag).of(text)


def parse_nodepool_arguments(text: str, flag: str) -> GcloudArguments:
    """The fields of a `NodePool` that `text`, given to `flag`, asks for; else as for a cluster."""
    return _Reading("node-pools create", nodepool_rows, flag).of(text)


class _Reading:
    """One text on its way to fields: collects faults, notes, and what each flag said."""

    def __init__(self, command: str, rows: Callable[[], Mapping[str, Row]], flag: str) -> None:
        self._command = command
        self._rows = {**PROGRAM_ROWS, **rows()}
        self._flag = flag
        self._faults = FaultCollector()
        self._notes: list[str] = []
        self._said: dict[str, list[ApiField]] = {}
        self._typed: dict[str, str] = {}

    def of(self, text: str) -> GcloudArguments:
        for name, value, typed in self._uses(self._split(text)):
            self._use(name, value, typed)
        fields = tuple(field for said in self._said.values() for field in said)
        self._contradictions(fields)
        self._faults.raise_if_any()
        return GcloudArguments(fields, tuple(dict.fromkeys(self._notes)))

    def _split(self, text: str) -> list[str]:
        try:
            return shlex.split(text)
        except ValueError as error:
            reason = "a quote is not closed" if "quot" in str(error) else "it ends in a backslash"
            self._faults.add(f"{self._flag} {text.strip()!r}", reason, f"{self._flag}='--network=NAME'")
            return []

    def _uses(self, words: list[str]) -> Iterator[tuple[str, str | None, str]]:
        """Flag name, value or None, and the words as typed. A value is behind `=` or is the next word."""
        rest = words[::-1]
        while rest:
            word = rest.pop()
            if not word.startswith("-") or word == "-":
                self._faults.add(self._at(word), "a word that belongs to no flag", f"--FLAG={word}")
                continue
            name, equals, value = word.partition("=")
            if equals:
                yield long_name(name), value, word
            elif rest and not rest[-1].startswith("-") and self._may_take_next(long_name(name)):
                following = rest.pop()
                yield long_name(name), following, f"{word} {following}"
            else:
                yield long_name(name), None, word

    def _may_take_next(self, name: str) -> bool:
        """Only a switch never does. The value of a refused or unknown flag is no fault of its own."""
        match self._row(name):
            case Switch():
                return False
            case Ignored(takes_value=takes_value):
                return takes_value
            case _:
                return True

    def _row(self, name: str) -> Row | None:
        return self._rows.get(name) or self._rows.get(_positive(name))

    def _use(self, name: str, value: str | None, typed: str) -> None:
        row = self._row(name)
        match row:
            case None:
                self._unknown(name, typed)
            case Refused() if name not in self._rows:
                self._notes.append(f"{self._at(typed)}: no effect, it is off anyway")
            case Refused():
                self._faults.add(self._at(typed), row.why, row.instead)
            case Ignored():
                self._notes.append(f"{self._at(typed)}: ignored, {row.why}")
            case Switch():
                self._switch(row, name, value, typed)
            case Takes():
                self._takes(row, name, value, typed)
            case _:
                assert_never(row)

    def _switch(self, row: Switch, name: str, value: str | None, typed: str) -> None:
        off = name not in self._rows
        if value is not None:
            self._faults.add(self._at(typed), "the flag takes no value", f"{name} or {_opposite(name)}")
        elif off and row.off is None:
            self._faults.add(self._at(typed), row.why_no_off, "leave it out")
        else:
            drafts = row.off if off and row.off is not None else row.on
            note = row.note_off if off else row.note
            self._say(_positive(name) if off else name, typed, note, drafts, repeats=False)

    def _takes(self, row: Takes, name: str, value: str | None, typed: str) -> None:
        example = f"{name}={row.example}"
        if name not in self._rows:
            self._faults.add(self._at(typed), "the flag has no --no- form", "leave it out")
        elif value is None:
            self._faults.add(self._at(typed), "the flag needs a value", example)
        else:
            try:
                drafts = row.read(value)
            except BadValue as bad:
                self._faults.add(self._at(typed), bad.why, f"{name}={bad.example}")
            else:
                self._say(name, typed, row.note, drafts, repeats=row.repeats)

    def _say(self, name: str, typed: str, note: str, drafts: tuple[Draft, ...], *, repeats: bool) -> None:
        word = typed.split("=", 1)[0].split()[0]
        fields = [ApiField(path, value, word, append) for path, value, append in drafts]
        before = self._said.get(name, [])
        if repeats:
            fields = before + fields
        elif before and self._typed[name] != typed:
            self._notes.append(f"{self._at(name)}: given more than once, the last one counts: {typed}")
        self._said[name] = fields
        self._typed[name] = typed
        if note:
            self._notes.append(f"{self._at(typed)}: {note}")

    def _unknown(self, name: str, typed: str) -> None:
        near = next(iter(get_close_matches(_positive(name).replace("_", "-"), self._rows, 1, 0.7)), "")
        why = f"gcloud container {self._command} has no such flag, or this program does not know it"
        self._faults.add(self._at(typed), why, near or "leave it out, and set it with gcloud afterwards")

    def _contradictions(self, fields: tuple[ApiField, ...]) -> None:
        seen: dict[Path, ApiField] = {}
        for field in fields:
            other = seen.setdefault(field.path, field)
            if not field.append and other.value != field.value:
                pair = f"{other.flag} {field.flag}"
                self._faults.add(self._at(pair), "they contradict each other", "keep one of them")

    def _at(self, typed: str) -> str:
        return f"{self._flag} {typed if typed.isprintable() else ascii(typed)}"


def _positive(name: str) -> str:
    return f"--{name.removeprefix('--no-')}" if name.startswith("--no-") else name


def _opposite(name: str) -> str:
    return _positive(name) if name.startswith("--no-") else f"--no-{name.removeprefix('--')}"
