"""Which node pools of somebody else's cluster are slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpk.catalog.versions import MTC_DOCUMENTED
from xpk.errors import StateError
from xpk.plan.adapt import as_found, found_slices
from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import Observed
from xpk.plan.steps import CreateCluster, CreateNodePool, DeleteNodePool, Json, UpdateNodePool
from xpk.plan.text import text
from xpk.spec.capacity import FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import ClusterSpec, Place

MakeSpec = Callable[..., ClusterSpec]
Golden = Callable[[str, str], None]


def pool(name: str, **config: Any) -> Json:
    """A slice of v6e-256, on demand unless `config` says another thing."""
    status = config.pop("status", "RUNNING")
    topology, zone = config.pop("topology", "16x16"), config.pop("zone", "us-east5-b")
    return {
        "name": name,
        "status": status,
        "config": {"machineType": "ct6e-standard-4t"} | config,
        "placementPolicy": {"type": "COMPACT", "tpuTopology": topology},
        "locations": [zone],
    }


def cluster(*pools: Json, **fields: Any) -> Observed:
    cpu = {"name": "cpu", "status": "RUNNING", "config": {"machineType": "n2-standard-8"}}
    found = {"status": "RUNNING", "currentMasterVersion": "1.33.5-gke.1201000", "nodePools": [cpu, *pools]}
    return Observed(live=True, cluster=found | fields, project_number="1")


def adapt(spec: MakeSpec, slices: int | None = None, **fields: Any) -> ClusterSpec:
    given = {"adapt": True, "capacity_given": False, "num_slices_given": slices is not None}
    return spec(num_slices=slices or 1, gke_version=None, **given | {"mtc": False} | fields)


AFFINITY = {"consumeReservationType": "SPECIFIC_RESERVATION", "values": ["r1/reservationBlocks/b1"]}
FOUND = {
    "all that fit": ([pool("b"), pool("a10"), pool("a9")], None, ("a10", "a9", "b"), OnDemand()),
    "numbers as numbers": ([pool("a-10"), pool("a-9")], None, ("a-9", "a-10"), OnDemand()),
    "as many as asked": ([pool("a"), pool("b")], 1, ("a",), OnDemand()),
    "no other topology": ([pool("a"), pool("b", topology="8x16")], None, ("a",), OnDemand()),
    "no other zone": ([pool("a"), pool("b", zone="us-east5-a")], None, ("a",), OnDemand()),
    "none that goes away": ([pool("a"), pool("b", status="STOPPING")], None, ("a",), OnDemand()),
    "spot": ([pool("a", spot=True)], None, ("a",), Spot()),
    "mixed": ([pool("a", spot=True), pool("b")], None, ("a", "b"), OnDemand()),
    "flex": ([pool("a"), pool("b", flexStart=True)], None, ("a", "b"), FlexStart()),
    "reserved": ([pool("a", reservationAffinity=AFFINITY)], None, ("a",), Reservation("r1", block="b1")),
    "a broken one beside enough": ([pool("a"), pool("b", status="ERROR")], 1, ("a",), OnDemand()),
    "a broken one of another kind": (
        [pool("a"), pool("b", status="ERROR", topology="8x16")],
        None,
        ("a",),
        OnDemand(),
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_found(spec: MakeSpec, case: str) -> None:
    pools, slices, names, capacity = FOUND[case]
    there = cluster(*pools)
    wanted = as_found(adapt(spec, slices), there)
    assert (wanted.num_slices, wanted.capacity) == (len(names), capacity)
    assert found_slices(wanted, there).kept == names
    assert as_found(wanted, there) == wanted


def test_a_capacity_flag_lets_no_other_pools_count(spec: MakeSpec) -> None:
    there = cluster(pool("a"), pool("b", spot=True))
    wanted = as_found(adapt(spec, capacity=Spot(), capacity_given=True), there)
    assert found_slices(wanted, there).kept == ("b",)


@pytest.mark.parametrize(
    ("capacity", "flags"),
    [
        (OnDemand(), "--num-nodes 64 --placement-type COMPACT --tpu-topology 16x16"),
        (Spot(), "--tpu-topology 16x16 --spot"),
        (Reservation("r1"), "--reservation-affinity specific --reservation r1"),
        (FlexStart(), "--num-nodes 0 --placement-type COMPACT --tpu-topology 16x16 --flex-start"),
    ],
)
def test_too_few_slices_end_in_the_command_that_makes_one(spec: MakeSpec, capacity: Any, flags: str) -> None:
    with pytest.raises(StateError) as caught:
        plan_cluster(adapt(spec, 1, capacity=capacity, capacity_given=True), cluster())
    (fault,) = caught.value.faults
    assert fault.fix.startswith("to make one: gcloud container node-pools create NAME --cluster mtc-1")
    assert flags in fault.fix


def test_one_host_slices_need_no_topology(spec: MakeSpec) -> None:
    with pytest.raises(StateError) as caught:
        plan_cluster(adapt(spec, 1, tpu_type="v5p-8"), cluster())
    assert caught.value.faults[0].fix.endswith("--machine-type ct5p-hightpu-4t --num-nodes 1")


def test_an_old_cluster_is_upgraded_by_whoever_manages_it(spec: MakeSpec) -> None:
    there = cluster(pool("a"), pool("b"), currentMasterVersion="1.30.1-gke.1000000")
    with pytest.raises(StateError) as caught:
        plan_cluster(adapt(spec, mtc=True), there)
    (fault,) = [f for f in caught.value.faults if "runs GKE" in f.why]
    assert fault.fix.startswith(
        f"gcloud container clusters upgrade mtc-1 --master --cluster-version {MTC_DOCUMENTED}"
    )


def test_a_name_of_forty_characters_is_taken(spec: MakeSpec) -> None:
    """No pool is named after it."""
    assert adapt(spec, name="a" * 40).name == "a" * 40


@pytest.mark.parametrize("place", [Place("p1", "us-east5", "us-east5-b"), Place("p1", "us-east5")], ids=str)
def test_offline_it_plans_all_but_the_cluster(spec: MakeSpec, place: Place) -> None:
    plan = plan_cluster(adapt(spec, mtc=True, place=place), Observed.nothing())
    assert not any(isinstance(p.step, CreateCluster | CreateNodePool) for p in plan.steps)
    assert {"update/add-ons", "install/kueue", "wait/driver"} <= {p.id for p in plan.steps}
    assert "one slice is assumed: --num-slices says another number, --observe counts" in plan.notes


def test_golden(spec: MakeSpec, golden: Golden, bucket: Callable[..., Any]) -> None:
    there = cluster(pool("train-a"), pool("train-b", spot=True), pool("eval", topology="8x16"))
    plan = plan_cluster(adapt(spec, mtc=True), Observed(**fields_of(there) | {"bucket": bucket()}))
    notes = "".join(f"note: {note}\n" for note in plan.notes)
    golden("cluster/adapt.txt", text(plan) + notes)


def fields_of(observed: Observed) -> dict[str, Any]:
    return {name: getattr(observed, name) for name in observed.__dataclass_fields__}


KINDS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["RUNNING", "ERROR", "STOPPING", "PROVISIONING", "RUNNING_WITH_ERROR"]),
        "topology": st.sampled_from(["16x16", "8x16"]),
        "spot": st.booleans(),
    }
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(KINDS, max_size=6), slices=st.none() | st.integers(1, 6), mtc=st.booleans())
def test_whatever_is_there_no_pool_is_made_or_deleted(
    spec: MakeSpec, kinds: list[dict[str, Any]], slices: int | None, mtc: bool
) -> None:
    there = cluster(*(pool(f"p-{index}", **kind) for index, kind in enumerate(kinds)))
    good = [k for k in kinds if k["topology"] == "16x16" and k["status"] not in ("ERROR", "STOPPING")]
    broken = [k for k in kinds if k["topology"] == "16x16" and k["status"] == "ERROR"]
    try:
        plan = plan_cluster(adapt(spec, slices, mtc=mtc), there)
    except StateError:
        assert len(good) < (slices or 1) or (broken and slices is None)
        return
    assert len(good) >= (slices or 1)
    steps = [planned.step for planned in plan.steps]
    assert not any(isinstance(step, CreateCluster | CreateNodePool | DeleteNodePool) for step in steps)
    assert mtc or not any(isinstance(step, UpdateNodePool) for step in steps)
    (queue,) = [p.step for p in plan.steps if p.id == "apply/ClusterQueue/cluster-queue"]
    flavor = queue.manifest["spec"]["resourceGroups"][0]["flavors"][0]  # type: ignore[union-attr]
    assert flavor["resources"][0]["nominalQuota"] == str(256 * (slices or len(good)))
