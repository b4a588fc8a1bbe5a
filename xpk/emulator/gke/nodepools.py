"""Node pools: what GKE refuses, and what it fills in."""

from __future__ import annotations

import copy

from xpk.emulator.errors import ApiError, invalid
from xpk.emulator.gke import versions
from xpk.emulator.gke.machines import TPU_MACHINES, TpuMachine, disk_fits, hosts, known
from xpk.emulator.gke.names import API, check_name, check_zones
from xpk.emulator.gke.schema import ApiVersion
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json

MAX_NODES_PER_ZONE = 1000
DEFAULT_SCOPES = [
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/logging.write",
    "https://www.googleapis.com/auth/monitoring",
    "https://www.googleapis.com/auth/service.management.readonly",
    "https://www.googleapis.com/auth/servicecontrol",
    "https://www.googleapis.com/auth/trace.append",
]
# UpdateNodePoolRequest's fields that are fields of NodeConfig
CONFIG_UPDATES = (
    "workloadMetadataConfig", "labels", "taints", "tags", "resourceLabels", "linuxNodeConfig", "bootDisk",
    "kubeletConfig", "gcfsConfig", "gvnic", "loggingConfig", "containerdConfig", "maxRunDuration",
    "flexStart", "fastSocket", "confidentialNodes", "machineType", "diskType", "diskSizeGb", "imageType",
)  # fmt: skip
POOL_UPDATES = ("upgradeSettings", "locations", "queuedProvisioning", "nodeDrainConfig", "maintenancePolicy")
ADDRESS_FIELDS = ("name", "projectId", "zone", "clusterId", "nodePoolId", "etag")


def fill(pool: Json, cluster_name: str, cluster: Json) -> Json:
    """A checked pool with what GKE adds. Raises 400 for what GKE would refuse."""
    check_name("node_pool", pool.get("name", ""))
    filled = copy.deepcopy(pool)
    zones = filled.setdefault("locations", list(cluster["locations"]))
    check_zones(zones, cluster["location"])
    config = filled.setdefault("config", {})
    config.setdefault("machineType", "e2-medium")
    check(filled)
    _check_version(filled, cluster)
    _fill_config(config, cluster)
    filled.setdefault("management", {"autoUpgrade": True, "autoRepair": True})
    filled.setdefault("upgradeSettings", {"maxSurge": 1, "strategy": "SURGE"})
    filled.setdefault("maxPodsConstraint", {"maxPodsPerNode": "110"})
    filled.setdefault("networkConfig", {})
    filled["podIpv4CidrSize"] = 24
    filled["selfLink"] = f"{API}{cluster_name}/nodePools/{filled['name']}"
    filled["instanceGroupUrls"] = [
        f"https://www.googleapis.com/compute/v1/{'/'.join(cluster_name.split('/')[:2])}/zones/{zone}"
        f"/instanceGroupManagers/gke-{cluster['name']}-{filled['name']}-grp"
        for zone in zones
    ]
    filled["status"] = "PROVISIONING"
    return filled


def _fill_config(config: Json, cluster: Json) -> None:
    disk = config.setdefault("bootDisk", {})
    wanted = config.get("diskType") or disk.get("diskType")
    default = "pd-balanced" if disk_fits(config["machineType"], "pd-balanced") else "hyperdisk-balanced"
    config["diskType"] = disk["diskType"] = wanted or default
    size = int(config.get("diskSizeGb") or disk.get("sizeGb") or 100)
    config["diskSizeGb"], disk["sizeGb"] = size, str(size)
    config.setdefault("imageType", "COS_CONTAINERD")
    config.setdefault("oauthScopes", list(DEFAULT_SCOPES))
    config.setdefault("serviceAccount", "default")
    config.setdefault("metadata", {}).setdefault("disable-legacy-endpoints", "true")
    config.setdefault("shieldedInstanceConfig", {"enableIntegrityMonitoring": True})
    if cluster.get("workloadIdentityConfig", {}).get("workloadPool"):
        config.setdefault("workloadMetadataConfig", {"mode": "GKE_METADATA"})


def _check_version(pool: Json, cluster: Json) -> None:
    master = cluster["currentMasterVersion"]
    wanted = pool.get("version", "")
    version = master if wanted in ("", "-", "latest") else versions.resolve(wanted, None)
    newer = versions.key(version) > versions.key(master)
    if newer or versions.key(master)[1] - versions.key(version)[1] > 2:
        why = "newer than" if newer else "more than two minor versions older than"
        raise invalid(f'Node version "{version}" must not be {why} the master version "{master}".')
    pool["version"] = version


def check(pool: Json) -> None:
    """Raise 400 for a pool whose machines, counts or capacity do not fit together."""
    config = pool["config"]
    machine_type = config["machineType"]
    if not known(machine_type):
        raise invalid(f'Machine type with name "{machine_type}" does not exist.')
    for disk_type in (config.get("diskType"), config.get("bootDisk", {}).get("diskType")):
        if disk_type and not disk_fits(machine_type, disk_type):
            raise invalid(f"[{disk_type}] features are not compatible for machine type {machine_type}.")
    if not all(taint.get("key") for taint in config.get("taints", ())):
        raise invalid("A node taint must have a key.")
    scaling = pool.get("autoscaling", {})
    for count in (pool.get("initialNodeCount", 0), scaling.get("maxNodeCount", 0)):
        if not 0 <= int(count) <= MAX_NODES_PER_ZONE:
            raise invalid(f"Node pool size {count} is invalid: at most {MAX_NODES_PER_ZONE} nodes per zone.")
    _check_capacity(pool)
    tpu = TPU_MACHINES.get(machine_type)
    if tpu is not None:
        _check_slice(pool, tpu)


def _check_slice(pool: Json, tpu: TpuMachine) -> None:
    machine_type = pool["config"]["machineType"]
    topology = pool.get("placementPolicy", {}).get("tpuTopology", "")
    count = int(pool.get("initialNodeCount", 0))
    scaling = pool.get("autoscaling", {})
    if not topology:
        if count > 1:
            raise invalid(f"TPU topology must be specified for a multi-host node pool of {machine_type}.")
        return
    needed = hosts(tpu, topology)
    if needed is None:
        raise invalid(f'TPU topology "{topology}" is not supported by machine type {machine_type}.')
    if len(pool["locations"]) != 1:
        raise invalid("A TPU slice node pool must be in exactly one zone.")
    if needed == 1:
        return
    maximum = int(scaling.get("maxNodeCount", scaling.get("totalMaxNodeCount", 0)))
    if scaling.get("enabled") and count == 0:
        count = maximum
    if count != needed or (scaling.get("enabled") and maximum != needed):
        raise invalid(
            f"Invalid node count {count} for TPU topology {topology} on {machine_type}: must be {needed}."
        )


def _check_capacity(pool: Json) -> None:
    config = pool["config"]
    affinity = config.get("reservationAffinity", {})
    kind = affinity.get("consumeReservationType")
    if kind == "SPECIFIC_RESERVATION":
        if affinity.get("key") != "compute.googleapis.com/reservation-name" or not affinity.get("values"):
            raise invalid(
                "A specific reservation needs key compute.googleapis.com/reservation-name and a value."
            )
        if config.get("spot") or config.get("preemptible"):
            raise invalid("Spot and preemptible VMs cannot consume reservations.")
        if config.get("flexStart"):
            raise invalid("Flex-start VMs cannot consume reservations.")
    if config.get("spot") and config.get("flexStart"):
        raise invalid("Only one of spot and flex_start can be set.")
    if config.get("flexStart"):
        _check_flex(pool, kind)
    if pool.get("queuedProvisioning", {}).get("enabled") and not pool.get("autoscaling", {}).get("enabled"):
        raise invalid("Queued provisioning needs autoscaling to be enabled.")


def _check_flex(pool: Json, reservation: str | None) -> None:
    if not pool.get("autoscaling", {}).get("enabled"):
        raise invalid("Flex-start node pools need autoscaling to be enabled.")
    if int(pool.get("initialNodeCount", 0)) != 0:
        raise invalid("Flex-start node pools must have an initial node count of zero.")
    if reservation != "NO_RESERVATION":
        raise invalid("Flex-start node pools need reservation affinity NO_RESERVATION.")
    if pool.get("management", {"autoRepair": True}).get("autoRepair"):
        raise invalid("Auto-repair must be disabled for flex-start node pools.")


def size(pool: Json) -> int:
    """How many machines a new pool starts with, over all its zones."""
    return int(pool.get("initialNodeCount", 0)) * len(pool["locations"])


def shown(pool: Json, version: ApiVersion) -> Json:
    """As one version of the API shows it: v1 does not know the host maintenance policy."""
    if version == "v1beta1" or "hostMaintenancePolicy" not in pool["config"]:
        return pool
    config = {name: value for name, value in pool["config"].items() if name != "hostMaintenancePolicy"}
    return {**pool, "config": config}


def create(store: Store, cluster_name: str, pool: Json) -> Json:
    """Start the creation of a pool; the answer is its operation."""
    cluster = store.cluster(cluster_name)
    name = pool.get("name", "")
    full = f"{cluster_name}/nodePools/{name}"
    filled = fill(pool, cluster_name, cluster)
    if any(other["name"] == name for other in store.pools(cluster_name)):
        raise ApiError("ALREADY_EXISTS", f"Already exists: {full}.")
    store.check_free(cluster_name, full)
    condition = store.capacity(name)
    error = None if condition is None else no_capacity(condition, filled, cluster_name)
    store.touch(filled)
    store.pools(cluster_name).append(filled)
    change: Json = {"hosts": size(filled)}
    if condition is not None:
        change["condition"] = condition
    return store.operations.start("CREATE_NODE_POOL", cluster_name, full, change, error).json(store.clock)


def no_capacity(condition: str, pool: Json, cluster_name: str) -> Json:
    """The error of an operation that did not get its machines, worded as GKE does."""
    zone, project = pool["locations"][0], cluster_name.split("/")[1]
    name = f"gke-{cluster_name.split('/')[-1]}-{pool['name']}"
    if condition == "GCE_STOCKOUT":
        detail = (
            f"The zone 'projects/{project}/zones/{zone}' does not have enough resources available to fulfill "
            "the request. Try a different zone, or try again later."
        )
    else:
        detail = f"Quota 'TPUS_PER_TPU_FAMILY' exceeded. Limit: 0.0 in region {zone.rsplit('-', 1)[0]}."
    message = (
        "Google Compute Engine: Not all instances running in IGM after 35m. "
        f"Expected {size(pool)}, running 0. Current errors: [{condition}]: "
        f"Instance '{name}-0' creation failed: {detail}"
    )
    return {"code": 8, "message": message}


def update(store: Store, cluster_name: str, pool_name: str, request: Json) -> Json:
    """Start the update of a pool; the answer is its operation."""
    pool = store.pool(cluster_name, pool_name)
    wanted = {name: value for name, value in request.items() if name not in ADDRESS_FIELDS}
    changed = copy.deepcopy(pool)
    kind = "UPDATE_NODE_POOL"
    for name, value in wanted.items():
        if name in CONFIG_UPDATES:
            changed["config"][name] = (
                value["labels"] if name == "resourceLabels" and "labels" in value else value
            )
            if name in ("labels", "taints", "tags") and isinstance(value, dict):
                changed["config"][name] = value.get(name, {} if name == "labels" else [])
        elif name in POOL_UPDATES:
            changed[name] = value
        elif name == "nodeVersion":
            kind, changed["version"] = "UPGRADE_NODES", value
        else:
            raise ApiError("UNIMPLEMENTED", f"The emulator does not implement the update of {name}.")
    if not wanted:
        raise invalid("At least one of the updatable fields must be set.")
    if request.get("etag") not in (None, pool["etag"]):
        raise ApiError("ABORTED", f"Etag of node pool {pool_name} does not match.")
    full = f"{cluster_name}/nodePools/{pool_name}"
    store.check_free(cluster_name, full)
    check(changed)
    _check_version(changed, store.cluster(cluster_name))
    pool["status"] = "RECONCILING"
    kept = ("config", "version", *POOL_UPDATES)
    change = {"pool": {name: changed[name] for name in kept if name in changed}}
    return store.operations.start(kind, cluster_name, full, change).json(store.clock)


def delete(store: Store, cluster_name: str, pool_name: str) -> Json:
    """Start the deletion of a pool; the answer is its operation."""
    pool = store.pool(cluster_name, pool_name)
    full = f"{cluster_name}/nodePools/{pool_name}"
    store.check_free(cluster_name, full)
    pool["status"] = "STOPPING"
    return store.operations.start("DELETE_NODE_POOL", cluster_name, full).json(store.clock)
