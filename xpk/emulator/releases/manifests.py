"""Stand-ins for the release files of JobSet and Kueue: the same names and kinds, none of the code.

Not the projects' own files: every object says so in an annotation, the file in its first lines.
The CRDs' schemas are those that the emulated API server enforces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import yaml

from xpk.emulator.http import Json

STAND_IN = "emulator.xpk/stand-in"
_HEADER = """\
# STAND-IN of the xpk emulator. This is not the release file of {title} {version}:
# it has the same object names, and CRDs with the fields that the emulator knows.
"""


@dataclass(frozen=True, slots=True)
class Component:
    """What a release installs, by the names that its real file uses."""

    name: str
    title: str
    group: str
    served: str
    plurals: Sequence[str]

    @property
    def namespace(self) -> str:
        """The namespace of its controller."""
        return f"{self.name}-system"

    @property
    def image(self) -> str:
        """The controller's image without its tag."""
        return f"registry.k8s.io/{self.name}/{self.name}"

    def crds(self) -> list[Json]:
        """Its CustomResourceDefinitions."""
        from xpk.emulator.kubernetes import crds

        return crds.jobset_crds() if self.name == "jobset" else crds.kueue_crds()


COMPONENTS = {
    "jobset": Component("jobset", "JobSet", "jobset.x-k8s.io", "v1alpha2", ("jobsets",)),
    "kueue": Component(
        "kueue",
        "Kueue",
        "kueue.x-k8s.io",
        "v1beta2",
        ("clusterqueues", "cohorts", "localqueues", "resourceflavors", "workloads"),
    ),
}


@cache
def text(component: str, version: str) -> bytes:
    """The multi-document YAML file of one release."""
    chosen = COMPONENTS[component]
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    body = yaml.dump_all(
        objects(chosen, version), Dumper=dumper, sort_keys=False, default_flow_style=False, width=110
    )
    return (_HEADER.format(title=chosen.title, version=version) + body).encode()


def objects(component: Component, version: str) -> list[Json]:
    """Every object of a release, in the order of the file."""
    found = [_namespace(component), *component.crds(), *_access(component), *_configuration(component)]
    found += [_webhooks(component, "Mutating"), _webhooks(component, "Validating")]
    found.append(_deployment(component, version))
    return [_marked(item, component, version) for item in found]


def _marked(item: Json, component: Component, version: str) -> Json:
    metadata = dict(item["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), STAND_IN: "true"}
    metadata["labels"] = {
        **metadata.get("labels", {}),
        "app.kubernetes.io/name": component.name,
        "app.kubernetes.io/version": version,
    }
    kind = {"apiVersion": item["apiVersion"], "kind": item["kind"]}
    return {
        **kind,
        "metadata": metadata,
        **{name: item[name] for name in item if name not in (*kind, "metadata")},
    }


def _namespace(component: Component) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": component.namespace}}


def _named(component: Component, api: str, kind: str, suffix: str, **rest: object) -> Json:
    metadata = {"name": f"{component.name}-{suffix}", "namespace": component.namespace}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def _access(component: Component) -> list[Json]:
    api, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    account = {
        "kind": "ServiceAccount",
        "name": f"{component.name}-controller-manager",
        "namespace": component.namespace,
    }
    own = [f"{plural}{part}" for plural in component.plurals for part in ("", "/status", "/finalizers")]
    everything = ["create", "delete", "get", "list", "patch", "update", "watch"]
    rules = [
        {"apiGroups": [component.group], "resources": own, "verbs": everything},
        {"apiGroups": ["batch"], "resources": ["jobs", "jobs/status"], "verbs": everything},
        {"apiGroups": [""], "resources": ["events", "nodes", "pods", "services"], "verbs": everything},
    ]
    leases = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": everything}]
    role = {"apiGroup": group, "kind": "ClusterRole", "name": f"{component.name}-manager-role"}
    leader = {"apiGroup": group, "kind": "Role", "name": f"{component.name}-leader-election-role"}
    cluster_role = _named(component, api, "ClusterRole", "manager-role", rules=rules)
    cluster_binding = _named(
        component, api, "ClusterRoleBinding", "manager-rolebinding", roleRef=role, subjects=[account]
    )
    for item in (cluster_role, cluster_binding):
        del item["metadata"]["namespace"]
    return [
        _named(component, "v1", "ServiceAccount", "controller-manager"),
        _named(component, api, "Role", "leader-election-role", rules=leases),
        cluster_role,
        _named(
            component, api, "RoleBinding", "leader-election-rolebinding", roleRef=leader, subjects=[account]
        ),
        cluster_binding,
    ]


def _configuration(component: Component) -> list[Json]:
    config = f"apiVersion: config.{component.group}/v1alpha1\nkind: Configuration\n"
    selector = {"control-plane": "controller-manager"}
    ports = [{"port": 443, "protocol": "TCP", "targetPort": 9443}]
    return [
        _named(
            component, "v1", "ConfigMap", "manager-config", data={"controller_manager_config.yaml": config}
        ),
        _named(component, "v1", "Secret", "webhook-server-cert"),
        _named(component, "v1", "Service", "webhook-service", spec={"ports": ports, "selector": selector}),
    ]


def _webhooks(component: Component, kind: str) -> Json:
    verb = "mutate" if kind == "Mutating" else "validate"
    hooks = []
    for plural in component.plurals:
        path = f"/{verb}-{component.group.replace('.', '-')}-{component.served}-{plural.removesuffix('s')}"
        service = {
            "name": f"{component.name}-webhook-service",
            "namespace": component.namespace,
            "path": path,
        }
        rule = {
            "apiGroups": [component.group],
            "apiVersions": [component.served],
            "operations": ["CREATE", "UPDATE"],
            "resources": [plural],
        }
        hooks.append(
            {
                "name": f"{verb[0]}{plural.removesuffix('s')}.kb.io",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": service},
                "failurePolicy": "Fail",
                "rules": [rule],
                "sideEffects": "None",
            }
        )
    name = f"{component.name}-{kind.lower()}-webhook-configuration"
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": hooks,
    }


def _deployment(component: Component, version: str) -> Json:
    labels = {"app.kubernetes.io/name": component.name, "control-plane": "controller-manager"}
    container = {
        "name": "manager",
        "image": f"{component.image}:{version}",
        "args": ["--config=/controller_manager_config.yaml", "--zap-log-level=2"],
        "command": ["/manager"],
        "ports": [{"containerPort": 9443, "name": "webhook-server", "protocol": "TCP"}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8081}, "initialDelaySeconds": 15},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081}, "initialDelaySeconds": 5},
        "resources": {
            "limits": {"cpu": "2", "memory": "512Mi"},
            "requests": {"cpu": "500m", "memory": "512Mi"},
        },
        "volumeMounts": [
            {"mountPath": "/tmp/k8s-webhook-server/serving-certs", "name": "cert", "readOnly": True},
            {
                "mountPath": "/controller_manager_config.yaml",
                "name": "manager-config",
                "subPath": "controller_manager_config.yaml",
            },
        ],
    }
    pod = {
        "serviceAccountName": f"{component.name}-controller-manager",
        "terminationGracePeriodSeconds": 10,
        "containers": [container],
        "volumes": [
            {"name": "cert", "secret": {"secretName": f"{component.name}-webhook-server-cert"}},
            {"name": "manager-config", "configMap": {"name": f"{component.name}-manager-config"}},
        ],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return _named(component, "apps/v1", "Deployment", "controller-manager", spec=spec)
