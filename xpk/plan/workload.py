"""From a WorkloadSpec and one look at the cluster to the plan of `workload create`.

Everything that would leave the workload waiting for ever, or running without its ramdisk, is a
fault here, before anything is sent. Pure, as `plan/cluster.py` is.
"""

from __future__ import annotations

from collections.abc import Iterator

from xpk.catalog.versions import FUSE_HOST_NETWORK, GkeVersion
from xpk.errors import FaultCollector, StateError, UsageError
from xpk.plan.bucket import OBJECT_USER, OBJECT_VIEWER, principal
from xpk.plan.compare import quantity
from xpk.plan.kept import AS_ASKED
from xpk.plan.observed import Observed
from xpk.plan.steps import (
    ApplyObject,
    GrantBucketRole,
    Json,
    Kept,
    ObjectRef,
    Plan,
    PlannedStep,
    ReplaceObject,
)
from xpk.render.cluster import CLUSTER_QUEUE, LOCAL_QUEUE, NAMESPACE, local_queue
from xpk.render.workload import render_workload
from xpk.spec.cluster import Place
from xpk.spec.workload import WorkloadSpec, warnings

HASH = "xpk.google.com/spec-hash"
_FUSE = "gcsFuseCsiDriverConfig"
_MTC = "highScaleCheckpointingConfig"


def plan_workload(spec: WorkloadSpec, place: Place, observed: Observed, number: str | None = None) -> Plan:
    """Everything between what exists and the running workload.

    `number` is the project's number where the user named it. Raises StateError, all faults
    together, when the cluster cannot run the workload as asked for.
    """
    host_network, notes = _host_network(spec, observed)
    jobset = render_workload(spec, fuse_host_network=host_network)
    if observed.live:
        faults = FaultCollector()
        _check_cluster(spec, place, observed, faults)
        faults.raise_if_any(StateError)
    number = observed.project_number or number
    grants = _grants(spec, place.project, number, observed)
    queue = _queue(spec, observed)
    before = tuple(p.id for p in (*grants, *queue))
    steps = [*grants, *queue, *_jobset(jobset, observed, before)]
    return Plan(
        title=f"workload {spec.name}, cluster {spec.cluster}, project {place.project}, {place.region}",
        steps=tuple(steps),
        notes=(*warnings(spec), *notes),
        kept=() if any(p.id.startswith("apply/JobSet") for p in steps) else (_same(spec),),
        offline=not observed.live,
    )


def _same(spec: WorkloadSpec) -> Kept:
    return Kept(f"apply/JobSet/{spec.name}", "workload", spec.name, f"{AS_ASKED}, and not ended")


def finished(jobset: Json) -> bool:
    """True when a JobSet has ended, well or badly."""
    status = jobset.get("status", {})
    conditions = status.get("conditions", [])
    ended = any(c.get("type") in {"Completed", "Failed"} and c.get("status") == "True" for c in conditions)
    return ended or bool(status.get("terminalState"))


def _jobset(jobset: Json, observed: Observed, needs: tuple[str, ...]) -> list[PlannedStep]:
    """Create it; leave a running one of the same content alone; replace any other, and say so."""
    step_id = f"apply/JobSet/{jobset['metadata']['name']}"
    found = observed.objects.get(ObjectRef.of(jobset))
    if found is None:
        return [PlannedStep(step_id, ApplyObject(jobset), needs)]
    same = found["metadata"].get("annotations", {}).get(HASH) == jobset["metadata"]["annotations"][HASH]
    if found["metadata"].get("deletionTimestamp"):
        why = "is being deleted; started again when it is gone"
    elif finished(found):
        why = "has ended; deleted and started again"
    elif same:
        return _changed_ttl(jobset, found, needs)
    else:
        why = "is there with other content, not ended: stopped, deleted and started again"
    return [PlannedStep(step_id, ReplaceObject(jobset, why, _uid(found)), needs)]


def _uid(found: Json) -> str:
    return str(found["metadata"].get("uid", ""))


def _changed_ttl(jobset: Json, found: Json, needs: tuple[str, ...]) -> list[PlannedStep]:
    """How long a finished JobSet stays is the one thing that can change while it runs."""
    there, wanted = (manifest["spec"].get("ttlSecondsAfterFinished") for manifest in (found, jobset))
    if there == wanted:
        return []
    step = ApplyObject(jobset, f"ttlSecondsAfterFinished {there} -> {wanted}")
    return [PlannedStep(f"apply/JobSet/{jobset['metadata']['name']}", step, needs)]


def _queue(spec: WorkloadSpec, observed: Observed) -> list[PlannedStep]:
    """The queue of a namespace other than the cluster's own is made with its first workload."""
    if spec.namespace == NAMESPACE:
        return []
    manifest = local_queue(spec.namespace)
    if ObjectRef.of(manifest) in observed.objects:
        return []
    return [PlannedStep(f"apply/LocalQueue/{LOCAL_QUEUE}", ApplyObject(manifest))]


def _grants(spec: WorkloadSpec, project: str, number: str | None, observed: Observed) -> list[PlannedStep]:
    """The role of the workload's service account on each bucket that it mounts, where missing."""
    account = spec.service_account or "default"
    member = principal(project, number, spec.namespace, account)
    wanted: dict[str, str] = {}
    for mount in spec.mounts:
        if not mount.read_only or mount.bucket not in wanted:
            wanted[mount.bucket] = OBJECT_VIEWER if mount.read_only else OBJECT_USER
    steps = []
    for bucket, role in wanted.items():
        state = observed.buckets.get(bucket)
        if state is None or not (state.has(role, member) or state.has(OBJECT_USER, member)):
            grant = GrantBucketRole(bucket, role, member, policy=state.policy if state else None)
            steps.append(PlannedStep(f"grant/{bucket}", grant))
    return steps


def _host_network(spec: WorkloadSpec, observed: Observed) -> tuple[bool, list[str]]:
    """Whether pods with GCS FUSE mounts can use the host's network and their own identity together.

    GKE can from 1.33.3-gke.1226000 on (release notes of the GCS FUSE CSI driver).
    """
    if not spec.mounts:
        return True, []
    if not observed.live:
        note = f"--mount: on clusters older than GKE {FUSE_HOST_NETWORK} the pods leave the host's network"
        return True, [note]
    version = _version(observed.cluster or {})
    if version is None or version >= FUSE_HOST_NETWORK:
        return True, []
    note = (
        f"--mount on GKE {version}: pods leave the host's network, which only GKE {FUSE_HOST_NETWORK} and "
        "later combines with their own identity; training traffic between slices is slower"
    )
    return False, [note]


def _version(cluster: Json) -> GkeVersion | None:
    try:
        return GkeVersion.parse(str(cluster.get("currentMasterVersion", "")))
    except UsageError:
        return None


def _check_cluster(spec: WorkloadSpec, place: Place, observed: Observed, faults: FaultCollector) -> None:
    """Whether this cluster can admit, place and run the workload."""
    cluster = observed.cluster
    if cluster is None:
        where = f"project {place.project}, {place.region}"
        faults.add(f"--cluster {spec.cluster}", f"no such cluster in {where}", "xpk cluster list")
        return
    again = f"xpk cluster create --cluster {spec.cluster} ... again brings what is missing"
    if ObjectRef("v1", "Namespace", spec.namespace) not in observed.objects:
        fix = f"kubectl create namespace {spec.namespace}"
        faults.add(f"--namespace {spec.namespace}", "no such namespace in the cluster", fix)
    else:
        _check_account(spec, observed, faults)
    if ObjectRef("scheduling.k8s.io/v1", "PriorityClass", spec.priority) not in observed.objects:
        faults.add(f"--priority {spec.priority}", "the cluster has no such priority class", again)
    _check_slices(spec, cluster, faults)
    _check_queue(spec, observed, again, faults)
    if spec.ramdisk:
        _check_mtc(spec, observed, again, faults)
    if spec.mounts and not cluster.get("addonsConfig", {}).get(_FUSE, {}).get("enabled"):
        faults.add("--mount", "the cluster has no GCS FUSE driver", f"{again}: --enable-gcsfuse-csi-driver")
    for mount in spec.mounts:
        state = observed.buckets.get(mount.bucket)
        if state is not None and state.metadata is None:
            fix = f"gcloud storage buckets create gs://{mount.bucket} --location={place.region}"
            faults.add(f"--mount {mount.text}", "no such bucket", fix)


def _check_account(spec: WorkloadSpec, observed: Observed, faults: FaultCollector) -> None:
    """Without its service account no pod is made, and the workload keeps its slices for nothing."""
    account = spec.service_account
    if account is None or account == "default":
        return
    if ObjectRef("v1", "ServiceAccount", account, spec.namespace) not in observed.objects:
        fix = f"kubectl create serviceaccount {account} --namespace {spec.namespace}"
        faults.add(f"--service-account {account}", f"no such account in namespace {spec.namespace}", fix)


def _check_slices(spec: WorkloadSpec, cluster: Json, faults: FaultCollector) -> None:
    """Slices are told apart by machine and topology, never by the count in their name."""
    shape = spec.slice_type
    fitting, others = [], set()
    for pool in cluster.get("nodePools", []):
        machine = pool.get("config", {}).get("machineType", "")
        topology = pool.get("placementPolicy", {}).get("tpuTopology") or (
            shape.topology_text if not shape.multi_host else None
        )
        if machine == shape.machine.name and topology == shape.topology_text:
            if pool.get("status") != "ERROR":
                fitting.append(pool["name"])
        elif topology or machine.startswith("ct"):
            others.add(f"{machine} {topology or ''}".strip())
    if len(fitting) >= spec.num_slices:
        return
    has = f"{len(fitting)} of them" if fitting else "none"
    rest = f", but {', '.join(sorted(others))}" if others else ""
    faults.add(
        f"--num-slices {spec.num_slices} of {shape.name} ({shape.topology_text})",
        f"the cluster has {has}{rest}",
        f"ask for what is there, or xpk cluster create --cluster {spec.cluster} "
        f"--num-slices {spec.num_slices} --tpu-type {shape.name} ...",
    )


def _check_queue(spec: WorkloadSpec, observed: Observed, again: str, faults: FaultCollector) -> None:
    """The queue must hold enough chips of this shape, or the workload waits for ever."""
    queue = observed.objects.get(ObjectRef("kueue.x-k8s.io/v1beta2", "ClusterQueue", CLUSTER_QUEUE))
    if queue is None:
        faults.add(f"--cluster {spec.cluster}", f"has no queue {CLUSTER_QUEUE}", again)
        return
    wanted = spec.num_slices * spec.slice_type.chips
    offered = sum(_quotas(spec, queue, observed))
    if offered < wanted:
        faults.add(
            f"--num-slices {spec.num_slices}",
            f"needs {wanted} chips of {spec.slice_type.topology_text}, the queue holds {offered}",
            again,
        )


def _quotas(spec: WorkloadSpec, queue: Json, observed: Observed) -> Iterator[int]:
    """Chips in each flavor of the queue that stands for this shape."""
    shape = spec.slice_type
    labels = {
        "cloud.google.com/gke-tpu-accelerator": shape.accelerator,
        "cloud.google.com/gke-tpu-topology": shape.topology_text,
    }
    flavors = {ref.name: obj for ref, obj in observed.objects.items() if ref.kind == "ResourceFlavor"}
    for group in queue.get("spec", {}).get("resourceGroups", []):
        for flavor in group.get("flavors", []):
            found = flavors.get(flavor["name"], {}).get("spec", {}).get("nodeLabels", {})
            if any(found.get(key, value) != value for key, value in labels.items()):
                continue
            for resource in flavor.get("resources", []):
                if resource["name"] == "google.com/tpu":  # the server may write 16000 as 16k
                    yield (quantity(str(resource["nominalQuota"])) or 0) // 1000


def _check_mtc(spec: WorkloadSpec, observed: Observed, again: str, faults: FaultCollector) -> None:
    """The ramdisk is there only with the add-on, a configuration for these hosts, and its driver."""
    addons = (observed.cluster or {}).get("addonsConfig", {})
    fix = f"{again}: --enable-mtc --mtc-ramdisk-size=... --mtc-gcs-bucket=..."
    if not addons.get(_MTC, {}).get("enabled"):
        faults.add("--mtc-enabled", "the cluster has no multi-tier checkpointing", fix)
        return
    machine = spec.slice_type.machine.name
    for ref, found in observed.objects.items():
        if ref.kind != "CheckpointConfiguration":
            continue
        selector = found.get("spec", {}).get("nodeSelector", {})
        if selector.get("node.kubernetes.io/instance-type", machine) == machine:
            status = observed.driver.get(ref.name, {}).get("status", {})
            desired, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
            if observed.driver.get(ref.name) is None or ready < desired:
                why = f"the checkpointing driver is ready on {ready} of {desired} hosts"
                faults.add("--mtc-enabled", why, f"kubectl describe checkpointconfiguration {ref.name}")
            return
    faults.add("--mtc-enabled", f"no CheckpointConfiguration for hosts of type {machine}", fix)
