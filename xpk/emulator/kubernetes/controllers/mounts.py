"""Whether a pod's CSI volumes can be mounted on its node, and what the kubelet says when they cannot.

The sentences are those of the multi-tier checkpointing and Cloud Storage FUSE drivers' troubleshooting pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xpk.emulator.kubernetes.controllers.placement import Placement
from xpk.emulator.kubernetes.store import Store

Json = dict[str, Any]
MTC_DRIVER = "multitier-checkpoint.csi.storage.gke.io"
FUSE_DRIVER = "gcsfuse.csi.storage.gke.io"
DRIVER_LABELS = {"k8s-app": "high-scale-checkpointing"}
_WORKLOAD_IDENTITY = "iam.gke.io/gke-metadata-server-enabled"
_UNREGISTERED = (
    "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name {} not found in the list of "
    "registered CSI drivers"
)


Denied = Callable[[Json, str, bool], str]
"""Why a pod may not read (True: write) a bucket's objects; empty when it may."""


def fault(store: Store, placement: Placement, pod: Json, denied: Denied) -> str:
    """The message of the first volume that cannot be mounted, empty when all can."""
    for volume in pod["spec"].get("volumes") or ():
        driver = (volume.get("csi") or {}).get("driver")
        why = ""
        if driver == MTC_DRIVER:
            why = _checkpointing(store, placement, pod)
        elif driver == FUSE_DRIVER:
            why = _fuse(store, pod) or _bucket(pod, volume["csi"], denied)
        if why:
            return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {why}'
    return ""


def stays(store: Store, placement: Placement, pod: Json) -> str:
    """What keeps a pod that has ended: its ramdisk is unmounted by the driver, and by nobody else."""
    for volume in pod["spec"].get("volumes") or ():
        if (volume.get("csi") or {}).get("driver") == MTC_DRIVER and _checkpointing(store, placement, pod):
            why = _UNREGISTERED.replace("mounter.SetUpAt", "Unmounter.TearDownAt").format(MTC_DRIVER)
            return f'UnmountVolume.TearDown failed for volume "{volume["name"]}" : {why}'
    return ""


def _bucket(pod: Json, source: Json, denied: Denied) -> str:
    """What Cloud Storage says to the pod's account; a pod on the host's network acts as the node."""
    attributes = source.get("volumeAttributes") or {}
    bucket = attributes.get("bucketName", "")
    as_node = pod["spec"].get("hostNetwork") and attributes.get("hostNetworkPodKSA") != "true"
    if as_node or bucket in ("", "_"):  # "_": all that the account may see
        return ""
    why = denied(pod, bucket, not source.get("readOnly"))
    if not why:
        return ""
    return f'rpc error: code = PermissionDenied desc = failed to get GCS bucket "{bucket}": googleapi: {why}'


def _checkpointing(store: Store, placement: Placement, pod: Json) -> str:
    neighbours = map(store.get, placement.pods.get(pod["spec"]["nodeName"], ()))
    if any(other and is_driver(other) and ready(other) for other in neighbours):
        return ""
    return _UNREGISTERED.format(MTC_DRIVER)


def _fuse(store: Store, pod: Json) -> str:
    if store.find("csidrivers.storage.k8s.io", "", FUSE_DRIVER) is None:
        return _UNREGISTERED.format(FUSE_DRIVER)
    if (pod["metadata"].get("annotations") or {}).get("gke-gcsfuse/volumes") != "true":
        return "rpc error: code = FailedPrecondition desc = failed to find the sidecar container in Pod spec"
    node = store.find("nodes", "", pod["spec"]["nodeName"]) or {"metadata": {}}
    labels = node["metadata"].get("labels") or {}
    if labels.get(_WORKLOAD_IDENTITY) != "true" and not pod["spec"].get("hostNetwork"):
        return (
            "rpc error: code = FailedPrecondition desc = Workload Identity Federation is not enabled on node"
        )
    return ""


def is_driver(pod: Json) -> bool:
    """Whether the pod is one of the checkpointing driver's."""
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in DRIVER_LABELS.items())


def ready(pod: Json) -> bool:
    """Whether the pod is Ready and stays."""
    return "deletionTimestamp" not in pod["metadata"] and any(
        item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions", ())
    )
