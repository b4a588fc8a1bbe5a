"""The kinds that the API server serves: a fixed table, and those that CustomResourceDefinitions add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from xpk.emulator.kubernetes import schema
from xpk.emulator.kubernetes.schema import Node

Json = dict[str, Any]

_CORE = """
configmaps ConfigMap cm
endpoints Endpoints ep
events Event ev
limitranges LimitRange limits
namespaces* Namespace ns /status
nodes* Node no /status
persistentvolumeclaims PersistentVolumeClaim pvc /status
persistentvolumes* PersistentVolume pv /status
pods Pod po /status
podtemplates PodTemplate
replicationcontrollers ReplicationController rc /status
resourcequotas ResourceQuota quota /status
secrets Secret
serviceaccounts ServiceAccount sa
services Service svc /status
"""
_GROUPS = """
admissionregistration.k8s.io/v1
 mutatingwebhookconfigurations* MutatingWebhookConfiguration
 validatingadmissionpolicies* ValidatingAdmissionPolicy /status
 validatingadmissionpolicybindings* ValidatingAdmissionPolicyBinding
 validatingwebhookconfigurations* ValidatingWebhookConfiguration
apiextensions.k8s.io/v1
 customresourcedefinitions* CustomResourceDefinition crd crds /status
apiregistration.k8s.io/v1
 apiservices* APIService /status
apps/v1
 controllerrevisions ControllerRevision
 daemonsets DaemonSet ds /status
 deployments Deployment deploy /status
 replicasets ReplicaSet rs /status
 statefulsets StatefulSet sts /status
autoscaling/v2
 horizontalpodautoscalers HorizontalPodAutoscaler hpa /status
batch/v1
 cronjobs CronJob cj /status
 jobs Job /status
coordination.k8s.io/v1
 leases Lease
flowcontrol.apiserver.k8s.io/v1
 flowschemas* FlowSchema /status
 prioritylevelconfigurations* PriorityLevelConfiguration /status
networking.k8s.io/v1
 networkpolicies NetworkPolicy netpol
policy/v1
 poddisruptionbudgets PodDisruptionBudget pdb /status
rbac.authorization.k8s.io/v1
 clusterrolebindings* ClusterRoleBinding
 clusterroles* ClusterRole
 rolebindings RoleBinding
 roles Role
scheduling.k8s.io/v1
 priorityclasses* PriorityClass pc
storage.k8s.io/v1
 csidrivers* CSIDriver
 storageclasses* StorageClass sc
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind.

    ``version`` is the one that is stored; ``warnings`` has a text per deprecated version; ``since`` is the
    version of the world in which a custom kind was declared; ``columns`` are those of its definition.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    status: bool
    short_names: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    schemas: tuple[tuple[str, Node], ...] = field(default=(), compare=False, hash=False)
    since: int = field(default=0, compare=False)
    columns: tuple[Json, ...] | None = field(default=None, compare=False)

    @property
    def resource(self) -> str:
        """The plural, with the group behind a dot: ``jobs.batch``; the store's name for the kind."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def custom(self) -> bool:
        """Whether a CustomResourceDefinition declares it."""
        return bool(self.schemas)

    def api_version(self, version: str = "") -> str:
        """``group/version``, of the stored version when none is given."""
        chosen = version or self.version
        return f"{self.group}/{chosen}" if self.group else chosen

    def node(self, version: str = "") -> Node:
        """The schema of one version."""
        if self.schemas:
            return dict(self.schemas)[version or self.version]
        return schema.built_in(schema.table()["kinds"][f"{self.api_version()}/{self.kind}"])

    def warning(self, version: str) -> str:
        """The deprecation text of a version, empty when it has none."""
        return dict(self.warnings).get(version, "")


def _rows() -> Iterator[Kind]:
    group_version = "v1"
    for line in (_CORE + _GROUPS).splitlines():
        words = line.split()
        if len(words) == 1:
            group_version = words[0]
        elif len(words) > 1:
            group, _, version = group_version.rpartition("/")
            names = tuple(word for word in words[2:] if word[0] != "/")
            plural = words[0].rstrip("*")
            cluster = words[0].endswith("*")
            status = "/status" in words
            yield Kind(group, version, words[1], plural, not cluster, status, names, (version,))


def from_crd(crd: Json) -> Kind:
    """The kind that a CustomResourceDefinition declares."""
    spec = crd["spec"]
    served = [item for item in spec["versions"] if item.get("served")]
    stored = next((item["name"] for item in spec["versions"] if item.get("storage")), served[0]["name"])
    names = spec["names"]
    warnings = tuple(
        (
            item["name"],
            item.get("deprecationWarning") or f"{spec['group']}/{item['name']} {names['kind']} is deprecated",
        )
        for item in served
        if item.get("deprecated")
    )
    return Kind(
        spec["group"],
        stored,
        names["kind"],
        names["plural"],
        spec["scope"] == "Namespaced",
        any("status" in item.get("subresources", {}) for item in served),
        tuple(names.get("shortNames", ())),
        tuple(sorted((item["name"] for item in served), key=lambda name: (name != stored, name))),
        warnings,
        tuple((item["name"], schema.from_crd(item["schema"]["openAPIV3Schema"])) for item in served),
        int(crd["metadata"].get("resourceVersion", 0)),
        _columns(next((item for item in served if item["name"] == stored), served[0])),
    )


def _columns(version: Json) -> tuple[Json, ...] | None:
    found = version.get("additionalPrinterColumns")
    return tuple(found) if found else None


class Kinds:
    """The registry of one world."""

    def __init__(self) -> None:
        self._by_resource: dict[str, Kind] = {kind.resource: kind for kind in _rows()}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_resource.values())

    def __getitem__(self, resource: str) -> Kind:
        return self._by_resource[resource]

    def get(self, resource: str) -> Kind | None:
        """The kind of a ``plural.group``, None when nobody declares it."""
        return self._by_resource.get(resource)

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a path, None when it is not served there."""
        kind = self._by_resource.get(f"{plural}.{group}" if group else plural)
        return kind if kind is not None and version in kind.versions else None

    def by_kind(self, api_version: str, name: str) -> Kind | None:
        """The kind that an object names."""
        group, _, version = api_version.rpartition("/")
        for kind in self:
            if kind.kind == name and kind.group == group and version in kind.versions:
                return kind
        return None

    def declare(self, crd: Json) -> None:
        """Serve what a CustomResourceDefinition declares."""
        kind = from_crd(crd)
        self._by_resource[kind.resource] = kind

    def withdraw(self, resource: str) -> None:
        """Serve it no longer."""
        self._by_resource.pop(resource, None)
