"""Kueue's webhook for JobSets (sigs.k8s.io/kueue v0.19.2): a JobSet with a queue starts suspended."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.admission.jobset import JOBSETS
from xpk.emulator.kubernetes.admission.review import Review
from xpk.emulator.kubernetes.cluster import Cluster, holds
from xpk.emulator.kubernetes.errors import Cause

Json = dict[str, Any]
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
WORKLOADS = "workloads.kueue.x-k8s.io"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
NAMESPACE, DEPLOYMENT = "kueue-system", "kueue-controller-manager"


def active(cluster: Cluster) -> bool:
    """Whether Kueue is installed and its controller runs."""
    deployment = cluster.store.find("deployments.apps", NAMESPACE, DEPLOYMENT)
    return (
        deployment is not None and holds(deployment, "Available") and cluster.kinds.get(WORKLOADS) is not None
    )


def queue_of(jobset: Json) -> str:
    """The LocalQueue that a JobSet names, empty when none."""
    return str((jobset["metadata"].get("labels") or {}).get(QUEUE_LABEL, ""))


def mutate(review: Review, obj: Json) -> Json:
    """On creation only: suspended when it is for a queue; the default LocalQueue's when the namespace has
    one.
    """
    if review.kind.resource != JOBSETS or review.operation != "CREATE":
        return obj
    meta = obj["metadata"]
    default = review.cluster.store.find("localqueues.kueue.x-k8s.io", meta.get("namespace", ""), "default")
    if not queue_of(obj) and default is not None:
        obj = {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), QUEUE_LABEL: "default"}}}
    if queue_of(obj):
        obj = {**obj, "spec": {**obj["spec"], "suspend": True}}
    return obj


def validate(review: Review, obj: Json) -> None:
    """The queue of a running JobSet must stay."""
    if review.kind.resource != JOBSETS or review.old is None:
        return
    if not obj["spec"].get("suspend") and queue_of(review.old) != queue_of(obj):
        path = f"metadata.labels[{QUEUE_LABEL}]"
        cause = errors.invalid_value(path, queue_of(obj), "field is immutable")
        raise errors.invalid("JobSet", "jobset.x-k8s.io", obj["metadata"]["name"], [cause])


def check_rules(review: Review, obj: Json) -> list[Cause]:
    """The rules that Kueue's definitions carry as CEL expressions, for the kinds that people write."""
    spec = obj.get("spec") or {}
    match review.kind.resource:
        case "clusterqueues.kueue.x-k8s.io":
            return _queue_rules(spec)
        case "resourceflavors.kueue.x-k8s.io":
            return _flavor_rules(spec)
        case _:
            return []


def _queue_rules(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    for index, group in enumerate(spec.get("resourceGroups") or ()):
        if any(len(flavor["resources"]) != len(group["coveredResources"]) for flavor in group["flavors"]):
            text = "flavors must have the same number of resources as the coveredResources"
            found.append(errors.invalid_value(f"spec.resourceGroups[{index}]", "object", text))
        limits = [
            row for flavor in group["flavors"] for row in flavor["resources"] if "borrowingLimit" in row
        ]
        if limits and not spec.get("cohortName"):
            found.append(
                errors.invalid_value("spec", "object", "borrowingLimit must be nil when cohort is empty")
            )
    return found


def _flavor_rules(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    if spec.get("topologyName") and not spec.get("nodeLabels"):
        text = "at least one nodeLabel is required when topology is set"
        found.append(errors.invalid_value("spec", "object", text))
    if any(taint["effect"] not in _EFFECTS for taint in spec.get("nodeTaints") or ()):
        text = f"supported taint effect values: {', '.join(repr(name) for name in _EFFECTS)}"
        found.append(errors.invalid_value("spec.nodeTaints", "array", text))
    return found
