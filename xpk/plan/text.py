"""A plan as a person reads it: what will be different, not which calls are made.

    Plan: cluster mtc-1, project p1, us-east5-b
      + grant    gs://b1             objectUser for the checkpointing driver
      ...
    11 to create, 0 to change, 0 to delete

Signs: `+` created, `~` changed, `-` deleted, `.` checked, waited for or kept. Pure text without colour;
`cli/` cleans and prints it.
"""

from __future__ import annotations

from typing import assert_never

from xpk.catalog.machines import MACHINES
from xpk.plan.bucket import OBJECT_USER
from xpk.plan.compare import quantity
from xpk.plan.kept import AS_ASKED, NOUNS
from xpk.plan.layout import Line, Sign, fold, page
from xpk.plan.steps import (
    ApplyCounted,
    ApplyObject,
    CheckBucket,
    CreateCluster,
    CreateNodePool,
    DeleteCluster,
    DeleteNodePool,
    DeleteObject,
    GrantBucketRole,
    InstallRelease,
    Json,
    Plan,
    ReplaceObject,
    RevokeBucketRole,
    Step,
    UpdateCluster,
    UpdateNodePool,
    WaitForCrd,
    WaitForDeployment,
    WaitForDriver,
)

_ADDONS = (
    ("highScaleCheckpointingConfig", "MTC"),
    ("gcsFuseCsiDriverConfig", "GCS FUSE"),
    ("gcpFilestoreCsiDriverConfig", "Filestore"),
    ("parallelstoreCsiDriverConfig", "Parallelstore"),
    ("gcePersistentDiskCsiDriverConfig", "Persistent Disk"),
    ("lustreCsiDriverConfig", "Lustre"),
)
_RECREATES = (UpdateNodePool, DeleteNodePool, ReplaceObject)
"""Steps after which something of a kind is not what it was: what stays of that kind is named beside it."""


def describe_step(step: Step) -> Line:
    """The row of one step."""
    match step:
        case CheckBucket():
            detail = "exists, hierarchical namespace, uniform access, near the slices"
            return Line(".", "check", f"gs://{step.bucket}", detail)
        case GrantBucketRole() | RevokeBucketRole():
            sign: Sign = "+" if isinstance(step, GrantBucketRole) else "-"
            return Line(sign, "grant", f"gs://{step.bucket}", _grant(step.role, step.member))
        case CreateCluster():
            return Line("+", "cluster", str(step.cluster["name"]), _cluster(step.cluster))
        case UpdateCluster():
            return Line("~", "cluster", step.full_name.rpartition("/")[2], step.what)
        case DeleteCluster():
            return Line("-", "cluster", step.full_name.rpartition("/")[2], "; ".join(step.contents))
        case CreateNodePool():
            return Line("+", "pools", step.name, _pool(step))
        case UpdateNodePool():
            return Line("~", "pools", step.name, step.what)
        case DeleteNodePool():
            return Line("-", "pools", step.name, step.why)
        case InstallRelease():
            return Line(
                "~" if step.why else "+", "install", f"{step.component} {step.version[1:]}", _release(step)
            )
        case ApplyObject() | ApplyCounted() | ReplaceObject():
            sign = "~" if step.why else "+"
            return Line(sign, _noun(step.manifest), _name(step.manifest), step.why or _object(step.manifest))
        case DeleteObject():
            noun = NOUNS.get(step.ref.kind, "object")
            return Line("." if step.going else "-", noun, step.ref.name, step.why)
        case WaitForCrd():
            return Line(".", "wait", "MTC add-on", "serves CheckpointConfiguration")
        case WaitForDeployment():
            return Line(".", "wait", step.name.removesuffix("-controller-manager"), "controller available")
        case WaitForDriver():
            return Line(".", "wait", "driver", f"ready on {_count(step.hosts, 'host')}")
        case _:
            assert_never(step)


def text(plan: Plan) -> str:
    """The whole plan. An empty plan is one line."""
    if plan.empty:
        return f"Nothing to do: {plan.title} is as asked for.\n"
    rows = page(fold(_lines(plan)))
    return "\n".join([f"Plan: {plan.title}", *rows, totals(plan)]) + "\n"


def _lines(plan: Plan) -> list[Line]:
    """The rows of all steps. Behind the last one of a kind of which something goes stand those that stay.

    So does a controller that is not the one that would be installed.
    """
    lines = [describe_step(planned.step) for planned in plan.steps]
    nouns = {line.noun for line in lines if line.sign == "-"}
    nouns |= {describe_step(p.step).noun for p in plan.steps if isinstance(p.step, _RECREATES)}
    for noun in sorted(nouns):
        stay = [Line(".", noun, kept.name, f"kept: {kept.why}") for kept in plan.kept if kept.noun == noun]
        at = max(index for index, line in enumerate(lines) if line.noun == noun) + 1
        lines[at:at] = stay
    unasked = [kept for kept in plan.kept if kept.noun == "install" and kept.why != AS_ASKED]
    return lines + [Line(".", kept.noun, kept.name, f"kept: {kept.why}") for kept in unasked]


def totals(plan: Plan) -> str:
    """The last line: how many things are created, changed and deleted."""
    signs = [describe_step(planned.step).sign for planned in plan.steps]
    counts = f"{signs.count('+')} to create, {signs.count('~')} to change, {signs.count('-')} to delete"
    return f"{counts}, {len(plan.kept)} unchanged" if plan.kept else counts


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _grant(role: str, member: str) -> str:
    who = member.rpartition("/")[2]
    whose = (
        "the checkpointing driver" if who == "gke-checkpointing-multitier-node" else f"service account {who}"
    )
    return f"{'objectUser' if role == OBJECT_USER else role.removeprefix('roles/storage.')} for {whose}"


def _cluster(cluster: Json) -> str:
    version = cluster.get("initialClusterVersion")
    channel = cluster.get("releaseChannel", {}).get("channel")
    parts = [f"GKE {version}" if version else "GKE default version"]
    if channel:
        parts[0] += " no channel" if channel == "UNSPECIFIED" else f" {str(channel).lower()}"
    addons = cluster.get("addonsConfig", {})
    parts += [name for field, name in _ADDONS if addons.get(field, {}).get("enabled")]
    if cluster.get("workloadIdentityConfig"):
        parts.append("Workload Identity")
    pool = cluster["nodePools"][0]
    parts.append(f"{pool['initialNodeCount']} x {pool['config']['machineType']}")
    return ", ".join(parts)


def _pool(step: CreateNodePool) -> str:
    shape = step.slice_type
    hosts = _count(shape.hosts, "host")
    return f"1 slice of {shape.name}: {shape.topology_text}, {hosts}, {step.capacity.words}"


def _release(step: InstallRelease) -> str:
    limits = step.resources["limits"]
    size = f"controller up to {limits['memory']} for {_count(step.hosts, 'host')}"
    return f"{step.why}; {size}" if step.why else size


def _noun(manifest: Json) -> str:
    return NOUNS.get(str(manifest["kind"]), str(manifest["kind"]))


def _name(manifest: Json) -> str:
    if manifest["kind"] == "CheckpointConfiguration":
        return str(manifest["spec"]["nodeSelector"]["node.kubernetes.io/instance-type"])
    return str(manifest["metadata"]["name"])


def _object(manifest: Json) -> str:
    """What a new object means, in a few words."""
    match manifest["kind"]:
        case "ClusterQueue":
            flavors = manifest["spec"]["resourceGroups"][0]["flavors"]
            return ", ".join(f"{f['resources'][0]['nominalQuota']} chips of {f['name']}" for f in flavors)
        case "LocalQueue":
            return f"namespace {manifest['metadata']['namespace']}"
        case "ResourceFlavor":
            return "hosts by accelerator and topology"
        case "PriorityClass":
            return "priority classes of Google's xpk"
        case "ConfigMap":
            kept = "slices" if _name(manifest).endswith("-resources-configmap") else "this plan"
            return f"{kept}, readable by Google's xpk too"
        case "CheckpointConfiguration":
            return _ramdisk(manifest)
        case "JobSet":
            return _jobset(manifest)
        case _:
            return ""


def _ramdisk(manifest: Json) -> str:
    size = str(manifest["spec"]["inMemoryVolumeSize"])
    machine = MACHINES.get(_name(manifest))
    thousandths = quantity(size)
    if machine is None or thousandths is None:
        return f"{size} per host"
    share = round(100 * thousandths / (machine.ram_gb * 10**12))
    return f"{size} per host, {share} % of {machine.ram_gb} GB"


def _jobset(manifest: Json) -> str:
    job = manifest["spec"]["replicatedJobs"][0]
    slices, hosts = job["replicas"], job["template"]["spec"]["parallelism"]
    pod = job["template"]["spec"]["template"]["spec"]
    topology = pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"]
    container = pod["containers"][0]
    mounts = [m["mountPath"] for m in container.get("volumeMounts", []) if m["mountPath"] != "/dev/shm"]
    restarts = manifest["spec"].get("failurePolicy", {}).get("maxRestarts", 0)
    parts = [f"{_count(slices, 'slice')} of {topology}, {_count(hosts, 'host')} each"]
    parts += [f"mounts {', '.join(mounts)}"] if mounts else []
    parts.append(f"{restarts} restarts")
    return ", ".join(parts)
