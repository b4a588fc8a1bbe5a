"""Node pools of the emulated GKE over HTTP: creation, refusals, updates, deletion."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]


def notes(emulator: Emulator, path: str) -> list[list[Any]]:
    """What the cluster's world was told."""
    world: Any = emulator.cloud.store.worlds[path.removeprefix("/v1/")]
    told: list[list[Any]] = world.notes
    return told


def merged(base: Json, extra: Json) -> Json:
    """A copy with fields replaced, one level deep inside `config`; None removes."""
    result = copy.deepcopy(base)
    for name, value in extra.items():
        if name == "config":
            result["config"] = {**result["config"], **value}
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def test_create(call: Call, clock: ManualClock, emulator: Emulator, running: str, slice_pool: Json) -> None:
    status, operation = call("POST", f"{running}/nodePools", {"nodePool": slice_pool})
    assert (status, operation["operationType"]) == (200, "CREATE_NODE_POOL")
    assert operation["targetLink"].endswith("/clusters/mtc/nodePools/mtc-np-0")
    assert call("GET", f"{running}/nodePools/mtc-np-0")[1]["status"] == "PROVISIONING"
    assert call("GET", running)[1]["currentNodeCount"] == 6
    clock.jump(500)
    pool = call("GET", f"{running}/nodePools/mtc-np-0")[1]
    assert pool["status"] == "RUNNING"
    assert pool["locations"] == ["us-east5-a"]
    assert pool["config"]["bootDisk"]["diskType"] == "pd-balanced"
    assert pool["management"] == {"autoUpgrade": True, "autoRepair": True}
    assert notes(emulator, running)[-1] == ["add_pool", "mtc-np-0", 16, 16]
    listed = call("GET", f"{running}/nodePools")[1]["nodePools"]
    assert [item["name"] for item in listed] == ["default-pool", "mtc-np-0"]
    cluster = call("GET", running)[1]
    assert cluster["nodePools"] == listed
    assert cluster["currentNodeCount"] == 22


def test_a_name_is_taken_once(call: Call, running: str, slice_pool: Json) -> None:
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 200
    status, body = call("POST", f"{running}/nodePools", {"nodePool": slice_pool})
    assert (status, body["error"]["status"]) == (409, "ALREADY_EXISTS")


V6E = {"config": {"machineType": "ct6e-standard-4t"}, "initialNodeCount": 4}
V6E["placementPolicy"] = {"type": "COMPACT", "tpuTopology": "4x4"}
SPECIFIC = {
    "consumeReservationType": "SPECIFIC_RESERVATION",
    "key": "compute.googleapis.com/reservation-name",
    "values": ["res"],
}
FLEX = {
    "initialNodeCount": None,
    "autoscaling": {"enabled": True, "maxNodeCount": 16, "locationPolicy": "ANY"},
    "management": {"autoUpgrade": True},
    "config": {"flexStart": True, "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}},
}
FLEX_CONFIG = FLEX["config"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"name": "p" * 41}, "at most 40 characters"),
        ({"name": None}, "must start with a letter"),
        ({"initialNodeCount": 8}, "must be 16"),
        ({"placementPolicy": None}, "TPU topology must be specified"),
        ({"placementPolicy": {"tpuTopology": "4x4"}}, "is not supported by machine type"),
        ({"placementPolicy": {"tpuTopology": "3x3x3"}}, "is not supported by machine type"),
        ({"placementPolicy": {"tpuTopology": "big"}}, "is not supported by machine type"),
        ({"locations": ["us-east5-a", "us-east5-b"]}, "exactly one zone"),
        ({"config": {"taints": [{"value": "v", "effect": "NO_SCHEDULE"}]}}, "must have a key"),
        ({"config": {"machineType": "ct9p-hightpu-4t"}}, "does not exist"),
        ({"config": {"diskType": "hyperdisk-balanced"}}, "not compatible for machine type ct5p-hightpu-4t"),
        ({**V6E, "config": {"machineType": "ct6e-standard-4t", "diskType": "pd-balanced"}}, "not compatible"),
        ({"config": {"bootDisk": {"diskType": "pd-nothing"}}}, "not compatible"),
        ({"config": {"spot": True, "reservationAffinity": SPECIFIC}}, "cannot consume reservations"),
        ({"config": {"spot": True, "flexStart": True}}, "Only one of"),
        ({"config": {"reservationAffinity": {**SPECIFIC, "values": []}}}, "and a value"),
        ({**FLEX, "autoscaling": None}, "need autoscaling"),
        ({**FLEX, "autoscaling": {"enabled": True, "maxNodeCount": 15}}, "must be 16"),
        ({**FLEX, "management": None}, "Auto-repair must be disabled"),
        ({**FLEX, "config": {"flexStart": True}}, "NO_RESERVATION"),
        ({**FLEX, "initialNodeCount": 16}, "initial node count of zero"),
        ({"queuedProvisioning": {"enabled": True}}, "needs autoscaling"),
        ({"version": "1.34.0-gke.2201000"}, "must not be newer than"),
        ({"version": "1.30.12-gke.1333000"}, "more than two minor versions older"),
        (
            {"placementPolicy": None, "initialNodeCount": 1001, "config": {"machineType": "e2-standard-4"}},
            "at most 1000",
        ),
        (
            {"config": {"hostMaintenancePolicy": {}}},
            "Unknown name \"hostMaintenancePolicy\" at 'node_pool.config'",
        ),
        ({"flags": 1}, "Unknown name \"flags\" at 'node_pool': Cannot find field."),
        ({"initialNodeCount": "many"}, "Invalid value at 'node_pool.initial_node_count'"),
    ],
)
def test_refusals(call: Call, running: str, slice_pool: Json, extra: Json, message: str) -> None:
    status, body = call("POST", f"{running}/nodePools", {"nodePool": merged(slice_pool, extra)})
    assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert message in body["error"]["message"]
    assert len(call("GET", f"{running}/nodePools")[1]["nodePools"]) == 1


@pytest.mark.parametrize(
    ("extra", "noted"),
    [
        (V6E, [4, 4]),
        ({**V6E, "config": {"machineType": "ct6e-standard-4t", "diskType": "hyperdisk-balanced"}}, [4, 4]),
        (FLEX, [0, 16]),
        ({"config": {"reservationAffinity": SPECIFIC}}, [16, 16]),
        ({"config": {"spot": True}}, [16, 16]),
        ({"initialNodeCount": 1, "placementPolicy": None}, [1, 1]),
        (
            {
                "placementPolicy": None,
                "initialNodeCount": 2,
                "config": {"machineType": "n2-standard-8"},
                "autoscaling": {"enabled": True, "totalMaxNodeCount": 9},
            },
            [2, 9],
        ),
        ({"version": "1.32.4-gke.1415000"}, [16, 16]),
    ],
)
def test_accepted(
    call: Call,
    clock: ManualClock,
    emulator: Emulator,
    running: str,
    slice_pool: Json,
    extra: Json,
    noted: list[int],
) -> None:
    assert call("POST", f"{running}/nodePools", {"nodePool": merged(slice_pool, extra)})[0] == 200
    clock.jump(1000)
    assert call("GET", f"{running}/nodePools/mtc-np-0")[1]["status"] == "RUNNING"
    assert notes(emulator, running)[-1] == ["add_pool", "mtc-np-0", *noted]


def test_v6e_gets_its_disk(call: Call, running: str, slice_pool: Json) -> None:
    call("POST", f"{running}/nodePools", {"nodePool": merged(slice_pool, V6E)})
    config = call("GET", f"{running}/nodePools/mtc-np-0")[1]["config"]
    assert (config["diskType"], config["bootDisk"]["diskType"]) == ("hyperdisk-balanced",) * 2


def test_host_maintenance_is_v1beta1_only(call: Call, running: str, slice_pool: Json) -> None:
    pool = merged(slice_pool, {"config": {"hostMaintenancePolicy": {"maintenanceInterval": 2}}})
    beta = running.replace("/v1/", "/v1beta1/")
    assert call("POST", f"{beta}/nodePools", {"nodePool": pool})[0] == 200
    shown = call("GET", f"{beta}/nodePools/mtc-np-0")[1]["config"]
    assert shown["hostMaintenancePolicy"] == {"maintenanceInterval": "PERIODIC"}
    for stable in (
        call("GET", f"{running}/nodePools/mtc-np-0")[1],
        call("GET", f"{running}/nodePools")[1]["nodePools"][1],
        call("GET", running)[1]["nodePools"][1],
    ):
        assert stable["name"] == "mtc-np-0"
        assert "hostMaintenancePolicy" not in stable["config"]


@pytest.mark.parametrize(
    ("update", "read", "after"),
    [
        (
            {"workloadMetadataConfig": {"mode": 2}},
            ("config", "workloadMetadataConfig"),
            {"mode": "GKE_METADATA"},
        ),
        ({"labels": {"labels": {"a": "b"}}}, ("config", "labels"), {"a": "b"}),
        ({"tags": {"tags": ["x"]}}, ("config", "tags"), ["x"]),
        ({"resourceLabels": {"labels": {"team": "a"}}}, ("config", "resourceLabels"), {"team": "a"}),
        ({"upgradeSettings": {"maxSurge": 2}}, ("upgradeSettings",), {"maxSurge": 2}),
        ({"nodeVersion": "1.32.9-gke.1108000"}, ("version",), "1.32.9-gke.1108000"),
    ],
)
def test_update(
    call: Call,
    clock: ManualClock,
    emulator: Emulator,
    running: str,
    update: Json,
    read: tuple[str, ...],
    after: object,
) -> None:
    path = f"{running}/nodePools/default-pool"
    assert call("PUT", path, update)[0] == 200
    assert call("GET", path)[1]["status"] == "RECONCILING"
    clock.jump(500)
    pool = call("GET", path)[1]
    assert pool["status"] == "RUNNING"
    for name in read:
        pool = pool[name]
    assert pool == after
    assert notes(emulator, running)[-2:] == [
        ["remove_pool", "default-pool"],
        ["add_pool", "default-pool", 6, 6],
    ]


@pytest.mark.parametrize(
    ("update", "status"),
    [
        ({}, 400),
        ({"placementPolicy": {}}, 400),
        ({"image": "x"}, 501),
        ({"nodeVersion": "1.34"}, 400),
        ({"taints": {"taints": [{"effect": "NO_SCHEDULE"}]}}, 400),
    ],
)
def test_refused_updates(call: Call, running: str, update: Json, status: int) -> None:
    assert call("PUT", f"{running}/nodePools/default-pool", update)[0] == status
    assert call("PUT", f"{running}/nodePools/none", {"locations": ["us-east5-a"]})[0] == 404


def test_delete(call: Call, clock: ManualClock, emulator: Emulator, running: str) -> None:
    path = f"{running}/nodePools/default-pool"
    assert call("DELETE", path)[1]["operationType"] == "DELETE_NODE_POOL"
    assert call("GET", path)[1]["status"] == "STOPPING"
    clock.jump(500)
    assert call("GET", path)[0] == 404
    assert call("DELETE", path)[0] == 404
    assert call("GET", f"{running}/nodePools") == (200, {})
    assert notes(emulator, running)[-1] == ["remove_pool", "default-pool"]


def test_pools_of_a_cluster_that_is_not_there(call: Call, slice_pool: Json) -> None:
    path = "/v1/projects/proj-1/locations/us-east5/clusters/none/nodePools"
    assert call("GET", path)[0] == 404
    assert call("POST", path, {"nodePool": slice_pool})[0] == 404
