"""The two shapes of a command: a leaf that reads its own words, and a group that loads leaves late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

import click

from xpk import __version__
from xpk.cli.flag import TITLES, Flag, flags_of
from xpk.cli.reader import Decision, Reader
from xpk.cli.words import Words
from xpk.errors import Fault, UsageError


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


@dataclass(frozen=True, slots=True)
class Later:
    """A command that is imported when it is needed: `module:attribute`, and its line in the help."""

    target: str
    line: str

    def load(self) -> click.Command:
        module, _, attribute = self.target.partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found


Member = Later | click.Group


class Group(click.Group):
    """A group whose members are named here and imported only when one of them runs.

    `elsewhere` holds commands of Google's xpk that are not here, with what to use instead.
    """

    def __init__(
        self, name: str, line: str, members: Mapping[str, Member], elsewhere: Mapping[str, tuple[str, str]]
    ) -> None:
        super().__init__(name, help=line, no_args_is_help=False, invoke_without_command=True)
        self.line = line
        self.members = members
        self.elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.members)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        member = self.members.get(cmd_name)
        return member.load() if isinstance(member, Later) else member

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        remaining = list(args)
        while remaining and remaining[0].startswith("-"):
            self._own_flag(ctx, remaining.pop(0))
        if not remaining:
            click.echo(ctx.get_help())
            ctx.exit(0)
        ctx.args = remaining
        return remaining

    def invoke(self, ctx: click.Context) -> object:
        name, *rest = ctx.args
        command = self._member(ctx, name)
        with command.make_context(name, rest, parent=ctx) as inner:
            return command.invoke(inner)

    def _member(self, ctx: click.Context, name: str) -> click.Command:
        full = f"{ctx.command_path} {name}"
        if name in self.elsewhere:
            raise UsageError(Fault(full, *self.elsewhere[name]))
        command = self.get_command(ctx, name)
        if command is None:
            known = get_close_matches(name, list(self.members), 1)
            fix = f"{ctx.command_path} {known[0]}" if known else f"{ctx.command_path} --help lists the commands"
            raise UsageError(Fault(full, "no such command", fix))
        return command

    def _own_flag(self, ctx: click.Context, word: str) -> None:
        path = ctx.command_path
        if word in ("--help", "-h"):
            click.echo(ctx.get_help())
            ctx.exit(0)
        if word == "--version" and ctx.parent is None:
            click.echo(f"xpk {__version__}")
            ctx.exit(0)
        if word not in ("--debug", "--no-color"):
            fix = f"{path} --help; flags stand behind the command: xpk cluster create --cluster C"
            raise UsageError(Fault(f"{path} {word}", "no flag of its own", fix))

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(self.line + "\n\n")
        formatter.write(f"Usage: {ctx.command_path} COMMAND [FLAGS]\n")
        with formatter.section("Commands"):
            formatter.write_dl([(name, member.line) for name, member in self._lines()])

    def _lines(self) -> Sequence[tuple[str, Later | Group]]:
        return [(n, m) for n, m in self.members.items() if isinstance(m, (Later, Group))]
