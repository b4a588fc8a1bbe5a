"""All that a namespace holds on a server, flat and without what is never the same twice.

Not the comparison's rules: which of the differences are known is said in `differences.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.controlplane.both import Side
from tests.controlplane.world import JOBSETS, PODS, WORKLOADS

Json = dict[str, Any]
Flat = dict[str, object]
"""Values by `Kind name .path.to[entry].field`; entries of lists are known by their name, type or key."""
QUEUES = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues"
NOTHING = "-"
"""Stands for a field that one of the servers does not have."""
_KINDS = {
    "JobSet": JOBSETS,
    "Workload": WORKLOADS,
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": PODS,
    "Service": "/api/v1/namespaces/{}/services",
    "LocalQueue": "/apis/kueue.x-k8s.io/v1beta2/namespaces/{}/localqueues",
    "ClusterQueue": QUEUES,
    "ResourceFlavor": "/apis/kueue.x-k8s.io/v1beta2/resourceflavors",
}
_VARIES = (
    *("creationTimestamp", "uid", "resourceVersion", "managedFields", "generation"),
    "accumulatedPastExecutionTimeSeconds",  # of a clock, and left out where it is 0
    "test.example.com/exit-code",  # how a test ends a real pod
)
_BY_CHANCE = ("FailedScheduling", "FailedCreate")
"""Events of pods that come before their place is free or their leader is there: a matter of moments."""
_MASKS = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\bjobset-(w\d)-[0-9a-f]{5}\b", r"jobset-\1-HASH"),
    (r"\b(w\d-slice-job-\d-\d)-[a-z0-9]{5}\b", r"\1"),
    (r"\bkube-api-access-[a-z0-9]{5}\b", "kube-api-access"),
    (r"\b[0-9a-f]{40}\b", "SHA1"),
    (r"\b[0-9a-f]{32}\b", "SPEC-HASH"),  # of the whole manifest, its namespace included
    (r"\bgke-[a-z0-9-]*-[0-9a-f]{8}-[a-z0-9]{4}\b", "NODE"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "IP"),
    (r"\bc1-np-[01]\b", "POOL"),
    (r"\b\d+s$", "SECONDS"),
)
_COMPILED = [(re.compile(pattern), word) for pattern, word in _MASKS]


_STALE = re.compile(r"already exists$|not found$|the object has been modified")
"""Ends what a controller or a webhook says whose cache has not seen yet what was just made or changed: the
next attempt succeeds, and whether there was a first one is a matter of moments."""


def capture(side: Side, namespace: str) -> Flat:
    """The objects of a namespace and of the queues, by field."""
    found: Flat = {}
    for kind, path in _KINDS.items():
        for item in side.kube.list(path.format(namespace)):
            if not _live(kind, item, side, namespace):
                continue
            body = {part: item[part] for part in ("metadata", "spec", "status") if part in item}
            name = _masked(item["metadata"]["name"], namespace)
            for where, value in _flat(body, ""):
                found[_masked(f"{kind} {name} {where}", namespace)] = _masked(value, namespace)
    return found


def events(side: Side, namespace: str, *jobsets: str) -> Flat:
    """The Events about some JobSets and all that is theirs, each kind of which counts once: how often it is
    told is up to chance. So is all that is told of what is being deleted: name none of those."""
    found: Flat = {}
    for item in side.kube.list(f"/api/v1/namespaces/{namespace}/events"):
        about = item["involvedObject"]
        if not set(jobsets) & set(about["name"].split("-")):
            continue
        if item["reason"] in _BY_CHANCE or _STALE.search(item["message"]):
            continue
        words = f"{item['type']} {item['reason']} {about['kind']} {item['message']}"
        found[f"Event {_masked(words, namespace)}"] = True
    return found


def compare(real: Flat, emulator: Flat) -> dict[str, tuple[object, object]]:
    """What differs: the real server's value and the emulator's."""
    both = {key: (real.get(key, NOTHING), emulator.get(key, NOTHING)) for key in {**real, **emulator}}
    return {key: pair for key, pair in both.items() if pair[0] != pair[1]}


def _live(kind: str, item: Json, side: Side, namespace: str) -> bool:
    """Whether it is no remnant: a Workload stays for a while after its JobSet."""
    if kind != "Workload":
        return "deletionTimestamp" not in item["metadata"]
    owners = [entry["name"] for entry in item["metadata"].get("ownerReferences", [])]
    return any(side.world.jobset(namespace, name) for name in owners)


def _flat(value: object, where: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            if key not in _VARIES:
                yield from _flat(entry, f"{where}.{key}")
    elif isinstance(value, list) and value:
        for number, entry in enumerate(value):
            yield from _flat(entry, f"{where}[{_name(entry, number)}]")
    else:
        yield where, value


def _name(entry: object, number: int) -> str:
    if isinstance(entry, dict):
        for key in ("name", "type", "key"):
            if isinstance(entry.get(key), str):
                return str(entry[key])
    return str(number)


def _masked(value: object, namespace: str) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace(namespace, "NS")
    for pattern, word in _COMPILED:
        text = pattern.sub(word, text)
    return text
