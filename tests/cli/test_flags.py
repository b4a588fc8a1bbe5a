"""The table of flags: complete against xpk 1.16, without gaps, and the same as its page in the docs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from xpk.cli.flags import COMMANDS, FlagRow, flag_rows, rows_of
from xpk.spec.gcloud import parse_cluster_arguments

XPK = json.loads((Path(__file__).parent / "xpk_flags_1_16.json").read_text())
PAGE = Path(__file__).parents[2] / "docs" / "flags.md"

SEEN = [
    ("cluster create", "--enable-tpu-autolock"),
    ("cluster create", "--slices"),
    ("cluster create", "--sub-slicing"),
    ("workload create", "--enable-debug-flag"),
    ("workload create", "--enable-ops-agent"),
    ("workload create", "--kind-cluster"),
    ("workload create", "--projet"),
    ("workload create", "--restart-on-user-code-failure"),
    ("workload create", "--run-name"),
    ("workload create", "--sa"),
    ("workload create", "--sub-slicing-topology"),
    ("workload delete", "--kind-cluster"),
    ("workload list", "--kind-cluster"),
    ("workload list", "--num-slices"),
    ("cluster describe", "--kind-cluster"),
]
"""Flags in public scripts that xpk 1.16 does not know."""

HEADINGS = {
    "works": "Works",
    "ignored": "Accepted without effect, and said so on stderr",
    "refused": "Refused, with what to type instead",
}


def markdown() -> str:
    """`docs/flags.md`: one part per command, one table per kind."""
    parts = [
        "# What becomes of each flag",
        "",
        "Every flag of the same commands of Google's xpk 1.16, and every flag of this program. Flags of",
        "xpk's that would only tune its own machinery are accepted; flags whose loss would cost you",
        "something are refused with what to type instead. New here: xpk 1.16 does not have it.",
        "",
        "This page is generated from `xpk/cli/flags.py`; `UPDATE_GOLDENS=1 pytest tests/cli/test_flags.py`",
        "writes it anew.",
    ]
    for command in COMMANDS:
        parts += ["", f"## xpk {command}"]
        for kind, heading in HEADINGS.items():
            rows = [row for row in rows_of(command) if row.kind == kind]
            parts += ["", f"**{heading}**", "", *_table(kind, rows)]
    return "\n".join(parts) + "\n"


def _table(kind: str, rows: list[FlagRow]) -> list[str]:
    if kind == "refused":
        body = [f"| {_spelled(row)} | {_cell(row.why)} | {_cell(row.instead)} |" for row in rows]
        return ["| flag | why | instead |", "|---|---|---|", *body] if body else ["None."]
    column = "what it does" if kind == "works" else "why it does nothing"
    body = [f"| {_spelled(row)} | {_cell(row.why)}{_mark(row)} |" for row in rows]
    return [f"| flag | {column} |", "|---|---|", *body]


def _spelled(row: FlagRow) -> str:
    value = " VALUE" if row.takes_value else ""
    return ", ".join(f"`{flag}{value}`" for flag in row.flags)


def _mark(row: FlagRow) -> str:
    return "" if row.in_xpk else " (new here)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def test_page_is_the_table() -> None:
    """The page in the docs says what the table says; the updater still fails the run."""
    expected = markdown()
    actual = PAGE.read_text() if PAGE.exists() else ""
    if actual != expected and os.environ.get("UPDATE_GOLDENS"):
        PAGE.write_text(expected)
    assert actual == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_xpk_is_decided(command: str) -> None:
    """Each spelling of xpk's has one row, and takes a value here if it does there."""
    ours = {flag: row.takes_value for row in rows_of(command) if row.in_xpk for flag in row.flags}
    theirs = {flag: spec["takes_value"] for spec in XPK[command] for flag in spec["flags"]}
    assert ours == theirs


@pytest.mark.parametrize(("command", "flag"), SEEN)
def test_flags_seen_in_scripts_are_decided(command: str, flag: str) -> None:
    row = next(row for row in rows_of(command) if flag in row.flags)
    assert row.kind == "refused"
    assert not row.in_xpk


@pytest.mark.parametrize("command", COMMANDS)
def test_no_flag_has_two_rows(command: str) -> None:
    flags = [flag for row in rows_of(command) for flag in row.flags]
    assert len(flags) == len(set(flags))


def test_rows_say_what_their_kind_needs() -> None:
    """A refusal says what to type; the others have nothing to replace. Clauses end without a full stop."""
    for row in flag_rows():
        assert row.command in COMMANDS
        assert bool(row.instead) == (row.kind == "refused"), row
        assert row.why.strip() == row.why, row
        assert row.why, row
        assert not row.why.endswith("."), row
        assert not row.gcloud or row.kind == "works", row


def test_what_a_refusal_names_exists() -> None:
    """`instead` never sends anybody from a refused flag to another one that does not work."""
    for row in flag_rows():
        works = {flag for other in rows_of(row.command) if other.kind == "works" for flag in other.flags}
        first = row.instead.split()[0] if row.instead else ""
        assert not first.startswith("--") or first in works, row


def test_short_forms_of_gcloud_arguments_are_read() -> None:
    rows = [row for row in flag_rows() if row.gcloud]
    assert {row.flags[0] for row in rows} >= {"--enable-lustre-csi-driver", "--managed-mldiagnostics"}
    for row in rows:
        assert parse_cluster_arguments(row.gcloud, row.flags[0]).fields
