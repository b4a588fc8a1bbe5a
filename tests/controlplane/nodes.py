"""TPU hosts as GKE makes them, run by KWOK: labels, taint, chips; and what can happen to pods on them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.controlplane.api import Api, Refused

Json = dict[str, Any]
EXIT_CODE = "test.example.com/exit-code"
"""Annotation of a pod: its containers end with this code."""


@dataclass(frozen=True, slots=True)
class TpuPool:
    """One node pool, which is one slice. `labels` and `taints` are those of its capacity."""

    name: str
    machine: str
    accelerator: str
    topology: str
    hosts: int
    chips: int = 4
    memory_gb: int = 192
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[Json, ...] = ()

    def node_names(self) -> list[str]:
        """GKE's names: the pool, a hash and four characters."""
        seed = hashlib.sha256(self.name.encode()).hexdigest()[:8]
        return [f"gke-tpu-{seed}-{number:04d}" for number in range(self.hosts)]

    def nodes(self) -> list[Json]:
        """The Node objects as a kubelet registers them."""
        return [self._node(name) for name in self.node_names()]

    def _node(self, name: str) -> Json:
        labels = {
            "cloud.google.com/gke-accelerator-count": str(self.chips),
            "cloud.google.com/gke-tpu-accelerator": self.accelerator,
            "cloud.google.com/gke-tpu-topology": self.topology,
        }
        chips = {"google.com/tpu": str(self.chips)}
        taint = {"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}
        return node(
            name,
            self.name,
            self.machine,
            labels={**labels, **self.labels},
            taints=[taint, *self.taints],
            resources={"cpu": "112", "memory": f"{self.memory_gb}G", **chips},
        )


def node(
    name: str, pool: str, machine: str, *, labels: Json, taints: list[Json], resources: dict[str, str]
) -> Json:
    """A node of GKE's; KWOK makes it Ready."""
    common = {
        "cloud.google.com/gke-nodepool": pool,
        "node.kubernetes.io/instance-type": machine,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "us-east5",
        "topology.kubernetes.io/zone": "us-east5-b",
    }
    amounts = {"pods": "110", **resources}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**common, **labels}},
        "spec": {"taints": taints},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [
                {"type": "InternalIP", "address": _address(name)},
                {"type": "Hostname", "address": name},
            ],
        },
    }


def _address(name: str) -> str:
    """An address of the cluster's own network: EndpointSlices refuse loopback ones."""
    digest = hashlib.sha256(name.encode()).digest()
    return f"10.128.{digest[0]}.{1 + digest[1] % 254}"


def cpu_nodes(count: int = 2) -> list[Json]:
    """The default pool."""
    resources = {"cpu": "16", "memory": "64Gi"}
    return [
        node(f"gke-cpu-{n}", "default-pool", "e2-standard-16", labels={}, taints=[], resources=resources)
        for n in range(count)
    ]


def add_nodes(api: Api, nodes: list[Json]) -> None:
    """Register nodes, several at a time; one that is there stays, as for a kubelet that starts again."""

    def add(item: Json) -> None:
        try:
            api.request("POST", "/api/v1/nodes", item)
        except Refused as refused:
            if refused.status != 409:
                raise

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, nodes))


def remove_node(api: Api, name: str) -> None:
    """The host vanishes: no more heartbeat, no Node, its pods are orphans."""
    api.request("DELETE", f"/api/v1/nodes/{name}")


def exit_pod(api: Api, namespace: str, name: str, code: int) -> None:
    """The pod's containers end with a code."""
    patch = {"metadata": {"annotations": {EXIT_CODE: str(code)}}}
    api.merge(f"/api/v1/namespaces/{namespace}/pods/{name}", patch)


def evict_pod(api: Api, namespace: str, name: str) -> None:
    """Evict a pod as a drain does (policy/v1), which marks it with the condition DisruptionTarget."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
    }
    api.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body)


def stages() -> list[Json]:
    """What KWOK does with pods, beside making them run.

    A deleted pod that runs ends as Failed with 143 before it is removed, as a kubelet does it: with
    a podFailurePolicy the Job controller waits for that, and for ever if the pod just vanishes.
    """
    annotation = f'.metadata.annotations["{EXIT_CODE}"]'
    deleted, running = ".metadata.deletionTimestamp", ".status.phase"
    return [
        _stage(
            "pod-exit",
            [_is(annotation, "Exists"), _is(running, "In", "Running"), _is(deleted, "DoesNotExist")],
            {"statusTemplate": _ended(f'index .metadata.annotations "{EXIT_CODE}"')},
        ),
        _stage(
            "pod-stop",
            [_is(deleted, "Exists"), _is(running, "In", "Running")],
            {"statusTemplate": _ended('"143"')},
        ),
        _stage(
            "pod-remove",
            [_is(deleted, "Exists"), _is(running, "NotIn", "Running")],
            {"delete": True},
        ),
    ]


def _ended(code: str) -> str:
    """The status of a pod whose containers ended; `code` is an expression of KWOK's templates."""
    return f"""
{{{{ $now := Now }}}}
{{{{ $code := {code} }}}}
{{{{ $reason := "PodFailed" }}}}
{{{{ if eq $code "0" }}}}{{{{ $reason = "PodCompleted" }}}}{{{{ end }}}}
phase: {{{{ if eq $code "0" }}}}Succeeded{{{{ else }}}}Failed{{{{ end }}}}
conditions:
- type: Ready
  status: "False"
  reason: {{{{ $reason }}}}
  lastTransitionTime: {{{{ $now | Quote }}}}
- type: ContainersReady
  status: "False"
  reason: {{{{ $reason }}}}
  lastTransitionTime: {{{{ $now | Quote }}}}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  ready: false
  restartCount: 0
  state:
    terminated:
      exitCode: {{{{ $code }}}}
      reason: {{{{ if eq $code "0" }}}}Completed{{{{ else }}}}Error{{{{ end }}}}
      startedAt: {{{{ $now | Quote }}}}
      finishedAt: {{{{ $now | Quote }}}}
{{{{ end }}}}
"""


def _is(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def _stage(name: str, expressions: list[Json], then: Json) -> Json:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": expressions},
            "next": then,
        },
    }
