"""What must be true after a command met a fault: once, for as long as it lasts, and when it is gone."""

from __future__ import annotations

from tests.faults.catalog import FOREVER, Case
from tests.faults.normal import operations
from tests.faults.states import command_named, differences, reference, state
from tests.faults.world import Run, World, world_from

MOST_ATTEMPTS = 25
"""Of one request: five by the wire, and five times that where the engine looks and tries again."""

# Reads without whose answer a command goes on, and why. The first two may also be forbidden.
TOLERATED = {
    ("cluster delete", "GET storage/b"): "the grant is taken back unseen",
    ("cluster delete", "GET storage/b/storageLayout"): "the same",
    ("cluster delete", "GET storage/b/iam"): "the same, when the look at the project meets it",
    ("cluster delete", "GET configmaps/*"): "a cluster whose Kubernetes does not answer can be deleted",
    ("cluster delete", "GET nodes"): "the same",
    ("cluster delete", "GET pods"): "the same",
}
# The record of the grant goes with a cluster whose Kubernetes never answers; the plan says so.
RECORD_LOST = ("cluster delete", "GET configmaps/*")
# The grant stays where a person may not take it back; the error holds the command for somebody who may.
GRANT_STAYS = {
    ("cluster delete", "GET storage/b/iam"),
    ("cluster delete", "PUT storage/b/iam"),
    ("cluster delete", "GET gke/clusters"),
}


def met_once(case: Case) -> None:
    """One fault: absorbed where it passes, and never an effect twice."""
    command, known = command_named(case.command), reference(case.command)
    with world_from(state(command.begins)) as world:
        before = operations(world)
        with case.fault.on(world, case.wanted, 1) as met:
            run = world.run(command.run)
        if not met.often:
            _only_a_poll(case)
            return
        _check_sleeps(run, case)
        if case.fault.absorbed(case.wanted) or _tolerated(case):
            assert run.error is None, f"{type(run.error).__name__}: {run.error}"
        else:
            _check_error(world, run, case)
            _again(world, case)
        started = operations(world)
        started.subtract(before)
        assert +started == known.operations, f"operations: {started}"
        _final(world, case)


def met_always(case: Case) -> None:
    """The fault stays: a true error, within bounds; without it the same command ends as if nothing was."""
    command = command_named(case.command)
    with world_from(state(command.begins)) as world:
        with case.fault.on(world, case.wanted, FOREVER) as met:
            run = world.run(command.run)
        if not met.often:
            _only_a_poll(case)
            return
        assert met.often <= MOST_ATTEMPTS, f"{met.often} attempts"
        _check_sleeps(run, case)
        if run.error is not None:
            _check_error(world, run, case)
        else:
            assert _tolerated(case) or _took_effect(case), "it succeeded"
        _again(world, case)
        _final(world, case)


def _only_a_poll(case: Case) -> None:
    """A run that was lucky with its time asks less often, and writes the number of slices less often."""
    assert case.wanted.nth, "the request was not sent"


def _tolerated(case: Case) -> bool:
    key = (case.command, case.wanted.kind)
    if case.wanted.kind == "GET storage/b/iam" and case.wanted.nth:
        return False
    forbidden = case.fault.codes == frozenset({3})
    return key in TOLERATED and (not forbidden or case.wanted.api == "storage")


def _may_differ(case: Case) -> tuple[str, ...]:
    """Where the end may differ from that of an undisturbed run."""
    key = (case.command, case.wanted.kind)
    forbidden = case.fault.codes == frozenset({3})
    return ("/iam/my-bucket",) if key == RECORD_LOST or (forbidden and key in GRANT_STAYS) else ()


def _took_effect(case: Case) -> bool:
    """A write that is carried out, only its answer never comes: a look afterwards shows that it is so."""
    return case.wanted.write and case.fault.name in TAKES_EFFECT


TAKES_EFFECT = {"503 after", "reset after", "timeout after", "malformed after", "truncated"}


def _again(world: World, case: Case) -> None:
    run = world.run(command_named(case.command).run)
    assert run.error is None, f"the same command again: {run.error}"


def _final(world: World, case: Case) -> None:
    found = differences(world, reference(case.command).final, but=_may_differ(case))
    assert not found, "\n".join(["another state in the end:", *found[:6]])
    run = world.run(command_named(case.command).run)
    assert run.error is None, f"a run after all is done: {run.error}"
    assert run.steps == (), f"a run after all is done plans {run.steps}"


def _check_error(world: World, run: Run, case: Case) -> None:
    """The class, the request, what to do next, and what is done and left."""
    error, wanted = run.error, case.wanted
    assert error is not None, "no error"
    said = f"{type(error).__name__}: {error}"
    assert error.exit_code in case.fault.codes, f"exit code {error.exit_code}: {said}"
    assert any(wanted.about in f"{fault.what} {fault.why}" for fault in error.faults), f"unnamed: {said}"
    assert all(fault.fix for fault in error.faults), f"no next command: {error.faults}"
    if run.steps is None:
        assert not [r for r in world.log() if r["method"] != "GET"], f"written before the plan: {said}"
        return
    last = error.faults[-1]
    assert last.what.startswith(("stopped after", "not complete after")), f"no summary: {last}"
    assert "done: " in last.why, last
    assert "not started: " in last.why, last
    assert "same command again" in last.fix, last


def _check_sleeps(run: Run, case: Case) -> None:
    """Bounded attempts, a back-off that grows, and never earlier than the server says."""
    policy = run.sleeps.policy
    for slept in run.sleeps.runs:
        assert len(slept) < policy.attempts, slept
        for number, seconds in enumerate(slept):
            least = min(policy.max_delay, policy.base * policy.factor**number) / 2
            assert seconds >= max(least, case.fault.least_sleep), slept
