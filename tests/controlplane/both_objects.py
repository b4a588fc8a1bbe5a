"""The cluster and the objects that both servers are given. Not the servers: those are in `both.py`."""

from __future__ import annotations

import copy
from typing import Any

from tests.controlplane.nodes import TpuPool
from xpk.catalog.slices import resolve
from xpk.render.workload import render_workload
from xpk.spec.capacity import OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mtc import MtcFlags, check_mtc
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import parse_exit_codes, restart_policy
from xpk.spec.workload import WorkloadSpec

Json = dict[str, Any]
SHAPE = resolve("v6e-16")
SLICES = 2
HOSTS = SLICES * SHAPE.hosts
PLACE = parse_place("p1", "us-east5-b")


def manifest(kind: str, namespace: str) -> Json:
    """A good object of a kind, to spoil."""
    if kind == "JobSet":
        return make_jobset(namespace)
    pod = {"containers": [{"name": "c", "image": "i"}]}
    head: dict[str, Json] = {
        "Pod": {"apiVersion": "v1", "spec": pod},
        "ConfigMap": {"apiVersion": "v1", "data": {"k": "v"}},
        "Job": {"apiVersion": "batch/v1", "spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}}},
        "ClusterQueue": {"apiVersion": "kueue.x-k8s.io/v1beta2", "spec": {"namespaceSelector": {}}},
        "ResourceFlavor": {"apiVersion": "kueue.x-k8s.io/v1beta2", "spec": {"nodeLabels": {"a": "b"}}},
        "LocalQueue": {"apiVersion": "kueue.x-k8s.io/v1beta2", "spec": {"clusterQueue": "cluster-queue"}},
        "CheckpointConfiguration": {
            "apiVersion": "checkpointing.gke.io/v1",
            "spec": {"cloudStorageBucketName": "b", "inMemoryVolumeSize": "1Gi"},
        },
    }
    found = {"kind": kind, "metadata": {"name": "x1", "namespace": namespace}, **head[kind]}
    if kind in ("ClusterQueue", "ResourceFlavor", "CheckpointConfiguration"):
        del found["metadata"]["namespace"]
    return found


def put(body: Json, path: str, value: object) -> Json:
    """A copy with one value set; `a.0.b` is a path, a value of None removes."""
    result = copy.deepcopy(body)
    level: Any = result
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        level = level[part]
    if value is None:
        del level[last]
    else:
        level[last] = value
    return result


_KEPT = 10_000_000
"""Seconds that a finished JobSet is kept: the emulator's time runs a thousand times as fast as real time."""


def make_jobset(
    namespace: str,
    name: str = "w1",
    *,
    max_restarts: int | None = None,
    codes: str | None = None,
    num_slices: int = SLICES,
    priority: str = "medium",
) -> Json:
    """A JobSet of ours with a ramdisk, of all hosts unless said otherwise."""
    spec = WorkloadSpec(
        name=name,
        cluster="c1",
        namespace=namespace,
        slice_type=SHAPE,
        num_slices=num_slices,
        priority=priority,
        image="gcr.io/p1/i:1",
        command="python3 train.py",
        ramdisk=Ramdisk("/ramdisk"),
        restarts=restart_policy(max_restarts, parse_exit_codes(codes) if codes else None, mtc=True),
        ttl_seconds=_KEPT,
        command_checks=False,
    )
    return render_workload(spec, fuse_host_network=True)


def cluster_spec() -> ClusterSpec:
    """Two slices with their ramdisks."""
    return ClusterSpec(
        name="c1",
        place=PLACE,
        slice_type=SHAPE,
        num_slices=SLICES,
        capacity=OnDemand(),
        mtc=check_mtc(MtcFlags(enabled=True, ramdisk_size="20Gi", bucket="gs://b1"), SHAPE),
    )


def tpu_pool(name: str) -> TpuPool:
    """The hosts of one slice, for real Kubernetes."""
    return TpuPool(
        name=name,
        machine=SHAPE.machine.name,
        accelerator=SHAPE.accelerator,
        topology=SHAPE.topology_text,
        hosts=SHAPE.hosts,
        chips=SHAPE.chips_per_host,
        memory_gb=SHAPE.machine.ram_gb,
    )
