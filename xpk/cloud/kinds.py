"""Kubernetes kinds and their API paths.

A table of the kinds that this program reads and applies, so that no discovery round trip is
needed; `Kube` asks the cluster about others. Not a schema: only names and scope.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of one API version, such as apps/v1 Deployment."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str | None = None) -> str:
        """The path of all objects, or of those in one namespace."""
        root = api_root(self.api_version)
        if self.namespaced and namespace:
            return f"{root}/namespaces/{_segment(namespace)}/{self.plural}"
        return f"{root}/{self.plural}"

    def path(self, name: str, namespace: str | None = None) -> str:
        """The path of one object; a namespaced one without a namespace is in `default`."""
        return f"{self.collection(namespace or DEFAULT_NAMESPACE)}/{_segment(name)}"


# group/version, kinds in namespaces, kinds of the whole cluster. A plural is written only where
# it is not the regular one.
_TABLE = (
    (
        "v1",
        (
            "ConfigMap Endpoints=endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate "
            "ReplicationController ResourceQuota Secret Service ServiceAccount"
        ),
        "Namespace Node PersistentVolume",
    ),
    ("apps/v1", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet", ""),
    ("batch/v1", "CronJob Job", ""),
    ("autoscaling/v2", "HorizontalPodAutoscaler", ""),
    ("coordination.k8s.io/v1", "Lease", ""),
    ("discovery.k8s.io/v1", "EndpointSlice", ""),
    ("events.k8s.io/v1", "Event", ""),
    ("networking.k8s.io/v1", "Ingress NetworkPolicy=networkpolicies", "IngressClass"),
    ("policy/v1", "PodDisruptionBudget", ""),
    ("rbac.authorization.k8s.io/v1", "Role RoleBinding", "ClusterRole ClusterRoleBinding"),
    ("scheduling.k8s.io/v1", "", "PriorityClass"),
    (
        "storage.k8s.io/v1",
        "CSIStorageCapacity=csistoragecapacities",
        "CSIDriver CSINode StorageClass VolumeAttachment",
    ),
    ("apiextensions.k8s.io/v1", "", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "", "APIService"),
    (
        "admissionregistration.k8s.io/v1",
        "",
        (
            "MutatingWebhookConfiguration ValidatingWebhookConfiguration "
            "ValidatingAdmissionPolicy=validatingadmissionpolicies ValidatingAdmissionPolicyBinding"
        ),
    ),
    ("flowcontrol.apiserver.k8s.io/v1", "", "FlowSchema PriorityLevelConfiguration"),
    ("cert-manager.io/v1", "Certificate Issuer", "ClusterIssuer"),
    ("monitoring.coreos.com/v1", "PodMonitor PrometheusRule ServiceMonitor", ""),
    ("jobset.x-k8s.io/v1alpha2", "JobSet", ""),
    (
        "kueue.x-k8s.io/v1beta2",
        "LocalQueue Workload",
        (
            "AdmissionCheck ClusterQueue Cohort MultiKueueCluster MultiKueueConfig ProvisioningRequestConfig "
            "ResourceFlavor Topology=topologies WorkloadPriorityClass"
        ),
    ),
    (
        "kueue.x-k8s.io/v1beta1",
        "LocalQueue Workload",
        (
            "AdmissionCheck ClusterQueue Cohort MultiKueueCluster MultiKueueConfig ProvisioningRequestConfig "
            "ResourceFlavor Topology=topologies WorkloadPriorityClass"
        ),
    ),
    ("checkpointing.gke.io/v1", "", "CheckpointConfiguration"),
)


def find(api_version: str, kind: str) -> Kind | None:
    """The kind from the table, or None."""
    return _by_name().get((api_version, kind))


def api_root(api_version: str) -> str:
    """`/api/v1` or `/apis/<group>/<version>`."""
    parts = [_segment(part) for part in api_version.split("/")]
    return f"/api/{parts[0]}" if len(parts) == 1 else "/apis/" + "/".join(parts)


def name_of(manifest: Mapping[str, Any]) -> tuple[str, str, str, str | None]:
    """apiVersion, kind, name and namespace of a manifest. ValueError when it has none of them."""
    metadata = manifest.get("metadata")
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not (isinstance(api_version, str) and isinstance(kind, str) and isinstance(name, str) and name):
        raise ValueError("a manifest needs apiVersion, kind and metadata.name")
    namespace = metadata.get("namespace") if isinstance(metadata, Mapping) else None
    return api_version, kind, name, namespace if isinstance(namespace, str) and namespace else None


def from_discovery(api_version: str, kind: str, resources: list[Any]) -> Kind | None:
    """The kind from an APIResourceList's `resources`; subresources (with a slash) are passed over."""
    for entry in resources:
        if (
            isinstance(entry, Mapping)
            and entry.get("kind") == kind
            and "/" not in str(entry.get("name", "/"))
        ):
            return Kind(api_version, kind, _segment(str(entry["name"])), bool(entry.get("namespaced")))
    return None


@functools.cache
def _by_name() -> dict[tuple[str, str], Kind]:
    table: dict[tuple[str, str], Kind] = {}
    for api_version, inside, outside in _TABLE:
        for words, namespaced in ((inside, True), (outside, False)):
            for word in words.split():
                kind, _, plural = word.partition("=")
                entry = Kind(api_version, kind, plural or _plural(kind), namespaced)
                table[api_version, kind] = entry
    return table


def _plural(kind: str) -> str:
    lower = kind.lower()
    return lower + ("es" if lower.endswith(("s", "x")) else "s")


def _segment(text: str) -> str:
    """One segment of a path. RBAC names hold colons, which are legal there."""
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is not a name")
    return quote(text, safe=":")
