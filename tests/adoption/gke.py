"""The requests to GKE of Google's xpk 1.16, by way of gcloud: `clusters create` and `node-pools create`.

Each field is that of a flag which xpk passes (AI-Hypercomputer/xpk, commands/cluster.py and
core/nodepool.py), under its name in the API.
"""

from __future__ import annotations

import time
from typing import Any

from tests.adoption.kubectl import send
from tests.adoption.made import Made

Json = dict[str, Any]
ZONE = "us-east5-b"
PARENT = "projects/my-project/locations/us-east5"
_AUTH = "https://www.googleapis.com/auth/"
_GKE_DEFAULT = [
    *(f"{_AUTH}{name}" for name in ("devstorage.read_only", "logging.write", "monitoring.write")),
    *(f"{_AUTH}{name}" for name in ("service.management.readonly", "servicecontrol", "trace.append")),
]
_SCOPES = [f"{_AUTH}devstorage.full_control", *_GKE_DEFAULT]


def cluster_request(made: Made, version: str) -> Json:
    """`gcloud beta container clusters create`, as xpk calls it."""
    addons = {}
    if made.mtc:
        addons["highScaleCheckpointingConfig"] = {"enabled": True}
    if made.gcsfuse:
        addons["gcsFuseCsiDriverConfig"] = {"enabled": True}
    default_pool = {
        "name": "default-pool",
        "initialNodeCount": 6,
        "config": {"machineType": "e2-standard-16", "oauthScopes": _SCOPES},
        "autoscaling": {
            "enabled": True,
            "totalMinNodeCount": 1,
            "totalMaxNodeCount": 1000,
            "locationPolicy": "BALANCED",
        },
        "management": {"autoUpgrade": True, "autoRepair": True},
    }
    cluster: Json = {
        "name": made.name,
        "locations": [ZONE],
        "initialClusterVersion": version,
        "releaseChannel": {"channel": "RAPID"},
        "ipAllocationPolicy": {"useIpAliases": True},
        "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH", "enableMultiNetworking": True},
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": True}},
        "autoscaling": {"autoscalingProfile": "OPTIMIZE_UTILIZATION"},
        "resourceLabels": {"gke_product_type": "xpk"},
        "nodePools": [default_pool],
    }
    if addons:
        cluster["addonsConfig"] = addons
    if made.workload_identity:
        cluster["workloadIdentityConfig"] = {"workloadPool": "my-project.svc.id.goog"}
    return {"cluster": cluster}


def pool_request(made: Made, number: int, version: str) -> Json:
    """`gcloud beta container node-pools create`, as xpk calls it for one slice."""
    shape = made.shape
    config: Json = {
        "machineType": shape.machine,
        "oauthScopes": [*_SCOPES, f"{_AUTH}cloud-platform"],
        "gvnic": {"enabled": True},
        "hostMaintenancePolicy": {"maintenanceInterval": "AS_NEEDED"},
    }
    pool: Json = {
        "name": f"{made.name}-np-{number}",
        "version": version,
        "initialNodeCount": shape.vms,
        "locations": [ZONE],
        "config": config,
        "management": {"autoUpgrade": True, "autoRepair": True},
        "maxPodsConstraint": {"maxPodsPerNode": "15"},
    }
    if shape.vms > 1:
        pool["placementPolicy"] = {"type": "COMPACT", "tpuTopology": shape.topology}
    if shape.device_type.startswith("v6e"):
        pool["networkConfig"] = {"acceleratorNetworkProfile": "auto"}
        config["labels"] = {"cloud.google.com/gke-networking-dra-driver": "true"}
    if made.workload_identity:
        config["workloadMetadataConfig"] = {"mode": "GKE_METADATA"}
    _add_capacity(made, pool, config)
    return {"nodePool": pool}


def _add_capacity(made: Made, pool: Json, config: Json) -> None:
    if made.capacity == "SPOT":
        config["spot"] = True
    elif made.capacity == "RESERVATION":
        config["reservationAffinity"] = {
            "consumeReservationType": "SPECIFIC_RESERVATION",
            "key": "compute.googleapis.com/reservation-name",
            "values": [made.reservation],
        }
    elif made.capacity == "FLEX_START":
        config["flexStart"] = True
        config["reservationAffinity"] = {"consumeReservationType": "NO_RESERVATION"}
        limits = {"enabled": True, "maxNodeCount": made.shape.vms, "locationPolicy": "ANY"}
        pool |= {"autoscaling": limits, "initialNodeCount": 0}
        pool["management"] = {"autoUpgrade": True, "autoRepair": False}


def rapid_version(url: str) -> str:
    """The version that xpk takes when none is named: the default of the RAPID channel."""
    config = send("GET", f"{url}/v1beta1/{PARENT}/serverConfig")
    (channel,) = [c for c in config["channels"] if c["channel"] == "RAPID"]
    return str(channel["defaultVersion"])


def post(url: str, path: str, body: Json) -> Json:
    """Start an operation and wait for its end; gcloud's calls of v1beta1."""
    operation: Json = send("POST", f"{url}/v1beta1/{path}", body)
    address = f"{url}/v1beta1/{PARENT}/operations/{operation['name']}"
    deadline = time.monotonic() + 120
    while operation["status"] != "DONE":
        assert time.monotonic() < deadline, operation
        time.sleep(0.005)
        operation = send("GET", address)
    return operation
