"""What `--help` says: for every command a sentence, examples that parse, and flags in groups."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from xpk.cli.command import Leaf, wrapped
from xpk.cli.flag import TITLES, flags_of
from xpk.cli.flags import COMMANDS, rows_of
from xpk.cli.group import Group, Later
from xpk.cli.main import root
from xpk.errors import UsageError

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]


def leaves(group: Group = root) -> Iterator[Leaf]:
    for member in group.members.values():
        if isinstance(member, Later):
            command = member.load()
            assert isinstance(command, Leaf)
            yield command
        elif isinstance(member, Group):
            yield from leaves(member)


LEAVES = {leaf.full_name: leaf for leaf in leaves()}


def test_the_commands_are_these() -> None:
    assert sorted(LEAVES) == [
        *("cluster adapt", "cluster create", "cluster delete", "cluster describe", "cluster list"),
        *("emulator run", "emulator serve", "mtc size", "rehearse", "tpu list", "tpu show", "version"),
        *("workload create", "workload delete", "workload describe", "workload list"),
    ]


@pytest.mark.parametrize("name", LEAVES)
def test_help_opens_with_a_sentence_and_two_examples(name: str, xpk: Xpk) -> None:
    done = xpk(*name.split(), "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    leaf = LEAVES[name]
    first, _, rest = done.stdout.partition("\n\n")
    assert first == leaf.sentence
    assert first.endswith(".")
    assert len(leaf.examples) == 2
    assert rest.startswith("  xpk ")
    assert f"Usage: xpk {name}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    for flag in flags_of(leaf):
        if not flag.hidden:
            assert flag.main_name in done.stdout
            assert flag.help
            assert flag.group in TITLES


@pytest.mark.parametrize("example", [(n, e) for n, leaf in LEAVES.items() for e in leaf.examples])
def test_examples_parse(
    example: tuple[str, str], xpk: Xpk, reached: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example is accepted as it stands, and the way it is printed is the same command."""
    name, line = example
    assert shlex.split(wrapped(line).replace("\\\n", "")) == shlex.split(line)
    words = shlex.split(line)[1:] if line.startswith("xpk ") else shlex.split(line)[2:]
    command = LEAVES[name]
    if words[:3] == ["emulator", "run", "--"] and not name.startswith("emulator"):
        words = words[4:]
    found = command.read(words[len(name.split()) :])
    found.faults.raise_if_any()
    if command.positionals == ("COMMAND...",):
        assert found.rest[0] == "xpk"
        words = list(found.rest[1:])
    if name in ("rehearse", "emulator serve"):
        return
    try:
        assert xpk(*words).returncode == 0
    except reached:
        return


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_root_lists_its_commands(words: tuple[str, ...], xpk: Xpk) -> None:
    done = xpk(*words)
    assert done.returncode == 0
    for name in ("cluster", "workload", "tpu", "mtc", "emulator", "rehearse", "version"):
        assert f"\n  {name} " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_group_lists_its_commands(xpk: Xpk) -> None:
    done = xpk("cluster")
    assert done.returncode == 0
    assert "\n  create " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_parser_has_the_flags_that_the_table_says_work(command: str) -> None:
    """The decision table and the parser name the same flags, with the same arity."""
    leaf = LEAVES[command]
    parsed = {
        name: flag.kind != "switch" for flag in flags_of(leaf) for name in (*flag.names, flag.off) if name
    }
    table = {name: row.takes_value for row in rows_of(command) if row.kind == "works" for name in row.flags}
    assert parsed == table


@pytest.mark.parametrize("command", COMMANDS)
def test_ignored_and_refused_flags_are_answered(command: str) -> None:
    leaf = LEAVES[command]
    for row in rows_of(command):
        for name in row.flags if row.kind != "works" else ():
            words = leaf.read([name, "v"] if row.takes_value else [name])
            if row.kind == "ignored":
                words.faults.raise_if_any()
                assert words.notes
                assert row.why in words.notes[0]
            else:
                with pytest.raises(UsageError) as raised:
                    words.faults.raise_if_any()
                assert row.why in str(raised.value)


def modules_after(*words: str) -> set[str]:
    script = (
        "import sys\n"
        "from xpk.cli.main import root\n"
        f"try:\n    root.main({list(words)!r})\nexcept SystemExit: pass\n"
        "sys.stderr.write('\\n'.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


def test_help_loads_neither_specs_nor_clients() -> None:
    loaded = modules_after("--help")
    heavy = (
        "xpk.spec",
        "xpk.plan",
        "xpk.catalog",
        "xpk.engine",
        "xpk.cloud",
        "google",
        "kubernetes",
        "rich",
        "yaml",
    )
    assert [name for name in heavy if name in loaded] == []


@pytest.mark.parametrize(
    "words",
    [
        "cluster create --cluster c1 --project my-project --zone us-east5-b --tpu-type v6e-16 --dry-run",
        "cluster create --cluster c1 --num-slices 0 --frobnicate",
        "workload create --help",
        "cluster list --help",
    ],
)
def test_dry_runs_help_and_mistakes_load_no_clients(words: str) -> None:
    loaded = modules_after(*words.split())
    heavy = (
        "xpk.engine.apply",
        "xpk.cloud.session",
        "google",
        "kubernetes",
        "rich",
        "requests",
        "asyncio",
        "ssl",
    )
    assert [name for name in heavy if name in loaded] == []


def test_click_sees_the_flags() -> None:
    names = [name for param in LEAVES["cluster create"].params for name in param.opts]
    assert isinstance(LEAVES["cluster create"], click.Command)
    assert {"--cluster", "--tpu-type", "--dry-run", "-o"} <= set(names)


def test_help_works_from_a_clone(tmp_path: Path) -> None:
    script = Path(__file__).resolve().parents[2] / "xpk.py"
    done = subprocess.run(
        [sys.executable, str(script), "version"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.startswith("xpk ")
