"""What `cluster delete` and `workload delete` remove, by name, and what they leave.

Only what this program or Google's xpk made is removed. The grant on the checkpoint bucket is shared by all
clusters of a project, so it goes with the last of them, and only when the record says that we made it.
"""

from __future__ import annotations

from collections.abc import Sequence

from xpk.errors import Fault, StateError
from xpk.plan.bucket import OBJECT_USER, driver_principal
from xpk.plan.observed import Observed
from xpk.plan.steps import DeleteCluster, DeleteObject, Json, ObjectRef, Plan, PlannedStep, RevokeBucketRole
from xpk.plan.workload import finished
from xpk.spec.cluster import Place


def plan_cluster_delete(place: Place, name: str, observed: Observed) -> Plan:
    """Delete a cluster and take back the grant that was made for it.

    Raises StateError when there is no such cluster.
    """
    where = f"project {place.project}, {place.region}"
    if observed.cluster is None:
        raise StateError(Fault(f"--cluster {name}", f"no such cluster in {where}", "xpk cluster list"))
    delete = DeleteCluster(place.cluster(name), tuple(_contents(observed)))
    steps = [PlannedStep(f"delete/{name}", delete)]
    notes: list[str] = []
    record = _record(name, observed)
    bucket = record.get("mtc_bucket")
    member = driver_principal(place.project, observed.project_number)
    state = observed.buckets.get(bucket or "")
    if bucket and state is not None and state.has(OBJECT_USER, member):
        if record.get("mtc_grant") != "made":
            notes.append(f"gs://{bucket} keeps the driver's role: it was there before the cluster")
        elif observed.other_clusters:
            others = ", ".join(observed.other_clusters)
            notes.append(f"gs://{bucket} keeps the driver's role: {others} may use it")
        else:
            revoke = RevokeBucketRole(bucket, OBJECT_USER, member)
            steps.append(PlannedStep(f"revoke/{bucket}", revoke, (steps[0].id,)))
    if bucket:
        notes.append(f"gs://{bucket} and what is in it stays")
    title = f"cluster {name}, {where}"
    return Plan(title=title, steps=tuple(steps), notes=tuple(notes))


def _contents(observed: Observed) -> list[str]:
    """What goes with the cluster: its pools, and what runs on them."""
    pools = [str(pool["name"]) for pool in (observed.cluster or {}).get("nodePools", [])]
    contents = [f"{len(pools)} node pools ({_names(pools)})"] if pools else []
    running = sorted({name for names in observed.running.values() for name in names})
    if running:
        contents.append(f"running there: {_names(running)}")
    return contents


def _names(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"


def _record(name: str, observed: Observed) -> dict[str, str]:
    ref = ObjectRef("v1", "ConfigMap", f"{name}-metadata-configmap", "default")
    return dict(observed.objects.get(ref, {}).get("data", {}))


def plan_workload_delete(cluster: str, jobsets: Sequence[Json]) -> Plan:
    """Delete these JobSets; each row says whether it still runs."""
    steps = []
    for jobset in sorted(jobsets, key=lambda j: (j["metadata"]["namespace"], j["metadata"]["name"])):
        ref = ObjectRef(
            "jobset.x-k8s.io/v1alpha2", "JobSet", jobset["metadata"]["name"], jobset["metadata"]["namespace"]
        )
        why = "has ended" if finished(jobset) else "is running or queued: stopped without saving"
        steps.append(PlannedStep(f"delete/{ref.namespace}/{ref.name}", DeleteObject(ref, why)))
    return Plan(title=f"workloads of cluster {cluster}", steps=tuple(steps))
