"""What somebody else changes between a plan and its requests is not overwritten."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from xpk.errors import StateError
from xpk.plan.steps import DeleteNodePool
from xpk.spec.cluster import parse_place

CLUSTER = parse_place("my-project", "us-east5-b").cluster("c1")


def carried_out(world: Any, method: str, path: str, body: object = None) -> None:
    """Somebody else's request, and its operation until the end."""
    operation = world.cloud.gke.send(method, f"/v1/{CLUSTER}/{path}", body)
    name = f"{CLUSTER.partition('/clusters/')[0]}/operations/{operation['name']}"
    end = time.monotonic() + 120
    while world.cloud.gke.get_operation(name)["status"] != "DONE":
        assert time.monotonic() < end
        time.sleep(0.02)


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
