"""The emulator's objects without what equal clouds may differ in: times, uids, versions, generated names."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from typing import Any

from tests.faults.world import Json, World
from xpk.emulator import control

_VARYING = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<uid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-[a-z0-9]{5}\b)?)"
    r"|(?P<operation>operation-\d+-[0-9a-f-]+)"
    r"|(?P<pod>(?<=w1-slice-job-\d-\d-)[a-z0-9]{5}\b)"
    r"|(?P<ip>\b10\.\d+\.\d+\.\d+\b)"
)
_MASKED = {
    "uid",
    "resourceVersion",
    "etag",
    "version",
    "counter",
    "podIP",
    "hostIP",
    "podIPs",
    "hostIPs",
    "metageneration",
}
_KINDS = "customresourcedefinitions.apiextensions.k8s.io"
_COUNTED = "clusterqueues.kueue.x-k8s.io"
_UNORDERED = {"managedFields", "nodePools", "clusters", "members"}
_NAMING = {"jobs.batch", "jobsets.jobset.x-k8s.io", "pods", "workloads.kueue.x-k8s.io"}
"""Kinds in which Kueue writes the names of its Workloads."""
_LEFT_OUT = {"events", "leases.coordination.k8s.io"}


def normal(world: World) -> Json:
    """Everything that exists in a form in which it can be compared."""
    cloud = world.emulator.cloud
    with cloud.lock:
        cloud.settle()
        return _normal(control.objects(cloud))


def _normal(objects: Json) -> Json:
    kept = {name: objects[name] for name in ("clusters", "iam")}
    worlds = {name: _kubernetes(world) for name, world in objects["kubernetes"].items()}
    return {**_masked(kept), "kubernetes": worlds}


def operations(world: World) -> Counter[str]:
    """How often each of GKE's operations was started: type and target."""
    cloud = world.emulator.cloud
    with cloud.lock:
        return Counter(
            f"{o.type} {(o.pool or o.cluster).rpartition('/')[2]}" for o in cloud.store.operations.all
        )


def _kubernetes(world: Json) -> Json:
    """The objects by kind and masked name. Those of one name, such as a DaemonSet's pods, in order."""
    found: Json = {}
    names = _workload_names(world["objects"])
    for kind, items in world["objects"].items():
        if kind in _LEFT_OUT:
            continue
        if kind in _NAMING:
            items = _renamed(items, names)
        alike: dict[str, list[Any]] = {}
        for item in items:
            if kind == _KINDS:
                # Kueue's are long: what is in them is compared as one text.
                item = {"metadata": item["metadata"], "spec": json.dumps(item["spec"], sort_keys=True)}
            metadata = item["metadata"]
            if kind == _COUNTED:
                item = _without_generations(item)
            name = _text(f"{metadata.get('namespace', '')}/{metadata['name']}")
            alike.setdefault(name, []).append(_masked(item))
        for name, masked in alike.items():
            for number, one in enumerate(sorted(masked, key=repr)):
                found[f"{kind} {name} {number}"] = one
    return found


def _workload_names(objects: Json) -> dict[str, str]:
    """Kueue's Workloads by their names, which end in a hash of their JobSet's uid, and a name without it.

    Only those whose JobSet is there: the name of a former one, wherever it is left, is a difference.
    """
    there = {jobset["metadata"]["uid"] for jobset in objects.get("jobsets.jobset.x-k8s.io", ())}
    return {
        item["metadata"]["name"]: f"jobset-{owner['name']}-<hash>"
        for item in objects.get("workloads.kueue.x-k8s.io", ())
        for owner in item["metadata"].get("ownerReferences", ())
        if owner["uid"] in there
    }


def _renamed(items: list[Json], names: dict[str, str]) -> list[Json]:
    text = json.dumps(items)
    for name, other in names.items():
        text = text.replace(name, other)
    renamed: list[Json] = json.loads(text)
    return renamed


def _masked(value: Any, key: str = "") -> Any:
    if key in _MASKED:
        return "<masked>"
    if isinstance(value, dict):
        return {_text(name): _masked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        masked = [_masked(inner) for inner in value]
        return sorted(masked, key=repr) if key in _UNORDERED else masked
    return _text(value) if isinstance(value, str) else value


def _without_generations(queue: Json) -> Json:
    """The quota follows the slices as they come up, in one write or in several."""
    text = re.sub(r'"(generation|observedGeneration)": \d+', r'"\1": 0', json.dumps(queue))
    found: Json = json.loads(text)
    return found


@functools.lru_cache(1 << 16)
def _text(text: str) -> str:
    return _VARYING.sub(lambda match: f"<{match.lastgroup}>", text)
