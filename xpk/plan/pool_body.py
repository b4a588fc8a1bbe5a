"""The NodePool message of one slice.

Sources: GKE API v1 NodePool; Google's xpk for the flags that its users rely on.
"""

from __future__ import annotations

from typing import assert_never

from xpk.plan.request import Json
from xpk.spec.api_field import merge
from xpk.spec.capacity import FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import ClusterSpec

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
GKE_METADATA = {"mode": "GKE_METADATA"}
_MAX_PODS = 15  # as Google's xpk: pods on a TPU host are few, and each reserves addresses


def pool_body(spec: ClusterSpec, name: str) -> Json:
    """The NodePool message of one slice, with the user's gcloud arguments over our defaults."""
    shape = spec.slice_type
    config: Json = {"machineType": shape.machine.name, "oauthScopes": SCOPES}
    if spec.workload_identity:
        config["workloadMetadataConfig"] = GKE_METADATA
    pool: Json = {
        "name": name,
        "initialNodeCount": shape.hosts,
        "locations": [spec.place.zone],
        "config": config,
        "management": {"autoUpgrade": True, "autoRepair": True},
        "maxPodsConstraint": {"maxPodsPerNode": _MAX_PODS},
    }
    if shape.multi_host:
        pool["placementPolicy"] = {"type": "COMPACT", "tpuTopology": shape.topology_text}
    if shape.family == "v6e":
        # Two network interfaces a host: without the profile a v6e host gets one.
        pool["networkConfig"] = {"acceleratorNetworkProfile": "auto"}
        config["labels"] = {"cloud.google.com/gke-networking-dra-driver": "true"}
    if spec.host_maintenance == "PERIODIC":
        config["hostMaintenancePolicy"] = {"maintenanceInterval": "PERIODIC"}
    _add_capacity(spec, pool, config)
    return merge(pool, spec.pool_fields)


def _add_capacity(spec: ClusterSpec, pool: Json, config: Json) -> None:
    capacity = spec.capacity
    match capacity:
        case OnDemand():
            pass
        case Spot():
            config["spot"] = True
        case FlexStart():
            # Nodes come when a workload waits for them, and GKE repairs nothing that it lends for a while.
            config["flexStart"] = True
            config["reservationAffinity"] = {"consumeReservationType": "NO_RESERVATION"}
            hosts = spec.slice_type.hosts
            pool["autoscaling"] = {"enabled": True, "maxNodeCount": hosts, "locationPolicy": "ANY"}
            pool["initialNodeCount"] = 0
            pool["management"] = {"autoUpgrade": True, "autoRepair": False}
        case Reservation():
            config["reservationAffinity"] = {
                "consumeReservationType": "SPECIFIC_RESERVATION",
                "key": "compute.googleapis.com/reservation-name",
                "values": [capacity.path],
            }
        case _:
            assert_never(capacity)
