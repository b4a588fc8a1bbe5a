"""A container's environment as a kubelet makes it of the pod: literals, references, ConfigMaps and Secrets.

The order and the rules are those of the kubelet's makeEnvironment
(k8s.io/kubernetes pkg/kubelet/kubelet_pods.go): envFrom first, then env in its order, each value
seeing what stands before it. There are no variables of Services: nothing of the cluster can be reached.
What is not in the pod (the image's own, GKE's) is given by the caller.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xpk.rehearsal.agent.amounts import resource
from xpk.rehearsal.agent.expansion import expand

Json = dict[str, Any]
Read = Callable[[str, str, str], Json | None]
"""A ConfigMap or Secret by plural, namespace and name; None where there is none."""


class NotConfigured(Exception):
    """A container cannot have its environment; the message is a kubelet's."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pod's fields are on its node: addresses, and what the node has to give."""

    host_ip: str
    pod_ip: str
    allocatable: Mapping[str, Any]
    read: Read


def environment(pod: Json, container: Json, around: Surroundings) -> dict[str, str]:
    """The variables of one container. Raises NotConfigured."""
    found = _of_sources(pod, container, around)
    for entry in container.get("env") or ():
        source = entry.get("valueFrom")
        if source is None:
            found[entry["name"]] = expand(str(entry.get("value") or ""), found)
            continue
        value = _referenced(pod, container, source, around)
        if value is not None:
            found[entry["name"]] = value
    return found


def command(container: Json, values: Mapping[str, str]) -> tuple[str, ...]:
    """Command and args with their references replaced."""
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    return tuple(expand(str(word), values) for word in words)


def _of_sources(pod: Json, container: Json, around: Surroundings) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for kind, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
            reference = source.get(kind)
            if reference is None:
                continue
            prefix = source.get("prefix") or ""
            data = _data(pod, plural, reference, around) or {}
            found.update((prefix + key, value) for key, value in data.items())
    return found


def _referenced(pod: Json, container: Json, source: Json, around: Surroundings) -> str | None:
    if "fieldRef" in source:
        return field(pod, str(source["fieldRef"].get("fieldPath", "")), around)
    if "resourceFieldRef" in source:
        try:
            return resource(container, source["resourceFieldRef"], around.allocatable)
        except ValueError as error:
            raise NotConfigured(str(error)) from error
    for kind, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if kind in source:
            return _key(pod, plural, source[kind], around)
    raise NotConfigured(f"unknown source of a variable: {', '.join(source)}")


def _key(pod: Json, plural: str, reference: Json, around: Surroundings) -> str | None:
    data = _data(pod, plural, reference, around)
    key = str(reference.get("key", ""))
    if data is not None and key in data:
        return data[key]
    if reference.get("optional"):
        return None
    name = f"{pod['metadata'].get('namespace', 'default')}/{reference.get('name')}"
    raise NotConfigured(
        f"couldn't find key {key} in {'ConfigMap' if plural == 'configmaps' else 'Secret'} {name}"
    )


def _data(pod: Json, plural: str, reference: Json, around: Surroundings) -> dict[str, str] | None:
    """The texts of a ConfigMap or Secret; None where an optional one is not there."""
    name = str(reference.get("name", ""))
    found = around.read(plural, str(pod["metadata"].get("namespace", "default")), name)
    if found is None:
        if reference.get("optional"):
            return None
        raise NotConfigured(f'{plural[:-1]} "{name}" not found')
    data = found.get("data") or {}
    if plural == "secrets":
        return {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in data.items()}
    return {key: str(value) for key, value in data.items()}


def field(pod: Json, path: str, around: Surroundings) -> str:
    """The value of a `fieldRef`. Raises NotConfigured for a field that a container cannot have."""
    match = re.fullmatch(r"metadata\.(labels|annotations)\['(.*)'\]", path)
    metadata, spec = pod["metadata"], pod["spec"]
    if match is not None:
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    values = {
        "metadata.name": metadata.get("name"),
        "metadata.namespace": metadata.get("namespace", "default"),
        "metadata.uid": metadata.get("uid"),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": around.host_ip,
        "status.hostIPs": around.host_ip,
        "status.podIP": around.pod_ip,
        "status.podIPs": around.pod_ip,
    }
    if path not in values:
        raise NotConfigured(f"unsupported fieldPath: {path}")
    return str(values[path] or "")
