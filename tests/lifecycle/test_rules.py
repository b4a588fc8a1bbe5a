"""GKE's rules for operations, as the engine meets them. Time is emulated: what is measured is exact."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import pytest

from xpk.errors import CloudError, NotReady, StateError, StockoutError
from xpk.spec.cluster import parse_place

CLUSTER = parse_place("my-project", "us-east5-b").cluster("c1")
SIZES = [(1, 6), (2, 10), (5, 24), (20, 48), (100, 64)]
"""(operations at once, slices); all with 64 slices when XPK_RULES is "all"."""


# how many operations at once


@pytest.mark.parametrize(("quota", "slices"), SIZES)
def test_the_quota_of_operations_is_found_out_and_used(
    google_with: Any, spec: Any, quota: int, slices: int
) -> None:
    slices = 64 if os.environ.get("XPK_RULES") == "all" else slices
    with google_with(quota) as google:
        begin = google.clock.now()
        google.create(spec(slices, "v5litepod-8", ramdisk=None))
        took = google.clock.now() - begin
        (cluster,), pools = google.operations("CREATE_CLUSTER"), google.operations("CREATE_NODE_POOL")
        refused = google.refusals(429)
        ideal = cluster.seconds + math.ceil(slices / quota) * pools[0].seconds
        polls = sum(r["path"].endswith("/operations") for r in google.requests)
    words = f"{took / ideal:.3f} of the ideal, {len(refused)} refused, {polls} polls"
    sys.stdout.write(f"quota {quota}, {slices} slices: {words}\n")
    assert len(pools) == slices
    assert len(refused) <= 20, "those under way when the first was refused, and no more"
    assert polls <= took, "one a second on the whole"
    assert took <= 1.1 * ideal


def test_a_quota_that_others_use_up_is_waited_for(google_with: Any, spec: Any) -> None:
    with google_with(3) as google:
        google.create(spec(1, "v5litepod-8", ramdisk=None))
        plan = google.plan(spec(6, "v5litepod-8", ramdisk=None))
        google.fault(world="operation-stuck", target="/other-", times=0)
        for index in range(3):
            pool = {"nodePool": {"name": f"other-{index}", "initialNodeCount": 1}}
            google.cloud.gke.send("POST", f"/v1/{CLUSTER}/nodePools", pool)
        google.requests.clear()
        google.clock.after(2000, google.heal)
        google.apply(plan)
        assert set(google.pools().values()) == {"RUNNING"}
        assert len(google.refusals(429)) <= 20 + 150 + 2000 / 5, "at most every five seconds after a while"


# one operation on the cluster, or one on each pool


def test_a_change_of_somebody_elses_to_the_cluster_is_waited_for(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    plan = google.plan(spec(9, ramdisk=None))
    update = {"update": {"desiredAddonsConfig": {"gcpFilestoreCsiDriverConfig": {"enabled": True}}}}
    google.cloud.gke.send("PUT", f"/v1/{CLUSTER}", update)
    begin = google.clock.now()
    google.requests.clear()
    google.apply(plan)
    assert 0 < len(google.refusals(400)) <= 100
    assert google.clock.now() - begin <= 1.1 * (120 + google.operations("CREATE_NODE_POOL")[-1].seconds + 30)
    assert google.plan(spec(9, ramdisk=None)).empty


def test_a_change_to_the_cluster_waits_for_pools_that_somebody_else_makes(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    plan = google.plan(spec(1))
    assert any(step.id.startswith("update/") for step in plan.steps)
    pool = {"nodePool": {"name": "other", "initialNodeCount": 1}}
    google.cloud.gke.send("POST", f"/v1/{CLUSTER}/nodePools", pool)
    google.requests.clear()
    google.apply(plan)
    assert google.refusals(400)
    assert not [step.id for step in google.plan(spec(1)).steps if step.id.startswith("update/")]


def test_an_operation_on_one_pool_holds_no_other_one_back(google: Any, spec: Any) -> None:
    google.made(spec(2, ramdisk=None))
    plan = google.plan(spec(4, "v6e-32", ramdisk=None))
    google.fault(world="operation-stuck", operation="UPGRADE_NODES")
    pool = google.cloud.gke.get_node_pool(f"{CLUSTER}/nodePools/c1-np-0")
    google.cloud.gke.send("PUT", f"/v1/{CLUSTER}/nodePools/c1-np-0", {"nodeVersion": pool["version"]})
    begin = google.clock.now()
    google.clock.after(1500, google.heal)
    google.apply(plan)
    ended = google.ended()
    late = {step for step, at in ended.items() if at > begin + 1500}
    assert "delete/c1-np-0" in late
    assert ended["delete/c1-np-1"] < begin + 120
    assert google.plan(spec(4, "v6e-32", ramdisk=None)).empty


def test_what_somebody_else_changes_while_a_deletion_waits_is_kept(google: Any, spec: Any) -> None:
    google.made(spec(2, ramdisk=None))
    plan = google.plan(spec(1, ramdisk=None))
    google.fault(world="operation-stuck", operation="UPDATE_NODE_POOL")
    google.cloud.gke.send("PUT", f"/v1/{CLUSTER}/nodePools/c1-np-1", {"tags": {"tags": ["theirs"]}})
    google.clock.after(600, google.heal)
    with pytest.raises(StateError) as caught:
        google.apply(plan)
    assert "was changed by somebody else" in caught.value.faults[0].why
    assert google.refusals(400), "it waited for the other operation"
    assert google.pools()["c1-np-1"] == "RUNNING"


def test_a_deletion_waits_for_what_runs_on_the_cluster(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    google.fault(world="control-plane-resize", cluster="c1", after_pools=0, seconds=300)
    google.requests.clear()
    google.delete()
    assert google.refusals(400)
    assert google.cloud.gke.get_cluster(CLUSTER) is None


# operations that fail


def test_a_pool_in_error_keeps_its_name_until_it_is_deleted(google: Any, spec: Any) -> None:
    google.fault(world="operation-error", operation="CREATE_NODE_POOL", target="np-1$", message="Broken.")
    with pytest.raises(CloudError) as caught:
        google.create(spec(3))
    assert (caught.value.faults[0].what, caught.value.faults[0].why) == ("node pool c1-np-1", "Broken.")
    assert google.pools()["c1-np-1"] == "ERROR"
    plan = google.plan(spec(3))
    order = [step.id for step in plan.steps]
    assert order.index("delete/c1-np-1") < order.index("pool/c1-np-1")
    google.requests.clear()
    google.apply(plan)
    sent = [(r["method"], r["status"]) for r in google.requests if "nodePools" in r["path"]]
    assert [pair for pair in sent if pair[0] != "GET"] == [("DELETE", 200), ("POST", 200)], "no 409"
    assert google.plan(spec(3)).empty


def test_a_cluster_in_error_takes_nothing_but_its_deletion(google: Any, spec: Any) -> None:
    google.fault(world="operation-error", operation="CREATE_CLUSTER", message="Broken.")
    with pytest.raises(CloudError, match="Broken"):
        google.create(spec(1))
    with pytest.raises(StateError, match="ERROR") as caught:
        google.plan(spec(1))
    assert "xpk cluster delete" in str(caught.value.faults[0].fix)
    google.delete()
    google.create(spec(1))
    assert google.plan(spec(1)).empty


def test_a_change_that_fails_is_planned_again(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    google.fault(world="operation-error", operation="UPDATE_CLUSTER", message="Broken.")
    with pytest.raises(CloudError, match="Broken"):
        google.create(spec(1))
    google.fault(world="operation-error", operation="UPDATE_NODE_POOL", message="Broken.")
    with pytest.raises(CloudError, match="Broken"):
        google.create(spec(1))
    assert "RUNNING_WITH_ERROR" in google.pools().values()
    google.create(spec(1))
    assert google.plan(spec(1)).empty


def test_a_deletion_that_fails_is_done_by_the_same_command_again(google: Any, spec: Any) -> None:
    google.create(spec(1))
    google.fault(world="operation-error", operation="DELETE_CLUSTER", message="Broken.")
    with pytest.raises(CloudError, match="Broken"):
        google.delete()
    google.delete()
    assert google.cloud.gke.get_cluster(CLUSTER) is None
    assert "gke-checkpointing-multitier-node" not in str(google.cloud.storage.iam_policy("my-bucket"))


def test_an_operation_that_never_ends_is_given_up_and_gone_on_with(google: Any, spec: Any) -> None:
    google.fault(world="operation-stuck", operation="CREATE_NODE_POOL", target="np-1$")
    with pytest.raises(NotReady) as caught:
        google.create(spec(2, "v5litepod-8", ramdisk=None))
    assert "not done after 60 minutes; Google goes on with it" in caught.value.faults[0].why
    google.clock.after(600, google.heal)
    google.create(spec(2, "v5litepod-8", ramdisk=None))
    assert google.plan(spec(2, "v5litepod-8", ramdisk=None)).empty
    assert len(google.operations("CREATE_NODE_POOL")) == 2


def test_no_machines_for_one_slice_are_waited_for_while_the_others_work(google: Any, spec: Any) -> None:
    google.fault(world="stockout", pool="np-1$", times=1)
    begin = google.clock.now()
    with pytest.raises(StockoutError) as caught:
        google.create(spec(4))
    assert "Not all instances running in IGM after 35m" in caught.value.faults[0].why
    assert "usable: 3 of 4 slices" in caught.value.faults[-1].why
    ended = google.ended()
    took = 35 * 60 + google.operations("CREATE_CLUSTER")[0].seconds
    assert took <= google.clock.now() - begin <= took * 1.05 + 60
    for pool in ("c1-np-0", "c1-np-2", "c1-np-3"):
        assert ended[f"pool/{pool}"] < begin + 0.3 * took
    assert "3 of 4 slices" in google.words("apply/ClusterQueue"), "they were in the queue meanwhile"
    google.create(spec(4))
    assert google.plan(spec(4)).empty
