"""The Jobs of a JobSet: which there should be, with which labels, and how they are counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from xpk.emulator.kubernetes.admission import jobs as job_defaults
from xpk.emulator.kubernetes.cluster import holds, owner

Json = dict[str, Any]
PREFIX = "jobset.sigs.k8s.io/"
RESTARTS = PREFIX + "restart-attempt"
EXCLUSIVE = "alpha.jobset.sigs.k8s.io/exclusive-topology"
NODE_SELECTOR = "alpha.jobset.sigs.k8s.io/node-selector"


def attempt(job: Json) -> int:
    """The restart that a Job belongs to."""
    return int(job["metadata"]["labels"].get(RESTARTS, 0))


def parent(job: Json) -> str:
    """The replicated job that a Job belongs to."""
    return str(job["metadata"]["labels"].get(PREFIX + "replicatedjob-name", ""))


def missing(item: Json, status: Json, present: set[str]) -> Iterator[Json]:
    """The Jobs to create now. A name that an old Job still has must wait for its end."""
    total = sum(group.get("replicas", 1) for group in item["spec"].get("replicatedJobs", ()))
    first = 0
    for group in item["spec"].get("replicatedJobs", ()):
        if not _dependencies_met(group, status, item):
            first += group.get("replicas", 1)
            continue
        for index in range(group.get("replicas", 1)):
            if f"{item['metadata']['name']}-{group['name']}-{index}" not in present:
                yield _job(item, group, index, first + index, total, status["restarts"])
        first += group.get("replicas", 1)


def _dependencies_met(group: Json, status: Json, item: Json) -> bool:
    sizes = {other["name"]: other.get("replicas", 1) for other in item["spec"].get("replicatedJobs", ())}
    for needed in group.get("dependsOn") or ():
        row = next((row for row in status["replicatedJobsStatus"] if row["name"] == needed["name"]), None)
        done = 0
        if row is not None:
            done = row["succeeded"] + (row["ready"] if needed["status"] == "Ready" else 0)
        if done < sizes[needed["name"]]:
            return False
    return True


def _job(item: Json, group: Json, index: int, position: int, total: int, restarts: int) -> Json:
    meta = item["metadata"]
    name = f"{meta['name']}-{group['name']}-{index}"
    marks = _marks(item, group, index, position, total, restarts, name)
    template = group["template"]
    before = template.get("metadata") or {}
    pod = template["spec"]["template"]
    extra = _placement(item, group)
    pod_meta = pod.get("metadata") or {}
    spec = {
        **template["spec"],
        "suspend": bool(item["spec"].get("suspend")),
        "template": {
            **pod,
            "metadata": {
                **pod_meta,
                "labels": {**(pod_meta.get("labels") or {}), **marks},
                "annotations": {**(pod_meta.get("annotations") or {}), **marks, **extra},
            },
            "spec": _pod_spec(item, pod["spec"], name, extra),
        },
    }
    return job_defaults.default(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": {**(before.get("labels") or {}), **marks},
                "annotations": {**(before.get("annotations") or {}), **marks, **extra},
                "ownerReferences": [owner(item)],
            },
            "spec": spec,
        }
    )


def _pod_spec(item: Json, spec: Json, name: str, extra: dict[str, str]) -> Json:
    spec = dict(spec)
    network = item["spec"].get("network") or {}
    if network.get("enableDNSHostnames", True):
        spec["subdomain"] = network.get("subdomain") or item["metadata"]["name"]
    if NODE_SELECTOR in extra:
        place = f"{item['metadata']['namespace']}_{name}"
        spec["nodeSelector"] = {
            **(spec.get("nodeSelector") or {}),
            "alpha.jobset.sigs.k8s.io/namespaced-job": place,
        }
        toleration = {
            "key": "alpha.jobset.sigs.k8s.io/no-schedule",
            "operator": "Exists",
            "effect": "NoSchedule",
        }
        spec["tolerations"] = [*(spec.get("tolerations") or ()), toleration]
    return spec


def _placement(item: Json, group: Json) -> dict[str, str]:
    """The exclusive placement that is asked for, on the JobSet or on the replicated job."""
    found: dict[str, str] = {}
    for meta in (item["metadata"], group["template"].get("metadata") or {}):
        for name in (EXCLUSIVE, NODE_SELECTOR):
            if name in (meta.get("annotations") or {}):
                found[name] = meta["annotations"][name]
    return found


def _marks(
    item: Json, group: Json, index: int, position: int, total: int, restarts: int, name: str
) -> dict[str, str]:
    meta = item["metadata"]
    own_group = group.get("groupName", "default")
    members = [
        other for other in item["spec"]["replicatedJobs"] if other.get("groupName", "default") == own_group
    ]
    before = 0
    for other in members:
        if other["name"] == group["name"]:
            break
        before += other.get("replicas", 1)
    marks = {
        "jobset-name": meta["name"],
        "jobset-uid": meta["uid"],
        "replicatedjob-name": group["name"],
        "restart-attempt": str(restarts),
        "replicatedjob-replicas": str(group.get("replicas", 1)),
        "global-replicas": str(total),
        "job-index": str(index),
        "job-key": hashlib.sha1(f"{meta['namespace']}/{name}".encode()).hexdigest(),
        "job-global-index": str(position),
        "group-name": own_group,
        "group-replicas": str(sum(other.get("replicas", 1) for other in members)),
        "job-group-index": str(before + index),
    }
    wanted = item["spec"].get("coordinator")
    if wanted:
        subdomain = (item["spec"].get("network") or {}).get("subdomain") or meta["name"]
        place = f"{wanted['replicatedJob']}-{wanted.get('jobIndex', 0)}-{wanted.get('podIndex', 0)}"
        marks["coordinator"] = f"{meta['name']}-{place}.{subdomain}"
    return {PREFIX + key: value for key, value in marks.items()}


def resumed_template(item: Json, job: Json) -> Json:
    """The pod template of a Job that is resumed: what may have changed in the JobSet while it was
    suspended.
    """
    group = next(group for group in item["spec"]["replicatedJobs"] if group["name"] == parent(job))
    source = group["template"]["spec"]["template"]
    target = job["spec"]["template"]
    spec = dict(target["spec"])
    for name in ("nodeSelector", "tolerations", "schedulingGates"):
        if name in source["spec"]:
            spec[name] = source["spec"][name]
        else:
            spec.pop(name, None)
    spec = _pod_spec(item, spec, job["metadata"]["name"], _placement(item, group))
    before, new = target.get("metadata") or {}, source.get("metadata") or {}
    meta = {
        **before,
        "labels": {**(before.get("labels") or {}), **(new.get("labels") or {})},
        "annotations": {**(before.get("annotations") or {}), **(new.get("annotations") or {})},
    }
    return {**target, "metadata": meta, "spec": spec}


def counts(item: Json, current: dict[str, Json]) -> list[Json]:
    """The replicatedJobsStatus."""
    rows = {
        group["name"]: {
            "name": group["name"],
            "ready": 0,
            "succeeded": 0,
            "failed": 0,
            "active": 0,
            "suspended": 0,
        }
        for group in item["spec"].get("replicatedJobs", ())
    }
    for job in current.values():
        row = rows.get(parent(job))
        if row is None:
            continue
        if holds(job, "Complete"):
            row["succeeded"] += 1
        elif holds(job, "Failed"):
            row["failed"] += 1
        else:
            status = job.get("status", {})
            wanted = min(job["spec"].get("completions", 1), job["spec"].get("parallelism", 1))
            row["ready"] += status.get("succeeded", 0) + status.get("ready", 0) >= wanted
            row["active"] += status.get("active", 0) > 0
            row["suspended"] += bool(job["spec"].get("suspend"))
    return list(rows.values())
