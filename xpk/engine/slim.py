"""What is kept of objects of which there are many. Pure.

A node of GKE is 15 kB of JSON and a pod 10 kB, and 256 slices of 64 hosts have 16,384 of each. They are
read page by page; each function here takes one object and returns the part that this program looks at, as
the same JSON, so that a page can be dropped before the next one is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from xpk.engine.wire import Json

ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"
POOL = "cloud.google.com/gke-nodepool"
_JOBSET = "jobset.sigs.k8s.io/jobset-name"
_PLACE = (
    _JOBSET,
    "jobset.sigs.k8s.io/job-index",
    "jobset.sigs.k8s.io/replicatedjob-name",
    "jobset.sigs.k8s.io/restart-attempt",
    "batch.kubernetes.io/job-completion-index",
)
_TIMES = ("creationTimestamp", "deletionTimestamp")
_READY: Json = {"type": "Ready", "status": "True"}
_UP: Json = {"conditions": [_READY]}
_RUNNING: Json = {"phase": "Running", **_UP}
"""What almost all have; one for all of them."""
_TOLD: Mapping[str, str] = {"Ready": "True", "PodScheduled": "False", "DisruptionTarget": "True"}
"""Conditions of a pod that are looked at, and in which status they say something."""


def host(node: Json) -> Json:
    """A node: its name, its pool, whether it has TPUs and is Ready."""
    metadata = node["metadata"]
    labels = _labels(*(metadata.get("labels", {}).get(key) for key in (POOL, ACCELERATOR)))
    found: Json = {"metadata": {"name": metadata["name"], "labels": labels}}
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in _conditions(node)):
        found["status"] = _UP
    return found


@lru_cache(maxsize=4096)
def _labels(pool: str | None, accelerator: str | None) -> dict[str, str]:
    """One for all hosts of a pool."""
    return {key: value for key, value in ((POOL, pool), (ACCELERATOR, accelerator)) if value is not None}


def work(pod: Json) -> Json:
    """A pod that holds a host: whose it is, where it runs, and the drivers of its inline volumes."""
    metadata, spec = pod["metadata"], pod.get("spec", {})
    owners = [{"kind": intern(str(o.get("kind")))} for o in metadata.get("ownerReferences", [])]
    labels = _some(metadata, "labels", (_JOBSET,))
    found: Json = {"metadata": {**_named(metadata), "labels": labels, "ownerReferences": owners}}
    found["spec"] = {"nodeName": spec.get("nodeName")}
    drivers = [v["csi"].get("driver") for v in spec.get("volumes", []) if v.get("csi")]
    if drivers:
        found["spec"]["volumes"] = [{"csi": {"driver": driver}} for driver in drivers]
    return found


def pod(pod: Json) -> Json:
    """A pod of a workload: its place in it, where it is, and what is wrong with it."""
    metadata, status = pod["metadata"], pod.get("status", {})
    kept = {**_named(metadata), "labels": _some(metadata, "labels", _PLACE)}
    kept |= {key: intern(str(metadata[key])) for key in _TIMES if metadata.get(key)}
    if annotations := _some(metadata, "annotations", _PLACE):
        kept["annotations"] = annotations
    shown: Json = {"phase": status.get("phase")}
    if conditions := [c for c in _conditions(pod) if _TOLD.get(str(c.get("type"))) == c.get("status")]:
        shown["conditions"] = [_READY if c.get("type") == "Ready" else c for c in conditions]
    for part in ("initContainerStatuses", "containerStatuses"):
        if troubled := [s for s in status.get(part, []) if not _well(s)]:
            shown[part] = troubled
    shown = _RUNNING if shown == _RUNNING else shown
    return {"metadata": kept, "spec": {"nodeName": pod.get("spec", {}).get("nodeName")}, "status": shown}


def jobset(found: Json) -> Json:
    """A JobSet without what its containers do."""
    jobs = []
    for job in found.get("spec", {}).get("replicatedJobs", []):
        template = job.get("template", {})
        inside = template.get("spec", {})
        pods = inside.get("template", {}).get("spec", {})
        spec = {key: inside[key] for key in ("parallelism", "completions") if key in inside}
        spec["template"] = {"spec": {k: pods[k] for k in ("priorityClassName",) if k in pods}}
        jobs.append({**job, "template": {"spec": spec}})
    spec = {**found.get("spec", {}), "replicatedJobs": jobs}
    return {**found, "metadata": _unmanaged(found), "spec": spec}


def queued(workload: Json) -> Json:
    """A Workload of Kueue without its pods and where they were put."""
    spec = {key: value for key, value in workload.get("spec", {}).items() if key != "podSets"}
    status = {key: value for key, value in workload.get("status", {}).items() if key != "admission"}
    return {**workload, "metadata": _unmanaged(workload), "spec": spec, "status": status}


def event(found: Json) -> Json:
    """An Event without who reported it."""
    kept = ("involvedObject", "type", "reason", "message", "count", "lastTimestamp", "eventTime")
    shown = {key: found[key] for key in kept if found.get(key) is not None}
    return {**shown, "metadata": {k: found["metadata"][k] for k in _TIMES if found["metadata"].get(k)}}


def _unmanaged(found: Json) -> Json:
    return {key: value for key, value in found["metadata"].items() if key != "managedFields"}


def _named(metadata: Json) -> Json:
    """Name and namespace; all pods of a workload share the words that they have in common."""
    named: Json = {"name": metadata["name"]}
    if metadata.get("namespace"):
        named["namespace"] = intern(str(metadata["namespace"]))
    return named


def _some(metadata: Json, part: str, keys: tuple[str, ...]) -> dict[str, str]:
    found: Mapping[str, Any] = metadata.get(part) or {}
    return {key: intern(str(found[key])) for key in keys if key in found}


def _conditions(found: Json) -> list[Json]:
    return found.get("status", {}).get("conditions", []) or []


def _well(status: Json) -> bool:
    """Whether a container runs or ended with 0: nothing to say about it."""
    state = status.get("state", {})
    ended = state.get("terminated")
    return not state.get("waiting") and (ended is None or int(ended.get("exitCode", 0)) == 0)
