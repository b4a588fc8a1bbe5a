"""Stand-ins for what GKE adds to a TPU pod, which no part of Kubernetes adds.

On GKE a webhook gives each container of an Indexed Job with a subdomain that asks for TPU chips
TPU_WORKER_ID and TPU_WORKER_HOSTNAMES
(https://cloud.google.com/kubernetes-engine/docs/concepts/tpus), and those of a JobSet of several slices
MEGASCALE_COORDINATOR_ADDRESS, MEGASCALE_NUM_SLICES and MEGASCALE_SLICE_ID
(https://cloud.google.com/kubernetes-engine/docs/how-to/tpu-multislice). The webhook's source is closed:
these are its documented results, computed here from the pod's labels and annotations. A variable that
the pod sets itself stays. The device plugin's other variables describe chips, and there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
TPU = "google.com/tpu"
_JOBSET = "jobset.sigs.k8s.io/"
JOB_INDEX = f"{_JOBSET}job-index"
_INDEX = "batch.kubernetes.io/job-completion-index"


def stand_ins(pod: Json, container: Json, hosts: int) -> dict[str, str]:
    """The variables for one container; none for a container without TPU chips.

    `hosts`: how many pods the Job runs at once, which the pod itself does not say.
    """
    limits = (container.get("resources") or {}).get("limits") or {}
    if TPU not in limits:
        return {}
    if hosts <= 1:
        return {"TPU_WORKER_ID": "0", "TPU_WORKER_HOSTNAMES": "localhost"} | _slices(pod)
    index, job = number(pod, _INDEX), label(pod, "batch.kubernetes.io/job-name")
    subdomain = pod["spec"].get("subdomain")
    if index is None or not job or not subdomain:
        return {}
    names = ",".join(f"{job}-{one}.{subdomain}" for one in range(hosts))
    return {"TPU_WORKER_ID": str(index), "TPU_WORKER_HOSTNAMES": names} | _slices(pod)


def _slices(pod: Json) -> dict[str, str]:
    replicas, index = number(pod, f"{_JOBSET}replicatedjob-replicas"), number(pod, JOB_INDEX)
    jobset, replicated = label(pod, f"{_JOBSET}jobset-name"), label(pod, f"{_JOBSET}replicatedjob-name")
    if replicas is None or replicas < 2 or index is None:
        return {}
    leader = f"{jobset}-{replicated}-0-0.{pod['spec'].get('subdomain') or jobset}"
    return {
        "MEGASCALE_COORDINATOR_ADDRESS": leader,
        "MEGASCALE_NUM_SLICES": str(replicas),
        "MEGASCALE_SLICE_ID": str(index),
    }


def label(pod: Json, name: str) -> str:
    """A label, or the annotation of that name; empty where there is neither."""
    metadata: Mapping[str, Any] = pod["metadata"]
    found = (metadata.get("labels") or {}).get(name) or (metadata.get("annotations") or {}).get(name)
    return str(found or "")


def number(pod: Json, name: str) -> int | None:
    """A label or annotation that is a number."""
    text = label(pod, name)
    return int(text) if text.isdecimal() else None


def attempt(pod: Json) -> int:
    """How often JobSet has restarted, 0 first."""
    return number(pod, f"{_JOBSET}restart-attempt") or 0


def index(pod: Json) -> tuple[int, int]:
    """The pod's own slice and host number in its JobSet; zeros for a pod of nobody's."""
    return number(pod, JOB_INDEX) or 0, number(pod, _INDEX) or 0
