"""The emulator's objects without what two equal clouds may differ in: times, uids, versions, generated names."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.faults.world import Json

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NODE = re.compile(r"(gke-c1-[a-z0-9-]+-)[0-9a-f]{8}-[0-9a-f]{4}")
_POD = re.compile(r"\b(w1-slice-job-\d+-\d+|multitier-driver-[<>a-z0-9-]+)-[a-z0-9]{5}\b")
_OPERATION = re.compile(r"operation-\d+-[0-9a-f-]+")
_MASKED = {"uid", "resourceVersion", "etag", "version", "counter", "podIP", "hostIP", "podIPs", "hostIPs", "metageneration"}
_LEFT_OUT = {"events", "leases.coordination.k8s.io"}


def normal(objects: Json) -> Json:
    """Everything that exists in a form in which it can be compared."""
    kept = {name: objects[name] for name in ("clusters", "iam")}
    worlds = {name: _kubernetes(world) for name, world in objects["kubernetes"].items()}
    return {**_masked(kept), "kubernetes": worlds}


def operations(objects: Json) -> Counter[str]:
    """How often each of GKE's operations was started: type and target."""
    return Counter(f"{o['operationType']} {o['targetLink'].rpartition('/')[2]}" for o in objects["operations"])


def _kubernetes(world: Json) -> Json:
    """The objects by kind and masked name. Those of one name, such as a DaemonSet's pods, in order."""
    found: Json = {}
    for kind, items in world["objects"].items():
        if kind in _LEFT_OUT:
            continue
        alike: dict[str, list[Any]] = {}
        for item in items:
            metadata = item["metadata"]
            name = _text(f"{metadata.get('namespace', '')}/{metadata['name']}")
            alike.setdefault(name, []).append(_masked(item))
        for name, masked in alike.items():
            for number, one in enumerate(sorted(masked, key=repr)):
                found[f"{kind} {name} {number}"] = one
    return found


def _masked(value: Any, key: str = "") -> Any:
    if key in _MASKED:
        return "<masked>"
    if isinstance(value, dict):
        return {_text(name): _masked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        masked = [_masked(inner) for inner in value]
        return sorted(masked, key=repr) if key in ("managedFields", "nodePools", "clusters", "members") else masked
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    text = _UID.sub("<uid>", _TIME.sub("<time>", text))
    text = _OPERATION.sub("<operation>", _NODE.sub(r"\1<node>", text))
    return _POD.sub(r"\1-<pod>", text)
