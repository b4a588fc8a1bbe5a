"""Whether a pod may be on a node: selectors, taints, resources; without looking at other pods."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from xpk.emulator.kubernetes.quantities import number
from xpk.emulator.kubernetes.selectors import expression

Json = dict[str, Any]
RESOURCES = ("cpu", "memory")


def selects(spec: Json, node: Json) -> bool:
    """Whether nodeSelector and required node affinity choose the node."""
    labels = node["metadata"].get("labels") or {}
    for key, value in (spec.get("nodeSelector") or {}).items():
        if labels.get(key) != value:
            return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(
        all(expression(item, labels) for item in term.get("matchExpressions") or ())
        for term in required.get("nodeSelectorTerms") or ()
    )


def untolerated(spec: Json, node: Json) -> Json | None:
    """The first taint of the node that keeps the pod away."""
    for taint in node.get("spec", {}).get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not any(
            _tolerated(item, taint) for item in spec.get("tolerations") or ()
        ):
            return dict(taint)
    return None


def tolerates(spec: Json, node: Json) -> bool:
    """Whether no taint of the node keeps the pod away."""
    return untolerated(spec, node) is None


def _tolerated(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return str(toleration.get("value", "")) == str(taint.get("value", ""))


def asks(spec: Json, resource: str) -> Decimal:
    """How much of a resource all containers of the pod ask for."""
    return requests(spec).get(resource, Decimal(0))


def requests(spec: Json) -> dict[str, Decimal]:
    """What the pod asks for, by resource; a limit without a request counts as one."""
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        resources = container.get("resources") or {}
        wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        for name, value in wanted.items():
            total[name] = total.get(name, Decimal(0)) + _number(value)
    return total


def allocatable(node: Json) -> dict[str, Decimal]:
    """What the node has for pods."""
    return {name: _number(value) for name, value in (node.get("status", {}).get("allocatable") or {}).items()}


def host_ports(spec: Json) -> frozenset[tuple[str, int]]:
    """The host's ports that the pod takes."""
    shared = bool(spec.get("hostNetwork"))
    return frozenset(
        (port.get("protocol", "TCP"), port.get("hostPort") or port["containerPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort") or shared
    )


@lru_cache(maxsize=4096)
def _number(value: str | int) -> Decimal:
    return number(value)
