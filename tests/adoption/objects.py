"""The Kubernetes objects of a cluster of Google's xpk 1.16, as its templates and code write them.

Sources: AI-Hypercomputer/xpk, templates/kueue_config.yaml.j2 and mtc-cpc.yaml, core/resources.py,
core/kueue_manager.py, core/jobset.py, core/mtc.py, commands/workload.py.
"""

from __future__ import annotations

from typing import Any

from tests.adoption.made import Made

Json = dict[str, Any]
KUEUE = "kueue.x-k8s.io/v1beta1"  # xpk 1.16 still writes it
PRIORITIES = {"very-low": 100, "low": 250, "medium": 500, "high": 750, "very-high": 1000}


def storage_crd() -> Json:
    """The kind in which `xpk storage attach` keeps what it attached."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}},
    }
    names = {"kind": "Storage", "plural": "storages", "singular": "storage", "listKind": "StorageList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "storages.xpk.x-k8s.io"},
        "spec": {"group": "xpk.x-k8s.io", "scope": "Cluster", "names": names, "versions": [version]},
    }


def config_maps(made: Made) -> list[Json]:
    """What there is, by device type, and how it was made."""
    metadata = {"xpk_version": "v1.16.0", "capacity_type": made.capacity}
    if made.reservation:
        metadata["reservation_id"] = made.reservation
    if made.tensorboard:
        metadata |= {
            "tensorboard_region": "us-central1",
            "tensorboard_name": "c1-tb-instance",
            "tensorboard_id": "123",
        }
    hosts = {made.shape.device_type: str(len(made.pools) * made.shape.vms)}
    return [_config_map(made, "resources", hosts), _config_map(made, "metadata", metadata)]


def _config_map(made: Made, part: str, data: dict[str, str]) -> Json:
    metadata = {"name": f"{made.name}-{part}-configmap", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def queues(made: Made) -> list[Json]:
    """Kueue's objects and the priority classes, as one template has them."""
    shape = made.shape
    labels = {
        "cloud.google.com/gke-tpu-accelerator": shape.accelerator,
        "cloud.google.com/gke-tpu-topology": shape.topology,
    }
    flavors = [
        _kueue("ResourceFlavor", name, spec={"nodeLabels": labels})
        for name in (*made.old_flavors, made.flavor)
    ]
    chips = {"name": "google.com/tpu", "nominalQuota": len(made.pools) * shape.chips}
    group = {
        "coveredResources": ["google.com/tpu"],
        "flavors": [{"name": made.flavor, "resources": [chips]}],
    }
    queue = {
        "preemption": {"reclaimWithinCohort": "Never", "withinClusterQueue": "LowerPriority"},
        "namespaceSelector": {},
        "resourceGroups": [group],
    }
    local = _kueue("LocalQueue", "multislice-queue", spec={"clusterQueue": "cluster-queue"})
    local["metadata"]["namespace"] = "default"
    return [
        *flavors,
        *_provisioning(),
        _kueue("ClusterQueue", "cluster-queue", spec=queue),
        local,
        *priorities(),
    ]


def _provisioning() -> list[Json]:
    parameters = {"apiGroup": "kueue.x-k8s.io", "kind": "ProvisioningRequestConfig", "name": "dws-config"}
    check = {"controllerName": "kueue.x-k8s.io/provisioning-request", "parameters": parameters}
    config = {
        "provisioningClassName": "queued-provisioning.gke.io",
        "podSetUpdates": {
            "nodeSelector": [
                {
                    "key": "autoscaling.gke.io/provisioning-request",
                    "valueFromProvisioningClassDetail": "ResizeRequestName",
                }
            ]
        },
        "managedResources": ["google.com/tpu"],
    }
    return [
        _kueue("AdmissionCheck", "dws-prov", spec=check),
        _kueue("ProvisioningRequestConfig", "dws-config", spec=config),
    ]


def _kueue(kind: str, name: str, *, spec: Json) -> Json:
    return {"apiVersion": KUEUE, "kind": kind, "metadata": {"name": name}, "spec": spec}


def priorities() -> list[Json]:
    """Five classes with xpk's own descriptions."""
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "globalDefault": False,
            "description": name.replace("-", " ").title(),
        }
        for name, value in PRIORITIES.items()
    ]


def checkpoint_configuration(made: Made, **changes: object) -> Json:
    """templates/mtc-cpc.yaml with its wrong field: the kind has no `mountOptions`, and they are pruned."""
    spec = {
        "cloudStorageBucketName": "my-bucket",
        "nodeSelector": {"node.kubernetes.io/instance-type": made.shape.machine},
        "tolerations": [{"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}],
        "inMemoryVolumeSize": "10Gi",
        "mountOptions": ["implicit-dirs", "client-protocol=http1", "read_ahead_kb=1024"],
    }
    return {
        "apiVersion": "checkpointing.gke.io/v1",
        "kind": "CheckpointConfiguration",
        "metadata": {"name": "my-checkpointconfiguration"},
        "spec": spec | changes,
    }


def jobset_selector(deployment: Json) -> Json:
    """The Deployment of JobSet v0.10.1, which selects by one label; v0.12's has three more."""
    labels = {"control-plane": "controller-manager"}
    spec = deployment["spec"]
    template = {**spec["template"], "metadata": {"labels": labels}}
    return {**deployment, "spec": {**spec, "selector": {"matchLabels": labels}, "template": template}}


def controller(component: str) -> Json:
    """The reference of a controller's Deployment, whose size xpk changes."""
    metadata = {"name": f"{component}-controller-manager", "namespace": f"{component}-system"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def _pod(made: Made) -> Json:
    shape = made.shape
    container: Json = {
        "name": "jax-tpu",
        "image": "python:3.10",
        "command": ["bash", "-c", "echo XPK Start: $(date); sleep infinity; EXIT_CODE=$?; exit $EXIT_CODE"],
        "securityContext": {"privileged": True},
        "ports": [{"containerPort": port} for port in (8471, 8080, 1234)],
        "resources": {"limits": {"google.com/tpu": shape.chips_per_vm}},
        "volumeMounts": [{"mountPath": "/dev/shm", "name": "dshm-2"}],
    }
    volumes: list[Json] = [{"name": "dshm-2", "emptyDir": {"medium": "Memory"}}]
    if made.mtc and made.workload_identity:
        container["volumeMounts"].append({"mountPath": "/ramdisk", "name": "cache"})
        volumes.append({"name": "cache", "csi": {"driver": "multitier-checkpoint.csi.storage.gke.io"}})
    return {
        "schedulerName": "default-scheduler",
        "restartPolicy": "Never",
        "nodeSelector": {
            "cloud.google.com/gke-tpu-accelerator": shape.accelerator,
            "cloud.google.com/gke-tpu-topology": shape.topology,
        },
        "priorityClassName": "medium",
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "terminationGracePeriodSeconds": 30,
        "tolerations": [{"operator": "Exists", "key": "google.com/tpu"}],
        "containers": [container],
        "volumes": volumes,
    }


def jobset(made: Made) -> Json:
    """`xpk workload create`: commands/workload.py's template for a TPU, a slice for each node pool."""
    shape = made.shape
    labels = {"xpk.google.com/workload": "w1"}
    codes = {"containerName": "jax-tpu", "operator": "NotIn", "values": [42, *range(127, 256)]}
    fail = {"action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
    job = {
        "parallelism": shape.vms,
        "completions": shape.vms,
        "backoffLimit": 0,
        "podFailurePolicy": {"rules": [{"action": "FailJob", "onPodConditions": [], "onExitCodes": codes}]},
        "template": {"metadata": {"labels": labels}, "spec": _pod(made)},
    }
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {
            "name": "w1",
            "namespace": "default",
            "labels": {"kueue.x-k8s.io/queue-name": "multislice-queue", **labels},
            "annotations": {"alpha.jobset.sigs.k8s.io/exclusive-topology": "cloud.google.com/gke-nodepool"},
        },
        "spec": {
            "ttlSecondsAfterFinished": 43200,
            "failurePolicy": {"rules": [fail], "maxRestarts": 0},
            "replicatedJobs": [{"name": "slice-job", "replicas": len(made.pools), "template": {"spec": job}}],
        },
    }
