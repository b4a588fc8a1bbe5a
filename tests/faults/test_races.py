"""Two runs on one cluster at the same time: one is stopped at a write, the other runs, the first goes on.

Whatever the order, both end with a true message and a defined exit code, nothing is made twice, and
the same command once more finds or makes everything complete.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from tests.faults.commands import (
    CLUSTER,
    Command,
    carry_out,
    cluster,
    create_cluster,
    create_workload,
    delete_cluster,
    delete_workload,
    planned_workload,
    workload,
)
from tests.faults.hold import When, held
from tests.faults.matrix import EVERYTHING, STRIDE
from tests.faults.normal import normal, operations
from tests.faults.states import command_named, differences, reference, state
from tests.faults.wanted import Wanted
from tests.faults.world import Run, World, world_from
from xpk.emulator import control
from xpk.engine.observe import Waiting, observe_cluster
from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.steps import Plan
from xpk.plan.workload import HASH
from xpk.render.workload import render_workload
from xpk.spec.capacity import Spot
from xpk.spec.workload import WorkloadSpec

Record = Callable[[str, str, bool], None]
Deed = Callable[[Run], None]


def writes(command: str) -> Iterator[tuple[Wanted, When]]:
    """Where the first run is stopped: before and after some kinds of writes, each kind, or each write."""
    seen = set()
    moments: tuple[When, ...] = ("before", "after")
    for wanted in reference(command).wanted:
        if wanted.write and not wanted.nth and (EVERYTHING or wanted.kind not in seen):
            seen.add(wanted.kind)
            if (len(seen) - 1) % STRIDE == 0:
                for when in moments:
                    yield wanted, when


def race(world: World, wanted: Wanted, when: When, first: Deed, second: Deed) -> tuple[Run, Run]:
    """The first run is stopped, the second runs as far as it can in the meantime, the first goes on."""
    runs: dict[str, Run] = {}

    def start(name: str, deed: Deed) -> threading.Thread:
        thread = threading.Thread(target=lambda: runs.update({name: world.run(deed)}), daemon=True)
        thread.start()
        return thread

    with held(world, wanted, when) as hold:
        one = start("first", first)
        assert hold.arrived(lambda: not one.is_alive()), f"the request was not sent: {runs}"
        two = start("second", second)
        two.join(3.0)  # it may have to wait for what the first one holds
        hold.release()
        for thread in (one, two):
            thread.join(60.0)
            assert not thread.is_alive(), "it does not end"
    return runs["first"], runs["second"]


def check_ends(run: Run, codes: set[int]) -> None:
    """No error, or one of a defined exit code that says to run the command again or what became of it."""
    if run.error is None:
        return
    error = run.error
    assert error.exit_code in codes, f"{type(error).__name__} {error.faults}"
    assert all(fault.fix for fault in error.faults), error.faults


def check_all(command: str, how: str, case: Callable[[Wanted, When], None], record: Record) -> None:
    """Check each place where the first run can be stopped; all that fail are told together."""
    failed = []
    for wanted, when in writes(command):
        problem = ""
        try:
            case(wanted, when)
        except AssertionError as error:
            problem = f"{when} {wanted}: {error}"
            failed.append(problem)
        record(wanted.kind, how, not problem)
    assert not failed, "\n\n".join([f"{len(failed)} cases", *failed])


def check_complete(world: World, command: Command) -> None:
    """The same command once more, and again: complete, then nothing to do."""
    for last in (False, True):
        run = world.run(command.run)
        assert run.error is None, f"once more: {run.error}"
        assert not last or run.steps == (), f"it still plans {run.steps}"
        found = differences(world, reference(command.name).final)
        assert not found, "\n".join(["another state in the end:", *found[:6]])


@pytest.mark.parametrize("name", ["cluster create", "cluster change", "workload create"])
def test_two_of_the_same_join(name: str, record: Record) -> None:
    """Both succeed: what the other one made as it was asked for is taken for one's own.

    One moment cannot be guarded: GKE takes no etag with the deletion of a pool, so that between the look
    at the pool and the request it may become another one.
    """
    command = command_named(name)

    def case(wanted: Wanted, when: When) -> None:
        with world_from(state(command.begins)) as world:
            before = operations(world)
            runs = race(world, wanted, when, command.run, command.run)
            for run in runs:
                assert run.error is None, f"{type(run.error).__name__} {run.error}"
            started = operations(world)
            started.subtract(before)
            late = wanted.kind == "DELETE gke/clusters/*/nodePools/*" and when == "before"
            assert late or +started == reference(name).operations, f"operations: {started}"
            check_complete(world, command)

    check_all(name, "the same beside it", case, record)


def test_a_pool_that_somebody_else_replaced_meanwhile_is_not_deleted() -> None:
    """A plan is made, a question asked; before the answer another run does it all."""
    command = command_named("cluster change")
    with world_from(state(command.begins)) as world:
        before = operations(world)

        def late(run: Run) -> None:
            spec = cluster(3, "20Gi")
            plan = plan_cluster(spec, observe_cluster(run.cloud, spec, Waiting(timing=run.timing)))
            assert world.run(command.run).error is None
            carry_out(run, plan)

        run = world.run(late)
        assert isinstance(run.error, StateError), run.error
        assert run.error.faults[0].what == "node pool c1-np-1"
        assert "same command again" in run.error.faults[0].fix
        started = operations(world)
        started.subtract(before)
        assert +started == reference(command.name).operations
        check_complete(world, command)


def test_two_creates_of_different_clusters(record: Record) -> None:
    """One name, two wishes: nothing is made twice, and whoever asks last gets what was asked for."""
    command = command_named("cluster create")

    def case(wanted: Wanted, when: When) -> None:
        with world_from(None) as world:
            for run in race(world, wanted, when, command.run, create_cluster(3)):
                check_ends(run, {4})
            started = operations(world)
            assert max(started.values()) == 1, f"operations: {started}"
            again = world.run(create_cluster(3))
            assert again.error is None, again.error
            assert world.run(create_cluster(3)).steps == ()

    check_all("cluster create", "another beside it", case, record)


@pytest.mark.parametrize(
    "other", [workload("python3 other.py"), replace(workload(), capacity=Spot())], ids=["command", "capacity"]
)
def test_two_different_workloads_of_one_name(other: WorkloadSpec, record: Record) -> None:
    """Both are planned, then both are created: one wins, the other one is told and changes nothing.

    Also where they differ in nothing but what may still change while Kueue keeps a JobSet suspended.
    """
    command = command_named("workload create")
    mine = workload()

    def case(wanted: Wanted, when: When) -> None:
        with world_from(state(command.begins)) as world:
            plans: list[Plan] = []
            for spec in (mine, other):
                world.run(partial(_plan_for, spec, plans))
            deeds = [partial(_carry_out, plan) for plan in plans]
            runs = race(world, wanted, when, *deeds)
            lost = [number for number, run in enumerate(runs) if run.error is not None]
            assert len(lost) == 1, [run.error for run in runs]
            check_ends(runs[lost[0]], {4})
            error = runs[lost[0]].error
            assert error is not None
            assert error.faults[0].what == "workload w1", error
            assert "theirs stays" in error.faults[0].why, error
            winner, loser = (other, mine) if lost[0] == 0 else (mine, other)
            assert spec_hash_of(world) == hash_of(winner)
            assert world.run(partial(create_workload, spec=winner)).steps == ()
            again = world.run(partial(create_workload, spec=loser))
            assert again.error is None, again.error
            assert spec_hash_of(world) == hash_of(loser)

    check_all("workload create", "another beside it", case, record)


def _plan_for(spec: WorkloadSpec, plans: list[Plan], run: Run) -> None:
    plans.append(planned_workload(run, spec))


def _carry_out(plan: Plan, run: Run) -> None:
    carry_out(run, plan)


def hash_of(spec: WorkloadSpec) -> str:
    """The hash of what is asked for."""
    found: str = render_workload(spec, fuse_host_network=True)["metadata"]["annotations"][HASH]
    return found


def spec_hash_of(world: World) -> str:
    """The hash of the JobSet that is there."""
    objects = control.objects(world.emulator.cloud)["kubernetes"][CLUSTER]["objects"]
    (found,) = objects["jobsets.jobset.x-k8s.io"]
    text: str = found["metadata"]["annotations"][HASH]
    return text


def test_a_delete_during_a_create(record: Record) -> None:
    """Both end. What is there then is made with one more create, and gone with one more delete.

    Also the grant on the bucket, wherever between its record and itself the cluster was deleted.
    """
    command = command_named("cluster create")

    def case(wanted: Wanted, when: When) -> None:
        with world_from(None) as world:
            created, deleted = race(world, wanted, when, command.run, delete_cluster)
            check_ends(created, {4, 5, 6})
            check_ends(deleted, {4})
            found = normal(world)
            gone = reference("cluster delete").final
            assert found["clusters"] or found["iam"] == gone["iam"], f"a grant for nobody: {found['iam']}"
            check_complete(world, command)
            assert world.run(delete_cluster).error is None
            assert not differences(world, gone)

    check_all("cluster create", "a delete beside it", case, record)


def test_a_delete_of_a_workload_during_its_creation(record: Record) -> None:
    command = command_named("workload create")

    def case(wanted: Wanted, when: When) -> None:
        with world_from(state(command.begins)) as world:
            for run in race(world, wanted, when, create_workload, delete_workload):
                check_ends(run, {4})
            check_complete(world, command)

    check_all("workload create", "a delete beside it", case, record)
