"""Writes the emulator's schemas of Kubernetes' built-in kinds from the official Python client's models.

Run it from the root of the repository: ``python tests/emulator/kubernetes/generate_schema.py``.
The result is data: ``{"kinds": {"v1/Pod": "V1Pod"}, "types": {"V1Pod": {"spec": "V1PodSpec"}}}``. A field's
type is a word: ``s`` string, ``i`` integer, ``n`` number, ``b`` boolean, ``x`` integer or string, ``q``
quantity, ``*`` anything, ``[T`` list of T, ``{T`` map from string to T, else a type's name. ``name!`` is a
required field.
"""

from __future__ import annotations

import datetime
import json
import types
import typing
from pathlib import Path
from typing import Any

import kubernetes.client as client

TARGET = Path(__file__).parents[3] / "xpk" / "emulator" / "kubernetes" / "schema.json"

KINDS = {
    "v1": "Pod Node Namespace ConfigMap Secret Service ServiceAccount Endpoints PersistentVolume "
    "PersistentVolumeClaim"
    " ResourceQuota LimitRange PodTemplate ReplicationController",
    "batch/v1": "Job CronJob",
    "apps/v1": "Deployment DaemonSet StatefulSet ReplicaSet ControllerRevision",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver StorageClass",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "admissionregistration.k8s.io/v1": "ValidatingWebhookConfiguration MutatingWebhookConfiguration"
    " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    "apiregistration.k8s.io/v1": "APIService",
    "coordination.k8s.io/v1": "Lease",
    "policy/v1": "PodDisruptionBudget",
    "networking.k8s.io/v1": "NetworkPolicy",
    "flowcontrol.apiserver.k8s.io/v1": "FlowSchema PriorityLevelConfiguration",
    "autoscaling/v2": "HorizontalPodAutoscaler",
}
RENAMED = {"v1/Event": "CoreV1Event"}
"""Kinds whose model is not named version + kind."""

QUANTITY_FIELDS = (
    *("limits", "requests", "capacity", "allocatable", "allocated_resources", "overhead", "hard", "used"),
    *("default_request", "max", "min", "max_limit_request_ratio", "size_limit", "divisor", "average_value"),
)
"""The models type a quantity as a string; the server takes a bare number as well."""
QUANTITY_OWNERS = {("V1LimitRangeItem", "default"), ("V2MetricTarget", "value")}

NEWER = {
    "V1ConfigMapVolumeSource": "defaultUser",
    "V1SecretVolumeSource": "defaultUser",
    "V1DownwardAPIVolumeSource": "defaultUser",
    "V1ProjectedVolumeSource": "defaultUser",
    "V1KeyToPath": "user",
    "V1DownwardAPIVolumeFile": "user",
    "V1ClusterTrustBundleProjection": "user",
    "V1PodCertificateProjection": "user",
    "V1ServiceAccountTokenProjection": "user",
    "V1EmptyDirVolumeSource": "mode",
    "V1GRPCAction": "mode",
    "V1HTTPGetAction": "protocol",
    "V1JobSpec": "scheduling",
    "V1PersistentVolumeClaimStatus": "healthStatus",
    "V1PodSpec": "evictionResponders",
    "V1VolumeMount": "bindMountOptions",
}
"""Fields of the client's models that Kubernetes 1.36 does not know: left out, so they are refused."""


def generate() -> dict[str, Any]:
    """The whole table: kinds, and every type that one of them reaches."""
    kinds = dict(RENAMED)
    for version, names in KINDS.items():
        suffix = version.rpartition("/")[2].capitalize()
        kinds.update({f"{version}/{name}": f"{suffix}{name}" for name in names.split()})
    found: dict[str, Any] = {}
    todo = sorted(set(kinds.values()))
    while todo:
        name = todo.pop()
        if name not in found:
            found[name], reached = _fields(getattr(client, name))
            todo.extend(reached)
    return {"kinds": dict(sorted(kinds.items())), "types": dict(sorted(found.items()))}


def _fields(model: Any) -> tuple[dict[str, str], set[str]]:
    fields: dict[str, str] = {}
    reached: set[str] = set()
    for attribute, info in model.model_fields.items():
        inside: set[str] = set()
        word = _word(info.annotation, inside)
        if attribute in QUANTITY_FIELDS or (model.__name__, attribute) in QUANTITY_OWNERS:
            word = {"s": "q", "{s": "{q"}.get(word, word)
        name = info.serialization_alias or info.alias or attribute
        if NEWER.get(model.__name__) == name:
            continue
        reached |= inside
        fields[name + ("!" if info.is_required() else "")] = word
    return dict(sorted(fields.items())), reached


def _word(annotation: Any, reached: set[str]) -> str:
    origin = typing.get_origin(annotation)
    arguments = [item for item in typing.get_args(annotation) if item is not type(None)]
    if origin is typing.Annotated:
        return _word(arguments[0], reached)
    if origin in (typing.Union, types.UnionType):
        words = sorted({_word(item, reached) for item in arguments})
        return words[0] if len(words) == 1 else {"i s": "x", "i n": "n"}.get(" ".join(words), "*")
    if origin in (list, tuple):
        return "[" + _word(arguments[0], reached)
    if origin is dict:
        return "{" + _word(arguments[1], reached)
    simple = {str: "s", int: "i", float: "n", bool: "b", datetime.datetime: "s", bytes: "s"}
    if annotation in simple:
        return simple[annotation]
    if hasattr(annotation, "model_fields"):
        reached.add(annotation.__name__)
        return str(annotation.__name__)
    return "*"


def text() -> str:
    """The file's content: compact JSON, one line per type so that a change can be read."""
    table = generate()
    kinds = json.dumps(table["kinds"], separators=(",", ":"))
    rows = ",\n".join(
        f"{json.dumps(name)}:{json.dumps(fields, separators=(',', ':'))}"
        for name, fields in table["types"].items()
    )
    return f'{{"kinds":{kinds},\n"types":{{\n{rows}\n}}}}\n'


if __name__ == "__main__":
    TARGET.write_text(text())
