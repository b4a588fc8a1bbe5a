"""The clusters of a project: list them, and describe one with its slices, its ramdisks and its queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xpk.engine.driver import DAEMON_SETS, drivers_by_name
from xpk.engine.kube_reads import CONFIGURATIONS, KUEUE, all_nodes, running_by_pool, work_pods
from xpk.engine.pool_status import PoolStatus, pools_of, slice_type_of
from xpk.engine.reads import together
from xpk.engine.settle import LOOK, Waiting
from xpk.engine.status import WorkloadStatus
from xpk.engine.wire import CloudApi, Json, KubeApi
from xpk.engine.workloads import read_workloads
from xpk.errors import Fault, StateError
from xpk.plan.deletion import has_mtc
from xpk.spec.cluster import Place

_SERVING = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One cluster as GKE alone knows it.

    `slices` counts node pools by slice type, `pools_failed` those in ERROR.
    """

    name: str
    location: str
    status: str
    version: str
    slices: tuple[tuple[str, int], ...]
    hosts: int
    pools_failed: int
    mtc: bool
    created: str

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "name": self.name,
            "location": self.location,
            "status": self.status,
            "version": self.version,
            "slices": [{"type": name, "count": count} for name, count in self.slices],
            "hosts": self.hosts,
            "poolsFailed": self.pools_failed,
            "mtc": self.mtc,
            "created": self.created,
        }


@dataclass(frozen=True, slots=True)
class Ramdisk:
    """One CheckpointConfiguration: the ramdisk on its hosts, and on how many the driver is ready."""

    name: str
    size: str
    bucket: str
    machine: str
    hosts: int
    hosts_ready: int

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "name": self.name,
            "size": self.size,
            "bucket": self.bucket,
            "machineType": self.machine,
            "hosts": self.hosts,
            "hostsReady": self.hosts_ready,
        }


@dataclass(frozen=True, slots=True)
class QueueUsage:
    """One resource of one flavor of a ClusterQueue, as Kubernetes quantities; workloads that wait and run."""

    queue: str
    flavor: str
    resource: str
    used: str
    quota: str
    pending: int
    admitted: int

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "queue": self.queue,
            "flavor": self.flavor,
            "resource": self.resource,
            "used": self.used,
            "quota": self.quota,
            "pendingWorkloads": self.pending,
            "admittedWorkloads": self.admitted,
        }


@dataclass(frozen=True, slots=True)
class ClusterDescription:
    """One cluster in full. All but `status` and `pools` is empty while its Kubernetes does not serve."""

    status: ClusterStatus
    message: str
    endpoint: str
    pools: tuple[PoolStatus, ...]
    ramdisks: tuple[Ramdisk, ...] = ()
    queues: tuple[QueueUsage, ...] = ()
    workloads: tuple[WorkloadStatus, ...] = ()

    def as_json(self) -> Json:
        """As JSON."""
        return {
            **self.status.as_json(),
            "message": self.message,
            "endpoint": self.endpoint,
            "pools": [pool.as_json() for pool in self.pools],
            "ramdisks": [ramdisk.as_json() for ramdisk in self.ramdisks],
            "queues": [queue.as_json() for queue in self.queues],
            "workloads": [workload.as_json() for workload in self.workloads],
        }


def list_clusters(cloud: CloudApi, project: str, region: str | None = None) -> list[ClusterStatus]:
    """The clusters of a project, in one region with its zones or everywhere, by name. One request."""
    found = [cluster_status(c) for c in cloud.gke.list_clusters(f"projects/{project}/locations/-")]
    mine = [c for c in found if region is None or c.location == region or c.location.startswith(f"{region}-")]
    return sorted(mine, key=lambda c: (c.name, c.location))


def cluster_status(cluster: Json) -> ClusterStatus:
    """A cluster from GKE's own JSON. Pure."""
    counts: dict[str, int] = {}
    hosts = 0
    pools = cluster.get("nodePools", [])
    for pool in pools:
        if (shape := slice_type_of(pool)) is not None:
            counts[shape.name] = counts.get(shape.name, 0) + 1
            hosts += shape.hosts
    return ClusterStatus(
        name=str(cluster["name"]),
        location=str(cluster.get("location", "")),
        status=str(cluster.get("status", "")),
        version=str(cluster.get("currentMasterVersion", "")),
        slices=tuple(sorted(counts.items())),
        hosts=hosts,
        pools_failed=sum(pool.get("status") == "ERROR" for pool in pools),
        mtc=has_mtc(cluster),
        created=str(cluster.get("createTime", "")),
    )


def describe_cluster(
    cloud: CloudApi, place: Place, name: str, waiting: Waiting | None = None
) -> ClusterDescription:
    """One cluster, in a number of requests that does not depend on its size.

    Raises StateError when there is none, NotReady when GKE works on its control plane for more than a short
    wait.
    """
    full_name = place.cluster(name)
    cluster = cloud.gke.get_cluster(full_name)
    if cluster is None:
        where = f"no such cluster in project {place.project}, {place.region}"
        raise StateError(Fault(f"--cluster {name}", where, "xpk cluster list"))
    status, message = cluster_status(cluster), str(cluster.get("statusMessage") or "")
    endpoint = str(cluster.get("endpoint", ""))
    if cluster.get("status") not in _SERVING:
        return ClusterDescription(status, message, endpoint, pools_of(cluster, ()))
    kube = cloud.kube(full_name, cluster)
    inside = (waiting or Waiting(within=LOOK)).answer(cloud, full_name, lambda: _read(kube))
    tpu = [
        node
        for node in inside.nodes
        if "cloud.google.com/gke-tpu-accelerator" in node["metadata"].get("labels", {})
    ]
    return ClusterDescription(
        status=status,
        message=message,
        endpoint=endpoint,
        pools=pools_of(cluster, inside.nodes, running_by_pool(tpu, inside.pods)),
        ramdisks=ramdisks_of(inside.configurations, inside.daemon_sets),
        queues=tuple(usage for queue in inside.queues for usage in usage_of(queue)),
        workloads=inside.workloads,
    )


@dataclass(frozen=True, slots=True)
class _Inside:
    """What a description takes from a cluster's Kubernetes."""

    workloads: tuple[WorkloadStatus, ...]
    nodes: list[Json]
    pods: list[Json]
    configurations: list[Json]
    daemon_sets: list[Json]
    queues: list[Json]


def _read(kube: KubeApi) -> _Inside:
    lists = together(
        [
            lambda: all_nodes(kube),
            lambda: work_pods(kube, "status.phase=Running"),
            lambda: kube.list(CONFIGURATIONS),
            lambda: kube.list(DAEMON_SETS),
            lambda: kube.list(f"{KUEUE}/clusterqueues"),
        ]
    )
    return _Inside(tuple(found.status for found in read_workloads(kube)), *lists)


def ramdisks_of(configurations: Sequence[Json], daemon_sets: Sequence[Json]) -> tuple[Ramdisk, ...]:
    """The ramdisks by name. Pure."""
    drivers = drivers_by_name(configurations, daemon_sets)
    found = []
    for configuration in configurations:
        spec, name = configuration.get("spec", {}), str(configuration["metadata"]["name"])
        status = drivers.get(name, {}).get("status", {})
        found.append(
            Ramdisk(
                name=name,
                size=str(spec.get("inMemoryVolumeSize", "")),
                bucket=str(spec.get("cloudStorageBucketName", "")),
                machine=str(spec.get("nodeSelector", {}).get("node.kubernetes.io/instance-type", "")),
                hosts=int(status.get("desiredNumberScheduled") or 0),
                hosts_ready=int(status.get("numberReady") or 0),
            )
        )
    return tuple(sorted(found, key=lambda ramdisk: ramdisk.name))


def usage_of(queue: Json) -> Iterable[QueueUsage]:
    """What of each quota of a ClusterQueue is in use. Pure."""
    status = queue.get("status", {})
    used = {
        (str(flavor.get("name")), str(resource.get("name"))): str(resource.get("total", "0"))
        for flavor in status.get("flavorsUsage", []) or []
        for resource in flavor.get("resources", []) or []
    }
    for group in queue.get("spec", {}).get("resourceGroups", []):
        for flavor in group.get("flavors", []):
            for resource in flavor.get("resources", []):
                key = (str(flavor["name"]), str(resource["name"]))
                yield QueueUsage(
                    queue=str(queue["metadata"]["name"]),
                    flavor=key[0],
                    resource=key[1],
                    used=used.get(key, "0"),
                    quota=str(resource.get("nominalQuota", "0")),
                    pending=int(status.get("pendingWorkloads") or 0),
                    admitted=int(status.get("admittedWorkloads") or 0),
                )
