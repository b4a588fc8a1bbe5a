"""The node pool of each slice: its exact request, and what an existing pool lacks.

Sources: GKE API v1 NodePool; Google's xpk for the flags that its users rely on. Not here:
the cluster around the pools (`plan/cluster.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from xpk.errors import FaultCollector, StateError
from xpk.plan.observed import Observed
from xpk.plan.steps import CreateNodePool, DeleteNodePool, Json, PlannedStep, UpdateNodePool
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


def create_step(spec: ClusterSpec, name: str, needs: tuple[str, ...]) -> PlannedStep:
    """The step that creates the pool `name`."""
    step = CreateNodePool(
        cluster=spec.full_name,
        pool=pool_body(spec, name),
        slice_type=spec.slice_type,
        capacity=spec.capacity,
        api="v1beta1" if spec.host_maintenance == "PERIODIC" else "v1",
    )
    return PlannedStep(f"pool/{name}", step, needs)


def plan_pools(spec: ClusterSpec, observed: Observed, needs: tuple[str, ...]) -> list[PlannedStep]:
    """The steps that make the slices' pools as asked for.

    Missing pools are created, pools that GKE left in ERROR are deleted and created again, and pools
    without the metadata server get it. Raises StateError, all faults together, for pools that
    are something else than asked for: those are never touched on the way.
    """
    existing = {pool["name"]: pool for pool in (observed.cluster or {}).get("nodePools", [])}
    faults = FaultCollector()
    steps: list[PlannedStep] = []
    for name in spec.pool_names:
        pool = existing.get(name)
        if pool is None:
            steps.append(create_step(spec, name, needs))
        elif pool.get("status") == "ERROR":
            why = "; ".join(str(c.get("message", "")) for c in pool.get("conditions", [])) or "in ERROR"
            delete = PlannedStep(f"delete/{name}", DeleteNodePool(spec.full_name, name, why), needs)
            steps += [delete, create_step(spec, name, (delete.id,))]
        else:
            _check_same(spec, pool, faults)
    ours = {f"{spec.name}-np-{index}" for index in range(spec.num_slices)}
    prefix = f"{spec.name}-np-"
    extra = sorted(n for n in existing if n.startswith(prefix) and n not in ours)
    if extra:
        faults.add(
            f"--num-slices {spec.num_slices}",
            f"the cluster also has {', '.join(extra)}; slices are not removed by asking for fewer",
            f"gcloud container node-pools delete {extra[-1]} --cluster {spec.name} "
            f"--location {spec.place.region}",
        )
    faults.raise_if_any(StateError)
    return steps


def plan_metadata_server(spec: ClusterSpec, observed: Observed, needs: tuple[str, ...]) -> list[PlannedStep]:
    """Give pools that lack it the GKE metadata server, which brings Workload Identity to pods."""
    steps: list[PlannedStep] = []
    for pool in (observed.cluster or {}).get("nodePools", []):
        mode = pool.get("config", {}).get("workloadMetadataConfig", {}).get("mode")
        if not spec.workload_identity or mode == "GKE_METADATA" or pool.get("status") == "ERROR":
            continue
        update = {"workloadMetadataConfig": GKE_METADATA}
        what = "Workload Identity: GKE recreates its nodes"
        step = UpdateNodePool(spec.full_name, pool["name"], update, what)
        steps.append(PlannedStep(f"metadata/{pool['name']}", step, needs))
    return steps


def _check_same(spec: ClusterSpec, pool: Json, faults: FaultCollector) -> None:
    reasons = list(_mismatches(spec, pool))
    if reasons:
        faults.add(
            f"node pool {pool['name']}",
            "; ".join(reasons),
            f"ask for what it is, or delete it first: gcloud container node-pools delete {pool['name']} "
            f"--cluster {spec.name} --location {spec.place.region}",
        )


def _mismatches(spec: ClusterSpec, pool: Json) -> Iterator[str]:
    wanted = pool_body(spec, pool["name"])
    config, other = wanted["config"], pool.get("config", {})
    pairs = [
        ("machine type", config["machineType"], other.get("machineType")),
        ("topology", wanted.get("placementPolicy", {}).get("tpuTopology"), _topology(pool)),
        ("spot", bool(config.get("spot")), bool(other.get("spot"))),
        ("flex start", bool(config.get("flexStart")), bool(other.get("flexStart"))),
        ("reservation", _reservation(config), _reservation(other)),
        ("zone", wanted["locations"], pool.get("locations", wanted["locations"])),
    ]
    for what, asked, found in pairs:
        if asked != found:
            yield f"{what} is {_words(found)}, asked for is {_words(asked)}"


def _topology(pool: Json) -> str | None:
    topology = pool.get("placementPolicy", {}).get("tpuTopology")
    return str(topology) if topology else None


def _reservation(config: Json) -> str | None:
    values = config.get("reservationAffinity", {}).get("values", [])
    return str(values[0]) if values else None


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value is not None else "none"
