"""What every cluster has from the start."""

from __future__ import annotations

from xpk.emulator.kubernetes.cluster import Cluster

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease", "gmp-system")
PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def bootstrap(cluster: Cluster) -> None:
    """Create it."""
    for name in NAMESPACES:
        labels = {"kubernetes.io/metadata.name": name}
        spec = {"finalizers": ["kubernetes"]}
        body = {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"phase": "Active"}}
        cluster.create("namespaces", body)
    for name, value in PRIORITIES.items():
        body = {"metadata": {"name": name}, "value": value, "preemptionPolicy": "PreemptLowerPriority"}
        cluster.create("priorityclasses.scheduling.k8s.io", body)
    for name, provisioner in (
        ("standard-rwo", "pd.csi.storage.gke.io"),
        ("premium-rwo", "pd.csi.storage.gke.io"),
    ):
        body = {
            "metadata": {"name": name},
            "provisioner": provisioner,
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        cluster.create("storageclasses.storage.k8s.io", body)
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}]
    service = {"type": "ClusterIP", "clusterIP": "34.118.224.1", "ports": ports}
    cluster.create("services", {"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": service})
