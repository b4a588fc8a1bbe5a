"""The multi-tier checkpointing add-on: from the switch to a mounted volume, and back.

On the emulator alone: the add-on is GKE's own, and no public server has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Json = dict[str, Any]
Make = Callable[..., Json]
NAMESPACE = "gke-managed-checkpointing"
DRIVER = "multitier-checkpoint.csi.storage.gke.io"


def configuration(name: str = "mtc", **spec: object) -> Json:
    body: Json = {
        "cloudStorageBucketName": "bucket",
        "inMemoryVolumeSize": "100Gi",
        "nodeSelector": {"node.kubernetes.io/instance-type": "ct6e-standard-4t"},
        "tolerations": [{"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}],
        "gcsFuseMountOptions": ["implicit-dirs", "read_ahead_kb=1024"],
        **spec,
    }
    head = {"apiVersion": "checkpointing.gke.io/v1", "kind": "CheckpointConfiguration"}
    return {
        **head,
        "metadata": {"name": name},
        "spec": {key: value for key, value in body.items() if value is not None},
    }


@pytest.fixture
def mtc(cluster: Any) -> Any:
    """A cluster whose add-on is on and installed."""
    for name in ("GcsFuseCsiDriver", "HighScaleCheckpointing"):
        cluster.world.set_addon(name, True)
    cluster.advance(40)
    return cluster


def drivers(rig: Any) -> list[Json]:
    return [
        pod
        for pod in rig.items("Pod", NAMESPACE)
        if pod["metadata"]["labels"]["k8s-app"] == "high-scale-checkpointing"
    ]


def test_the_definition_appears_some_time_after_the_switch(cluster: Any) -> None:
    name = "checkpointconfigurations.checkpointing.gke.io"
    cluster.world.set_addon("HighScaleCheckpointing", True)
    cluster.advance(10)
    assert cluster.gone("CustomResourceDefinition", name)
    assert cluster.apply(configuration()).status == 404
    cluster.advance(30)
    assert cluster.conditions("CustomResourceDefinition", name)["Established"]["status"] == "True"
    assert cluster.get("CSIDriver", DRIVER)["spec"]["volumeLifecycleModes"] == ["Ephemeral"]
    assert cluster.get("Namespace", NAMESPACE)["status"]["phase"] == "Active"
    assert cluster.apply(configuration()).status == 201


def test_one_driver_pod_for_each_host(mtc: Any) -> None:
    made = mtc.applied(configuration())
    mtc.advance(20)
    daemon = mtc.get("DaemonSet", f"multitier-driver-{made['metadata']['uid']}", NAMESPACE)
    assert daemon["metadata"]["labels"]["highscalecheckpointing.gke.io/config-name"] == "mtc"
    assert (daemon["status"]["desiredNumberScheduled"], daemon["status"]["numberReady"]) == (8, 8)
    pods = drivers(mtc)
    assert len(pods) == 8
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 8
    assert all(len([c for c in pod["status"]["containerStatuses"] if c["ready"]]) == 5 for pod in pods)
    expected = {
        "currentDriverPods": 8,
        "misscheduledDriverPods": 0,
        "desiredDriverPods": 8,
        "readyDriverPods": 8,
    }
    assert mtc.get("CheckpointConfiguration", "mtc")["status"] == expected


@pytest.mark.parametrize(
    ("change", "desired"),
    [
        ({"tolerations": None}, 0),
        ({"nodeSelector": {"node.kubernetes.io/instance-type": "ct5p-hightpu-4t"}}, 0),
        ({"nodeSelector": None}, 10),
        ({"nodeSelector": {"cloud.google.com/gke-nodepool": "demo-np-1"}}, 4),
    ],
)
def test_selector_and_tolerations_decide_where(mtc: Any, change: Json, desired: int) -> None:
    made = mtc.applied(configuration(**change))
    mtc.advance(20)
    daemon = mtc.get("DaemonSet", f"multitier-driver-{made['metadata']['uid']}", NAMESPACE)
    assert daemon["status"]["desiredNumberScheduled"] == desired


def test_an_edit_does_nothing_to_the_driver(mtc: Any) -> None:
    made = mtc.applied(configuration())
    mtc.advance(20)
    before = drivers(mtc)
    assert mtc.apply(configuration(inMemoryVolumeSize="200Gi")).status == 200
    mtc.advance(60)
    assert drivers(mtc) == before
    daemon = mtc.get("DaemonSet", f"multitier-driver-{made['metadata']['uid']}", NAMESPACE)
    assert "--ramdisk-size=100Gi" in str(daemon)


def test_the_finalizer_holds_until_the_driver_is_gone(mtc: Any) -> None:
    mtc.applied(configuration())
    mtc.advance(20)
    assert mtc.delete("CheckpointConfiguration", "mtc").status == 200
    held = mtc.get("CheckpointConfiguration", "mtc")
    assert "checkpointing.gke.io/checkpoint-target-protection" in held["metadata"]["finalizers"]
    mtc.advance(30)
    assert mtc.gone("CheckpointConfiguration", "mtc")
    assert drivers(mtc) == []
    assert mtc.items("DaemonSet", NAMESPACE) == []
    mtc.applied(configuration(inMemoryVolumeSize="200Gi"))
    mtc.advance(20)
    assert len(drivers(mtc)) == 8


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"inMemoryVolumeSize": "a lot"}, "FailedCreate", "quantities must match"),
        ({"inMemoryVolumeSize": None}, "FailedCreate", "inMemoryVolumeSize need to be specified"),
        ({"cloudStorageBucketName": None}, "FailedCreate", "cloudStorageBucketName need to be specified"),
        ({"replicationOptions": ["fast"]}, "FailedCreate", "bad replicationOptions"),
    ],
)
def test_a_bad_value_is_taken_and_only_an_event_tells(
    mtc: Any, change: Json, reason: str, words: str
) -> None:
    mtc.applied(configuration(**change))
    mtc.advance(20)
    assert any(words in message for message in mtc.events(reason))
    assert mtc.items("DaemonSet", NAMESPACE) == []


def test_overlapping_configurations_conflict(mtc: Any) -> None:
    mtc.applied(configuration())
    mtc.advance(20)
    mtc.applied(configuration("other", nodeSelector={"cloud.google.com/gke-nodepool": "demo-np-0"}))
    mtc.advance(20)
    assert mtc.events("Conflict") == ["CheckpointConfiguration other overlaps with existing configuration"]
    assert len(mtc.items("DaemonSet", NAMESPACE)) == 1
    mtc.delete("CheckpointConfiguration", "mtc")
    mtc.advance(60)
    assert len(drivers(mtc)) == 4


def with_volume(body: Json) -> Json:
    pod = body["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "cache", "csi": {"driver": DRIVER}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "cache", "mountPath": "/local"}]
    return body


def test_a_pod_without_a_driver_on_its_host_waits_for_it(mtc: Any, jobset: Make) -> None:
    mtc.applied(with_volume(jobset()))
    mtc.advance(60)
    assert mtc.pods("Running") == []
    waiting = mtc.pods("Pending")
    assert len(waiting) == 8
    assert all(
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ContainerCreating"
        for pod in waiting
    )
    words = f"driver name {DRIVER} not found in the list of registered CSI drivers"
    assert all(words in message for message in mtc.events("FailedMount"))
    mtc.applied(configuration())
    mtc.advance(40)
    assert len(mtc.pods("Running")) == 8


def test_a_replaced_host_gets_a_new_driver_and_the_job_comes_back(mtc: Any, jobset: Make) -> None:
    mtc.applied(configuration())
    mtc.applied(with_volume(jobset(failurePolicy={"maxRestarts": 5})))
    mtc.advance(60)
    victim = mtc.pods("Running")[5]["spec"]["nodeName"]
    uid = mtc.get("Node", victim)["metadata"]["uid"]
    mtc.world.lose_host(victim)
    mtc.advance(30)
    assert mtc.gone("Node", victim)
    mtc.advance(60)
    assert mtc.get("JobSet", "demo")["status"]["restarts"] == 1
    (pending,) = mtc.pods("Pending")
    message = next(c["message"] for c in pending["status"]["conditions"] if c["reason"] == "Unschedulable")
    assert message.startswith("0/9 nodes are available: ")
    assert "4 node(s) didn't match Pod's node affinity/selector" in message or "didn't match" in message
    mtc.advance(180)
    assert mtc.get("Node", victim)["metadata"]["uid"] != uid
    assert len(mtc.pods("Running")) == 8
    assert len(drivers(mtc)) == 8


def test_the_driver_needs_cloud_storage_fuse(cluster: Any) -> None:
    cluster.world.set_addon("HighScaleCheckpointing", True)
    cluster.advance(40)
    cluster.applied(configuration())
    cluster.advance(20)
    assert cluster.get("CheckpointConfiguration", "mtc")["status"]["readyDriverPods"] == 0
    words = "driver name gcsfuse.csi.storage.gke.io not found in the list of registered CSI drivers"
    assert all(words in message for message in cluster.events("FailedMount", NAMESPACE))
    cluster.world.set_addon("GcsFuseCsiDriver", True)
    cluster.advance(40)
    assert cluster.get("CheckpointConfiguration", "mtc")["status"]["readyDriverPods"] == 8


@pytest.mark.parametrize(
    ("annotations", "host_network", "words"),
    [
        ({}, False, "failed to find the sidecar container in Pod spec"),
        ({"gke-gcsfuse/volumes": "true"}, False, "Workload Identity Federation is not enabled on node"),
        ({"gke-gcsfuse/volumes": "true"}, True, ""),
    ],
)
def test_a_bucket_volume_needs_its_annotation_and_an_identity(
    mtc: Any, annotations: Json, host_network: bool, words: str
) -> None:
    plain: Json = {"name": "plain", "initialNodeCount": 1, "config": {"machineType": "e2-standard-4"}}
    mtc.world.add_pool(plain)
    volume = {"name": "data", "csi": {"driver": "gcsfuse.csi.storage.gke.io"}}
    spec = {
        "nodeSelector": {"cloud.google.com/gke-nodepool": "plain"},
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [volume],
        "hostNetwork": host_network,
    }
    meta = {"name": "p", "namespace": "default", "annotations": annotations}
    mtc.applied({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    mtc.advance(20)
    assert mtc.get("Pod", "p")["status"]["phase"] == ("Pending" if words else "Running")
    assert all(words in message for message in mtc.events("FailedMount"))
    mtc.world.add_pool(
        {**plain, "config": {**plain["config"], "workloadMetadataConfig": {"mode": "GKE_METADATA"}}}
    )
    if "Identity" in words:
        mtc.advance(60)
        assert mtc.get("Pod", "p")["status"]["phase"] == "Running"
