"""One flag of a command, as data: what the parser, the help and the tests read.

A `Flag` is a click option, so that click's own tools see it, but values are read by
`words.py` and judged in `spec/`: click would stop at the first fault, and a person wants all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import click

Kind = Literal["value", "switch", "many", "list"]
Group = Literal["what", "where", "capacity", "checkpointing", "job", "output", "hidden"]

TITLES: dict[Group, str] = {
    "what": "What",
    "where": "Where",
    "capacity": "Capacity",
    "checkpointing": "Checkpointing",
    "job": "Job",
    "output": "Output",
}


class Flag(click.Option):
    """A flag with its names (the first is the one that messages use), kind and group in the help.

    `kind` "value" takes one value, "many" one each time it is given, "list" the same and all free
    words behind it, "switch" none; a switch with `off` has an opposite. `default_words` says in the
    help what is taken without the flag, with its unit.
    """

    def __init__(
        self,
        *names: str,
        help: str = "",
        kind: Kind = "value",
        metavar: str | None = None,
        group: Group = "what",
        default_words: str = "",
        off: str | None = None,
    ) -> None:
        shown = f"{help} [default: {default_words}]" if default_words else help
        declared = [*names]
        if off is not None:
            declared[0] = f"{names[0]}/{off}"
        if kind == "switch":
            super().__init__(
                declared,
                is_flag=True,
                default=False,
                help=shown,
                hidden=group == "hidden",
                expose_value=False,
            )
        else:
            super().__init__(
                declared,
                metavar=metavar or "TEXT",
                multiple=kind in ("many", "list"),
                help=shown,
                hidden=group == "hidden",
                expose_value=False,
            )
        self.main_name = names[0]
        self.kind: Kind = kind
        self.group: Group = group
        self.names = names
        self.off = off


def flags_of(command: click.Command) -> Sequence[Flag]:
    """The flags of a command, without click's own `--help`."""
    return [param for param in command.params if isinstance(param, Flag)]
