"""The Node object of one host of a GKE node pool."""

from __future__ import annotations

import hashlib
from typing import Any

from xpk.emulator.kubernetes.controllers.machines import machine

Json = dict[str, Any]
POOL = "cloud.google.com/gke-nodepool"
TPU = "google.com/tpu"
_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"}
_EFFECT_NUMBERS = {1: "NoSchedule", 2: "PreferNoSchedule", 3: "NoExecute"}


def host_name(cluster: str, pool: Json, index: int) -> str:
    """The name of a pool's host, as GKE makes them: fixed parts, a hash of the pool, and four letters."""
    name = pool["name"]
    digest = hashlib.sha256(f"{cluster}/{name}".encode()).hexdigest()
    tail = f"{index:02x}" + hashlib.sha256(f"{cluster}/{name}/{index}".encode()).hexdigest()[:2]
    if machine(pool.get("config", {}).get("machineType", "")).chips:
        return f"gke-tpu-{digest[:8]}-{tail}"
    short = cluster.rpartition("/")[2]
    return f"gke-{short[:20]}-{name[:20]}-{digest[:8]}-{tail}"


def is_tpu(pool: Json) -> bool:
    """Whether the pool's hosts have TPU chips."""
    return machine(pool.get("config", {}).get("machineType", "")).chips > 0


def node(pool: Json, name: str, zone: str, address: str, stamp: str) -> Json:
    """The Node, Ready."""
    config = pool.get("config", {})
    kind = machine(config.get("machineType", "e2-medium"))
    capacity = {
        "cpu": str(kind.cores),
        "memory": f"{kind.memory * 1_000_000_000 // 1024}Ki",
        "ephemeral-storage": "98831908Ki",
        "pods": "110",
    }
    allocatable = {
        **capacity,
        "cpu": f"{kind.allocatable_millicores}m",
        "memory": f"{kind.allocatable_kib}Ki",
        "ephemeral-storage": "47060071478",
    }
    if kind.chips:
        capacity[TPU] = allocatable[TPU] = str(kind.chips)
    status = {
        "capacity": capacity,
        "allocatable": allocatable,
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "conditions": [ready("True", stamp)],
        "nodeInfo": _info(name),
    }
    provider = f"gce://emulated/{zone}/{name}"
    spec: Json = {"providerID": provider}
    taints = _taints(config, kind.chips > 0)
    if taints:
        spec["taints"] = taints
    return {"metadata": {"name": name, "labels": _labels(pool, name, zone)}, "spec": spec, "status": status}


def _info(name: str) -> Json:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {
        "architecture": "amd64",
        "bootID": digest[:32],
        "containerRuntimeVersion": "containerd://2.0.6",
        "kernelVersion": "6.6.97+",
        "kubeProxyVersion": "v1.33.5-gke.1201000",
        "kubeletVersion": "v1.33.5-gke.1201000",
        "machineID": digest[:32],
        "operatingSystem": "linux",
        "osImage": "Container-Optimized OS from Google",
        "systemUUID": digest[:32],
    }


def ready(status: str, stamp: str) -> Json:
    """The Ready condition."""
    reason = "KubeletReady" if status == "True" else "NodeStatusUnknown"
    message = (
        "kubelet is posting ready status" if status == "True" else "Kubelet stopped posting node status."
    )
    times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
    return {"type": "Ready", "status": status, "reason": reason, "message": message, **times}


def _labels(pool: Json, name: str, zone: str) -> dict[str, str]:
    config = pool.get("config", {})
    machine_type = config.get("machineType", "e2-medium")
    kind = machine(machine_type)
    region = zone.rpartition("-")[0] or zone
    labels = {
        **{key: str(value) for key, value in (config.get("labels") or {}).items()},
        POOL: pool["name"],
        "cloud.google.com/machine-family": machine_type.partition("-")[0],
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": machine_type,
        "topology.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": region,
    }
    if kind.chips:
        topology = (pool.get("placementPolicy") or {}).get("tpuTopology") or kind.topology
        labels["cloud.google.com/gke-tpu-accelerator"] = kind.accelerator
        labels["cloud.google.com/gke-tpu-topology"] = topology
        labels["cloud.google.com/gke-accelerator-count"] = str(kind.chips)
    if (config.get("workloadMetadataConfig") or {}).get("mode") in ("GKE_METADATA", 2):
        labels["iam.gke.io/gke-metadata-server-enabled"] = "true"
    if (pool.get("queuedProvisioning") or {}).get("enabled"):
        labels["cloud.google.com/gke-queued"] = "true"
    return labels | _capacity_labels(config)


def _capacity_labels(config: Json) -> dict[str, str]:
    labels: dict[str, str] = {}
    if config.get("spot"):
        labels |= {"cloud.google.com/gke-spot": "true", "cloud.google.com/gke-provisioning": "spot"}
    if config.get("preemptible"):
        labels |= {
            "cloud.google.com/gke-preemptible": "true",
            "cloud.google.com/gke-provisioning": "preemptible",
        }
    if config.get("flexStart"):
        labels["cloud.google.com/gke-flex-start"] = "true"
    affinity = config.get("reservationAffinity") or {}
    if affinity.get("values"):
        labels["cloud.google.com/reservation-name"] = (
            affinity["values"][0].rpartition("/reservations/")[2].split("/")[0]
        )
        labels["cloud.google.com/reservation-affinity"] = "specific"
    return labels


def _taints(config: Json, tpu: bool) -> list[Json]:
    taints: list[Json] = []
    for taint in config.get("taints") or ():
        effect = _EFFECTS.get(taint.get("effect", ""), _EFFECT_NUMBERS.get(taint.get("effect"), "NoSchedule"))
        taints.append({"key": taint["key"], "value": taint.get("value", ""), "effect": effect})
    if tpu:
        taints.append({"key": TPU, "value": "present", "effect": "NoSchedule"})
    return taints
