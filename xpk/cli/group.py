"""A group of commands that are named here and imported only when one of them runs.

Help and mistakes must be fast: this module and `main.py` are all that `xpk --help` loads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from xpk import __version__
from xpk.cli.nearest import nearest
from xpk.errors import Fault, UsageError


class Later:
    """A command that is imported when it is needed: `module:attribute`, and its line in the help."""

    __slots__ = ("line", "target")

    def __init__(self, target: str, line: str) -> None:
        self.target = target
        self.line = line

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
        super().__init__(
            name, help=line, no_args_is_help=False, invoke_without_command=True, add_help_option=False
        )
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
            known = nearest(name, self.members)
            fix = f"{ctx.command_path} {known}" if known else f"{ctx.command_path} --help lists the commands"
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
