"""A workload that runs on the emulated cluster c1, and its pods; for tests of what a change does to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from xpk.catalog.slices import resolve
from xpk.engine.observe import observe_workload
from xpk.engine.status import State
from xpk.engine.workloads import list_workloads
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

PLACE = parse_place("my-project", "us-east5-b")


def start(world: Any, slices: int, *, mtc: bool = False) -> None:
    """Run w1 on so many slices."""
    wanted = WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=resolve("v6e-16"),
        num_slices=slices,
        image="i:1",
        command="sleep 1000",
        ramdisk=Ramdisk("/ramdisk") if mtc else None,
        restarts=RestartPolicy(max_restarts=5, codes=None, mtc=mtc),
    )
    world.apply(plan_workload(wanted, PLACE, observe_workload(world.cloud, wanted, PLACE)))
    until(lambda: list_workloads(world.cloud, PLACE, "c1")[0].state is State.RUNNING)


def until(happened: Callable[[], bool]) -> None:
    """The emulated cluster works in its own time; it has two minutes of ours."""
    end = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def things(world: Any) -> list[dict[str, Any]]:
    (cluster,) = world.objects()["kubernetes"].values()
    return [item for items in cluster["objects"].values() for item in items]


def pods(world: Any) -> list[tuple[str, str, str, int]]:
    """The workload's pods: a restart of any kind changes this."""
    found = [o for o in things(world) if o["kind"] == "Pod" and o["metadata"]["name"].startswith("w1-")]
    assert found
    return sorted(
        (
            pod["metadata"]["name"],
            pod["metadata"]["uid"],
            pod["spec"]["nodeName"],
            sum(c.get("restartCount", 0) for c in pod["status"].get("containerStatuses", [])),
        )
        for pod in found
    )
