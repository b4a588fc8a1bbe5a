"""A cluster as `cluster create` leaves it, on the control plane: TPU hosts, queues, the driver; and what
a test of a workload looks at and does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.controlplane import nodes, standins
from tests.controlplane.cluster import ControlPlane, is_ready
from tests.controlplane.nodes import TpuPool
from xpk.cloud.kube import Kube

Json = dict[str, Any]
JOBSETS = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/{}/jobsets"
WORKLOADS = "/apis/kueue.x-k8s.io/v1beta2/namespaces/{}/workloads"
PODS = "/api/v1/namespaces/{}/pods"
DRIVERS = f"/apis/apps/v1/namespaces/{standins.NAMESPACE}/daemonsets"
SETTLED = 60.0


@dataclass(slots=True)
class World:
    """A control plane with TPU pools and the objects of a cluster, and how to look at a JobSet in it."""

    plane: ControlPlane
    kube: Kube
    pools: list[TpuPool] = field(default_factory=list)

    def add_pools(self, pools: Iterable[TpuPool]) -> None:
        """Register the hosts of pools and wait until they are Ready."""
        added = list(pools)
        self.pools += added
        self.add_nodes([node for pool in added for node in pool.nodes()])

    def add_nodes(self, hosts: list[Json]) -> None:
        """Register hosts and wait until they are Ready."""
        nodes.add_nodes(self.plane.api, hosts)
        names = {host["metadata"]["name"] for host in hosts}
        self.plane.wait(lambda: names <= self._ready_nodes(), "TPU hosts", SETTLED)

    def apply(self, manifests: Iterable[Json]) -> None:
        """Apply the objects of a cluster with xpk's own client; the driver follows its configuration."""
        for manifest in manifests:
            self.kube.apply(manifest)
            if manifest["kind"] == "CheckpointConfiguration":
                standins.start_driver(self.plane.api, manifest["metadata"]["name"])

    def remove(self, manifests: Iterable[Json]) -> None:
        """Remove hosts, drivers and objects and wait for their end, so that another test finds none."""
        drivers = [self.kube.path_of(item) for item in self.kube.list(DRIVERS)]
        hosts = [f"/api/v1/nodes/{name}" for pool in self.pools for name in pool.node_names()]
        paths = [*drivers, *hosts, *(self.kube.path_of(manifest) for manifest in manifests)]
        for path in paths:
            self.kube.delete(path, propagation="Background")
        self.pools.clear()
        self.plane.wait(lambda: all(self.kube.get(path) is None for path in paths), "all removed", SETTLED)

    def driver(self) -> Json:
        """The status of the one driver DaemonSet."""
        (found,) = self.kube.list(DRIVERS)
        status: Json = found.get("status", {})
        return status

    def jobset(self, namespace: str, name: str) -> Json:
        """The JobSet as it is now."""
        return self.kube.get(f"{JOBSETS.format(namespace)}/{name}") or {}

    def status(self, namespace: str, name: str) -> Json:
        """The JobSet's status as it is now."""
        status: Json = self.jobset(namespace, name).get("status", {})
        return status

    def workload(self, namespace: str, name: str) -> Json:
        """Kueue's Workload of a JobSet: its name is generated, and that of a deleted JobSet of the same
        name stays for half a minute, so the owner's uid decides."""
        owner = uid(self.jobset(namespace, name))
        for item in self.kube.list(WORKLOADS.format(namespace)):
            if any(entry["uid"] == owner for entry in item["metadata"].get("ownerReferences", [])):
                return item
        return {}

    def pods(self, namespace: str, name: str) -> list[Json]:
        """The JobSet's pods that are not being deleted."""
        found = self.kube.list(
            PODS.format(namespace), label_selector=f"jobset.sigs.k8s.io/jobset-name={name}"
        )
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def wait_running(self, namespace: str, name: str, count: int, *, old: Iterable[Json] = ()) -> list[Json]:
        """Wait until so many pods run, none of them one of `old`."""
        gone = {uid(pod) for pod in old}

        def running() -> bool:
            pods = self.pods(namespace, name)
            return len(pods) == count and all(
                pod["status"].get("phase") == "Running" and uid(pod) not in gone for pod in pods
            )

        self.plane.wait(running, f"{count} new pods of {name} running", SETTLED)
        return self.pods(namespace, name)

    def wait_one_pending(self, namespace: str, name: str, running: int) -> Json:
        """Wait until so many pods run and one finds no node; that one."""

        def phases() -> list[str]:
            return sorted(pod["status"].get("phase", "") for pod in self.pods(namespace, name))

        wanted = ["Pending", *["Running"] * running]
        self.plane.wait(lambda: phases() == wanted, f"{running} pods of {name} running, one waiting", SETTLED)
        (pending,) = [p for p in self.pods(namespace, name) if p["status"]["phase"] == "Pending"]
        return pending

    def wait_condition(self, namespace: str, name: str, condition: str) -> Json:
        """Wait until a condition of the JobSet is True; the condition."""
        self.plane.wait(
            lambda: any(true_conditions(self.status(namespace, name), condition)),
            f"{name}: {condition}",
            SETTLED,
        )
        return next(true_conditions(self.status(namespace, name), condition))

    def exit(self, pod: Json, code: int) -> None:
        """The pod's containers end with a code."""
        metadata = pod["metadata"]
        nodes.exit_pod(self.plane.api, metadata["namespace"], metadata["name"], code)

    def evict(self, pod: Json) -> None:
        """The pod is evicted."""
        metadata = pod["metadata"]
        nodes.evict_pod(self.plane.api, metadata["namespace"], metadata["name"])

    def pool_of(self, pod: Json) -> str:
        """The node pool that a pod is in."""
        node = self.kube.get(f"/api/v1/nodes/{pod['spec']['nodeName']}") or {}
        return str(node["metadata"]["labels"]["cloud.google.com/gke-nodepool"])

    @contextlib.contextmanager
    def running(self, jobset: Json) -> Iterator[Json]:
        """A JobSet for the length of a block; afterwards it and its pods are gone."""
        namespace, name = jobset["metadata"]["namespace"], jobset["metadata"]["name"]
        path = self.kube.path_of(jobset)
        try:
            yield self.kube.apply(jobset)
        finally:
            self.kube.delete(path)
            self.plane.wait(lambda: self.kube.get(path) is None, f"{name} deleted", SETTLED)
            mine = f"jobset.sigs.k8s.io/jobset-name={name}"
            pods = PODS.format(namespace)
            self.plane.wait(
                lambda: not self.kube.list(pods, label_selector=mine), f"the pods of {name} deleted", SETTLED
            )

    def _ready_nodes(self) -> set[str]:
        return {n["metadata"]["name"] for n in self.kube.list("/api/v1/nodes") if is_ready(n)}


def true_conditions(status: Json, kind: str) -> Iterator[Json]:
    """The conditions of a kind that are True."""
    for condition in status.get("conditions", []):
        if condition["type"] == kind and condition["status"] == "True":
            yield condition


def uid(item: Json) -> str:
    """What makes this object another one than its successor of the same name."""
    return str(item["metadata"]["uid"])
