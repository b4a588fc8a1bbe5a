"""The token ends while a command runs: it is renewed unseen, or the login has ended and that is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.faults.commands import COMMANDS
from tests.faults.matrix import EVERYTHING, STRIDE
from tests.faults.normal import operations
from tests.faults.states import command_named, differences, reference, state
from tests.faults.tokens import Ends, Gate, Tokens, gate, run_as
from tests.faults.wanted import Wanted
from tests.faults.world import World, world_from
from xpk.errors import AccessError

Record = Callable[[str, str, bool], None]
NAMES = [command.name for command in COMMANDS]
AT_ONCE = 8
"""Requests under way at one moment that may each find the token old before they are sent."""
LOGIN = "gcloud auth application-default login"


def moments(command: str) -> list[Wanted]:
    """Where the token ends: at some kinds of requests that carry one, at each kind, or at each request."""
    chosen: dict[object, Wanted] = {}
    for wanted in reference(command).wanted:
        if wanted.api != "releases":
            chosen.setdefault(wanted if EVERYTHING else wanted.kind, wanted)
    return list(chosen.values())[:: STRIDE if STRIDE == 1 else 2 * STRIDE]


def check_all(command: str, how: str, case: Callable[[Wanted], None], record: Record) -> None:
    failed = []
    for wanted in moments(command):
        problem = ""
        try:
            case(wanted)
        except AssertionError as error:
            problem = f"{wanted}: {error}"
            failed.append(problem)
        record(wanted.kind, how, not problem)
    assert not failed, "\n\n".join([f"{len(failed)} cases", *failed])


@pytest.mark.parametrize("how", ["revoked", "expired"])
@pytest.mark.parametrize("command", NAMES)
def test_a_token_that_can_be_renewed(command: str, how: Ends, record: Record) -> None:
    """No request is lost, none is carried out twice, and no more renewals than requests are under way."""

    def case(wanted: Wanted) -> None:
        tokens = Tokens()
        with world_from(state(command_named(command).begins)) as world:
            before = operations(world)
            with gate(world, wanted, tokens, how, renewable=True) as seen:
                run = run_as(world, tokens, command_named(command).run)
            if not seen.over:
                assert wanted.nth, "the request was not sent"
                return
            assert run.error is None, run.error
            assert run.sleeps.runs == [], "a renewal is no retry that waits"
            _check_repeated(seen)
            assert 2 <= tokens.count <= 1 + max(len(seen.refused), AT_ONCE), f"{tokens.count} tokens"
            started = operations(world)
            started.subtract(before)
            assert +started == reference(command).operations, f"operations: {started}"
            found = differences(world, reference(command).final)
            assert not found, "\n".join(["another state in the end:", *found[:6]])

    check_all(command, f"a token that is {how}", case, record)


def _check_repeated(seen: Gate) -> None:
    """Each request that was refused came again, with another token."""
    again = Counter((method, path) for method, path, _ in seen.refused)
    for method, path in again:
        used = [token for m, p, token in seen.asked if (m, p) == (method, path)]
        assert used[-1] in seen.tokens.good, f"{method} {path}: {used}"
    assert len({*seen.refused}) == len(seen.refused), "the same token again"


@pytest.mark.parametrize("command", NAMES)
def test_a_login_that_has_ended(command: str, record: Record) -> None:
    """Nothing is sent without a token; after another login the same command goes on."""

    def case(wanted: Wanted) -> None:
        tokens = Tokens()
        with world_from(state(command_named(command).begins)) as world:
            before = operations(world)
            with gate(world, wanted, tokens, "revoked", renewable=False) as seen:
                run = run_as(world, tokens, command_named(command).run)
            if not seen.over:
                assert wanted.nth, "the request was not sent"
                return
            assert isinstance(run.error, AccessError), run.error
            assert run.error.exit_code == 3
            assert run.error.faults[0].fix.startswith(LOGIN), run.error.faults
            assert tokens.count == 1
            if run.steps is not None:
                assert "done: " in run.error.faults[-1].why
                assert "same command again" in run.error.faults[-1].fix
            _ends_well(world, command, before)

    check_all(command, "a login that ended", case, record)


def _ends_well(world: World, command: str, before: Counter[str]) -> None:
    again = world.run(command_named(command).run)
    assert again.error is None, f"the same command again: {again.error}"
    started = operations(world)
    started.subtract(before)
    assert +started == reference(command).operations, f"operations: {started}"
    found = differences(world, reference(command).final)
    assert not found, "\n".join(["another state in the end:", *found[:6]])
    assert world.run(command_named(command).run).steps == ()
