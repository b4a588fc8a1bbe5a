"""The program is killed or interrupted at the requests that it sends; the same command then ends well."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.faults.commands import COMMANDS
from tests.faults.hold import Held, When, held
from tests.faults.matrix import EVERYTHING, STRIDE
from tests.faults.normal import operations
from tests.faults.program import WORDS, Program, Starter
from tests.faults.states import command_named, differences, reference, state
from tests.faults.wanted import Wanted
from tests.faults.world import World, world_from

Record = Callable[[str, str, bool], None]
NAMES = [command.name for command in COMMANDS]
SLOWER = 0.001
HOW = ("killed", "Ctrl-C", "Ctrl-C twice")


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    found = Starter(tmp_path_factory.mktemp("program"))
    yield found
    found.close()


def boundaries(command: str, how: str) -> list[tuple[Wanted, When]]:
    """Where a command is stopped: before each kind of request, after each kind of write; or everywhere.

    In every run each way to stop it has its own few of these.
    """
    chosen: dict[tuple[str, When], tuple[Wanted, When]] = {}
    moments: tuple[When, ...] = ("before", "after")
    for wanted in reference(command).wanted:
        for when in moments:
            if EVERYTHING:
                chosen[str(wanted), when] = (wanted, when)
            elif when == "before" or wanted.write:
                chosen.setdefault((wanted.kind, when), (wanted, when))
    every = list(chosen.values())
    if STRIDE == 1:
        return every
    apart = min(2 * STRIDE, len(every))
    return every[HOW.index(how) * apart // len(HOW) :: apart]


def _ends_well(world: World, command: str, before: Counter[str]) -> None:
    """The same command again, and once more: the state of an undisturbed run, each operation once."""
    known = reference(command)
    again = world.run(command_named(command).run)
    assert again.error is None, f"the same command again: {again.error}"
    found = differences(world, known.final)
    assert not found, "\n".join(["another state in the end:", *found[:6]])
    started = operations(world)
    started.subtract(before)
    assert +started == known.operations, f"operations: {started}"
    third = world.run(command_named(command).run)
    assert third.error is None, f"a run after all is done: {third.error}"
    assert third.steps == (), f"a run after all is done plans {third.steps}"


@pytest.mark.parametrize("command", NAMES)
def test_killed_at_a_request(command: str, starter: Starter, record: Record) -> None:
    def killed(world: World, hold: Held, program: Program) -> None:
        program.signal(signal.SIGKILL)
        assert program.code() == -signal.SIGKILL
        hold.forget()

    _stop_everywhere(command, starter, "killed", killed, record)


@pytest.mark.parametrize("command", NAMES)
def test_ctrl_c_once(command: str, starter: Starter, record: Record) -> None:
    """What was begun is reported and not lost."""

    def once(world: World, hold: Held, program: Program) -> None:
        program.signal(signal.SIGINT)
        hold.release()
        code = program.code()
        assert code in (0, 130), f"exit code {code}: {program.said}"
        if code == 130 and "Plan: " in program.said:
            assert "interrupted after " in program.said, program.said
            assert "not started: " in program.said, program.said

    _stop_everywhere(command, starter, "Ctrl-C", once, record)


@pytest.mark.parametrize("command", NAMES)
def test_ctrl_c_twice(command: str, starter: Starter, record: Record) -> None:
    """It leaves while the request is still unanswered."""

    def twice(world: World, hold: Held, program: Program) -> None:
        program.signal(signal.SIGINT)
        program.signal(signal.SIGINT)
        code = program.code()
        # A shell calls both 130: an interpreter that already ends has its own handlers no more. One that an
        # interrupt ended unhandled would have said so.
        silent = code == -signal.SIGINT and "Traceback" not in program.said
        assert code == 130 or silent, f"{code}: {program.said}"
        hold.forget()

    _stop_everywhere(command, starter, "Ctrl-C twice", twice, record)


def _stop_everywhere(
    command: str,
    starter: Starter,
    how: str,
    stop: Callable[[World, Held, Program], None],
    record: Record,
) -> None:
    failed = []
    for wanted, when in boundaries(command, how):
        problem = ""
        try:
            _stop_at(command, starter, wanted, when, stop)
        except AssertionError as error:
            problem = f"{when} {wanted}: {error}"
            failed.append(problem)
        record(wanted.kind, f"{how} {when}", not problem)
    assert not failed, "\n\n".join([f"{len(failed)} cases", *failed])


def _stop_at(
    command: str,
    starter: Starter,
    wanted: Wanted,
    when: When,
    stop: Callable[[World, Held, Program], None],
) -> None:
    with world_from(state(command_named(command).begins), SLOWER) as world:
        before = operations(world)
        with held(world, wanted, when) as hold:
            program = starter.start(world.emulator.url, WORDS[command])
            arrived = hold.arrived(lambda: program.ended)
            if not arrived:
                program.code()
                assert wanted.nth, f"the request was not sent: {program.said}"
                return
            stop(world, hold, program)
        _ends_well(world, command, before)
