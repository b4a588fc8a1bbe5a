"""A command that does something: it reads its own words, and writes its own help."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from xpk.cli.flag import TITLES, Flag, flags_of
from xpk.cli.reader import Decision, Reader
from xpk.cli.words import Words


class Leaf(click.Command):
    """A command that does something.

    `run` gets the words; it returns the exit code or nothing. `sentence` opens the help, then
    come `examples`, then the flags in groups. `positionals` names free words in the usage line:
    one each, or `COMMAND...` for everything that follows.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Words], int | None],
        *,
        sentence: str,
        examples: Sequence[str],
        flags: Sequence[Flag],
        positionals: Sequence[str] = (),
        decide: Callable[[str], Decision | None] = lambda name: None,
    ) -> None:
        super().__init__(
            name.rpartition(" ")[2],
            params=list(flags),
            help=sentence,
            add_help_option=False,
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        )
        self.full_name = name
        self.run = run
        self.sentence = sentence
        self.examples = tuple(examples)
        self.positionals = tuple(positionals)
        self.decide = decide

    def read(self, argv: Sequence[str]) -> Words:
        """Sort an argv into words, without doing anything."""
        endless = any(word.endswith("...") for word in self.positionals)
        allowed = None if endless else len(self.positionals)
        return Reader(self.full_name, flags_of(self), allowed, self.decide).read(argv)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = self.read(args)
        if words.help:
            click.echo(ctx.get_help())
            ctx.exit()
        ctx.obj = words
        return []

    def invoke(self, ctx: click.Context) -> int:
        return self.run(ctx.obj) or 0

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[FLAGS]", *self.positionals]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(self.sentence + "\n\n")
        for example in self.examples:
            formatter.write(f"{wrapped(example)}\n")
        formatter.write("\n")
        self.format_usage(ctx, formatter)
        for group, title in TITLES.items():
            rows = [flag for flag in flags_of(self) if flag.group == group]
            records = [record for flag in rows if (record := flag.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=28)


def wrapped(example: str, width: int = 78) -> str:
    """A command line over several lines, broken before flags and continued as a shell wants it."""
    lines = ["  "]
    for at, part in enumerate(example.split(" --")):
        piece = part if at == 0 else f" --{part}"
        if at > 0 and len(lines[-1]) + len(piece) > width - 2:
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += piece
    return "\n".join(lines)
