"""What follows the slices as they come up, on a clock that only a wait moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from xpk.engine.context import Context
from xpk.engine.counted_steps import apply_counted
from xpk.engine.graph import Graph
from xpk.engine.loop import Loop
from xpk.engine.tasks import Pause, Task
from xpk.engine.timing import Timing
from xpk.engine.wire import Json
from xpk.engine.workers import Workers
from xpk.errors import CloudError, Fault
from xpk.plan.steps import ApplyCounted, PlannedStep, WaitForCrd

QUEUE = {"apiVersion": "v1", "kind": "Queue", "metadata": {"name": "q"}, "spec": {"quotas": ["all"]}}


class Kube:
    """Takes notes of what is applied, and when."""

    def __init__(self, timing: Timing) -> None:
        self.timing, self.start = timing, timing.now()
        self.applied: list[tuple[float, str]] = []

    def apply(self, manifest: Json, *, force: bool = False) -> Json:
        self.applied.append((self.timing.now() - self.start, manifest["spec"]["quotas"][0]))
        return manifest


class Cloud:
    def __init__(self, kube: Kube) -> None:
        self.gke, self._kube = self, kube

    def get_cluster(self, name: str) -> Json:
        return {"name": name}

    def kube(self, name: str, cluster: Json) -> Kube:
        return self._kube


RunPools = Callable[..., tuple[Kube, Loop]]


@pytest.fixture
def run_pools(timing: Timing, workers: Workers) -> RunPools:
    """Runs a counted step beside pools that end after so many seconds; a negative time is a failure."""

    def run(ends: list[float], *, base: int = 0, why: str = "") -> tuple[Kube, Loop]:
        kube = Kube(timing)
        context = Context(Cloud(kube), "projects/p/locations/l/clusters/c", timing)  # type: ignore[arg-type]
        pools = tuple(f"pool/{index}" for index in range(len(ends)))
        step = ApplyCounted(QUEUE, pools, base, ("spec", "quotas", 0), 16, why)
        tasks: dict[str, Callable[[], Task[None]]] = {
            name: _pool(timing, end) for name, end in zip(pools, ends, strict=True)
        }
        tasks["queue"] = lambda: apply_counted(context, step)
        loop = Loop(
            graph=Graph([PlannedStep(name, WaitForCrd(name)) for name in tasks]),
            perform=lambda planned: tasks[planned.id](),
            read_operations=lambda names: [],
            read_operation=lambda name: {"name": name},
            workers=workers,
            timing=timing,
            on_event=lambda event: None,
            stop=threading.Event(),
        )
        loop.run()
        return kube, loop

    return run


def _pool(timing: Timing, seconds: float) -> Callable[[], Task[None]]:
    def task() -> Task[None]:
        since = timing.now()
        while timing.now() - since < abs(seconds):
            yield Pause(since)
        if seconds < 0:
            raise CloudError(Fault("pool", "no machines", "wait"))

    return task


def test_a_slice_is_handed_out_when_it_is_up_and_not_before(run_pools: RunPools) -> None:
    kube, loop = run_pools([100.0, 300.0, -2000.0])
    assert [quota for _, quota in kube.applied] == ["16", "32"]
    assert 100 <= kube.applied[0][0] <= 106
    assert 300 <= kube.applied[1][0] <= 310
    assert loop.graph.state["queue"] == "done"
    assert loop.graph.state["pool/2"] == "failed"


def test_slices_that_come_together_are_one_write_and_the_last_is_written_at_once(run_pools: RunPools) -> None:
    kube, _ = run_pools([100.0 + index / 100 for index in range(200)])
    assert len(kube.applied) <= 4
    assert kube.applied[-1][1] == str(200 * 16)


def test_many_slices_one_after_the_other_are_few_writes(run_pools: RunPools) -> None:
    kube, _ = run_pools([100.0 + 5 * index for index in range(200)])
    assert len(kube.applied) <= 200
    assert kube.applied[-1][1] == str(200 * 16)
    assert [int(quota) for _, quota in kube.applied] == sorted(int(quota) for _, quota in kube.applied)


def test_an_object_that_says_what_is_there_is_not_written_for_nothing(run_pools: RunPools) -> None:
    kube, loop = run_pools([-10.0], base=3, why="nominalQuota 48 -> 64")
    assert kube.applied == []
    assert loop.graph.state["queue"] == "done"


def test_a_missing_object_is_written_for_what_is_there_already(run_pools: RunPools) -> None:
    kube, _ = run_pools([100.0], base=3)
    assert [quota for _, quota in kube.applied] == ["48", "64"]
    assert kube.applied[0][0] < 1


def test_without_a_slice_there_is_nothing_to_hand_out(run_pools: RunPools) -> None:
    kube, loop = run_pools([-10.0, -20.0])
    assert kube.applied == []
    assert loop.graph.state["queue"] == "left"


def test_the_number_can_stand_anywhere_in_the_object() -> None:
    step = ApplyCounted({"a": [{"b": "x"}, {"b": "y", "c": 1}]}, (), 0, ("a", 1, "b"), 3)
    found: Any = step.counted(5)
    assert found == {"a": [{"b": "x"}, {"b": "15", "c": 1}]}
    assert step.manifest["a"][1]["b"] == "y", "the plan itself stays as it is"
