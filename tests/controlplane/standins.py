"""Stand-ins for what GKE adds to Kubernetes and nothing here is real: multi-tier checkpointing.

The kind CheckpointConfiguration has the schema of Google's published controller
(GoogleCloudPlatform/high-scale-checkpointing-controller, crd/checkpointconfiguration.yaml), as strict as
there: the API server refuses unknown fields under fieldValidation=Strict, and requires none. No driver
and no ramdisk exist, so what runs here cannot show that a volume is really mounted. GKE's injection of
TPU_WORKER_* and MEGASCALE_* has no stand-in.
"""

from __future__ import annotations

from typing import Any

from tests.controlplane.api import Api

Json = dict[str, Any]
NAMESPACE = "gke-managed-checkpointing"
CRD = "checkpointconfigurations.checkpointing.gke.io"

_STRING = {"type": "string"}
_STRINGS = {"type": "array", "items": _STRING}
_TOLERATION = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("key", "operator", "effect", "value"), _STRING),
        "tolerationSeconds": {"type": "integer", "format": "int64"},
    },
}
_SPEC = {
    "type": "object",
    "properties": {
        "cloudStorageBucketName": _STRING,
        "inMemoryVolumeSize": _STRING,
        "nodeSelector": {"type": "object", "additionalProperties": _STRING},
        "tolerations": {"type": "array", "items": _TOLERATION},
        "csiEphemeralLimit": _STRING,
        "gcsFuseMountOptions": _STRINGS,
        "replicationOptions": _STRINGS,
        "enableExternalJaxProcessIds": {"type": "boolean"},
    },
}
_STATUS = {
    "type": "object",
    "properties": {
        name: {"type": "integer", "format": "int32"}
        for name in ("currentDriverPods", "misscheduledDriverPods", "desiredDriverPods", "readyDriverPods")
    },
}


def objects() -> list[Json]:
    """What the add-on installs: its namespace, its ServiceAccount, its kind, its CSI driver's object."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "gke-checkpointing-multitier-node", "namespace": NAMESPACE},
        },
        _crd(),
        *(
            _csi_driver(name)
            for name in ("multitier-checkpoint.csi.storage.gke.io", "gcsfuse.csi.storage.gke.io")
        ),
    ]


def driver_daemon_set(configuration: Json) -> Json:
    """What the add-on's controller makes of a CheckpointConfiguration: the driver on every host that
    its selector and tolerations reach. Five containers, as Google's pods have."""
    spec, metadata = configuration["spec"], configuration["metadata"]
    labels = {
        "k8s-app": "high-scale-checkpointing",
        "highscalecheckpointing.gke.io/config-name": metadata["name"],
    }
    names = ("registrar", "csi", "replication-worker", "nfs-server", "gke-gcsfuse-sidecar")
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": f"multitier-driver-{metadata['uid']}",
            "namespace": NAMESPACE,
            "labels": labels,
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "priorityClassName": "system-node-critical",
                    "serviceAccountName": "gke-checkpointing-multitier-node",
                    "nodeSelector": {"kubernetes.io/os": "linux", **spec.get("nodeSelector", {})},
                    "tolerations": spec.get("tolerations", []),
                    "containers": [{"name": name, "image": "stand-in.invalid/driver:1"} for name in names],
                },
            },
        },
    }


def start_driver(api: Api, name: str) -> Json:
    """Do what the controller does for the CheckpointConfiguration of that name, once."""
    path = f"/apis/checkpointing.gke.io/v1/checkpointconfigurations/{name}"
    manifest = driver_daemon_set(api.request("GET", path))
    return api.request("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets", manifest)


def _crd() -> Json:
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": _STRING,
            "kind": _STRING,
            "metadata": {"type": "object"},
            "spec": _SPEC,
            "status": _STATUS,
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD},
        "spec": {
            "group": "checkpointing.gke.io",
            "scope": "Cluster",
            "names": {
                "kind": "CheckpointConfiguration",
                "plural": "checkpointconfigurations",
                "singular": "checkpointconfiguration",
                "shortNames": ["cpc"],
            },
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def _csi_driver(name: str) -> Json:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": name},
        "spec": {"attachRequired": False, "podInfoOnMount": True, "volumeLifecycleModes": ["Ephemeral"]},
    }
