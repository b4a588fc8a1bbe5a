"""Kueue's quota: what a workload asks for, which flavors could give it, and whether enough is left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xpk.emulator.kubernetes.controllers import rules
from xpk.emulator.kubernetes.quantities import number, text
from xpk.emulator.kubernetes.store import Store

Json = dict[str, Any]
Usage = Counter[tuple[str, str]]
"""Amounts by (flavor, resource)."""
FLAVORS = "resourceflavors.kueue.x-k8s.io"


@dataclass(frozen=True, slots=True)
class Assignment:
    """``flavors``: per pod set, the flavor of each resource.

    With a ``reason`` there is no fit, and ``message`` says why.
    """

    flavors: dict[str, dict[str, str]]
    reason: str = ""
    message: str = ""
    fits_alone: bool = False
    """Without other workloads it would fit: preemption may help."""


def requests(workload: Json) -> dict[str, dict[str, Decimal]]:
    """What each pod set asks for, all its pods together."""
    wanted: dict[str, dict[str, Decimal]] = {}
    for pod_set in workload["spec"]["podSets"]:
        count = pod_set.get("count", 1)
        one = rules.requests(pod_set["template"].get("spec") or {})
        wanted[pod_set["name"]] = {name: amount * count for name, amount in one.items()}
    return wanted


def usage(workload: Json) -> Usage:
    """What an admitted workload takes: all it asked for but for its reclaimable pods."""
    used: Usage = Counter()
    admission = workload.get("status", {}).get("admission") or {}
    done = {row["name"]: row["count"] for row in workload.get("status", {}).get("reclaimablePods") or ()}
    for row in admission.get("podSetAssignments") or ():
        left = Decimal(row["count"] - done.get(row["name"], 0)) / max(row["count"], 1)
        for resource, flavor in (row.get("flavors") or {}).items():
            used[flavor, resource] += number(row["resourceUsage"][resource]) * left
    return used


def assign(store: Store, queue: Json, workload: Json, used: Usage) -> Assignment:
    """Flavors for each pod set under what the ClusterQueue has left."""
    chosen: dict[str, dict[str, str]] = {}
    taken: Usage = Counter()
    for pod_set in workload["spec"]["podSets"]:
        name = pod_set["name"]
        spec = pod_set["template"].get("spec") or {}
        chosen[name] = {}
        wanted = requests(workload)[name]
        for group in queue.get("spec", {}).get("resourceGroups") or ():
            asked = {res: amount for res, amount in wanted.items() if res in group["coveredResources"]}
            if asked:
                found = _group(store, group, spec, asked, used, taken)
                if isinstance(found, Assignment):
                    message = f"couldn't assign flavors to pod set {name}: {found.message}"
                    return Assignment({}, found.reason, message, found.fits_alone)
                chosen[name].update(dict.fromkeys(asked, found))
                for resource, amount in asked.items():
                    taken[found, resource] += amount  # type: ignore[assignment]
        for resource in wanted:
            if resource not in chosen[name]:
                message = (
                    f"couldn't assign flavors to pod set {name}: resource {resource} unavailable in "
                    "ClusterQueue"
                )
                return Assignment({}, "NoMatchingFlavor", message)
    return Assignment(chosen)


def _group(
    store: Store, group: Json, spec: Json, asked: dict[str, Decimal], used: Usage, taken: Usage
) -> str | Assignment:
    """The first flavor of a resource group that fits, or why none does."""
    known = {flavor["name"]: store.find(FLAVORS, "", flavor["name"]) for flavor in group["flavors"]}
    keys = {key for item in known.values() if item for key in item.get("spec", {}).get("nodeLabels") or {}}
    reasons: list[str] = []
    worst, alone = "NoMatchingFlavor", False
    for flavor in group["flavors"]:
        item = known[flavor["name"]]
        if item is None:
            reasons.append(f"flavor {flavor['name']} not found")
            continue
        refused = _unsuitable(item, spec, keys)
        if refused:
            reasons.append(refused)
            continue
        short, reason, possible = _quota(flavor, asked, used, taken)
        if not short:
            return str(flavor["name"])
        reasons += short
        worst, alone = reason, alone or possible
    return Assignment({}, worst, ", ".join(reasons), alone)


def _unsuitable(flavor: Json, spec: Json, keys: set[str]) -> str:
    name = flavor["metadata"]["name"]
    body = flavor.get("spec") or {}
    node = {
        "metadata": {"labels": body.get("nodeLabels") or {}},
        "spec": {"taints": body.get("nodeTaints") or []},
    }
    selector = {key: value for key, value in (spec.get("nodeSelector") or {}).items() if key in keys}
    tolerations = [*(spec.get("tolerations") or ()), *(body.get("tolerations") or ())]
    taint = rules.untolerated({"tolerations": tolerations}, node)
    if taint is not None:
        return f"untolerated taint {taint['key']} in flavor {name}"
    if not rules.selects({"nodeSelector": selector}, node):
        return f"flavor {name} doesn't match node affinity"
    return ""


def _quota(flavor: Json, asked: dict[str, Decimal], used: Usage, taken: Usage) -> tuple[list[str], str, bool]:
    """(what is short, the reason, whether it would fit with nothing else running)."""
    name = flavor["name"]
    limits = {row["name"]: number(row["nominalQuota"]) for row in flavor["resources"]}
    short: list[str] = []
    reason, possible = "WaitingForQuota", True
    for resource, amount in asked.items():
        limit = limits.get(resource, Decimal(0))
        mine = Decimal(taken[name, resource])
        left = limit - used[name, resource] - mine
        if mine + amount > limit:
            short.append(
                f"insufficient quota for {resource} in flavor {name}, previously considered podsets requests "
                f"({text(mine)}) + current podset request ({text(amount)}) > maximum capacity ({text(limit)})"
            )
            reason, possible = "ExceedsMaxQuota", False
        elif amount > left:
            short.append(
                f"insufficient unused quota for {resource} in flavor {name}, {text(amount - left)} "
                "more needed"
            )
    return short, reason, possible
