"""What a plan needs of a cluster's Kubernetes: a fixed number of reads, whatever the number of slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from xpk.engine import slim
from xpk.engine.driver import DAEMON_SETS, drivers_by_name
from xpk.engine.reads import together
from xpk.engine.wire import Json, KubeApi
from xpk.plan.driver import CRD
from xpk.plan.releases import RELEASES, deployment_ref
from xpk.plan.steps import ObjectRef
from xpk.render.workload import RAMDISK_DRIVER

POOL_LABEL = slim.POOL
TPU_LABEL = slim.ACCELERATOR
CONFIGURATIONS = "/apis/checkpointing.gke.io/v1/checkpointconfigurations"
KUEUE = "/apis/kueue.x-k8s.io/v1beta2"
_OLD_KUEUE = "/apis/kueue.x-k8s.io/v1beta1"
JOBSET_API = "/apis/jobset.x-k8s.io/v1alpha2"
NODES = "/api/v1/nodes"
_NODES_AT_ONCE = 250
_NO_DAEMON = "!pod-template-generation"
"""DaemonSets label their pods so, and nothing else does (pkg/controller/daemon/util of Kubernetes)."""
_PLACED = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
"""Pods that hold a host: also those that still start, for their volumes are mounted by then."""


@dataclass(frozen=True, slots=True)
class KubeState:
    """Objects that exist, drivers by configuration, TPU nodes and work by pool, who holds ramdisks."""

    objects: dict[ObjectRef, Json] = field(default_factory=dict)
    driver: dict[str, Json] = field(default_factory=dict)
    tpu_hosts: dict[str, int] = field(default_factory=dict)
    running: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mounting: tuple[str, ...] = ()


def read_for_cluster(kube: KubeApi, cluster: str, *, mtc: bool) -> KubeState:
    """For `cluster create`: controllers, queues, ConfigMaps, and with MTC the driver and the hosts."""
    gets = [_path(kube, deployment_ref(release)) for release in RELEASES.values()]
    gets += [_config_map(cluster, part) for part in ("resources", "metadata")]
    lists = [
        f"{KUEUE}/resourceflavors",
        f"{KUEUE}/clusterqueues",
        f"{KUEUE}/namespaces/default/localqueues",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
    ]
    if not mtc:
        return _read(kube, gets, lists)
    gets.append(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD}")
    return _read(kube, gets, [*lists, CONFIGURATIONS], driver=True, nodes=True)


def read_for_workload(
    kube: KubeApi, name: str, namespace: str, cluster: str, account: str | None = None
) -> KubeState:
    """For `workload create`: the namespace, queues, priorities, the JobSet of this name, the driver.

    `account`: the service account that was asked for, if any.
    """
    gets = [
        f"/api/v1/namespaces/{namespace}",
        f"{JOBSET_API}/namespaces/{namespace}/jobsets/{name}",
        *(_config_map(cluster, part) for part in ("resources", "metadata")),
    ]
    if account is not None:
        gets.append(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}")
    lists = [
        f"{KUEUE}/resourceflavors",
        f"{KUEUE}/clusterqueues",
        f"{KUEUE}/namespaces/{namespace}/localqueues",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        CONFIGURATIONS,
    ]
    return _read(kube, gets, lists, driver=True)


def read_for_deletion(kube: KubeApi, cluster: str) -> KubeState:
    """For `cluster delete`: the record of what was made, and what runs on which pool."""
    record, nodes, pods = together(
        [
            lambda: _as_list(kube.get(_config_map(cluster, "metadata"))),
            lambda: tpu_nodes(kube),
            lambda: work_pods(kube, "status.phase=Running"),
        ]
    )
    objects = {ObjectRef.of(found): found for found in record}
    return KubeState(objects, tpu_hosts=hosts_by_pool(nodes), running=running_by_pool(nodes, pods))


def read_work(kube: KubeApi) -> KubeState:
    """For a plan that touches hosts: what runs on which pool, and which workloads hold the ramdisk."""
    nodes, pods = together(
        [
            lambda: tpu_nodes(kube),
            lambda: work_pods(kube, _PLACED),
        ]
    )
    return KubeState(
        tpu_hosts=hosts_by_pool(nodes), running=running_by_pool(nodes, pods), mounting=mounting(pods)
    )


def tpu_nodes(kube: KubeApi) -> list[Json]:
    """Name and pool of each host with TPUs."""
    return kube.list(NODES, label_selector=TPU_LABEL, keep=slim.host, metadata_only=True)


def all_nodes(kube: KubeApi) -> list[Json]:
    """Name, pool and readiness of each node of a pool; in smaller pages, since a node is large."""
    return kube.list(NODES, label_selector=POOL_LABEL, keep=slim.host, limit=_NODES_AT_ONCE)


def work_pods(kube: KubeApi, chosen: str) -> list[Json]:
    """The pods that a field selector chooses, but those of DaemonSets, of which each host has a dozen."""
    return kube.list("/api/v1/pods", label_selector=_NO_DAEMON, field_selector=chosen, keep=slim.work)


def _read(
    kube: KubeApi, gets: Sequence[str], lists: Sequence[str], *, driver: bool = False, nodes: bool = False
) -> KubeState:
    reads: list[Callable[[], list[Json]]] = [_getter(kube, path) for path in gets]
    reads += [_lister(kube, path) for path in lists]
    reads.append(_lister(kube, DAEMON_SETS) if driver else list)
    reads.append((lambda: tpu_nodes(kube)) if nodes else list)
    *found, daemon_sets, node_list = together(reads)
    objects = {ObjectRef.of(item): item for items in found for item in items}
    configurations = [o for ref, o in objects.items() if ref.kind == "CheckpointConfiguration"]
    return KubeState(objects, drivers_by_name(configurations, daemon_sets), hosts_by_pool(node_list))


def _getter(kube: KubeApi, path: str) -> Callable[[], list[Json]]:
    return lambda: _as_list(kube.get(path))


def _lister(kube: KubeApi, path: str) -> Callable[[], list[Json]]:
    return lambda: kube.list(path) or (_older(kube, path) if path.startswith(KUEUE) else [])


def _older(kube: KubeApi, path: str) -> list[Json]:
    """What a Kueue older than 0.15 serves, under the version that its successor will serve.

    The fields that a plan reads have the same names in both (Kueue's changelog of 0.15).
    """
    found = kube.list(path.replace(KUEUE, _OLD_KUEUE, 1))
    return [{**item, "apiVersion": KUEUE.removeprefix("/apis/")} for item in found]


def _as_list(found: Json | None) -> list[Json]:
    return [] if found is None else [found]


def _path(kube: KubeApi, ref: ObjectRef) -> str:
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return kube.path_of({"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata})


def _config_map(cluster: str, part: str) -> str:
    return f"/api/v1/namespaces/default/configmaps/{cluster}-{part}-configmap"


def hosts_by_pool(nodes: Iterable[Json]) -> dict[str, int]:
    """How many nodes each node pool has."""
    counts: dict[str, int] = {}
    for node in nodes:
        pool = str(node["metadata"].get("labels", {}).get(POOL_LABEL, ""))
        counts[pool] = counts.get(pool, 0) + 1
    return dict(sorted(counts.items()))


def running_by_pool(nodes: Iterable[Json], pods: Iterable[Json]) -> dict[str, tuple[str, ...]]:
    """The workloads whose pods run on each pool of these nodes. DaemonSets are part of the cluster."""
    pool_of = {n["metadata"]["name"]: n["metadata"].get("labels", {}).get(POOL_LABEL, "") for n in nodes}
    names: dict[str, set[str]] = {}
    for pod in pods:
        pool = pool_of.get(pod.get("spec", {}).get("nodeName"))
        owners = {o.get("kind") for o in pod["metadata"].get("ownerReferences", [])}
        if pool is None or "DaemonSet" in owners:
            continue
        names.setdefault(str(pool), set()).add(workload_of(pod))
    return {pool: tuple(sorted(found)) for pool, found in sorted(names.items())}


def workload_of(pod: Json) -> str:
    """The workload that a pod is of, with its namespace where that is not the usual one."""
    metadata = pod["metadata"]
    name = str(metadata.get("labels", {}).get("jobset.sigs.k8s.io/jobset-name", metadata["name"]))
    namespace = metadata.get("namespace", "default")
    return name if namespace == "default" else f"{namespace}/{name}"


def mounting(pods: Iterable[Json]) -> tuple[str, ...]:
    """The workloads whose pods hold the ramdisk, through the driver's inline volume."""
    found = set()
    for pod in pods:
        drivers = {v.get("csi", {}).get("driver") for v in pod.get("spec", {}).get("volumes", [])}
        if RAMDISK_DRIVER in drivers:
            found.add(workload_of(pod))
    return tuple(sorted(found))
