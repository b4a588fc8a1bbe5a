"""The plan of `cluster create`: what is in it, in which order, and when it is empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.versions import GkeVersion
from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.document import json_document, yaml_stream
from xpk.plan.observed import BucketState, Observed
from xpk.plan.steps import (
    CreateCluster,
    CreateNodePool,
    DeleteNodePool,
    GrantBucketRole,
    InstallRelease,
    Json,
    ObjectRef,
    Plan,
    ReplaceObject,
    UpdateCluster,
    UpdateNodePool,
    WaitForDriver,
)
from xpk.plan.text import text
from xpk.spec.capacity import FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import ClusterSpec
from xpk.spec.private import PrivateAccess

MakeSpec = Callable[..., ClusterSpec]
Applied = Callable[[ClusterSpec], Observed]
Golden = Callable[[str, str], None]

CAPACITIES = [OnDemand(), Spot(), FlexStart(), Reservation("r1"), Reservation("r1", "p2", "b1", "s1")]
TYPES = [
    "v4-8",
    "v4-128",
    "v5litepod-1",
    "v5litepod-256",
    "v5p-8",
    "v5p-128",
    "v5p-4x4x32",
    "v6e-8t",
    "v6e-256",
]


def ids(plan: Plan) -> list[str]:
    return [planned.id for planned in plan.steps]


def of_kind(plan: Plan, kind: type[Any]) -> list[Any]:
    return [planned.step for planned in plan.steps if isinstance(planned.step, kind)]


@pytest.mark.parametrize("capacity", CAPACITIES, ids=lambda c: c.record_name)
@pytest.mark.parametrize("tpu_type", TYPES)
def test_after_an_apply_the_plan_is_empty(
    spec: MakeSpec, applied: Applied, tpu_type: str, capacity: Any
) -> None:
    mtc = tpu_type != "v5litepod-1"  # 48 GB of RAM do not hold the document's ramdisk
    wanted = spec(tpu_type, capacity=capacity, mtc=mtc)
    plan = plan_cluster(wanted, applied(wanted))
    if isinstance(capacity, FlexStart):  # the driver waits on the hosts that a workload has called for
        assert ids(plan) == []
    assert plan.empty, ids(plan)
    assert text(plan) == "Nothing to do: cluster mtc-1, project p1, us-east5-b is as asked for.\n"


@pytest.mark.parametrize("observed", [Observed.nothing(), Observed(live=True)])
def test_every_step_comes_after_what_it_needs(spec: MakeSpec, observed: Observed) -> None:
    seen: set[str] = set()
    for planned in plan_cluster(spec(), observed).steps:
        assert set(planned.needs) <= seen, planned.id
        assert planned.id not in seen
        seen.add(planned.id)


def test_the_order_is_that_of_gke(spec: MakeSpec) -> None:
    order = ids(plan_cluster(spec(), Observed.nothing()))
    milestones = [
        "check/b1", "grant/b1", "cluster/mtc-1", "pool/mtc-1-np-0", "pool/mtc-1-np-1", "install/jobset",
        "install/kueue", "apply/ClusterQueue/cluster-queue", "apply/ConfigMap/mtc-1-metadata-configmap",
        "apply/CheckpointConfiguration/my-checkpointconfiguration", "wait/driver",
    ]  # fmt: skip
    assert [step for step in order if step in milestones] == milestones


def test_pools_and_controllers_are_made_at_the_same_time(spec: MakeSpec) -> None:
    needs = {planned.id: planned.needs for planned in plan_cluster(spec(), Observed.nothing()).steps}
    assert {needs[f"pool/mtc-1-np-{i}"] for i in (0, 1)} == {("cluster/mtc-1",)}
    assert needs["install/jobset"] == ("cluster/mtc-1",)


@pytest.mark.parametrize("observed", [Observed.nothing(), Observed(live=True)])
def test_grants_and_releases_wait_for_the_record_that_names_them(spec: MakeSpec, observed: Observed) -> None:
    """A later run, which finds them there, no longer knows what they came from."""
    plan = plan_cluster(spec(), observed)
    waiting = [p.step.after for p in plan.steps if isinstance(p.step, GrantBucketRole | InstallRelease)]
    assert waiting == ["apply/ConfigMap/mtc-1-metadata-configmap"] * 3


@given(slices=st.integers(1, 300))
def test_writes_other_than_pools_do_not_depend_on_slices(slices: int) -> None:
    from xpk.catalog.slices import resolve
    from xpk.spec.cluster import parse_place

    wanted = ClusterSpec("c", parse_place("p1", "us-east5-b"), resolve("v5p-16"), slices, OnDemand())
    plan = plan_cluster(wanted, Observed.nothing())
    assert len(of_kind(plan, CreateNodePool)) == slices
    one = plan_cluster(replace(wanted, num_slices=1), Observed.nothing())
    assert len(plan.steps) - slices == len(one.steps) - 1


def test_the_same_plan_is_the_same_bytes(spec: MakeSpec) -> None:
    first, second = (plan_cluster(spec(), Observed.nothing()) for _ in range(2))
    assert (yaml_stream(first), json_document(first), text(first)) == (
        yaml_stream(second),
        json_document(second),
        text(second),
    )


DECISIONS: dict[str, dict[str, Any]] = {
    "multi-tier-checkpointing": {},
    "without-mtc": {"mtc": False},
    "one-slice-single-host": {"tpu_type": "v5p-8", "num_slices": 1},
    "spot": {"capacity": Spot()},
    "flex-start": {"capacity": FlexStart()},
    "reservation": {"capacity": Reservation("r1", "p2")},
    "periodic-maintenance": {"host_maintenance": "PERIODIC"},
}


@pytest.mark.parametrize("name", DECISIONS)
def test_golden_plan(spec: MakeSpec, golden: Golden, name: str) -> None:
    plan = plan_cluster(spec(**DECISIONS[name]), Observed.nothing())
    golden(f"cluster/{name}.txt", text(plan))
    golden(f"cluster/{name}.yaml", yaml_stream(plan))


def test_golden_changes(spec: MakeSpec, applied: Applied, golden: Golden) -> None:
    """One existing cluster with everything to change at once, as a person sees it."""
    wanted = spec(num_slices=3)
    there = applied(spec())
    cluster = dict(there.cluster or {})
    cluster["addonsConfig"] = {"gcsFuseCsiDriverConfig": {"enabled": True}}
    cluster["nodePools"] = [
        pool | {"status": "ERROR", "conditions": [{"code": "GCE_STOCKOUT", "message": "no v6e here"}]}
        if pool["name"] == "mtc-1-np-1"
        else pool
        for pool in cluster["nodePools"]
    ]
    plan = plan_cluster(wanted, replace(there, cluster=cluster))
    golden("cluster/changes.txt", text(plan))


def test_a_bigger_ramdisk_is_a_replacement_that_says_what_it_costs(spec: MakeSpec, applied: Applied) -> None:
    from xpk.spec.mtc import MtcFlags, check_mtc

    wanted = spec()
    mtc = check_mtc(MtcFlags(enabled=True, ramdisk_size="60Gi", bucket="b1"), wanted.slice_type)
    (replacement,) = of_kind(plan_cluster(replace(wanted, mtc=mtc), applied(wanted)), ReplaceObject)
    assert "60000Mi -> 60Gi" in replacement.why
    assert "local checkpoints on 128 hosts are lost" in replacement.why


def test_a_cluster_without_mtc_gets_one_change_a_request(spec: MakeSpec, applied: Applied) -> None:
    plain = spec(mtc=False)
    plan = plan_cluster(spec(), replace(applied(plain), bucket=None))
    updates = of_kind(plan, UpdateCluster)
    assert [list(update.update) for update in updates] == [
        ["desiredWorkloadIdentityConfig"],
        ["desiredAddonsConfig"],
    ]
    pools = of_kind(plan, UpdateNodePool)
    assert sorted(pool.name for pool in pools) == ["default-pool", "mtc-1-np-0", "mtc-1-np-1"]
    needs = {planned.id: planned.needs for planned in plan.steps}
    assert needs["update/add-ons"] == ("update/workload-identity",)
    assert needs["metadata/mtc-1-np-0"] == ("update/add-ons",)


def test_a_pool_in_error_is_deleted_and_made_again(spec: MakeSpec, applied: Applied) -> None:
    wanted = spec()
    there = applied(wanted)
    pools = [
        p | {"status": "ERROR"} if p["name"] == "mtc-1-np-1" else p
        for p in (there.cluster or {})["nodePools"]
    ]
    plan = plan_cluster(wanted, replace(there, cluster=(there.cluster or {}) | {"nodePools": pools}))
    assert ids(plan) == [
        "lower/cluster-queue",  # no chips of a slice that is not there
        "delete/mtc-1-np-1",
        "pool/mtc-1-np-1",
        "apply/ClusterQueue/cluster-queue",
        "wait/driver",
    ]
    assert isinstance(plan.steps[1].step, DeleteNodePool)
    assert plan.steps[1].needs == ("lower/cluster-queue",)
    assert plan.steps[2].needs == ("delete/mtc-1-np-1",)


BUCKETS: list[tuple[dict[str, Any], str, str]] = [
    ({"metadata": None}, "no such bucket", "--enable-hierarchical-namespace"),
    ({"hierarchical_namespace": False}, "no hierarchical namespace", "buckets create"),
    ({"metadata": {"location": "US"}}, "no uniform bucket-level access", "--uniform-bucket-level-access"),
]


@pytest.mark.parametrize(("changes", "why", "fix"), BUCKETS)
def test_a_bucket_that_would_fail_later_is_refused_first(
    spec: MakeSpec, bucket: Callable[..., BucketState], changes: dict[str, Any], why: str, fix: str
) -> None:
    with pytest.raises(StateError) as error:
        plan_cluster(spec(), Observed(live=True, bucket=bucket(**changes)))
    assert why in error.value.faults[0].why
    assert fix in error.value.faults[0].fix


def test_a_far_bucket_is_said(spec: MakeSpec, bucket: Callable[..., BucketState]) -> None:
    metadata = {"location": "EU", "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}
    plan = plan_cluster(spec(), Observed(live=True, bucket=bucket(metadata=metadata)))
    assert any("cross regions" in note for note in plan.notes)


SERVER: Json = {
    "channels": [
        {
            "channel": "REGULAR",
            "defaultVersion": "1.31.5-gke.1000000",
            "validVersions": ["1.33.5-gke.1201000"],
        },
        {"channel": "RAPID", "defaultVersion": "1.34.0-gke.1", "validVersions": ["1.34.0-gke.1"]},
    ]
}


def test_a_version_that_is_not_offered_is_refused_with_the_next_one(spec: MakeSpec) -> None:
    from xpk.catalog.versions import GkeVersion

    wanted = spec(gke_version=GkeVersion.parse("1.33.1-gke.5"))
    with pytest.raises(StateError) as error:
        plan_cluster(wanted, Observed(live=True, server_config=SERVER))
    assert error.value.faults[0].fix.startswith("--gke-version 1.33.5-gke.1201000")


def test_a_default_version_too_old_for_mtc_is_refused(spec: MakeSpec) -> None:
    with pytest.raises(StateError, match=r"1\.31\.5"):
        plan_cluster(spec(gke_version=None), Observed(live=True, server_config=SERVER))


def test_another_configuration_for_the_same_hosts_is_refused(spec: MakeSpec, applied: Applied) -> None:
    """The controller answers it with an event and serves nothing."""
    there = applied(spec())
    other = ObjectRef("checkpointing.gke.io/v1", "CheckpointConfiguration", "other")
    objects = dict(there.objects) | {other: {"spec": {"nodeSelector": {}}}}
    with pytest.raises(StateError, match="other"):
        plan_cluster(spec(), replace(there, objects=objects))


@pytest.mark.parametrize("selector", [{"node.kubernetes.io/instance-type": "ct5p-hightpu-4t"}])
def test_a_configuration_for_other_hosts_is_left_alone(
    spec: MakeSpec, applied: Applied, selector: dict[str, str]
) -> None:
    there = applied(spec())
    other = ObjectRef("checkpointing.gke.io/v1", "CheckpointConfiguration", "other")
    objects = dict(there.objects) | {other: {"spec": {"nodeSelector": selector}}}
    assert plan_cluster(spec(), replace(there, objects=objects)).empty


def test_a_driver_that_is_not_everywhere_is_waited_for(spec: MakeSpec, applied: Applied) -> None:
    there = applied(spec())
    status = {"desiredNumberScheduled": 128, "numberReady": 127}
    plan = plan_cluster(spec(), replace(there, driver={"my-checkpointconfiguration": {"status": status}}))
    assert [planned.step for planned in plan.steps] == [WaitForDriver("my-checkpointconfiguration", 128)]


@pytest.mark.parametrize("status", ["STOPPING", "ERROR"])
def test_a_cluster_that_goes_away_is_said(spec: MakeSpec, applied: Applied, status: str) -> None:
    there = applied(spec())
    with pytest.raises(StateError, match=status):
        plan_cluster(spec(), replace(there, cluster=(there.cluster or {}) | {"status": status}))


def test_maintenance_needs_the_beta_api_and_nothing_else_does(spec: MakeSpec) -> None:
    for interval, api in (("AS_NEEDED", "v1"), ("PERIODIC", "v1beta1")):
        plan = plan_cluster(spec(host_maintenance=interval), Observed.nothing())
        assert {step.api for step in of_kind(plan, CreateNodePool)} == {api}


def test_the_users_arguments_reach_the_requests(spec: MakeSpec) -> None:
    from xpk.spec.gcloud import parse_cluster_arguments, parse_nodepool_arguments

    wanted = spec(
        cluster_arguments=parse_cluster_arguments(
            " --network=n1 --subnetwork=s1", "--custom-cluster-arguments"
        ),
        tpu_pool_arguments=parse_nodepool_arguments("--enable-gvnic", "--custom-tpu-nodepool-arguments"),
    )
    plan = plan_cluster(wanted, Observed.nothing())
    (create,) = of_kind(plan, CreateCluster)
    assert (create.cluster["network"], create.cluster["subnetwork"]) == ("n1", "s1")
    assert all(step.pool["config"]["gvnic"] == {"enabled": True} for step in of_kind(plan, CreateNodePool))


def test_arguments_that_come_too_late_are_said(spec: MakeSpec, applied: Applied) -> None:
    from xpk.spec.gcloud import parse_cluster_arguments

    def asking(text: str) -> ClusterSpec:
        return spec(cluster_arguments=parse_cluster_arguments(text, "--custom-cluster-arguments"))

    there = applied(asking("--network=n1"))
    assert plan_cluster(asking("--network=n1"), there).notes == plan_cluster(spec(), there).notes
    assert any("--network: only used" in note for note in plan_cluster(asking("--network=n2"), there).notes)


def test_install_steps_carry_the_size_for_all_hosts(spec: MakeSpec) -> None:
    plan = plan_cluster(spec(num_slices=100), Observed.nothing())
    assert {step.component: step.resources["limits"] for step in of_kind(plan, InstallRelease)} == {
        "JobSet": {"memory": "7680Mi"},
        "Kueue": {"cpu": "28", "memory": "224Gi"},
    }


def test_what_only_a_new_cluster_gets_is_said(spec: MakeSpec, applied: Applied) -> None:
    there = applied(spec())
    assert plan_cluster(spec(), there).notes == ()
    later = spec(gke_version=GkeVersion.parse("1.34.1-gke.1000000"), private=PrivateAccess())
    plan = plan_cluster(later, there)
    assert [planned.step for planned in plan.steps] == [
        UpdateCluster(
            "projects/p1/locations/us-east5/clusters/mtc-1",
            {"desiredMasterVersion": "1.34.1-gke.1000000"},
            "control plane 1.33.5-gke.1201000 -> 1.34.1-gke.1000000; nodes stay as they are",
        )
    ]
    assert any("is not private" in note for note in plan.notes)
    older = plan_cluster(spec(gke_version=GkeVersion.parse("1.33.1-gke.1000000")), there)
    assert older.empty
    assert any("newer than --gke-version 1.33.1-gke.1000000: it stays so" in note for note in older.notes)
