"""The states that commands begin in, made once for each test process, and the reference runs."""

from __future__ import annotations

import functools
import json
import time
from collections import Counter
from dataclasses import dataclass

from tests.faults.commands import COMMANDS, Command, create_cluster, create_workload
from tests.faults.normal import normal, operations
from tests.faults.wanted import Wanted, wanted_of
from tests.faults.world import Json, World, world_from
from xpk.errors import StockoutError

SETTLE = 20.0
"""Real seconds for which a world may take to come to the state that is expected."""


def command_named(name: str) -> Command:
    """One of `COMMANDS`."""
    return next(command for command in COMMANDS if command.name == name)


@functools.cache
def state(name: str) -> str | None:
    """A prepared state by its name."""
    match name:
        case "empty":
            return None
        case "two slices":
            with world_from(None) as world:
                assert world.run(create_cluster(2)).error is None
                rest(world)
                return world.dump()
        case "one broken":
            with world_from(None) as world:
                world.fault(world="stockout", pool="c1-np-1$", times=1)
                assert isinstance(world.run(create_cluster(2)).error, StockoutError)
                rest(world)
                return world.dump()
        case "working":
            with world_from(state("two slices")) as world:
                assert world.run(create_workload).error is None
                rest(world)
                return world.dump()
        case _:
            raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a run that met no fault sent, and what it left behind."""

    wanted: tuple[Wanted, ...]
    final: Json
    operations: Counter[str]


@functools.cache
def reference(name: str) -> Reference:
    """The run of a command that nothing disturbs."""
    command = command_named(name)
    with world_from(state(command.begins)) as world:
        before = operations(world)
        run = world.run(command.run)
        assert run.error is None, run.error
        sent = wanted_of(world.log())
        final = rest(world)
        started = operations(world)
        started.subtract(before)
        again = world.run(command.run)
        assert again.error is None, again.error
        assert again.steps == (), again.steps
        return Reference(sent, final, +started)


def rest(world: World) -> Json:
    """The normal form of everything, once the controllers have nothing more to do."""
    end = time.monotonic() + SETTLE
    last, same = "", 0
    while same < 3:
        assert time.monotonic() < end, "the world does not come to rest"
        time.sleep(0.02)
        found = json.dumps(normal(world), sort_keys=True)
        same = same + 1 if found == last else 0
        last = found
    result: Json = json.loads(last)
    return result


def differences(world: World, final: Json, *, but: tuple[str, ...] = ()) -> list[str]:
    """Where a world differs from an expected final state, which it is given time to come to.

    What begins with one of the paths in `but` does not count.
    """
    end = time.monotonic() + SETTLE
    while found := [
        line for line in _differences("", normal(world), final) if not line.startswith(but or "\0")
    ]:
        if time.monotonic() > end:
            return found
        time.sleep(0.02)
    return []


def _differences(path: str, left: object, right: object) -> list[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        lines = []
        for key in sorted({*left, *right}):
            lines += _differences(f"{path}/{key}", left.get(key), right.get(key))
        return lines
    return [] if left == right else [f"{path}: {left!r:.300} and not {right!r:.300}"]
