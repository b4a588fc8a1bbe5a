"""What `cluster delete` and `workload delete` remove, by name, and what they leave.

Only what this program or Google's xpk made is removed. The grant on the checkpoint bucket is shared by all
clusters of a project, so it goes with the last of them, and only when the record says that we made it.
"""

from __future__ import annotations

from collections.abc import Sequence

from xpk.errors import Fault, StateError
from xpk.plan.bucket import OBJECT_USER, driver_principal
from xpk.plan.observed import Observed
from xpk.plan.record import granted_buckets, record_of, recorded_buckets
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
    revokes, notes = _grants(record_of(name, observed), place, observed)
    steps = [PlannedStep(f"revoke/{step.bucket}", step) for step in revokes if not step.last]
    # First, because the record of the grant goes with the cluster: whoever is interrupted between the two
    # must be able to go on. A grant that cannot be taken back keeps nobody from deleting the cluster.
    delete = DeleteCluster(place.cluster(name), tuple(_contents(observed)))
    steps.append(PlannedStep(f"delete/{name}", delete, after=tuple(planned.id for planned in steps)))
    last = [step for step in revokes if step.last]
    steps += [PlannedStep(f"revoke/{step.bucket}", step, needs=(f"delete/{name}",)) for step in last]
    title = f"cluster {name}, {where}"
    return Plan(title=title, steps=tuple(steps), notes=tuple(notes))


def _grants(
    record: dict[str, str], place: Place, observed: Observed
) -> tuple[list[RevokeBucketRole], list[str]]:
    """The grants that are taken back with the cluster, and what to say of its buckets."""
    revokes: list[RevokeBucketRole] = []
    notes: list[str] = []
    member = driver_principal(place.project, observed.project_number)
    made = granted_buckets(record)
    for bucket in recorded_buckets(record):
        state = observed.buckets.get(bucket)
        if state is not None and state.has(OBJECT_USER, member):
            if bucket not in made:
                notes.append(
                    f"gs://{bucket} keeps the driver's role: it was there before the cluster (without it: "
                    f"gcloud storage buckets remove-iam-policy-binding gs://{bucket} --role={OBJECT_USER} "
                    f"--member={member})"
                )
            elif observed.other_clusters:
                others = ", ".join(observed.other_clusters)
                notes.append(f"gs://{bucket} keeps the driver's role: {others} may use it")
            else:
                revokes.append(RevokeBucketRole(bucket, OBJECT_USER, member, state.policy))
        elif _promised(bucket, record, observed):
            revokes.append(RevokeBucketRole(bucket, OBJECT_USER, member, last=True))
            notes.append(
                f"gs://{bucket} lacks the driver's role that the cluster's record names: "
                "looked for once more when the cluster is gone"
            )
        notes.append(f"gs://{bucket} and what is in it stays")
    if not record and has_mtc(observed.cluster or {}):
        notes.append("no record of a bucket can be read: the driver's role on it, if any, stays")
    return revokes, notes


def _promised(bucket: str, record: dict[str, str], observed: Observed) -> bool:
    """Whether somebody who creates the cluster at this moment may be about to make the grant.

    They write the record, then the grant, and then look whether the cluster is still there; so a deletion
    looks for the grant after the cluster: whatever the order, one of the two sees what the other one did.
    """
    state = observed.buckets.get(bucket)
    ours = record.get("mtc_grant") == "made" and record.get("mtc_bucket") == bucket
    return ours and state is not None and state.metadata is not None and not observed.other_clusters


def _contents(observed: Observed) -> list[str]:
    """What goes with the cluster: its pools, and what runs on them."""
    pools = [str(pool["name"]) for pool in (observed.cluster or {}).get("nodePools", [])]
    pools.sort(key=lambda name: (len(name), name))  # c-np-2 before c-np-10
    contents = [f"{len(pools)} node pool{'s' if len(pools) > 1 else ''} ({_names(pools)})"] if pools else []
    running = sorted({name for names in observed.running.values() for name in names})
    if running:
        contents.append(f"running there: {_names(running)}")
    return contents


def _names(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"


def has_mtc(cluster: Json) -> bool:
    """Whether a cluster has the multi-tier checkpointing add-on."""
    addon = cluster.get("addonsConfig", {}).get("highScaleCheckpointingConfig", {})
    return bool(addon.get("enabled", False))


def plan_workload_delete(cluster: str, jobsets: Sequence[Json]) -> Plan:
    """Delete these JobSets; each row says whether it still runs."""
    steps = []
    for jobset in sorted(jobsets, key=lambda j: (j["metadata"]["namespace"], j["metadata"]["name"])):
        ref = ObjectRef(
            "jobset.x-k8s.io/v1alpha2", "JobSet", jobset["metadata"]["name"], jobset["metadata"]["namespace"]
        )
        why = "has ended" if finished(jobset) else "is running or queued: stopped without saving"
        delete = DeleteObject(ref, why, uid=str(jobset["metadata"].get("uid", "")))
        steps.append(PlannedStep(f"delete/{ref.namespace}/{ref.name}", delete))
    return Plan(title=f"workloads of cluster {cluster}", steps=tuple(steps))
