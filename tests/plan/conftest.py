"""Specs and observations that the tests of plans share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.catalog.versions import GkeVersion
from xpk.plan.bucket import OBJECT_USER, driver_principal
from xpk.plan.cluster import cluster_body
from xpk.plan.objects import checkpoint_object, cluster_objects
from xpk.plan.observed import BucketState, Observed
from xpk.plan.pool_body import pool_body
from xpk.plan.releases import RELEASES, controller_resources, deployment_ref
from xpk.plan.steps import Json, ObjectRef
from xpk.spec.capacity import Capacity, OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mtc import MtcFlags, check_mtc

MakeSpec = Callable[..., ClusterSpec]
CRD = ObjectRef(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "checkpointconfigurations.checkpointing.gke.io"
)


def make_spec(
    tpu_type: str = "v6e-256", *, capacity: Capacity | None = None, mtc: bool = True, **changes: Any
) -> ClusterSpec:
    """The document's cluster: two slices of v6e-256 with a ramdisk of 60000Mi."""
    slice_type = resolve(tpu_type)
    flags = MtcFlags(enabled=mtc, ramdisk_size="60000Mi", bucket="gs://b1") if mtc else MtcFlags()
    values: dict[str, Any] = {
        "name": "mtc-1",
        "place": parse_place("p1", "us-east5-b"),
        "slice_type": slice_type,
        "num_slices": 2,
        "capacity": capacity or OnDemand(),
        "gke_version": GkeVersion.parse("1.33.5-gke.1201000"),
        "mtc": check_mtc(flags, slice_type),
    }
    return ClusterSpec(**(values | changes))


def bucket_state(**changes: Any) -> BucketState:
    """A bucket as multi-tier checkpointing needs it, without any binding."""
    metadata = {"location": "US-EAST5", "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}
    return replace(BucketState("b1", metadata, hierarchical_namespace=True), **changes)


def deployment(component: Any, hosts: int, version: str | None = None) -> tuple[ObjectRef, Json]:
    """An installed, available controller."""
    release = RELEASES[component]
    container = {
        "name": "manager",
        "image": f"{release.image}:{version or release.version}",
        "resources": controller_resources(component, hosts),
    }
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": release.deployment, "namespace": release.namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"conditions": [{"type": "Available", "status": "True"}]},
    }
    return deployment_ref(release), manifest


def as_applied(spec: ClusterSpec) -> Observed:
    """The project after a complete run of the spec's plan, written down without the planner."""
    objects = dict([deployment("JobSet", spec.hosts), deployment("Kueue", spec.hosts)])
    number = "123456789012"
    bindings = ((OBJECT_USER, (driver_principal("p1", number),)),)
    first = Observed(live=True, project_number=number, bucket=bucket_state())
    manifests = cluster_objects(spec, first)
    if spec.mtc:
        objects[CRD] = {}
        manifests.append(checkpoint_object(spec))
    objects |= {ObjectRef.of(manifest): manifest for manifest in manifests}
    pools = [pool_body(spec, name) | {"status": "RUNNING"} for name in spec.pool_names]
    body = cluster_body(spec)
    cluster = body | {"status": "RUNNING", "nodePools": [*body["nodePools"], *pools]}
    cluster["currentMasterVersion"] = "1.33.5-gke.1201000"
    status = {"desiredNumberScheduled": spec.hosts, "numberReady": spec.hosts}
    return Observed(
        live=True,
        cluster=cluster,
        project_number=number,
        bucket=bucket_state(bindings=bindings) if spec.mtc else None,
        objects=objects,
        driver={"my-checkpointconfiguration": {"status": status}} if spec.mtc else {},
        tpu_hosts=dict.fromkeys(spec.pool_names, spec.slice_type.hosts),
    )


@pytest.fixture
def spec() -> MakeSpec:
    """`make_spec`, as a fixture."""
    return make_spec


@pytest.fixture
def applied() -> Callable[[ClusterSpec], Observed]:
    """`as_applied`, as a fixture."""
    return as_applied


@pytest.fixture
def bucket() -> Callable[..., BucketState]:
    """`bucket_state`, as a fixture."""
    return bucket_state


@pytest.fixture
def controller() -> Callable[..., tuple[ObjectRef, Json]]:
    """`deployment`, as a fixture."""
    return deployment
