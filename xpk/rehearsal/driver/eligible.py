"""Whether the driver's ranks server would give a JobSet ranks that keep its slices together.

Read from the JobSet alone: what needs nodes (a node pool's label, one pod on a node) is not looked at
here. The conditions are those of `pkg/idfile/ranks_server.go` and the superslice rules beside it in
GoogleCloudPlatform/high-scale-checkpointing-controller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from xpk.render.workload import RAMDISK_DRIVER

Json: TypeAlias = Mapping[str, Any]

EXCLUSIVE: Final = "alpha.jobset.sigs.k8s.io/exclusive-topology"
POOL_LABEL: Final = "cloud.google.com/gke-nodepool"
ACCELERATOR: Final = "cloud.google.com/gke-tpu-accelerator"
WORKLOAD_KIND: Final = "multitier-checkpoint.gke.io/workload-kind"
TPU: Final = "google.com/tpu"
_SUPERSLICE = 16


def eligible(jobset: Json) -> str | None:
    """Why this JobSet gets no ranks, or none that keep its slices together; None when it does."""
    if not str(jobset.get("apiVersion", "")).startswith("jobset.x-k8s.io/") or jobset.get("kind") != "JobSet":
        return "it is not a JobSet; the driver gives ranks to JobSets only"
    jobs = _list(_map(jobset, "spec").get("replicatedJobs"))
    if len(jobs) != 1:
        return f"it has {len(jobs)} replicatedJobs; the driver gives ranks to JobSets with exactly one"
    job = _map(_map(jobs[0], "template"), "spec")
    pod = _map(_map(job, "template"), "spec")
    return _volume(pod) or _completions(job) or _topology(jobset, jobs[0], job, pod) or _scheduling(pod)


def _volume(pod: Json) -> str | None:
    names = {
        volume.get("name")
        for volume in _list(pod.get("volumes"))
        if _map(volume, "csi").get("driver") == RAMDISK_DRIVER
    }
    if not names:
        return f"its pods have no volume of the CSI driver {RAMDISK_DRIVER}"
    mounted = {
        mount.get("name")
        for container in _list(pod.get("containers"))
        for mount in _list(container.get("volumeMounts"))
    }
    if not names & mounted:
        return "no container mounts the volume of the checkpointing driver"
    return None


def _completions(job: Json) -> str | None:
    hosts = _hosts(job)
    if job.get("completionMode", "Indexed") != "Indexed":
        return "its Jobs are not Indexed, so that its pods carry no completion index"
    if job.get("completions", hosts) != hosts:
        return f"completions is {job.get('completions')} and parallelism {hosts}; all pods must run at once"
    return None


def _topology(jobset: Json, replicated: Json, job: Json, pod: Json) -> str | None:
    accelerator = str(_map(pod, "nodeSelector").get(ACCELERATOR, ""))
    if accelerator and not accelerator.startswith("tpu"):
        return f"its nodeSelector asks for {accelerator}, which is no TPU; ranks would be arbitrary"
    annotations = _map(_map(jobset, "metadata"), "annotations")
    exclusive = annotations.get(EXCLUSIVE)
    if accelerator.startswith("tpu7x"):
        return _superslice(annotations, exclusive, job)
    if exclusive == POOL_LABEL:
        return None
    if exclusive is not None:
        return f"its annotation {EXCLUSIVE} is {exclusive}, not {POOL_LABEL}; ranks would be arbitrary"
    lower = _map(_map(_map(replicated, "template"), "metadata"), "annotations")
    where = "on the replicatedJob's template, not on the JobSet itself" if EXCLUSIVE in lower else "missing"
    return f"the annotation {EXCLUSIVE} is {where}; ranks would be arbitrary"


def _superslice(annotations: Json, exclusive: object, job: Json) -> str | None:
    if exclusive is not None:
        return f"a tpu7x JobSet must not carry the annotation {EXCLUSIVE}; ranks would be arbitrary"
    hosts = _hosts(job)
    if hosts % _SUPERSLICE and annotations.get(WORKLOAD_KIND) != "emulated-superslice":
        return f"a tpu7x slice of {hosts} hosts is no multiple of {_SUPERSLICE}; ranks would be arbitrary"
    return None


def _scheduling(pod: Json) -> str | None:
    tolerated = any(toleration.get("key") in (TPU, None) for toleration in _list(pod.get("tolerations")))
    asked = any(
        TPU in _map(_map(container, "resources"), side)
        for container in _list(pod.get("containers"))
        for side in ("limits", "requests")
    )
    if tolerated or asked:
        return None
    return f"its pods neither ask for {TPU} nor tolerate its taint, so that no TPU node takes them"


def _hosts(job: Json) -> int:
    hosts = job.get("parallelism", 1)
    return hosts if isinstance(hosts, int) else 1


def _map(value: Json, key: str) -> Json:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(value: object) -> list[Json]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [one for one in value if isinstance(one, Mapping)]
