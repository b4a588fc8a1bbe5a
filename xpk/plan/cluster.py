"""From a ClusterSpec and one look at the project to the plan of `cluster create`.

Reads as the list of what a multi-tier checkpointing cluster needs, in order. Pure: no clock, no
network, no printing; the same input gives the same plan, byte for byte.
"""

from __future__ import annotations

from dataclasses import replace

from xpk.errors import FaultCollector, StateError
from xpk.plan.adapt import adapt_notes, as_found, check_there, found_slices
from xpk.plan.bucket import check_bucket, location_note, plan_bucket
from xpk.plan.compare import differences
from xpk.plan.driver import driver_note
from xpk.plan.gke_version import check_offered, check_running_version, older_note, plan_version
from xpk.plan.objects import LOWER, checkpoint_object, plan_objects
from xpk.plan.observed import Observed
from xpk.plan.order import in_order
from xpk.plan.pool_body import GKE_METADATA, SCOPES
from xpk.plan.pools import check_recreation, plan_metadata_server, plan_pools
from xpk.plan.record import record_of
from xpk.plan.releases import RELEASES, plan_release
from xpk.plan.slices import Slices, choose_slices
from xpk.plan.steps import (
    CreateCluster,
    DeleteNodePool,
    GrantBucketRole,
    InstallRelease,
    Json,
    Plan,
    PlannedStep,
    ReplaceObject,
    UpdateCluster,
    UpdateNodePool,
)
from xpk.plan.unchanged import mtc_note, unchanged
from xpk.spec.api_field import merge
from xpk.spec.cluster import Addon, ClusterSpec
from xpk.spec.private import api_fields


def plan_cluster(spec: ClusterSpec, observed: Observed, *, force: bool = False) -> Plan:
    """Everything between what exists and what was asked for.

    `force`: slices may be deleted or replaced though workloads run on them. Raises StateError, all
    faults together, when the project is not as the command needs it.
    """
    spec = as_found(spec, observed)
    notes = _check_state(spec, observed)
    faults = FaultCollector()
    steps, cluster = _foundation(spec, observed)
    slices = _slices(spec, observed, force=force, faults=faults)
    notes += adapt_notes(spec, observed, slices) if spec.adapt else ()
    metadata = plan_metadata_server(spec, observed, slices, cluster)
    if not force:
        check_recreation(spec, metadata, faults)
    releases = [step for one in RELEASES for step in plan_release(one, spec, observed, cluster)]
    steps += metadata
    before = tuple(p.id for p in (*steps, *releases))
    try:
        objects = plan_objects(spec, observed, slices, before)
    except StateError as error:
        faults.extend(error.faults)
    faults.raise_if_any(StateError)
    lower = [p for p in objects if p.id == LOWER]
    first = tuple(p.id for p in metadata) or cluster
    pools = plan_pools(spec, slices, first, tuple(p.id for p in lower), force=force)
    rest = [p for p in objects if p.id != LOWER]
    written = [*steps, *lower, *pools, *releases, *rest]
    return Plan(
        title=f"cluster {spec.name}, project {spec.place.project}, {spec.place.zone or spec.place.region}",
        steps=in_order([_after_record(p, objects) for p in written]),
        notes=(*spec.notes, *notes),
        kept=unchanged(spec, observed, slices, written),
        offline=not observed.live,
    )


def _foundation(spec: ClusterSpec, observed: Observed) -> tuple[list[PlannedStep], tuple[str, ...]]:
    """The bucket's grant and the cluster with its add-ons; and the step that its contents wait for."""
    ready = _cluster_steps(spec, observed)
    bucket: list[PlannedStep] = []
    if spec.mtc:
        bucket = plan_bucket(
            spec.mtc.bucket,
            spec.place.project,
            spec.place.region,
            observed,
            observed.project_number or spec.project_number,
            ready[-1].id if ready else None,
        )
    checked = tuple(p.id for p in bucket if p.id.startswith("check/"))
    return [*bucket, *(_after(p, checked) for p in ready)], (ready[-1].id,) if ready else ()


def _slices(spec: ClusterSpec, observed: Observed, *, force: bool, faults: FaultCollector) -> Slices:
    """The slices: made and changed, or taken as they are. What is refused is said with all else that is."""
    if spec.adapt:
        return found_slices(spec, observed) if observed.live else Slices((), (), ())
    try:
        return choose_slices(spec, observed, force=force)
    except StateError as error:
        faults.extend(error.faults)
    return choose_slices(spec, observed, force=True)


def touches_hosts(spec: ClusterSpec, observed: Observed) -> bool:
    """Whether a plan made now would delete, replace or empty hosts: what runs there must be read first."""
    try:
        plan = plan_cluster(spec, observed, force=True)
    except StateError:
        return False  # the plan itself will say so
    return any(isinstance(p.step, DeleteNodePool | UpdateNodePool | ReplaceObject) for p in plan.steps)


def _after_record(planned: PlannedStep, objects: list[PlannedStep]) -> PlannedStep:
    """Grants and releases wait for the record that names them: a run killed between leaves none unnamed."""
    record = next((p.id for p in objects if p.id.endswith("-metadata-configmap")), None)
    if record is None or not isinstance(planned.step, GrantBucketRole | InstallRelease):
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
    if observed.cluster is None and not spec.adapt:
        create = CreateCluster(spec.place.parent, cluster_body(spec))
        return [PlannedStep(f"cluster/{spec.name}", create)]
    cluster = observed.cluster or {}  # one to adapt that was not looked at
    steps = plan_version(spec, cluster)
    pool = cluster.get("workloadIdentityConfig", {}).get("workloadPool")
    if spec.workload_identity and not pool:
        body = {"desiredWorkloadIdentityConfig": {"workloadPool": f"{spec.place.project}.svc.id.goog"}}
        update = UpdateCluster(spec.full_name, body, "Workload Identity on")
        steps.append(PlannedStep("update/workload-identity", update, tuple(p.id for p in steps)))
    there = cluster.get("addonsConfig", {})
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
    note = driver_note(checkpoint_object(spec), observed) if spec.mtc else None
    notes += [note] if note else []
    check_there(spec, observed, faults)
    check_offered(spec, observed, faults)
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
    check_running_version(spec, cluster, faults)


def _kept(spec: ClusterSpec, cluster: Json) -> list[str]:
    """What was asked for and is only done when a cluster is created, in words that say so."""
    notes: list[str] = []
    notes += [note for note in (older_note(spec, cluster), mtc_note(spec, cluster)) if note]
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
