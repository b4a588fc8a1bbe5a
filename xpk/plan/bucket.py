"""The checkpoint bucket: what it must be, and the role that the driver needs on it.

Sources: GKE's page on multi-tier checkpointing (hierarchical namespace "otherwise backups will
fail"), the deploy README of GoogleCloudPlatform/high-scale-checkpointing-controller (principal, role).
"""

from __future__ import annotations

from xpk.errors import FaultCollector
from xpk.plan.observed import BucketState, Observed
from xpk.plan.steps import CheckBucket, GrantBucketRole, PlannedStep

OBJECT_USER = "roles/storage.objectUser"
OBJECT_VIEWER = "roles/storage.objectViewer"
_DRIVER_NAMESPACE = "gke-managed-checkpointing"
_DRIVER_ACCOUNT = "gke-checkpointing-multitier-node"
UNKNOWN_NUMBER = "PROJECT_NUMBER"
"""Stands where an offline plan cannot know the project's number (`--project-number` names it)."""


def principal(project: str, number: str | None, namespace: str, account: str) -> str:
    """The IAM member of a Kubernetes service account, by direct Workload Identity Federation.

    The project's number comes first and its id in the pool's name: both are needed.
    """
    return (
        f"principal://iam.googleapis.com/projects/{number or UNKNOWN_NUMBER}/locations/global/"
        f"workloadIdentityPools/{project}.svc.id.goog/subject/ns/{namespace}/sa/{account}"
    )


def driver_principal(project: str, number: str | None) -> str:
    """The member that the checkpointing driver of every cluster in a project acts as."""
    return principal(project, number, _DRIVER_NAMESPACE, _DRIVER_ACCOUNT)


def is_driver(member: str) -> bool:
    """Whether a member is the checkpointing driver of a project's clusters."""
    return member.endswith(f"/subject/ns/{_DRIVER_NAMESPACE}/sa/{_DRIVER_ACCOUNT}")


def check_bucket(state: BucketState, region: str, faults: FaultCollector) -> None:
    """Add a fault for everything that would let backups fail later."""
    what = f"--mtc-gcs-bucket {state.name}"
    if state.metadata is None:
        fix = (
            f"gcloud storage buckets create gs://{state.name} --location={region} "
            "--enable-hierarchical-namespace --uniform-bucket-level-access"
        )
        faults.add(what, "no such bucket", fix)
        return
    recreate = (
        "a new bucket: gcloud storage buckets create gs://NAME "
        f"--location={region} --enable-hierarchical-namespace --uniform-bucket-level-access"
    )
    if not state.hierarchical_namespace:
        faults.add(what, "has no hierarchical namespace, which can only be set at creation", recreate)
    iam = state.metadata.get("iamConfiguration", {})
    if not iam.get("uniformBucketLevelAccess", {}).get("enabled", False):
        faults.add(
            what,
            "has no uniform bucket-level access, which Workload Identity needs to write",
            f"gcloud storage buckets update gs://{state.name} --uniform-bucket-level-access",
        )


def location_note(state: BucketState, region: str) -> str | None:
    """A sentence when the bucket is far from the slices: backups and restores cross regions."""
    if state.metadata is None:
        return None
    location = str(state.metadata.get("location", "")).lower()
    continent = region.partition("-")[0]
    near = {
        region,
        "us" if continent in {"us", "northamerica"} else "eu" if continent == "europe" else "asia",
    }
    custom = state.metadata.get("customPlacementConfig", {}).get("dataLocations", [])
    if location in near or region in {str(place).lower() for place in custom} or not location:
        return None
    return f"gs://{state.name} is in {location}, the slices in {region}: backups and restores cross regions"


def plan_bucket(
    bucket: str, project: str, region: str, observed: Observed, number: str | None, pool_step: str | None
) -> list[PlannedStep]:
    """The check (offline only) and the grant of the driver's role, where it is missing."""
    steps: list[PlannedStep] = []
    needs: tuple[str, ...] = ()
    if not observed.live:
        steps.append(PlannedStep(f"check/{bucket}", CheckBucket(bucket, region)))
        needs = (f"check/{bucket}",)
    member = driver_principal(project, number)
    if observed.bucket is None or not observed.bucket.has(OBJECT_USER, member):
        policy = observed.bucket.policy if observed.bucket else None
        grant = GrantBucketRole(bucket, OBJECT_USER, member, after=pool_step, policy=policy)
        steps.append(PlannedStep(f"grant/{bucket}", grant, needs))
    return steps
