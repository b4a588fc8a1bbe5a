"""Clusters: what GKE refuses, what it fills in, and their updates."""

from __future__ import annotations

import base64
import copy
import hashlib

from xpk.emulator.errors import ApiError, invalid
from xpk.emulator.gke import nodepools, versions
from xpk.emulator.gke.names import API, check_location, check_name, check_zones, default_zones
from xpk.emulator.gke.schema import ApiVersion
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json

OUTPUT_ONLY = (
    "selfLink", "zone", "endpoint", "currentMasterVersion", "currentNodeVersion", "currentNodeCount",
    "createTime", "status", "statusMessage", "nodeIpv4CidrSize", "servicesIpv4Cidr", "instanceGroupUrls",
    "expireTime", "location", "tpuIpv4CidrBlock", "conditions", "id", "etag",
)  # fmt: skip
UPDATES = {
    "desiredAddonsConfig": "addonsConfig",
    "desiredWorkloadIdentityConfig": "workloadIdentityConfig",
    "desiredReleaseChannel": "releaseChannel",
    "desiredMasterVersion": "currentMasterVersion",
    "desiredControlPlaneEndpointsConfig": "controlPlaneEndpointsConfig",
    "desiredClusterAutoscaling": "autoscaling",
    "desiredLoggingConfig": "loggingConfig",
    "desiredMonitoringConfig": "monitoringConfig",
}
MTC, FUSE = "highScaleCheckpointingConfig", "gcsFuseCsiDriverConfig"
ADDONS = {"HighScaleCheckpointing": MTC, "GcsFuseCsiDriver": FUSE}
# not a certificate of anything: clients only decode it
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nZW11bGF0b3I=\n-----END CERTIFICATE-----\n").decode()


def create(store: Store, parent: str, request: Json) -> Json:
    """Start the creation of a cluster; the answer is its operation."""
    wanted = copy.deepcopy(request.get("cluster", {}))
    name = wanted.get("name", "")
    check_name("cluster", name)
    full = f"{parent}/clusters/{name}"
    cluster = {field: value for field, value in wanted.items() if field not in OUTPUT_ONLY}
    pools = cluster.pop("nodePools", [])
    location = parent.split("/")[3]
    check_location(location)
    cluster["location"] = cluster["zone"] = location
    check_zones(cluster.setdefault("locations", default_zones(location)), location)
    _check_pools_given(cluster, pools)
    _fill(cluster, full, store)
    check(cluster, full)
    filled = [nodepools.fill(pool, full, cluster) for pool in pools or [_default_pool(cluster)]]
    if len({pool["name"] for pool in filled}) != len(filled):
        raise invalid("Node pool names must be unique in a cluster.")
    if full in store.clusters:
        raise ApiError("ALREADY_EXISTS", f"Already exists: {full}.")
    for pool in filled:
        store.touch(pool)
    cluster["nodePools"] = filled
    store.touch(cluster)
    store.clusters[full] = cluster
    hosts = sum(nodepools.size(pool) for pool in filled)
    return store.operations.start("CREATE_CLUSTER", full, change={"hosts": hosts}).json(store.clock)


def _check_pools_given(cluster: Json, pools: list[Json]) -> None:
    count = int(cluster.get("initialNodeCount", 0))
    if pools and (count or "nodeConfig" in cluster):
        raise invalid(
            "Cluster.node_pools should not be set if node_config or initial_node_count are specified."
        )
    if not pools and count <= 0:
        raise invalid("Cluster.initial_node_count must be greater than zero.")
    if cluster.get("autopilot", {}).get("enabled"):
        raise ApiError("UNIMPLEMENTED", "The emulator does not implement Autopilot clusters.")


def _default_pool(cluster: Json) -> Json:
    pool: Json = {"name": "default-pool", "initialNodeCount": cluster["initialNodeCount"]}
    if "nodeConfig" in cluster:
        pool["config"] = cluster["nodeConfig"]
    return pool


def _fill(cluster: Json, full: str, store: Store) -> None:
    channel, version = versions.enroll(
        cluster.get("initialClusterVersion", ""), cluster.get("releaseChannel")
    )
    cluster["releaseChannel"] = {"channel": channel} if channel else {}
    cluster["initialClusterVersion"] = version
    cluster["currentMasterVersion"] = cluster["currentNodeVersion"] = version
    digest = hashlib.sha256(full.encode()).digest()
    cluster["id"] = digest.hex()[:64]
    cluster["status"] = "PROVISIONING"
    cluster["createTime"] = store.clock.timestamp()
    cluster["selfLink"] = API + full
    cluster["masterAuth"] = {**cluster.get("masterAuth", {}), "clusterCaCertificate": CA}
    cluster.setdefault("network", "default")
    cluster.setdefault("subnetwork", "default")
    cluster.setdefault("resourceLabels", {})
    cluster.setdefault("labelFingerprint", digest.hex()[:8])
    cluster.setdefault("addonsConfig", {})
    cluster.setdefault("ipAllocationPolicy", {"useIpAliases": True, "stackType": "IPV4"})
    cluster.setdefault("shieldedNodes", {"enabled": True})
    project = full.split("/")[1]
    network = cluster.setdefault("networkConfig", {})
    network["network"] = f"projects/{project}/global/networks/{cluster['network'].split('/')[-1]}"
    endpoints = cluster.setdefault("controlPlaneEndpointsConfig", {})
    dns = endpoints.setdefault("dnsEndpointConfig", {})
    dns["endpoint"] = (
        f"gke-{digest.hex()[:24]}-{int.from_bytes(digest[:5], 'big')}.{cluster['location']}.gke.goog"
    )
    endpoints.setdefault("ipEndpointsConfig", {"enabled": True, "enablePublicEndpoint": True})


def check(cluster: Json, full: str) -> None:
    """Raise 400 when add-ons, Workload Identity, network and version do not fit together."""
    workload_pool = cluster.get("workloadIdentityConfig", {}).get("workloadPool", "")
    expected = f"{full.split('/')[1]}.svc.id.goog"
    if workload_pool and workload_pool != expected:
        raise invalid(f'Invalid workload pool "{workload_pool}": only "{expected}" is supported.')
    if has_addon(cluster, MTC):
        if not has_addon(cluster, FUSE):
            raise invalid("HighScaleCheckpointing requires the GcsFuseCsiDriver add-on to be enabled.")
        if not workload_pool:
            raise invalid(
                "HighScaleCheckpointing requires Workload Identity Federation for GKE to be enabled."
            )
        if versions.key(cluster["currentMasterVersion"]) < versions.key(versions.MTC_FLOOR):
            raise invalid("HighScaleCheckpointing requires GKE version 1.32.4-gke.1415000 or later.")
    if has_addon(cluster, FUSE) and not workload_pool:
        raise invalid("The Cloud Storage FUSE CSI driver requires Workload Identity Federation for GKE.")
    network = cluster.get("networkConfig", {})
    if network.get("enableMultiNetworking") and network.get("datapathProvider") != "ADVANCED_DATAPATH":
        raise invalid("Multi-networking requires datapath provider ADVANCED_DATAPATH (Dataplane V2).")


def has_addon(cluster: Json, field: str) -> bool:
    """Whether an add-on is on."""
    return bool(cluster.get("addonsConfig", {}).get(field, {}).get("enabled"))


def running(cluster: Json, full: str) -> None:
    """Give a cluster what it has only when its control plane is up."""
    digest = hashlib.sha256(full.encode()).digest()
    cluster["status"] = "RUNNING"
    # 203.0.113.0/24 is set aside for documentation: nothing can be reached there
    cluster["endpoint"] = f"203.0.113.{1 + digest[0] % 254}"
    addresses = cluster["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]
    addresses["publicEndpoint"], addresses["privateEndpoint"] = cluster["endpoint"], "10.128.0.2"


def update(store: Store, full: str, request: Json) -> Json:
    """Start one update of a cluster; the answer is its operation."""
    cluster = store.cluster(full)
    fields = {name: value for name, value in request.get("update", {}).items() if name != "etag"}
    if len(fields) != 1:
        raise invalid(f"Exactly one update can be applied to a cluster with each request, got {len(fields)}.")
    [(field, value)] = fields.items()
    if field not in UPDATES:
        raise ApiError("UNIMPLEMENTED", f"The emulator does not implement the update of {field}.")
    if request["update"].get("etag") not in (None, cluster["etag"]):
        raise ApiError("ABORTED", f"Etag of cluster {full} does not match.")
    changed = _changed(cluster, field, value)
    store.check_free(full)
    check(changed, full)
    cluster["status"] = "RECONCILING"
    kind = "UPGRADE_MASTER" if field == "desiredMasterVersion" else "UPDATE_CLUSTER"
    kept = {UPDATES[field]: changed[UPDATES[field]]}
    return store.operations.start(kind, full, change={"cluster": kept}).json(store.clock)


def _changed(cluster: Json, field: str, value: Json | str) -> Json:
    changed = copy.deepcopy(cluster)
    target = UPDATES[field]
    channel = cluster["releaseChannel"].get("channel")
    match field, value:
        case "desiredMasterVersion", str() as text:
            version = versions.resolve(text, channel)
            if versions.key(version) < versions.key(cluster["currentMasterVersion"]):
                raise invalid(f'Master cannot be downgraded to "{version}".')
            changed[target] = version
        case "desiredAddonsConfig" | "desiredControlPlaneEndpointsConfig", dict() as given:
            merged = changed.setdefault(target, {})
            for name, item in given.items():
                merged[name] = {**merged.get(name, {}), **item} if target != "addonsConfig" else item
        case _:
            changed[target] = value
    return changed


def delete(store: Store, full: str) -> Json:
    """Start the deletion of a cluster; the answer is its operation."""
    cluster = store.cluster(full)
    store.operations.check_free(full)
    cluster["status"] = "STOPPING"
    before = {pool["name"]: pool["status"] for pool in store.pools(full)}
    for pool in store.pools(full):
        pool["status"] = "STOPPING"
    return store.operations.start("DELETE_CLUSTER", full, change={"pools": before}).json(store.clock)


def shown(cluster: Json, version: ApiVersion) -> Json:
    """As the API shows it: with the counts that follow from its pools."""
    pools = [pool for pool in cluster["nodePools"] if pool["status"] not in ("PROVISIONING", "ERROR")]
    count = sum(nodepools.size(pool) for pool in pools)
    groups = [url for pool in pools for url in pool["instanceGroupUrls"]]
    extra: Json = {"currentNodeCount": count, "instanceGroupUrls": groups} if count else {}

    inline = [nodepools.shown(pool, version) for pool in cluster["nodePools"]]
    return {**cluster, **extra, "nodePools": inline}
