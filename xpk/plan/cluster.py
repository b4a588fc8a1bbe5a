"""From a ClusterSpec and one look at the project to the plan of `cluster create`.

Reads as the list of what a multi-tier checkpointing cluster needs, in order. Pure: no clock, no
network, no printing; the same input gives the same plan, byte for byte.
"""

from __future__ import annotations

from dataclasses import replace

from xpk.catalog.versions import MTC_DOCUMENTED, MTC_FLOOR, GkeVersion
from xpk.errors import FaultCollector, StateError, UsageError
from xpk.plan.bucket import check_bucket, location_note, plan_bucket
from xpk.plan.compare import differences
from xpk.plan.objects import plan_objects
from xpk.plan.observed import Observed
from xpk.plan.pools import GKE_METADATA, SCOPES, plan_metadata_server, plan_pools
from xpk.plan.record import record_of
from xpk.plan.releases import plan_release
from xpk.plan.steps import CreateCluster, GrantBucketRole, Json, Plan, PlannedStep, UpdateCluster
from xpk.spec.api_field import merge
from xpk.spec.cluster import Addon, ClusterSpec
from xpk.spec.private import api_fields


def plan_cluster(spec: ClusterSpec, observed: Observed) -> Plan:
    """Everything between what exists and what was asked for.

    Raises StateError, all faults together, when the project is not as the command needs it.
    """
    notes = _check_state(spec, observed)
    steps: list[PlannedStep] = []
    ready = _cluster_steps(spec, observed)
    pool_step = ready[-1].id if ready else None
    if spec.mtc:
        steps += plan_bucket(
            spec.mtc.bucket,
            spec.place.project,
            spec.place.region,
            observed,
            observed.project_number or spec.project_number,
            pool_step,
        )
    checked = tuple(p.id for p in steps if p.id.startswith("check/"))
    steps += [_after(p, checked) for p in ready]
    cluster = (ready[-1].id,) if ready else ()
    metadata = plan_metadata_server(spec, observed, cluster)
    steps += metadata
    pools = plan_pools(spec, observed, tuple(p.id for p in metadata) or cluster)
    steps += pools
    steps += plan_release("JobSet", spec, observed, cluster)
    steps += plan_release("Kueue", spec, observed, cluster)
    objects, unchanged = plan_objects(spec, observed, tuple(p.id for p in steps))
    steps = [_after_record(p, objects) for p in steps] + objects
    present = (observed.cluster is not None) + spec.num_slices - sum(p.id.startswith("pool/") for p in pools)
    return Plan(
        title=f"cluster {spec.name}, project {spec.place.project}, {spec.place.zone}",
        steps=tuple(steps),
        notes=(*spec.notes, *notes),
        unchanged=unchanged + present,
        offline=not observed.live,
    )


def _after_record(planned: PlannedStep, objects: list[PlannedStep]) -> PlannedStep:
    """The grant waits for the record that names it: a run killed between the two leaves none unnamed."""
    record = next((p.id for p in objects if p.id.endswith("-metadata-configmap")), None)
    if record is None or not isinstance(planned.step, GrantBucketRole):
        return planned
    return replace(planned, step=replace(planned.step, after=record))


def _after(planned: PlannedStep, needs: tuple[str, ...]) -> PlannedStep:
    return planned if planned.needs else PlannedStep(planned.id, planned.step, needs)


def cluster_body(spec: ClusterSpec) -> Json:
    """The Cluster message of a new cluster: regional control plane, nodes in the one TPU zone.

    The channel is left out: GKE then takes the most mature one that offers the version asked for,
    or REGULAR. The networking is that of Google's xpk, so that its users' own additions fit.
    """
    config: Json = {"machineType": spec.cpu_machine_type, "oauthScopes": SCOPES}
    if spec.workload_identity:
        config["workloadMetadataConfig"] = GKE_METADATA
    default_pool: Json = {
        "name": "default-pool",
        "initialNodeCount": spec.cpu_nodes,
        "config": config,
        "autoscaling": {
            "enabled": True,
            "totalMinNodeCount": 1,
            "totalMaxNodeCount": 1000,
            "locationPolicy": "BALANCED",
        },
        "management": {"autoUpgrade": True, "autoRepair": True},
    }
    cluster: Json = {
        "name": spec.name,
        "locations": [spec.place.zone],
        "nodePools": [default_pool],
        "ipAllocationPolicy": {"useIpAliases": True},
        "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH", "enableMultiNetworking": True},
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": True}},
        "autoscaling": {"autoscalingProfile": "OPTIMIZE_UTILIZATION"},
        "resourceLabels": {"gke_product_type": "xpk"},
    }
    if spec.gke_version:
        cluster["initialClusterVersion"] = str(spec.gke_version)
    if spec.workload_identity:
        cluster["workloadIdentityConfig"] = {"workloadPool": f"{spec.place.project}.svc.id.goog"}
    if spec.addons:
        cluster["addonsConfig"] = _addons(spec, spec.addons)
    if spec.private:
        cluster = merge(cluster, api_fields(spec.private))
    return merge(cluster, spec.cluster_arguments.fields)


def _addons(spec: ClusterSpec, addons: frozenset[Addon]) -> Json:
    body: Json = {addon.value: {"enabled": True} for addon in sorted(addons, key=lambda a: a.value)}
    if Addon.LUSTRE in addons and spec.legacy_lustre_port:
        body[Addon.LUSTRE.value]["enableLegacyLustrePort"] = True
    return body


def _cluster_steps(spec: ClusterSpec, observed: Observed) -> list[PlannedStep]:
    """Create the cluster, or bring an existing one's workload pool and add-ons, one change at a time."""
    if observed.cluster is None:
        create = CreateCluster(spec.place.parent, cluster_body(spec))
        return [PlannedStep(f"cluster/{spec.name}", create)]
    steps: list[PlannedStep] = []
    pool = observed.cluster.get("workloadIdentityConfig", {}).get("workloadPool")
    if spec.workload_identity and not pool:
        body = {"desiredWorkloadIdentityConfig": {"workloadPool": f"{spec.place.project}.svc.id.goog"}}
        update = UpdateCluster(spec.full_name, body, "Workload Identity on")
        steps.append(PlannedStep("update/workload-identity", update))
    there = observed.cluster.get("addonsConfig", {})
    missing = frozenset(a for a in spec.addons if not there.get(a.value, {}).get("enabled", False))
    if missing:
        body = {"desiredAddonsConfig": _addons(spec, missing)}
        what = f"{', '.join(sorted(addon_name(a) for a in missing))} on"
        needs = tuple(p.id for p in steps)
        steps.append(PlannedStep("update/add-ons", UpdateCluster(spec.full_name, body, what), needs))
    return steps


def addon_name(addon: Addon) -> str:
    """The name of an add-on for a person."""
    names = {
        Addon.MTC: "MTC",
        Addon.GCS_FUSE: "GCS FUSE",
        Addon.FILESTORE: "Filestore",
        Addon.PARALLELSTORE: "Parallelstore",
        Addon.PERSISTENT_DISK: "Persistent Disk",
        Addon.LUSTRE: "Lustre",
    }
    return names[addon]


def _check_state(spec: ClusterSpec, observed: Observed) -> list[str]:
    """Everything that the look at the project shows to be wrong; returns what is only worth saying."""
    faults = FaultCollector()
    notes: list[str] = []
    if observed.bucket is not None:
        check_bucket(observed.bucket, spec.place.region, faults)
        note = location_note(observed.bucket, spec.place.region)
        notes += [note] if note else []
    former = record_of(spec.name, observed).get("mtc_bucket")
    if spec.mtc and former not in (None, spec.mtc.bucket):
        notes.append(f"gs://{former} is no longer used; what is in it stays")
    if observed.cluster is not None:
        _check_cluster(spec, observed.cluster, faults)
        notes += _kept(spec, observed.cluster)
    elif observed.server_config is not None:
        _check_version(spec, observed.server_config, faults)
    faults.raise_if_any(StateError)
    return notes


def _check_cluster(spec: ClusterSpec, cluster: Json, faults: FaultCollector) -> None:
    status = cluster.get("status")
    if status in {"STOPPING", "ERROR"}:
        faults.add(
            f"cluster {spec.name}",
            f"is {status}: {cluster.get('statusMessage') or 'no message'}",
            f"wait until it is gone or xpk cluster delete --cluster {spec.name}",
        )
    if cluster.get("autopilot", {}).get("enabled"):
        faults.add(f"cluster {spec.name}", "is an Autopilot cluster", "another --cluster name")
    version = _parse(str(cluster.get("currentMasterVersion", "")))
    if spec.mtc and version and version < MTC_FLOOR:
        faults.add(
            f"cluster {spec.name}",
            f"runs GKE {version}, multi-tier checkpointing needs {MTC_DOCUMENTED} or later",
            f"gcloud container clusters upgrade {spec.name} --master --location {spec.place.region} "
            f"--cluster-version {MTC_DOCUMENTED}",
        )


def _kept(spec: ClusterSpec, cluster: Json) -> list[str]:
    """What was asked for and is only done when a cluster is created, in words that say so."""
    notes: list[str] = []
    version = _parse(str(cluster.get("currentMasterVersion", "")))
    if spec.gke_version and version and version < spec.gke_version:
        notes.append(
            f"cluster {spec.name} runs GKE {version} and is not upgraded to {spec.gke_version}: "
            f"gcloud container clusters upgrade {spec.name} --master --location {spec.place.region} "
            f"--cluster-version {spec.gke_version}"
        )
    network, legacy = cluster.get("networkConfig", {}), cluster.get("privateClusterConfig", {})
    private = network.get("defaultEnablePrivateNodes") or legacy.get("enablePrivateNodes")
    if spec.private and not private:
        notes.append(f"cluster {spec.name} is not private: that is decided when a cluster is created")
    for field in spec.cluster_arguments.fields:
        found: object = cluster
        for part in field.path:
            found = found.get(part) if isinstance(found, dict) else None
        if field.path[0] != "nodePools" and any(differences(field.value, found)):
            notes.append(f"{field.flag}: only used when a cluster is created; {spec.name} stays as it is")
    return notes


def _check_version(spec: ClusterSpec, server: Json, faults: FaultCollector) -> None:
    """The version asked for must be offered; without one, the default must be new enough for MTC."""
    offered = set(server.get("validMasterVersions", []))
    for channel in server.get("channels", []):
        offered |= set(channel.get("validVersions", []))
    if spec.gke_version and offered and str(spec.gke_version) not in offered:
        known = sorted(v for v in map(_parse, offered) if v is not None)
        newer = [v for v in known if v >= spec.gke_version][:2] or known[-2:]
        faults.add(
            f"--gke-version {spec.gke_version}",
            f"no release channel offers it in {spec.place.region}",
            " or ".join(f"--gke-version {v}" for v in newer),
        )
    default = _parse(_regular_default(server))
    if spec.mtc and spec.gke_version is None and default and default < MTC_FLOOR:
        faults.add(
            "--enable-mtc",
            f"the default version here, {default}, is older than {MTC_DOCUMENTED}",
            f"--gke-version {MTC_DOCUMENTED} or later",
        )


def _regular_default(server: Json) -> str:
    for channel in server.get("channels", []):
        if channel.get("channel") == "REGULAR":
            return str(channel.get("defaultVersion", ""))
    return str(server.get("defaultClusterVersion", ""))


def _parse(text: str) -> GkeVersion | None:
    try:
        return GkeVersion.parse(text)
    except UsageError:
        return None
