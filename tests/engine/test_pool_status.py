"""Node pools as slices: what should be there and what is."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.engine.clusters import cluster_status, list_clusters, usage_of
from xpk.engine.pool_status import capacity_of, pools_of, slice_type_of
from xpk.engine.wire import Json
from xpk.plan.slices import by_number


def pool(name: str, machine: str = "ct6e-standard-4t", topology: str = "4x4", **fields: Any) -> Json:
    found: Json = {"name": name, "config": {"machineType": machine}, "status": "RUNNING", "locations": ["z"]}
    if topology:
        found["placementPolicy"] = {"tpuTopology": topology}
    return {"initialNodeCount": 4, **found, **fields}


def node(pool_name: str, number: int, *, ready: bool = True) -> Json:
    condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
    labels = {"cloud.google.com/gke-nodepool": pool_name}
    return {
        "metadata": {"name": f"{pool_name}-{number}", "labels": labels},
        "status": {"conditions": [condition]},
    }


def test_a_half_provisioned_slice_and_one_without_a_node_are_seen() -> None:
    cluster = {"nodePools": [pool("c-np-10"), pool("c-np-2"), pool("c-np-0")]}
    nodes = [node("c-np-0", i, ready=i != 3) for i in range(4)] + [node("c-np-2", i) for i in range(3)]
    found = pools_of(cluster, nodes, {"c-np-0": ("w1",)})
    assert [(p.name, p.hosts, p.hosts_joined, p.hosts_ready, p.running) for p in found] == [
        ("c-np-0", 4, 4, 3, ("w1",)),
        ("c-np-2", 4, 3, 3, ()),
        ("c-np-10", 4, 0, 0, ()),
    ]
    assert not any(p.whole for p in found)


def test_a_failed_pool_says_why_and_is_clean() -> None:
    conditions = [{"code": "GCE_STOCKOUT", "message": "no\x1b[0m machines"}]
    (found,) = pools_of({"nodePools": [pool("c-np-0", status="ERROR", conditions=conditions)]}, [])
    assert (found.status, found.message) == ("ERROR", "no [0m machines")


@pytest.mark.parametrize(
    ("machine", "topology", "name"),
    [
        ("ct6e-standard-4t", "16x16", "v6e-256"),
        ("ct5p-hightpu-4t", "4x4x8", "v5p-256"),
        ("ct6e-standard-8t", "", "v6e-8t"),
        ("e2-standard-16", "", None),
        ("ct6e-standard-4t", "7x7", None),
    ],
)
def test_the_slice_of_a_pool(machine: str, topology: str, name: str | None) -> None:
    shape = slice_type_of(pool("p", machine, topology))
    if name is None:
        assert shape is None
    else:
        assert shape is not None
        assert (shape.machine.name, shape.topology_text) == (machine, topology or shape.topology_text)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "on demand"),
        ({"spot": True}, "spot"),
        ({"flexStart": True}, "flex start"),
        (
            {"reservationAffinity": {"consumeReservationType": "SPECIFIC_RESERVATION", "values": ["r1"]}},
            "reservation r1",
        ),
        ({"reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}}, "on demand"),
    ],
)
def test_capacity_in_words(config: Json, words: str) -> None:
    assert capacity_of({"config": config}) == words


def test_names_in_the_order_of_their_numbers() -> None:
    names = ["c-np-10", "c-np-2", "default-pool", "c-np-0"]
    assert sorted(names, key=by_number) == ["c-np-0", "c-np-2", "c-np-10", "default-pool"]


def test_a_cluster_from_gkes_json_alone() -> None:
    found = cluster_status(
        {
            "name": "c",
            "location": "us-east5",
            "addonsConfig": {"highScaleCheckpointingConfig": {"enabled": True}},
            "nodePools": [
                pool("c-np-0"),
                pool("c-np-1", status="ERROR"),
                pool("default-pool", "e2-standard-16", ""),
            ],
        }
    )
    assert (found.slices, found.hosts, found.pools_failed, found.mtc) == ((("v6e-16", 2),), 8, 1, True)


def test_clusters_of_a_region_include_those_of_its_zones_and_no_others() -> None:
    class Clouds:
        def list_clusters(self, parent: str) -> list[Json]:
            assert parent == "projects/p/locations/-"
            places = ["us-east5", "us-east5-b", "us-east51", "us-east1"]
            return [{"name": f"c{i}", "location": place} for i, place in enumerate(places)]

    class Bundle:
        gke: Any = Clouds()

    bundle: Any = Bundle()
    assert [c.location for c in list_clusters(bundle, "p", "us-east5")] == ["us-east5", "us-east5-b"]
    assert len(list_clusters(bundle, "p")) == 4


def test_usage_of_a_queue() -> None:
    queue = {
        "metadata": {"name": "cluster-queue"},
        "spec": {
            "resourceGroups": [
                {"flavors": [{"name": "f", "resources": [{"name": "google.com/tpu", "nominalQuota": "32"}]}]}
            ]
        },
        "status": {
            "flavorsUsage": [{"name": "f", "resources": [{"name": "google.com/tpu", "total": "16"}]}],
            "pendingWorkloads": 2,
        },
    }
    (found,) = usage_of(queue)
    assert (found.used, found.quota, found.pending, found.admitted) == ("16", "32", 2, 0)
    (empty,) = usage_of({**queue, "status": {}})
    assert empty.used == "0"
