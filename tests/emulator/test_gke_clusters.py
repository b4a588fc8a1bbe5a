"""Clusters of the emulated GKE over HTTP: creation, refusals, updates, deletion."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
PARENT = "/v1/projects/proj-1/locations/us-east5"


def changed(base: Json, **fields: Any) -> Json:
    """A copy with some fields replaced; None removes one."""
    copied = copy.deepcopy(base)
    copied.update(fields)
    return {name: value for name, value in copied.items() if value is not None}


def test_create_fills_in_what_gke_does(call: Call, clock: ManualClock, mtc_cluster: Json) -> None:
    status, operation = call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
    assert (status, operation["operationType"], operation["status"]) == (200, "CREATE_CLUSTER", "PENDING")
    before = call("GET", f"{PARENT}/clusters/mtc")[1]
    assert before["status"] == "PROVISIONING"
    assert "endpoint" not in before
    clock.jump(1000)
    cluster = call("GET", f"{PARENT}/clusters/mtc")[1]
    assert cluster["status"] == "RUNNING"
    assert cluster["endpoint"].startswith("203.0.113.")
    assert cluster["selfLink"] == f"https://container.googleapis.com{PARENT}/clusters/mtc"
    assert cluster["currentMasterVersion"] == "1.33.5-gke.1201000"
    assert cluster["releaseChannel"] == {"channel": "STABLE"}
    assert cluster["currentNodeCount"] == 6
    assert cluster["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"].endswith(
        ".us-east5.gke.goog"
    )
    assert cluster["masterAuth"]["clusterCaCertificate"]
    [pool] = cluster["nodePools"]
    assert pool["status"] == "RUNNING"
    assert pool["config"]["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
    assert pool["version"] == "1.33.5-gke.1201000"


def test_lists_of_one_place_and_of_all(call: Call, running: str) -> None:
    for location, names in (("us-east5", ["mtc"]), ("-", ["mtc"]), ("europe-west4", [])):
        status, body = call("GET", f"/v1/projects/proj-1/locations/{location}/clusters")
        assert status == 200
        assert [cluster["name"] for cluster in body.get("clusters", [])] == names
    assert call("GET", "/v1/projects/other-1/locations/-/clusters") == (200, {})


def test_a_name_is_taken_once(call: Call, running: str, mtc_cluster: Json) -> None:
    status, body = call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
    assert (status, body["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert body["error"]["message"] == "Already exists: projects/proj-1/locations/us-east5/clusters/mtc."


ON = {"enabled": True}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a" * 41}, "at most 40 characters"),
        ({"name": "Upper"}, "must start with a letter"),
        ({"name": None}, "must start with a letter"),
        ({"name": "ends-"}, "must start with a letter"),
        ({"nodePools": None}, "Cluster.initial_node_count must be greater than zero."),
        ({"initialNodeCount": 1}, "should not be set if node_config or initial_node_count"),
        ({"initialClusterVersion": "1.99"}, "is unsupported"),
        ({"initialClusterVersion": "1.31.12-gke.1265000"}, "requires GKE version"),
        (
            {"releaseChannel": {"channel": "STABLE"}, "initialClusterVersion": "1.34.1-gke.2037001"},
            "not a valid version for release channel STABLE",
        ),
        ({"workloadIdentityConfig": None}, "requires Workload Identity"),
        ({"workloadIdentityConfig": {"workloadPool": "other.svc.id.goog"}}, "Invalid workload pool"),
        ({"addonsConfig": {"highScaleCheckpointingConfig": ON}}, "requires the GcsFuseCsiDriver"),
        ({"networkConfig": {"enableMultiNetworking": True}}, "ADVANCED_DATAPATH"),
        ({"locations": ["europe-west4-a"]}, "is not a zone of the region"),
        ({"locations": ["us-east5"]}, "is not a zone of the region"),
        ({"nodePools": [{"name": "a", "config": {"machineType": "e3-big"}}]}, "does not exist"),
        ({"nodePools": [{"name": "a"}, {"name": "a"}]}, "must be unique"),
    ],
)
def test_refusals(call: Call, mtc_cluster: Json, fields: Json, message: str) -> None:
    status, body = call("POST", f"{PARENT}/clusters", {"cluster": changed(mtc_cluster, **fields)})
    assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert message in body["error"]["message"]
    assert call("GET", f"{PARENT}/clusters") == (200, {})


@pytest.mark.parametrize(
    ("version", "channel", "resolved", "enrolled"),
    [
        (None, None, "1.33.5-gke.1308000", "REGULAR"),
        ("-", None, "1.33.5-gke.1308000", "REGULAR"),
        ("1.33", None, "1.33.5-gke.1201000", "STABLE"),
        ("1.32.3-gke.1785000", None, "1.32.3-gke.1785000", "STABLE"),
        ("1.32.9-gke.1239000", None, "1.32.9-gke.1239000", "REGULAR"),
        ("1.34.1", None, "1.34.1-gke.2037001", "RAPID"),
        ("latest", {"channel": "STABLE"}, "1.33.5-gke.1201000", "STABLE"),
        ("1.33", {"channel": 1}, "1.33.5-gke.1697000", "RAPID"),
        ("1.33.5", {}, "1.33.5-gke.1697000", None),
        (None, {"channel": "UNSPECIFIED"}, "1.33.5-gke.1308000", None),
    ],
)
def test_version_and_channel(
    call: Call,
    mtc_cluster: Json,
    version: str | None,
    channel: Json | None,
    resolved: str,
    enrolled: str | None,
) -> None:
    wanted = changed(mtc_cluster, initialClusterVersion=version, releaseChannel=channel)
    assert call("POST", f"{PARENT}/clusters", {"cluster": wanted})[0] == 200
    cluster = call("GET", f"{PARENT}/clusters/mtc")[1]
    assert cluster["currentMasterVersion"] == resolved
    assert cluster["releaseChannel"].get("channel") == enrolled


def test_server_config_offers_what_create_accepts(call: Call, mtc_cluster: Json) -> None:
    config = call("GET", f"{PARENT}/serverConfig")[1]
    channels = {item["channel"]: item for item in config["channels"]}
    assert set(channels) == {"RAPID", "REGULAR", "STABLE", "EXTENDED"}
    for item in channels.values():
        assert item["defaultVersion"] in item["validVersions"]
    assert "1.32.3-gke.1785000" in config["validMasterVersions"]
    assert set(channels["STABLE"]["validVersions"]) < set(channels["RAPID"]["validVersions"])


def test_worlds_live_as_long_as_their_cluster(
    call: Call, emulator: Emulator, clock: ManualClock, mtc_cluster: Json
) -> None:
    call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
    path = "/kubernetes/projects/proj-1/locations/us-east5/clusters/mtc/api/v1/nodes"
    assert call("GET", path)[0] == 503
    clock.jump(1000)
    assert call("GET", f"{path}?limit=5")[1] == {"path": "/api/v1/nodes", "query": {"limit": ["5"]}}
    world: Any = emulator.cloud.store.worlds["projects/proj-1/locations/us-east5/clusters/mtc"]
    assert world.notes == [
        ["add_pool", "default-pool", 6, 6],
        ["set_addon", "GcsFuseCsiDriver", True],
        ["set_addon", "HighScaleCheckpointing", True],
    ]
    status, operation = call("DELETE", f"{PARENT}/clusters/mtc")
    assert (status, operation["operationType"]) == (200, "DELETE_CLUSTER")
    assert call("GET", f"{PARENT}/clusters/mtc")[1]["status"] == "STOPPING"
    clock.jump(1000)
    assert call("GET", f"{PARENT}/clusters/mtc")[0] == 404
    assert call("GET", path)[0] == 503


@pytest.mark.parametrize(
    ("update", "field", "after"),
    [
        ({"desiredReleaseChannel": {"channel": "RAPID"}}, "releaseChannel", {"channel": "RAPID"}),
        ({"desiredMasterVersion": "1.33.5-gke.1201000"}, "currentMasterVersion", "1.33.5-gke.1201000"),
        (
            {"desiredAddonsConfig": {"highScaleCheckpointingConfig": {}}},
            "addonsConfig",
            {"gcsFuseCsiDriverConfig": ON, "highScaleCheckpointingConfig": {}},
        ),
        (
            {"desiredWorkloadIdentityConfig": {"workloadPool": "proj-1.svc.id.goog"}},
            "workloadIdentityConfig",
            {"workloadPool": "proj-1.svc.id.goog"},
        ),
    ],
)
def test_updates(
    call: Call, clock: ManualClock, running: str, update: Json, field: str, after: object
) -> None:
    status, operation = call("PUT", running, {"update": update})
    assert (status, operation["status"]) == (200, "PENDING")
    assert call("GET", running)[1]["status"] == "RECONCILING"
    clock.jump(1000)
    cluster = call("GET", running)[1]
    assert (cluster["status"], cluster[field]) == ("RUNNING", after)


@pytest.mark.parametrize(
    ("update", "status", "message"),
    [
        ({}, 400, "Exactly one update"),
        ({"desiredReleaseChannel": {}, "desiredMasterVersion": "1.34"}, 400, "Exactly one update"),
        ({"desiredAddonsConfig": {"gcsFuseCsiDriverConfig": {}}}, 400, "requires the GcsFuseCsiDriver"),
        ({"desiredWorkloadIdentityConfig": {}}, 400, "requires Workload Identity"),
        ({"desiredMasterVersion": "1.32"}, 400, "cannot be downgraded"),
        ({"desiredNodeVersion": "1.33"}, 501, "desiredNodeVersion"),
        ({"desiredNothing": 1}, 400, "Unknown name \"desiredNothing\" at 'update'"),
    ],
)
def test_refused_updates(call: Call, running: str, update: Json, status: int, message: str) -> None:
    answer, body = call("PUT", running, {"update": update})
    assert answer == status
    assert message in body["error"]["message"]
    assert call("GET", running)[1]["status"] == "RUNNING"


def test_add_ons_of_an_existing_cluster(
    call: Call, clock: ManualClock, emulator: Emulator, mtc_cluster: Json
) -> None:
    plain = changed(mtc_cluster, addonsConfig=None, workloadIdentityConfig=None)
    call("POST", f"{PARENT}/clusters", {"cluster": plain})
    clock.jump(1000)
    path = f"{PARENT}/clusters/mtc"
    both = {"desiredAddonsConfig": mtc_cluster["addonsConfig"]}
    assert call("PUT", path, {"update": both})[0] == 400
    identity = {"desiredWorkloadIdentityConfig": mtc_cluster["workloadIdentityConfig"]}
    assert call("PUT", path, {"update": identity})[0] == 200
    status, body = call("PUT", path, {"update": both})
    assert (status, body["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert "Please wait and try again once it is done." in body["error"]["message"]
    clock.jump(200)
    assert call("PUT", path, {"update": both})[0] == 200
    clock.jump(200)
    assert call("GET", path)[1]["addonsConfig"] == mtc_cluster["addonsConfig"]
    world: Any = emulator.cloud.store.worlds[path.removeprefix("/v1/")]
    assert world.notes[-1] == ["set_addon", "HighScaleCheckpointing", True]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{PARENT}/clusters/mtc:setLogging"),
        ("POST", f"{PARENT}/clusters/mtc/nodePools/a:setSize"),
        ("POST", f"{PARENT}/operations/operation-1:cancel"),
        ("PATCH", f"{PARENT}/clusters/mtc"),
        ("GET", f"{PARENT}/nothing"),
        ("GET", "/v1/projects/proj-1/zones/us-east5-a/clusters"),
        ("GET", "/v2/anything"),
        ("GET", "/"),
    ],
)
def test_unknown_routes_are_501(call: Call, method: str, path: str) -> None:
    status, body = call(method, path, {} if method != "GET" else None)
    assert (status, body["error"]["status"]) == (501, "UNIMPLEMENTED")


def test_a_body_that_is_no_json(call: Call) -> None:
    for body in ("{", "[1]", "text"):
        status, answer = call("POST", f"{PARENT}/clusters", body)
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_unknown_query_parameter(call: Call) -> None:
    assert call("GET", f"{PARENT}/clusters?%24alt=json%3Benum-encoding%3Dint") == (200, {})
    assert call("GET", f"{PARENT}/clusters?verbose=1")[0] == 400


def test_impossible_location(call: Call) -> None:
    assert call("GET", "/v1/projects/proj-1/locations/nowhere/clusters")[0] == 400
