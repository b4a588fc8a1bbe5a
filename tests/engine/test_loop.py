"""The loop, with steps that are a few lines each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from xpk.cloud.errors import OperationInProgress, TooManyOperations
from xpk.engine.events import Event, StepDone, StepFailed, StepProgress, StepSkipped, StepStarted
from xpk.engine.graph import Graph
from xpk.engine.loop import Loop
from xpk.engine.operations import REFUSED_FOR
from xpk.engine.tasks import (
    Expired,
    Pause,
    Say,
    Task,
    await_operation,
    await_step,
    call,
    call_all,
    send,
)
from xpk.engine.timing import Timing
from xpk.engine.wire import Json
from xpk.engine.workers import Workers
from xpk.errors import AccessError, CloudError, Fault, NotReady, UnreachableError
from xpk.plan.steps import PlannedStep, WaitForCrd

_FAULT = Fault("it", "cannot", "do")
Steps = dict[str, Callable[[], Task[None]]]


class Google:
    """Operations that end after some seconds; a limit of how many run."""

    def __init__(self, timing: Timing, limit: int = 1000) -> None:
        self.timing, self.limit = timing, limit
        self.ends: dict[str, float] = {}
        self.sent: list[str] = []
        self.refused = 0
        self.lists: list[float] = []

    def start(self, name: str, seconds: float) -> Json:
        if len(self._running()) >= self.limit:
            self.refused += 1
            text = f'Too many operations: cluster "c" hits the concurrent operations quota {self.limit}'
            raise TooManyOperations(Fault("create", text, "wait"))
        self.sent.append(name)
        self.ends[name] = self.timing.now() + seconds
        return {"name": name, "status": "RUNNING"}

    def list(self, names: frozenset[str]) -> list[Json]:
        self.lists.append(self.timing.now())
        running = self._running()
        return [{"name": n, "status": "RUNNING" if n in running else "DONE"} for n in self.ends if n in names]

    def _running(self) -> set[str]:
        return {name for name, end in self.ends.items() if end > self.timing.now()}


class Run:
    def __init__(self, timing: Timing, workers: Workers) -> None:
        self.timing, self.workers = timing, workers
        self.google = Google(timing)
        self.events: list[Event] = []
        self.stop = threading.Event()

    def __call__(self, steps: Steps, needs: dict[str, tuple[str, ...]] | None = None) -> Loop:
        plan = [PlannedStep(s, WaitForCrd(s), (needs or {}).get(s, ())) for s in steps]
        loop = Loop(
            graph=Graph(plan),
            perform=lambda planned: steps[planned.id](),
            read_operations=self.google.list,
            read_operation=lambda name: {"name": name, "status": "DONE"},
            workers=self.workers,
            timing=self.timing,
            on_event=self.events.append,
            stop=self.stop,
        )
        loop.run()
        return loop

    def operation(self, name: str, seconds: float, deadline: float = 3600.0) -> Callable[[], Task[None]]:
        def task() -> Task[None]:
            operation = yield from send(lambda: self.google.start(name, seconds))
            yield from await_operation(operation, deadline)

        return task


@pytest.fixture
def run(timing: Timing, workers: Workers) -> Run:
    return Run(timing, workers)


def _nothing() -> Task[None]:
    yield from call("gke", lambda: None)


def _failing(error: Exception) -> Callable[[], Task[None]]:
    def fail() -> None:
        raise error

    def task() -> Task[None]:
        yield from call("gke", fail)

    return task


def test_steps_overlap_and_the_whole_takes_as_long_as_the_longest_chain(run: Run) -> None:
    steps = {
        "cluster": run.operation("cluster", 300.0),
        **{f"pool{i}": run.operation(f"p{i}", 120.0) for i in range(16)},
    }
    begin = run.timing.now()
    loop = run(steps, {f"pool{i}": ("cluster",) for i in range(16)})
    assert len(loop.graph.of("done")) == 17
    assert 420.0 <= run.timing.now() - begin <= 420.0 * 1.05
    assert len(run.google.sent) == 17


def test_one_list_request_a_poll_whatever_the_number_of_operations(run: Run) -> None:
    run({f"pool{i}": run.operation(f"p{i}", 120.0) for i in range(16)})
    many = len(run.google.lists)
    other = Run(run.timing, run.workers)
    other({"pool": other.operation("p", 120.0)})
    assert abs(many - len(other.google.lists)) <= 2


def test_polls_back_off_to_five_seconds_and_not_further(run: Run) -> None:
    run({"a": run.operation("a", 1000.0)})
    gaps = [late - early for early, late in zip(run.google.lists, run.google.lists[1:], strict=False)]
    assert min(gaps) >= 0.05 - 1e-9
    assert 4.9 < max(gaps) <= 5.0 + 1e-6


@pytest.mark.parametrize("limit", [1, 3, 5])
def test_a_quota_of_operations_is_learned_and_not_hammered(run: Run, limit: int) -> None:
    run.google.limit = limit
    loop = run({f"pool{i}": run.operation(f"p{i}", 100.0) for i in range(30)})
    assert len(loop.graph.of("done")) == 30
    assert sorted(run.google.sent) == sorted(f"p{i}" for i in range(30)), "each was created exactly once"
    # The requests that were under way when the first refusal came, and no further ones.
    assert run.google.refused <= 20


def test_waits_for_somebody_elses_operation(run: Run) -> None:
    free = run.timing.now() + 200.0
    asked: list[float] = []

    def start() -> Json:
        asked.append(run.timing.now())
        if run.timing.now() < free:
            raise OperationInProgress(Fault("create", "Cluster is running incompatible operation", "wait"))
        return run.google.start("p", 10.0)

    def task() -> Task[None]:
        yield from await_operation((yield from send(start)), 100.0)

    loop = run({"pool": task})
    assert loop.graph.of("done") == ("pool",)
    assert len(asked) < 150
    assert any(isinstance(e, StepProgress) and "waiting for another operation" in e.words for e in run.events)


def test_gives_up_waiting_for_a_refusal_that_does_not_end(run: Run) -> None:
    def start() -> Json:
        raise OperationInProgress(Fault("create", "Cluster is running incompatible operation", "wait"))

    def task() -> Task[None]:
        yield from send(start)

    begin = run.timing.now()
    loop = run({"pool": task})
    assert isinstance(loop.failures[0].error, OperationInProgress)
    assert REFUSED_FOR <= run.timing.now() - begin < REFUSED_FOR + 100


def test_a_failure_leaves_dependants_and_lets_the_others_end(run: Run) -> None:
    steps: Steps = {
        "bad": _failing(CloudError(_FAULT)),
        "slow": run.operation("slow", 500.0),
        "after-bad": _nothing,
        "after-slow": _nothing,
    }
    loop = run(steps, {"after-bad": ("bad",), "after-slow": ("slow",)})
    assert loop.graph.of("done") == ("slow", "after-slow")
    assert loop.graph.of("left") == ("after-bad",)
    assert [failure.step_id for failure in loop.failures] == ["bad"]
    assert StepSkipped("after-bad") in run.events
    assert any(isinstance(e, StepFailed) and e.step_id == "bad" for e in run.events)


def test_without_rights_nothing_more_is_tried(run: Run) -> None:
    steps: Steps = {
        "bad": _failing(AccessError(_FAULT)),
        "slow": run.operation("slow", 500.0),
        "later": _nothing,
    }
    loop = run(steps, {"later": ("slow",)})
    assert loop.graph.of("done") == ("slow",)
    assert loop.graph.of("left") == ("later",)


def test_a_bug_is_not_taken_for_a_failed_step(run: Run) -> None:
    with pytest.raises(KeyError):
        run({"bug": _failing(KeyError("x"))})


def test_an_operation_that_does_not_end_in_time(run: Run) -> None:
    def task() -> Task[None]:
        operation = yield from send(lambda: run.google.start("p", 10_000.0))
        try:
            yield from await_operation(operation, 60.0)
        except Expired:
            raise NotReady(_FAULT) from None

    begin = run.timing.now()
    loop = run({"pool": task})
    assert isinstance(loop.failures[0].error, NotReady)
    assert 60.0 <= run.timing.now() - begin < 70.0


def test_an_operation_that_the_list_never_holds_is_read_by_name(run: Run) -> None:
    def task() -> Task[None]:
        done = yield from await_operation({"name": "lost", "status": "RUNNING"}, 60.0)
        assert done["status"] == "DONE"

    assert run({"pool": task}).graph.of("done") == ("pool",)


def test_unreadable_lists_are_survived_and_then_not(run: Run) -> None:
    answers: list[Any] = [UnreachableError(_FAULT), UnreachableError(_FAULT)]
    real = run.google.list

    def flaky(names: frozenset[str]) -> list[Json]:
        if answers:
            raise answers.pop()
        return real(names)

    run.google.list = flaky  # type: ignore[method-assign]
    assert run({"pool": run.operation("p", 10.0)}).graph.of("done") == ("pool",)
    answers += [UnreachableError(_FAULT)] * 3
    assert isinstance(run({"pool": run.operation("q", 10.0)}).failures[0].error, UnreachableError)


def test_calls_at_once_come_back_in_order_with_their_errors(run: Run) -> None:
    seen: list[object] = []

    def bad() -> int:
        raise CloudError(_FAULT)

    def task() -> Task[None]:
        seen.extend((yield from call_all("kubernetes", [lambda: 1, bad, lambda: 3])))
        assert (yield from call_all("kubernetes", list[Callable[[], int]]())) == []

    run({"a": task})
    assert seen[0] == 1
    assert isinstance(seen[1], CloudError)
    assert seen[2] == 3


@pytest.mark.parametrize("fails", [False, True])
def test_waiting_for_another_step(run: Run, fails: bool) -> None:
    def waiter() -> Task[None]:
        yield from await_step("other")
        yield from await_step("not in the plan")

    other = _failing(CloudError(_FAULT)) if fails else run.operation("other", 20.0)
    loop = run({"waiter": waiter, "other": other})
    assert loop.graph.state["waiter"] == ("left" if fails else "done")


def test_stopping_starts_nothing_more_and_waits_for_nothing_more(run: Run) -> None:
    def stopper() -> Task[None]:
        yield Pause(run.timing.now())
        run.stop.set()

    begin = run.timing.now()
    steps: Steps = {
        "pool": run.operation("p", 500.0),
        "stopper": stopper,
        "after": _nothing,
        "waits": _waits(run.timing),
    }
    loop = run(steps, {"after": ("pool",)})
    assert loop.graph.of("done") == ("stopper",)
    assert loop.graph.of("abandoned") == ("pool",), "Google goes on with it"
    assert loop.graph.of("left") == ("after", "waits")
    assert run.timing.now() - begin < 2.0


def _waits(timing: Timing) -> Callable[[], Task[None]]:
    def task() -> Task[None]:
        begin = timing.now()
        while True:
            yield Pause(begin)

    return task


def test_what_is_told_in_order(run: Run) -> None:
    def task() -> Task[None]:
        yield Say("words")

    run({"a": task})
    assert run.events[:2] == [StepStarted("a"), StepProgress("a", "words")]
    assert isinstance(run.events[2], StepDone)
