"""What somebody else changes between a plan and its requests is not overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lifecycle.running import PLACE, pods, start, until
from xpk.engine.observe import observe_cluster
from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.steps import DeleteNodePool

CLUSTER = PLACE.cluster("c1")


def carried_out(world: Any, method: str, path: str, body: object = None) -> None:
    """Somebody else's request, and its operation until the end."""
    operation = world.cloud.gke.send(method, f"/v1/{CLUSTER}/{path}", body)
    name = f"{CLUSTER.partition('/clusters/')[0]}/operations/{operation['name']}"
    until(lambda: world.cloud.gke.get_operation(name)["status"] == "DONE")


def labelled(world: Any, pool: str) -> None:
    carried_out(world, "PUT", f"nodePools/{pool}", {"labels": {"labels": {"kept-for": "somebody"}}})


def replaced(world: Any, pool: str) -> None:
    found = world.cloud.gke.get_node_pool(f"{CLUSTER}/nodePools/{pool}")
    kept = ("name", "initialNodeCount", "config", "placementPolicy", "locations")
    body = {key: found[key] for key in kept}
    carried_out(world, "DELETE", f"nodePools/{pool}")
    body["config"] = {**body["config"], "spot": True}
    carried_out(world, "POST", "nodePools", {"nodePool": body})


@pytest.mark.parametrize("change", [labelled, replaced])
def test_a_spare_slice_that_somebody_else_took_stays(
    world: Any, spec: Any, change: Callable[[Any, str], None]
) -> None:
    world.made(spec(3, ramdisk=None))
    plan = world.plan(spec(1, ramdisk=None))
    gone = [planned.step.name for planned in plan.steps if isinstance(planned.step, DeleteNodePool)]
    assert gone == ["c1-np-1", "c1-np-2"]
    change(world, gone[0])
    with pytest.raises(StateError) as caught:
        world.apply(plan)
    fault = caught.value.faults[0]
    assert fault.what == "node pool c1-np-1"
    assert fault.why == "was changed by somebody else since it was looked at, so it is not deleted"
    pools = world.cloud.gke.get_cluster(CLUSTER)["nodePools"]
    # The pools were made at the same time: their order is anybody's.
    assert sorted(pool["name"] for pool in pools) == ["c1-np-0", "c1-np-1", "default-pool"]
    world.create(spec(1, ramdisk=None))
    assert world.plan(spec(1, ramdisk=None)).empty, "once more: with the pool as it is now"


def test_a_spare_slice_on_which_something_started_stays(world: Any, spec: Any) -> None:
    world.made(spec(3, ramdisk=None))
    plan = world.plan(spec(1, ramdisk=None))
    gone = {planned.step.name for planned in plan.steps if isinstance(planned.step, DeleteNodePool)}
    start(world, 2)
    running = pods(world)
    assert len(running) == 8
    with pytest.raises(StateError) as caught:
        world.apply(plan)
    *refused, stopped = caught.value.faults
    kept = {fault.what.removeprefix("node pool ") for fault in refused}
    assert kept
    assert kept <= gone
    assert {fault.why for fault in refused} == {
        "w1 started on it since it was looked at, so it is not deleted"
    }
    assert stopped.what.startswith("stopped after ")
    assert pods(world) == running
    pools = {pool["name"] for pool in world.cloud.gke.get_cluster(CLUSTER)["nodePools"]}
    assert pools >= kept
    wanted = spec(1, ramdisk=None)
    with pytest.raises(StateError, match="too few slices are idle: w1 on c1-np-"):
        world.plan(wanted)
    world.apply(plan_cluster(wanted, observe_cluster(world.cloud, wanted), force=True))
    assert world.plan(wanted).empty
