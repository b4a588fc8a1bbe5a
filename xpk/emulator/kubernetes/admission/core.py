"""Kubernetes' own defaults and checks for the kinds that people write."""

from __future__ import annotations

import base64
import re
from typing import Any

from xpk.emulator.kubernetes import errors, schema
from xpk.emulator.kubernetes.admission import defaults, jobs, names, pods
from xpk.emulator.kubernetes.admission.review import Review
from xpk.emulator.kubernetes.errors import Cause

Json = dict[str, Any]
NEED_SPEC = (
    *("pods", "jobs.batch", "deployments.apps", "daemonsets.apps", "statefulsets.apps", "replicasets.apps"),
    "customresourcedefinitions.apiextensions.k8s.io",
)
_DEPLOYMENT: Json = {
    "replicas": 1,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
}
_DAEMON_SET: Json = {
    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
    "revisionHistoryLimit": 10,
}
TEMPLATED = NEED_SPEC[2:6]


def mutate(review: Review, obj: Json) -> Json:
    """Defaults that a client may read back, and what GKE adds to pods."""
    match review.kind.resource:
        case "namespaces":
            labels = {
                **(obj["metadata"].get("labels") or {}),
                "kubernetes.io/metadata.name": obj["metadata"]["name"],
            }
            obj = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
            obj.setdefault("spec", {"finalizers": ["kubernetes"]})
            if review.old is not None:
                obj["spec"] = review.old.get("spec", obj["spec"])
        case "pods" if review.operation == "CREATE":
            obj = pods.admit(review.cluster, pods.default(obj))
            obj = {**obj, "status": {"phase": "Pending", "qosClass": defaults.qos_class(obj["spec"])}}
        case "pods":
            obj = pods.default(obj)
        case "jobs.batch":
            obj = jobs.default(obj)
        case "secrets":
            obj = _secret(obj)
        case "services":
            obj = _service(obj)
        case "deployments.apps":
            obj = {**obj, "spec": {**_DEPLOYMENT, **defaults.template(obj["spec"], "Always")}}
        case "daemonsets.apps":
            obj = {**obj, "spec": {**_DAEMON_SET, **defaults.template(obj["spec"], "Always")}}
        case "customresourcedefinitions.apiextensions.k8s.io":
            names_ = obj["spec"]["names"]
            filled = {"singular": names_["kind"].lower(), "listKind": names_["kind"] + "List", **names_}
            conversion = obj["spec"].get("conversion") or {"strategy": "None"}
            obj = {**obj, "spec": {**obj["spec"], "names": filled, "conversion": conversion}}
        case _:
            pass
    return obj


def _secret(obj: Json) -> Json:
    obj = {"type": "Opaque", **obj}
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    return obj


def _service(obj: Json) -> Json:
    spec = {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        **obj.get("spec", {}),
    }
    if "ports" in spec:
        spec["ports"] = [
            {"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec["ports"]
        ]
    spec.setdefault("clusterIP", "34.118.224.10")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    return {**obj, "spec": spec}


def validate(review: Review, obj: Json) -> list[Cause]:
    """All faults against Kubernetes' own rules."""
    resource = review.kind.resource
    found = names.check_name(resource, obj["metadata"]["name"]) if review.old is None else []
    found += names.check_metadata(obj["metadata"])
    if resource in TEMPLATED:
        found += _templated(review, obj)
    match resource:
        case "pods":
            found += pods.check_pod(obj, review.old)
        case "jobs.batch":
            found += jobs.check(obj, review.old)
        case "configmaps":
            found += _config_map(obj)
        case "priorityclasses.scheduling.k8s.io":
            value = obj.get("value", 0)
            if value > 1_000_000_000 and not obj["metadata"]["name"].startswith("system-"):
                text = "maximum allowed value of a user defined priority is 1000000000"
                found.append(Cause("FieldValueForbidden", "value", f"Forbidden: {text}"))
            if review.old is not None and review.old.get("value") != value:
                found.append(
                    Cause("FieldValueForbidden", "value", "Forbidden: may not be changed in an update.")
                )
        case "customresourcedefinitions.apiextensions.k8s.io":
            found += _crd(obj)
        case _:
            pass
    return found


def _templated(review: Review, obj: Json) -> list[Cause]:
    spec = obj["spec"]
    template = spec["template"]
    found = names.check_metadata(template.get("metadata") or {}, "spec.template.metadata")
    found += pods.check_spec(template.get("spec") or {}, "spec.template.spec", ("Always",))
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector and not (spec.get("selector") or {}).get("matchExpressions"):
        found.append(errors.required("spec.selector"))
    elif any(labels.get(key) != value for key, value in selector.items()):
        text = "`selector` does not match template `labels`"
        found.append(errors.invalid_value("spec.template.metadata.labels", str(labels), text))
    if review.old is not None and review.old["spec"].get("selector") != spec.get("selector"):
        found.append(errors.invalid_value("spec.selector", str(selector), "field is immutable"))
    return found


def _config_map(obj: Json) -> list[Cause]:
    found: list[Cause] = []
    size = 0
    for part in ("data", "binaryData"):
        for key, value in (obj.get(part) or {}).items():
            size += len(value.encode())
            if not re.fullmatch(r"[-._a-zA-Z0-9]+", key) or len(key) > 253:
                text = (
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
                    "'key.name',  or "
                    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                )
                found.append(errors.invalid_value(f"{part}[{key}]", key, text))
    if size > 1024 * 1024:
        found.append(Cause("FieldValueTooLong", "", "Too long: may not be more than 1048576 bytes"))
    return found


def _crd(obj: Json) -> list[Cause]:
    spec = obj["spec"]
    wanted = f"{spec['names']['plural']}.{spec['group']}"
    found: list[Cause] = []
    if obj["metadata"]["name"] != wanted:
        text = 'must be spec.names.plural+"."+spec.group'
        found.append(errors.invalid_value("metadata.name", obj["metadata"]["name"], text))
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        text = "must have exactly one version marked as storage version"
        found.append(errors.invalid_value("spec.versions", "array", text))
    if not any(version.get("served") for version in spec["versions"]):
        found.append(errors.invalid_value("spec.versions", "array", "must have at least one served version"))
    for index, version in enumerate(spec["versions"]):
        if "openAPIV3Schema" not in (version.get("schema") or {}):
            path = f"spec.versions[{index}].schema.openAPIV3Schema"
            found.append(errors.required(path, "schemas are required"))
        elif not _structural(version["schema"]["openAPIV3Schema"]):
            path = f"spec.versions[{index}].schema.openAPIV3Schema"
            found.append(errors.invalid_value(path, "object", "must be a structural schema"))
    return found


def _structural(openapi: Json) -> bool:
    """Whether the schema can be enforced."""
    try:
        schema.from_crd(openapi)
    except (AttributeError, TypeError, ValueError):
        return False
    return openapi.get("type") == "object"
