"""Mounts of buckets against the rights of the pod's account, and ramdisks that only the driver unmounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.iam import Account

Json = dict[str, Any]
Make = Callable[..., Json]
NAMESPACE = "gke-managed-checkpointing"
DRIVER = "multitier-checkpoint.csi.storage.gke.io"


class Rights:
    """Takes the place of IAM."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Account, bool]] = []
        self.given = False

    def __call__(self, bucket: str, account: Account, write: bool) -> str:
        self.asked.append((bucket, account, write))
        return "" if self.given else "Error 403: no"


@pytest.fixture
def rights(cluster: Any) -> Rights:
    made = Rights()
    cluster.world.trust("proj-1", made)
    for name in ("GcsFuseCsiDriver", "HighScaleCheckpointing"):
        cluster.world.set_addon(name, True)
    cluster.advance(40)
    return made


def configuration() -> Json:
    return {
        "apiVersion": "checkpointing.gke.io/v1",
        "kind": "CheckpointConfiguration",
        "metadata": {"name": "mtc"},
        "spec": {
            "cloudStorageBucketName": "bucket",
            "inMemoryVolumeSize": "100Gi",
            "nodeSelector": {"node.kubernetes.io/instance-type": "ct6e-standard-4t"},
            "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
        },
    }


def mounting(jobset: Json) -> Json:
    pod = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "cache", "csi": {"driver": DRIVER}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "cache", "mountPath": "/local"}]
    return jobset


def test_the_driver_is_not_ready_before_its_account_may_write(cluster: Any, rights: Rights) -> None:
    cluster.applied(configuration())
    cluster.advance(400)
    assert cluster.get("CheckpointConfiguration", "mtc")["status"]["readyDriverPods"] == 0
    account = Account("proj-1", NAMESPACE, "gke-checkpointing-multitier-node")
    assert set(rights.asked) == {("bucket", account, True)}
    assert all("googleapi: Error 403: no" in message for message in cluster.events("FailedMount", NAMESPACE))
    rights.given = True
    cluster.advance(40)
    assert cluster.get("CheckpointConfiguration", "mtc")["status"]["readyDriverPods"] == 8


@pytest.mark.parametrize(
    ("spec", "source", "asked"),
    [
        ({}, {}, Account("proj-1", "default", "default")),
        ({"serviceAccountName": "trainer"}, {}, Account("proj-1", "default", "trainer", "t@example.com")),
        ({"hostNetwork": True}, {}, None),
        ({}, {"volumeAttributes": {"bucketName": "_"}}, None),
    ],
)
def test_a_pod_mounts_with_the_rights_of_its_account(
    cluster: Any, rights: Rights, spec: Json, source: Json, asked: Account | None
) -> None:
    about = {"name": "trainer", "namespace": "default"}
    annotations = {"iam.gke.io/gcp-service-account": "t@example.com"}
    cluster.applied(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**about, "annotations": annotations}}
    )
    volume = {"driver": "gcsfuse.csi.storage.gke.io", "readOnly": True, **source}
    volume.setdefault("volumeAttributes", {"bucketName": "data"})
    body = {
        "nodeSelector": {"cloud.google.com/gke-nodepool": "default-pool"},
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "data", "csi": volume}],
        **spec,
    }
    meta = {"name": "p", "namespace": "default", "annotations": {"gke-gcsfuse/volumes": "true"}}
    cluster.applied({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": body})
    cluster.advance(20)
    assert cluster.get("Pod", "p")["status"]["phase"] == ("Running" if asked is None else "Pending")
    assert set(rights.asked) == (set() if asked is None else {("data", asked, False)})
    rights.given = True
    cluster.advance(40)
    assert cluster.get("Pod", "p")["status"]["phase"] == "Running"


def test_without_the_driver_a_pod_that_mounts_the_ramdisk_cannot_go(
    cluster: Any, rights: Rights, jobset: Make
) -> None:
    rights.given = True
    cluster.applied(configuration())
    cluster.applied(mounting(jobset()))
    cluster.advance(60)
    assert len(cluster.pods("Running")) == 8
    cluster.delete("CheckpointConfiguration", "mtc")
    cluster.advance(60)
    assert cluster.gone("CheckpointConfiguration", "mtc"), "the published controller does not ask who mounts"
    cluster.delete("JobSet", "demo", policy="Background")
    cluster.advance(600)
    assert len([pod for pod in cluster.pods() if "deletionTimestamp" in pod["metadata"]]) == 8
    words = f"Unmounter.TearDownAt failed to get CSI client: driver name {DRIVER} not found"
    assert all(words in message for message in cluster.events("FailedUnMount"))
    assert cluster.events("FailedUnMount")
    cluster.applied(configuration())
    cluster.advance(60)
    assert cluster.pods() == []
