"""`cluster adapt`: a cluster of Terraform's gets all that workloads need, and keeps its node pools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.adoption.made import V5P_HOST, Made
from tests.adoption.world import Adopted, make_bare
from xpk.catalog.slices import resolve
from xpk.engine.observe import observe_workload
from xpk.errors import StateError
from xpk.plan.steps import CreateNodePool, DeleteNodePool, Plan
from xpk.plan.workload import plan_workload
from xpk.spec.capacity import Spot
from xpk.spec.cluster import ClusterSpec, Place, parse_place
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

PLACE = parse_place("my-project", "us-east5-b")
ON_DEMAND, SPOT = Made(), Made(capacity="SPOT")


def asked(spec: Any, slices: int | None = None, tpu: str = "v6e-16", **changes: Any) -> ClusterSpec:
    """`cluster adapt` without a capacity flag, and with or without --num-slices."""
    fields = {"ramdisk": None, "adapt": True, "capacity_given": False, "num_slices_given": slices is not None}
    found: ClusterSpec = spec(slices or 1, tpu, **fields | changes)
    return found


def pools(adopted: Adopted, world: Any) -> dict[str, str]:
    (cluster,) = world.objects()["clusters"]
    return {pool["name"]: pool["selfLink"] + pool["status"] for pool in cluster["nodePools"]}


def quota(adopted: Adopted) -> str:
    (group,) = adopted.objects("ClusterQueue")["cluster-queue"]["spec"]["resourceGroups"]
    return str(group["flavors"][0]["resources"][0]["nominalQuota"])


def touched(plan: Plan) -> list[str]:
    return [p.id for p in plan.steps if isinstance(p.step, CreateNodePool | DeleteNodePool)]


@pytest.mark.parametrize(
    ("slices", "chips", "hosts"), [(None, "48", "12"), (1, "16", "4"), (3, "48", "12")], ids=str
)
def test_pools_of_any_name_are_slices(
    world: Any, spec: Any, slices: int | None, chips: str, hosts: str
) -> None:
    other = Made(shape=V5P_HOST)
    adopted = make_bare(world.url, {"train-a": ON_DEMAND, "train-b": ON_DEMAND, "spare": SPOT, "eval": other})
    before = pools(adopted, world)
    wanted = asked(spec, slices)
    plan = world.plan(wanted)
    assert touched(plan) == []
    world.apply(plan)
    assert (quota(adopted), adopted.objects("ConfigMap")["c1-resources-configmap"]["data"]) == (
        chips,
        {"v6e-16": hosts},
    )
    assert pools(adopted, world) == before
    assert world.plan(wanted).empty


def test_a_cluster_with_two_types_is_adapted_for_each(world: Any, spec: Any) -> None:
    adopted = make_bare(world.url, {"a": ON_DEMAND, "b": Made(shape=V5P_HOST), "c": Made(shape=V5P_HOST)})
    first, second = asked(spec), asked(spec, tpu="v5p-8")
    world.create(first)
    world.create(second)
    (group,) = adopted.objects("ClusterQueue")["cluster-queue"]["spec"]["resourceGroups"]
    chips = {f["name"]: f["resources"][0]["nominalQuota"] for f in group["flavors"]}
    assert chips == {"v6e-4x4": "16", "v5p-2x2x1": "8"}
    assert adopted.objects("ConfigMap")["c1-resources-configmap"]["data"] == {"v6e-16": "4", "v5p-8": "2"}
    assert adopted.objects("ResourceFlavor").keys() == chips.keys()
    again = [p.id for p in world.plan(first).steps]
    assert again == ["apply/ConfigMap/c1-metadata-configmap"], "it names the type that was adapted last"
    assert world.plan(second).empty


def test_the_record_says_what_the_slices_come_from(world: Any, spec: Any) -> None:
    adopted = make_bare(world.url, {"a": SPOT, "b": SPOT})
    world.create(asked(spec))
    assert adopted.objects("ConfigMap")["c1-metadata-configmap"]["data"]["capacity_type"] == "SPOT"


def test_checkpointing_is_set_up_on_the_pools_that_are_there(world: Any, spec: Any) -> None:
    adopted = make_bare(world.url, {"a": ON_DEMAND, "b": ON_DEMAND})
    wanted = asked(spec, ramdisk="10Gi")
    plan = world.plan(wanted)
    ids = [p.id for p in plan.steps]
    assert {"update/workload-identity", "update/add-ons", "metadata/a", "metadata/b", "wait/driver"} <= set(
        ids
    )
    assert touched(plan) == []
    world.apply(plan)
    (driver,) = adopted.objects("DaemonSet").values()
    assert driver["status"]["numberReady"] == 8
    assert world.plan(wanted).empty
    policy = RestartPolicy(max_restarts=5, codes=None, mtc=True)
    workload = WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=resolve("v6e-16"),
        num_slices=2,
        image="i:1",
        command="sleep 1000",
        ramdisk=Ramdisk("/ramdisk"),
        restarts=policy,
    )
    made = plan_workload(workload, PLACE, observe_workload(world.cloud, workload, PLACE))
    assert [p.id for p in made.steps] == ["apply/JobSet/w1"]


def test_a_cluster_of_xpks_own_is_adapted_too(world: Any, spec: Any) -> None:
    """One host a slice: xpk makes such pools without a placement."""
    adopted = make_bare(world.url, {"c1-np-0": Made(shape=V5P_HOST), "other": Made(shape=V5P_HOST)})
    wanted = asked(spec, 2, "v5p-8")
    world.create(wanted)
    assert quota(adopted) == "8"
    assert world.plan(wanted).empty


def test_a_region_is_enough(world: Any, spec: Any) -> None:
    make_bare(world.url, {"a": ON_DEMAND})
    world.create(asked(spec, place=Place("my-project", "us-east5")))
    assert world.plan(asked(spec)).empty


def test_a_missing_cluster_is_not_made(world: Any, spec: Any) -> None:
    with pytest.raises(StateError) as caught:
        world.plan(asked(spec))
    (fault,) = caught.value.faults
    assert (fault.what, "no such regional cluster" in fault.why) == ("--cluster c1", True)
    assert "xpk cluster create --cluster c1" in fault.fix
    assert all(request["method"] == "GET" for request in world.requests())


def test_fewer_slices_than_asked_for_and_none_at_all(world: Any, spec: Any) -> None:
    make_bare(world.url, {"a": ON_DEMAND, "b": SPOT})
    with pytest.raises(StateError) as caught:
        world.plan(asked(spec, 3))
    (fault,) = caught.value.faults
    assert fault.what == "--num-slices 3"
    assert "2 node pools are slices of v6e-16: ct6e-standard-4t, 4x4" in fault.why
    assert "--num-slices 2, or one more: gcloud container node-pools create NAME --cluster c1" in fault.fix
    with pytest.raises(StateError, match="a: spot off, not on") as caught:
        world.plan(replace(asked(spec, 2), capacity=Spot(), capacity_given=True))
    assert caught.value.faults[0].fix.endswith("--spot")
    with pytest.raises(StateError) as caught:
        world.plan(asked(spec, tpu="v6e-32"))
    assert caught.value.faults[0].what == "--tpu-type v6e-32"
    assert "0 node pools are slices of v6e-32" in caught.value.faults[0].why
    assert "a: v6e-16 (4x4), not v6e-32 (4x8)" in caught.value.faults[0].why


def test_a_pool_in_error_is_named_with_its_reason(world: Any, spec: Any) -> None:
    world.fault(world="stockout", pool="^b$")
    adopted = make_bare(world.url, {"a": ON_DEMAND, "b": ON_DEMAND})
    for wanted, count in ((asked(spec), 1), (asked(spec, 2), 2)):
        with pytest.raises(StateError) as caught:
            world.plan(wanted)
        assert len(caught.value.faults) == count
        assert caught.value.faults[0].what == "node pool b"
        assert "GCE_STOCKOUT" in caught.value.faults[0].why
        assert "gcloud container node-pools delete b --cluster c1" in caught.value.faults[0].fix
    world.create(asked(spec, 1))
    assert quota(adopted) == "16"
    assert len(pools(adopted, world)) == 3, "not deleted: it is not ours"
