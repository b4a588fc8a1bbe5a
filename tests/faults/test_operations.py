"""GKE's operations that go wrong: they end in an error, or never; and pools that are left in ERROR."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.commands import delete_cluster
from tests.faults.states import command_named, differences, reference, state
from tests.faults.world import World, world_from
from xpk.errors import CloudError, NotReady, QuotaError, StockoutError, XpkError

Record = Callable[[str, str, bool], None]
OPERATIONS = (
    ("cluster create", "CREATE_CLUSTER", "c1$"),
    ("cluster create", "CREATE_NODE_POOL", "c1-np-0$"),
    ("cluster create", "CREATE_NODE_POOL", "c1-np-1$"),
    ("cluster change", "DELETE_NODE_POOL", "c1-np-1$"),
    ("cluster change", "CREATE_NODE_POOL", "c1-np-1$"),
    ("cluster change", "CREATE_NODE_POOL", "c1-np-2$"),
    ("cluster delete", "DELETE_CLUSTER", "c1$"),
)
ERRORS: tuple[tuple[int, str, type[XpkError]], ...] = (
    (8, "GCE_STOCKOUT: the zone does not have enough resources available", StockoutError),
    (8, "GCE_QUOTA_EXCEEDED: Insufficient regional quota", QuotaError),
    (13, "Internal error. Please retry.", CloudError),
)


def _ends_well(world: World, command: str, *, broken_cluster: bool = False) -> None:
    if broken_cluster:
        # A cluster in ERROR takes nothing but its deletion, which is a person's to ask for.
        run = world.run(command_named(command).run)
        assert run.error is not None
        assert run.error.exit_code == 4
        assert "cluster delete" in run.error.faults[0].fix
        assert world.run(delete_cluster).error is None
    run = world.run(command_named(command).run)
    assert run.error is None, f"the same command again: {run.error}"
    found = differences(world, reference(command).final)
    assert not found, "\n".join(["another state in the end:", *found[:6]])
    third = world.run(command_named(command).run)
    assert third.error is None
    assert third.steps == ()


@pytest.mark.parametrize(("code", "message", "kind"), ERRORS, ids=["stockout", "quota", "internal"])
@pytest.mark.parametrize(("command", "operation", "target"), OPERATIONS, ids=lambda v: str(v).rstrip("$"))
def test_an_operation_that_ends_in_an_error(
    command: str, operation: str, target: str, code: int, message: str, kind: type[XpkError], record: Record
) -> None:
    with world_from(state(command_named(command).begins)) as world:
        world.fault(
            world="operation-error", operation=f"^{operation}$", target=target, code=code, message=message
        )
        run = world.run(command_named(command).run)
        assert type(run.error) is kind, run.error
        assert run.error is not None
        assert target.rstrip("$") in run.error.faults[0].what
        assert message.split(":")[0].split(".")[0] in f"{run.error}", run.error
        assert all(fault.fix for fault in run.error.faults)
        assert "done: " in run.error.faults[-1].why
        world.heal()
        _ends_well(world, command, broken_cluster=operation == "CREATE_CLUSTER")
    record(operation, f"{kind.__name__} of an operation", True)


@pytest.mark.parametrize(("command", "operation", "target"), OPERATIONS, ids=lambda v: str(v).rstrip("$"))
def test_an_operation_that_never_ends(command: str, operation: str, target: str, record: Record) -> None:
    """After its time the command says so; when the operation ends after all, the same command goes on."""
    with world_from(state(command_named(command).begins)) as world:
        world.fault(world="operation-stuck", operation=f"^{operation}$", target=target)
        run = world.run(command_named(command).run)
        assert isinstance(run.error, NotReady), run.error
        assert run.error.exit_code == 6
        assert "Google goes on with it" in run.error.faults[0].why
        second = world.run(command_named(command).run)
        assert isinstance(second.error, NotReady), "it is waited for again, and not begun anew"
        world.heal()
        _ends_well(world, command)
    record(operation, "an operation that never ends", True)
