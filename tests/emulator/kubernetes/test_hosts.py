"""Node pools as GKE shows them in Kubernetes: labels, taints, growth, and the hosts that controllers need.

On the emulator alone: these are GKE's doings, and stand-ins on the real control plane too. What the real
scheduler does with the hosts is in `tests/controlplane/test_both_hosts.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Json = dict[str, Any]
Make = Callable[..., Json]


def pool(name: str, machine: str, nodes: int, topology: str = "", **rest: Any) -> Json:
    body: Json = {"name": name, "initialNodeCount": nodes, "locations": ["us-east5-b"], **rest}
    body["config"] = {"machineType": machine, **body.get("config", {})}
    if topology:
        body["placementPolicy"] = {"type": "COMPACT", "tpuTopology": topology}
    return body


@pytest.mark.parametrize(
    ("machine", "topology", "accelerator", "chips", "shown"),
    [
        ("ct4p-hightpu-4t", "2x2x4", "tpu-v4-podslice", "4", "2x2x4"),
        ("ct5lp-hightpu-4t", "4x4", "tpu-v5-lite-podslice", "4", "4x4"),
        ("ct5lp-hightpu-8t", "", "tpu-v5-lite-podslice", "8", "2x4"),
        ("ct5p-hightpu-4t", "4x4x4", "tpu-v5p-slice", "4", "4x4x4"),
        ("ct5p-hightpu-4t", "", "tpu-v5p-slice", "4", "2x2x1"),
        ("ct6e-standard-1t", "", "tpu-v6e-slice", "1", "1x1"),
    ],
)
def test_labels_taint_and_chips(
    rig: Any, machine: str, topology: str, accelerator: str, chips: str, shown: str
) -> None:
    metadata = {"workloadMetadataConfig": {"mode": "GKE_METADATA"}, "labels": {"own": "1"}}
    rig.world.add_pool(pool("np", machine, 1, topology, config=metadata))
    (node,) = rig.items("Node")
    name = node["metadata"]["name"]
    expected = {
        "cloud.google.com/gke-nodepool": "np",
        "cloud.google.com/gke-tpu-accelerator": accelerator,
        "cloud.google.com/gke-tpu-topology": shown,
        "cloud.google.com/gke-accelerator-count": chips,
        "node.kubernetes.io/instance-type": machine,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": "us-east5-b",
        "topology.kubernetes.io/region": "us-east5",
        "iam.gke.io/gke-metadata-server-enabled": "true",
        "own": "1",
    }
    assert expected.items() <= node["metadata"]["labels"].items()
    assert node["spec"]["taints"] == [{"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}]
    assert node["status"]["allocatable"]["google.com/tpu"] == chips
    assert rig.conditions("Node", name)["Ready"]["status"] == "True"


@pytest.mark.parametrize(
    ("config", "key", "value"),
    [
        ({"spot": True}, "cloud.google.com/gke-spot", "true"),
        ({"flexStart": True}, "cloud.google.com/gke-flex-start", "true"),
        (
            {"reservationAffinity": {"values": ["projects/p/reservations/r/reservationBlocks/b"]}},
            "cloud.google.com/reservation-name",
            "r",
        ),
    ],
)
def test_capacity_shows_in_labels(rig: Any, config: Json, key: str, value: str) -> None:
    rig.world.add_pool(pool("np", "ct6e-standard-4t", 1, config=config))
    (node,) = rig.items("Node")
    assert node["metadata"]["labels"][key] == value


def test_a_cpu_host_has_neither_taint_nor_chips(rig: Any) -> None:
    rig.world.add_pool(pool("default-pool", "e2-standard-4", 2, locations=["us-east5-a", "us-east5-b"]))
    nodes = rig.items("Node")
    assert len(nodes) == 4
    assert all(
        "taints" not in node["spec"] and "google.com/tpu" not in node["status"]["allocatable"]
        for node in nodes
    )
    rig.world.remove_pool("default-pool")
    assert rig.items("Node") == []


def test_a_flexible_pool_grows_when_a_pod_waits_for_it(cluster: Any, jobset: Make) -> None:
    for index in range(2):
        cluster.world.remove_pool(f"demo-np-{index}")
        flex = pool(f"flex-{index}", "ct6e-standard-4t", 0, "4x4", config={"flexStart": True})
        cluster.world.add_pool({**flex, "autoscaling": {"enabled": True, "maxNodeCount": 4}})
    cluster.advance(60)
    assert len(cluster.items("Node")) == 2
    cluster.applied(jobset())
    cluster.advance(30)
    assert len(cluster.items("Node")) == 2
    cluster.advance(200)
    assert len(cluster.items("Node")) == 10
    assert len(cluster.pods("Running")) == 8


def test_a_host_made_by_hand_needs_no_address(rig: Any) -> None:
    rig.applied({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "bare"}})
    spec = {"nodeName": "bare", "containers": [{"name": "c", "image": "i"}]}
    meta = {"name": "p", "namespace": "default"}
    rig.applied({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    rig.advance(60)
    status = rig.get("Pod", "p")["status"]
    assert (status["phase"], status["hostIP"]) == ("Running", "")


def test_controllers_need_a_host(rig: Any) -> None:
    labels = {"app": "d"}
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "3"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"}}
    body = {**head, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    rig.applied(body)
    rig.world.add_pool(pool("np-0", "ct6e-standard-4t", 4, "4x4"))
    rig.world.add_pool(pool("small", "e2-medium", 3))
    rig.advance(60)
    assert rig.conditions("Deployment", "d")["Available"]["status"] == "False"
    rig.world.add_pool(pool("large", "e2-standard-4", 1))
    rig.advance(10)
    assert rig.conditions("Deployment", "d")["Available"]["status"] == "False"
    rig.advance(15)
    assert rig.conditions("Deployment", "d")["Available"]["status"] == "True"
    container["resources"] = {"requests": {"cpu": "2"}}
    rig.applied(body)
    status = rig.get("Deployment", "d")["status"]
    assert status["observedGeneration"] == 2
    assert "updatedReplicas" not in status
    assert rig.conditions("Deployment", "d")["Available"]["status"] == "True"
    rig.advance(30)
    assert rig.get("Deployment", "d")["status"]["updatedReplicas"] == 1
