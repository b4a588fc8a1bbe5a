"""Flags that several commands share, and the questions that go with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from xpk.cli.flag import Flag
from xpk.cli.reader import Decision
from xpk.cli.words import Words

ENDING = (
    Flag("--no-color", kind="switch", group="output", help="No colours; NO_COLOR does the same."),
    Flag("--debug", kind="switch", group="output", help="Show the traceback of an error."),
)
WHERE = (
    Flag("--project", metavar="P", group="where", help="Google Cloud project.", default_words="gcloud's"),
    Flag(
        "--zone",
        metavar="ZONE",
        group="where",
        help="Zone; a region is enough unless nodes are created.",
        default_words="gcloud's",
    ),
)
NAMESPACE = (
    Flag(
        "--namespace",
        metavar="NS",
        group="where",
        help="Kubernetes namespace.",
        default_words="default",
    ),
)
QUIET = (
    Flag("--yes", kind="switch", group="output", help="Do not ask."),
    Flag("--quiet", kind="switch", off="--no-quiet", group="output", help="The same as --yes."),
)
CONSENT = (
    *QUIET,
    Flag("--force", kind="switch", group="output", help="The same as --yes."),
)
FORCE = (
    *QUIET,
    Flag("--force", kind="switch", group="output", help="Do not ask; delete busy slices, too."),
)


def dry_run(forms: str, default: str, *, observe: bool = True) -> tuple[Flag, ...]:
    """`--dry-run` and what goes with it. `forms` names the values of `-o`.

    `observe` is False for deletions: what they would delete can only be seen by looking.
    """
    nothing = "contact nothing" if observe else "change nothing"
    flags = (
        Flag(
            "--dry-run",
            kind="switch",
            off="--no-dry-run",
            group="output",
            help=f"Print what would be done; {nothing}.",
        ),
        Flag(
            "--observe", kind="switch", group="output", help="With --dry-run: compare with the live project."
        ),
        Flag(
            "-o", "--output", metavar=forms, group="output", help="Form of the result.", default_words=default
        ),
    )
    return flags if observe else (flags[0], flags[2])


def listing(default: str = "table") -> tuple[Flag, ...]:
    """`-o` of the commands that show something."""
    return (
        Flag(
            "-o",
            "--output",
            metavar="table|json|yaml",
            group="output",
            help="Form of the result.",
            default_words=default,
        ),
    )


def consented(words: Words) -> bool:
    """Whether the person said beforehand that nothing is to be asked."""
    return words.on("--yes") or words.on("--force") or words.on("--quiet")


def decisions(command: str) -> Callable[[str], Decision | None]:
    """What the flag table says about flags of `command` that are ignored or refused."""
    return lambda name: _table(command).get(name)


@cache
def _table(command: str) -> Mapping[str, Decision]:
    from xpk.cli.flags import rows_of  # here: only a flag that does not work needs the table

    return {
        name: Decision(row.takes_value, row.why, row.instead if row.kind == "refused" else "")
        for row in rows_of(command)
        if row.kind != "works"
        for name in row.flags
    }
