"""The DaemonSet of the multi-tier checkpointing driver for one CheckpointConfiguration."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.cluster import owner
from xpk.emulator.kubernetes.controllers.mounts import DRIVER_LABELS, FUSE_DRIVER

Json = dict[str, Any]
NAMESPACE = "gke-managed-checkpointing"
CONFIGURATIONS = "checkpointconfigurations.checkpointing.gke.io"
CONFIG_LABEL = "highscalecheckpointing.gke.io/config-name"
_CONTAINERS = ("registrar", "csi", "replication-worker", "nfs-server", "gke-gcsfuse-sidecar")


def daemonset_name(item: Json) -> str:
    """``multitier-driver-<uid of the configuration>``."""
    return f"multitier-driver-{item['metadata']['uid']}"


def node_selector(item: Json) -> dict[str, str]:
    """The nodes that a configuration is for: of an absent selector all Linux nodes."""
    return {**((item.get("spec") or {}).get("nodeSelector") or {}), "kubernetes.io/os": "linux"}


def daemonset(item: Json) -> Json:
    """The DaemonSet that the controller creates."""
    spec = item.get("spec") or {}
    labels = {**DRIVER_LABELS, CONFIG_LABEL: item["metadata"]["name"]}
    annotations = {
        "gke-gcsfuse/volumes": "true",
        "gke-gcsfuse/cpu-limit": "0",
        "gke-gcsfuse/memory-limit": "0",
        "gke-gcsfuse/ephemeral-storage-limit": spec.get("csiEphemeralLimit", "0"),
    }
    attributes = {"bucketName": spec["cloudStorageBucketName"], "skipCSIBucketAccessCheck": "true"}
    if spec.get("gcsFuseMountOptions"):
        attributes["mountOptions"] = ",".join(spec["gcsFuseMountOptions"])
    bucket = {"name": "gcs", "csi": {"driver": FUSE_DRIVER, "volumeAttributes": attributes}}
    arguments = [f"--ramdisk-size={spec['inMemoryVolumeSize']}"]
    pod = {
        "priorityClassName": "system-node-critical",
        "serviceAccountName": "gke-checkpointing-multitier-node",
        "nodeSelector": node_selector(item),
        "containers": [
            {
                "name": name,
                "image": f"gke.gcr.io/emulated/{name}",
                **({"args": arguments} if name == "csi" else {}),
            }
            for name in _CONTAINERS
        ],
        "volumes": [bucket],
    }
    if spec.get("tolerations"):
        pod["tolerations"] = spec["tolerations"]
    return {
        "metadata": {
            "name": daemonset_name(item),
            "namespace": NAMESPACE,
            "labels": labels,
            "ownerReferences": [owner(item)],
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
        },
    }
