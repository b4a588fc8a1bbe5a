"""How each step of a plan is carried out. A step that is missing here does not type-check."""

from __future__ import annotations

from typing import assert_never

from xpk.engine.bucket_steps import grant, revoke
from xpk.engine.context import Context
from xpk.engine.counted_steps import apply_counted
from xpk.engine.gke_steps import change_gke
from xpk.engine.object_steps import apply_object, delete_object, install_release, replace_object
from xpk.engine.tasks import Task, call
from xpk.engine.wait_steps import wait_for_crd, wait_for_deployment, wait_for_driver
from xpk.errors import Fault, StateError
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
    ReplaceObject,
    RevokeBucketRole,
    Step,
    UpdateCluster,
    UpdateNodePool,
    WaitForCrd,
    WaitForDeployment,
    WaitForDriver,
)


def perform(context: Context, step: Step) -> Task[None]:
    """The task that carries out one step."""
    match step:
        case CreateCluster() | UpdateCluster() | DeleteCluster():
            return change_gke(context, step)
        case CreateNodePool() | UpdateNodePool() | DeleteNodePool():
            return change_gke(context, step)
        case CheckBucket():
            return _check_bucket(context, step)
        case GrantBucketRole():
            return grant(context, step)
        case RevokeBucketRole():
            return revoke(context, step)
        case InstallRelease():
            return install_release(context, step)
        case ApplyObject():
            return apply_object(context, step)
        case ApplyCounted():
            return apply_counted(context, step)
        case ReplaceObject():
            return replace_object(context, step)
        case DeleteObject():
            return delete_object(context, step)
        case WaitForCrd():
            return wait_for_crd(context, step)
        case WaitForDeployment():
            return wait_for_deployment(context, step)
        case WaitForDriver():
            return wait_for_driver(context, step)
        case _:
            assert_never(step)


def _check_bucket(context: Context, step: CheckBucket) -> Task[None]:
    """Only an offline plan holds this step, and such a plan is not carried out; kept whole all the same."""
    found = yield from call("kubernetes", lambda: context.cloud.storage.bucket(step.bucket))
    if found is None:
        fix = (
            f"gcloud storage buckets create gs://{step.bucket} --location={step.region} "
            "--enable-hierarchical-namespace --uniform-bucket-level-access"
        )
        raise StateError(Fault(f"--mtc-gcs-bucket {step.bucket}", "no such bucket", fix))
