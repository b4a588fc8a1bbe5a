"""A world under a hand-moved clock, and the few objects that most tests start from."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xpk.emulator.http import Request, Response
from xpk.emulator.kubernetes import crds
from xpk.emulator.kubernetes.world import KubernetesWorld

Json = dict[str, Any]
APPLY = {"content-type": "application/apply-patch+yaml"}
_PATHS = {
    "JobSet": "jobset.x-k8s.io/v1alpha2 jobsets",
    "Job": "batch/v1 jobs",
    "Pod": "v1 pods",
    "Node": "v1 nodes",
    "Namespace": "v1 namespaces",
    "Service": "v1 services",
    "Event": "v1 events",
    "ConfigMap": "v1 configmaps",
    "ServiceAccount": "v1 serviceaccounts",
    "Secret": "v1 secrets",
    "Deployment": "apps/v1 deployments",
    "DaemonSet": "apps/v1 daemonsets",
    "CSIDriver": "storage.k8s.io/v1 csidrivers",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1 customresourcedefinitions",
    "ResourceFlavor": "kueue.x-k8s.io/v1beta2 resourceflavors",
    "ClusterQueue": "kueue.x-k8s.io/v1beta2 clusterqueues",
    "LocalQueue": "kueue.x-k8s.io/v1beta2 localqueues",
    "Workload": "kueue.x-k8s.io/v1beta2 workloads",
    "WorkloadPriorityClass": "kueue.x-k8s.io/v1beta2 workloadpriorityclasses",
    "CheckpointConfiguration": "checkpointing.gke.io/v1 checkpointconfigurations",
}
_CLUSTER_WIDE = (
    *("Node", "Namespace", "CSIDriver", "CustomResourceDefinition", "ResourceFlavor", "ClusterQueue"),
    *("WorkloadPriorityClass", "CheckpointConfiguration"),
)


class Clock:
    """Emulated time that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def now(self) -> float:
        return self.seconds


class Rig:
    """A world and short ways to talk to it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.woken = 0
        self.world = KubernetesWorld(self.clock, "demo", self._wake)
        self.world.tick()

    def _wake(self) -> None:
        self.woken += 1

    def call(
        self, method: str, target: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Response:
        raw = b"" if body is None else json.dumps(body).encode()
        response = self.world.handle(Request.parse(method, target, headers or {}, raw))
        self.world.tick()
        return response

    def path(self, kind: str, name: str = "", namespace: str = "default") -> str:
        version, plural = _PATHS[kind].split()
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        scope = "" if kind in _CLUSTER_WIDE or not namespace else f"/namespaces/{namespace}"
        return f"{base}{scope}/{plural}" + (f"/{name}" if name else "")

    def apply(self, body: Json, query: str = "", manager: str = "xpk") -> Response:
        meta = body["metadata"]
        path = self.path(body["kind"], meta["name"], meta.get("namespace", "default"))
        target = f"{path}?fieldManager={manager}&fieldValidation=Strict{query}"
        return self.call("PATCH", target, body, APPLY)

    def applied(self, body: Json) -> Json:
        response = self.apply(body)
        assert response.status in (200, 201), response.body
        assert isinstance(response.body, dict)
        return response.body

    def get(self, kind: str, name: str, namespace: str = "default") -> Json:
        response = self.call("GET", self.path(kind, name, namespace))
        assert response.status == 200, response.body
        assert isinstance(response.body, dict)
        return response.body

    def gone(self, kind: str, name: str, namespace: str = "default") -> bool:
        return self.call("GET", self.path(kind, name, namespace)).status == 404

    def items(self, kind: str, namespace: str = "default", query: str = "") -> list[Json]:
        response = self.call("GET", self.path(kind, "", namespace) + query)
        assert response.status == 200, response.body
        assert isinstance(response.body, dict)
        found: list[Json] = response.body["items"]
        return found

    def delete(
        self, kind: str, name: str, namespace: str = "default", policy: str = "Foreground"
    ) -> Response:
        return self.call("DELETE", self.path(kind, name, namespace) + f"?propagationPolicy={policy}")

    def advance(self, seconds: float) -> None:
        """Let time pass, from one due moment to the next."""
        end = self.clock.seconds + seconds
        while True:
            due = self.world.tick()
            if due is None or self.clock.seconds + due > end:
                break
            self.clock.seconds += max(due, 0.01)
        self.clock.seconds = end
        self.world.tick()

    def pods(self, phase: str = "", namespace: str = "default") -> list[Json]:
        return [pod for pod in self.items("Pod", namespace) if not phase or pod["status"]["phase"] == phase]

    def conditions(self, kind: str, name: str, namespace: str = "default") -> dict[str, Json]:
        found = self.get(kind, name, namespace).get("status", {}).get("conditions", [])
        return {item["type"]: item for item in found}

    def events(self, reason: str, namespace: str = "default") -> list[str]:
        return [item["message"] for item in self.items("Event", namespace) if item["reason"] == reason]


def controller(namespace: str, name: str) -> list[Json]:
    """A namespace and a controller's Deployment in it."""
    labels = {"control-plane": name}
    container = {"name": "manager", "image": "example.test/manager:v1"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        },
    ]


def pool(name: str, machine: str, nodes: int, topology: str = "", **config: object) -> Json:
    """A GKE node pool."""
    body: Json = {
        "name": name,
        "initialNodeCount": nodes,
        "locations": ["us-east5-b"],
        "config": {"machineType": machine, "workloadMetadataConfig": {"mode": "GKE_METADATA"}, **config},
    }
    if topology:
        body["placementPolicy"] = {"type": "COMPACT", "tpuTopology": topology}
    return body


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty cluster."""
    made = Rig()
    yield made
    made.world.close()


@pytest.fixture
def cluster(rig: Rig) -> Rig:
    """A CPU pool, two TPU pools of four hosts, and JobSet installed and Available."""
    rig.world.add_pool(pool("default-pool", "e2-standard-4", 2))
    for index in range(2):
        rig.world.add_pool(pool(f"demo-np-{index}", "ct6e-standard-4t", 4, "4x4"))
    for body in [*crds.jobset_crds(), *controller("jobset-system", "jobset-controller-manager")]:
        rig.applied(body)
    rig.advance(30)
    return rig


@pytest.fixture
def queued(cluster: Rig) -> Rig:
    """The same with Kueue, one flavor with room for two slices, and a queue."""
    for body in [*crds.kueue_crds(), *controller("kueue-system", "kueue-controller-manager")]:
        cluster.applied(body)
    cluster.advance(30)
    labels = {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "4x4",
    }
    quota = {"name": "v6e", "resources": [{"name": "google.com/tpu", "nominalQuota": 32}]}
    group = {"coveredResources": ["google.com/tpu"], "flavors": [quota]}
    version = "kueue.x-k8s.io/v1beta2"
    objects: list[Json] = [
        {"kind": "ResourceFlavor", "metadata": {"name": "v6e"}, "spec": {"nodeLabels": labels}},
        {
            "kind": "ClusterQueue",
            "metadata": {"name": "cluster-queue"},
            "spec": {
                "namespaceSelector": {},
                "preemption": {"withinClusterQueue": "LowerPriority"},
                "resourceGroups": [group],
            },
        },
        {
            "kind": "LocalQueue",
            "metadata": {"name": "multislice-queue", "namespace": "default"},
            "spec": {"clusterQueue": "cluster-queue"},
        },
        {"kind": "WorkloadPriorityClass", "metadata": {"name": "low"}, "value": 100},
        {"kind": "WorkloadPriorityClass", "metadata": {"name": "high"}, "value": 900},
    ]
    for item in objects:
        cluster.applied({"apiVersion": version, **item})
    return cluster


@pytest.fixture
def jobset() -> Callable[..., Json]:
    """Makes JobSets of two slices with four hosts each; keywords replace parts of its spec."""

    def make(
        name: str = "demo", queue: str = "", priority: str = "", job: Json | None = None, **spec: object
    ) -> Json:
        body = copy.deepcopy(_JOBSET)
        body["metadata"]["name"] = name
        labels = {"kueue.x-k8s.io/queue-name": queue, "kueue.x-k8s.io/priority-class": priority}
        labels = {key: value for key, value in labels.items() if value}
        if labels:
            body["metadata"]["labels"] = labels
        body["spec"]["replicatedJobs"][0]["template"]["spec"] |= job or {}
        body["spec"] |= spec
        return body

    return make


_JOBSET: Json = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {
        "name": "demo",
        "namespace": "default",
        "annotations": {"alpha.jobset.sigs.k8s.io/exclusive-topology": "cloud.google.com/gke-nodepool"},
    },
    "spec": {
        "failurePolicy": {"maxRestarts": 1},
        "replicatedJobs": [
            {
                "name": "slice-job",
                "replicas": 2,
                "template": {
                    "spec": {
                        "parallelism": 4,
                        "completions": 4,
                        "backoffLimit": 0,
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "hostNetwork": True,
                                "dnsPolicy": "ClusterFirstWithHostNet",
                                "nodeSelector": {
                                    "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
                                    "cloud.google.com/gke-tpu-topology": "4x4",
                                },
                                "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
                                "containers": [
                                    {
                                        "name": "jax-tpu",
                                        "image": "example.test/train:v1",
                                        "ports": [{"containerPort": 8471}, {"containerPort": 8080}],
                                        "resources": {"limits": {"google.com/tpu": 4}},
                                    }
                                ],
                            }
                        },
                    }
                },
            }
        ],
    },
}
