"""Some slices come up and some do not: the good ones work, the others are named and tried again."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.errors import QuotaError, StockoutError
from xpk.plan.steps import DeleteNodePool


def things(world: Any) -> list[dict[str, Any]]:
    (cluster,) = world.objects()["kubernetes"].values()
    return [item for items in cluster["objects"].values() for item in items]


def found(world: Any, kind: str, name: str) -> dict[str, Any]:
    (item,) = [o for o in things(world) if o["kind"] == kind and o["metadata"]["name"] == name]
    return item


def chips(world: Any) -> str:
    group = found(world, "ClusterQueue", "cluster-queue")["spec"]["resourceGroups"][0]
    return str(group["flavors"][0]["resources"][0]["nominalQuota"])


def hosts(world: Any) -> str:
    return str(found(world, "ConfigMap", "c1-resources-configmap")["data"]["v6e-16"])


@pytest.mark.parametrize(("kind", "error"), [("stockout", StockoutError), ("quota", QuotaError)])
def test_the_good_slices_are_usable_and_the_same_command_retries_the_others(
    world: Any, spec: Any, kind: str, error: type[Exception]
) -> None:
    world.fault(world=kind, pool="c1-np-[13]$")
    with pytest.raises(error) as raised:
        world.create(spec(4))
    faults = raised.value.faults  # type: ignore[attr-defined]
    assert sorted(fault.what for fault in faults[:2]) == ["node pool c1-np-1", "node pool c1-np-3"]
    assert "Not all instances running" in faults[0].why
    assert "usable: 2 of 4 slices" in faults[-1].why
    assert (chips(world), hosts(world)) == ("32", "8")
    driver = next(o for o in things(world) if o["kind"] == "DaemonSet")
    assert driver["status"]["numberReady"] == 8
    world.heal()
    plan = world.plan(spec(4))
    assert [s.step.name for s in plan.steps if isinstance(s.step, DeleteNodePool)] == ["c1-np-1", "c1-np-3"]
    assert not any(s.id == "lower/cluster-queue" for s in plan.steps), "it was never raised above what is up"
    world.apply(plan)
    assert (chips(world), hosts(world)) == ("64", "16")
    assert world.plan(spec(4)).empty


def test_no_slice_at_all_makes_no_queue(world: Any, spec: Any) -> None:
    world.fault(world="stockout", pool="c1-np-")
    with pytest.raises(StockoutError) as raised:  # also where failed slices are no error
        world.apply(world.plan(spec(2)), ignore_failed_slices=True)
    assert "apply/ClusterQueue/cluster-queue" in raised.value.faults[-1].why.partition("not started:")[2]
    assert not [o for o in things(world) if o["kind"] == "ClusterQueue"]
    world.heal()
    world.create(spec(2))
    assert chips(world) == "32"
    assert world.plan(spec(2)).empty


def test_failed_slices_can_be_no_error(world: Any, spec: Any) -> None:
    world.fault(world="stockout", pool="c1-np-1$", times=1)
    report = world.apply(world.plan(spec(3)), ignore_failed_slices=True)
    assert report.slices == (2, 3)
    assert [failure.step_id for failure in report.failed] == ["pool/c1-np-1"]


def test_fewer_slices_and_another_shape_leave_nothing_behind(world: Any, spec: Any) -> None:
    world.create(spec(3))
    world.create(spec(1))
    assert (chips(world), hosts(world)) == ("16", "4")
    assert world.plan(spec(1)).empty
    other = spec(2, "v6e-32")
    world.create(other)
    flavors = [o["metadata"]["name"] for o in things(world) if o["kind"] == "ResourceFlavor"]
    assert flavors == ["v6e-4x8"]
    assert chips(world) == "64"
    assert world.plan(other).empty
