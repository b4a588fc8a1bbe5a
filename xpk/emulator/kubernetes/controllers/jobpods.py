"""The pods of a Job: their names, labels and template; and what JobSet's pod webhook adds to them."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.admission import jobset, pods
from xpk.emulator.kubernetes.cluster import Cluster, controller_of, owner
from xpk.emulator.kubernetes.store import Key

Json = dict[str, Any]
TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
EXCLUSIVE = "alpha.jobset.sigs.k8s.io/exclusive-topology"
NODE_SELECTOR = "alpha.jobset.sigs.k8s.io/node-selector"
PRIORITY = "jobset.sigs.k8s.io/priority"
JOB_KEY = "jobset.sigs.k8s.io/job-key"


def index_of(pod: Json) -> int:
    """The completion index of a pod of an Indexed Job, -1 of any other."""
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, -1))


def intervals(indexes: set[int]) -> str:
    """Completed indexes as the status writes them: ``0-3,5``."""
    parts: list[list[int]] = []
    for index in sorted(indexes):
        if parts and parts[-1][1] == index - 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def build(cluster: Cluster, job: Json, index: int) -> Json:
    """A new pod. Raises what admission refuses: no such service account, or a follower before its leader."""
    meta = job["metadata"]
    template = job["spec"]["template"]
    before = template.get("metadata") or {}
    labels = dict(before.get("labels") or {})
    annotations = dict(before.get("annotations") or {})
    spec = dict(template["spec"])
    middle = ""
    if index >= 0:
        labels[INDEX] = annotations[INDEX] = str(index)
        middle = f"{index}-"
        spec["hostname"] = f"{meta['name']}-{index}"
    pod: Json = {
        "metadata": {
            "name": f"{meta['name']}-{middle}{cluster.suffix()}",
            "generateName": f"{meta['name']}-{middle}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": annotations,
            "finalizers": [TRACKING],
            "ownerReferences": [owner(job)],
        },
        "spec": spec,
        "status": {"phase": "Pending"},
    }
    return _jobset(cluster, job, pods.admit(cluster, pods.default(pod)))


def _jobset(cluster: Cluster, job: Json, pod: Json) -> Json:
    """JobSet's pod webhook: leaders get affinities, followers the pool of their leader."""
    annotations = pod["metadata"]["annotations"]
    topology = annotations.get(EXCLUSIVE)
    if not topology or NODE_SELECTOR in annotations or not jobset.active(cluster):
        return pod
    labels = {**pod["metadata"]["labels"], PRIORITY: str(pod["spec"].get("priority", 0))}
    pod = {**pod, "metadata": {**pod["metadata"], "labels": labels}}
    if annotations.get(INDEX) == "0":
        affinity = _affinity(labels, topology)
        return {
            **pod,
            "spec": {**pod["spec"], "affinity": {**(pod["spec"].get("affinity") or {}), **affinity}},
        }
    leader = _leader(cluster, job)
    if leader is not None and leader["spec"].get("nodeName"):
        node = cluster.store.find("nodes", "", leader["spec"]["nodeName"])
        if node is not None and topology in node["metadata"]["labels"]:
            selector = {
                **(pod["spec"].get("nodeSelector") or {}),
                topology: node["metadata"]["labels"][topology],
            }
            return {**pod, "spec": {**pod["spec"], "nodeSelector": selector}}
        leader = None
    refusal = jobset.follower_refusal(pod, leader, topology)
    if refusal is not None:
        raise refusal
    return pod


def _leader(cluster: Cluster, job: Json) -> Json | None:
    for key in cluster.store.owned(job["metadata"]["uid"]):
        pod = cluster.store.get(key) if key.resource == "pods" else None
        if pod is not None and index_of(pod) == 0 and "deletionTimestamp" not in pod["metadata"]:
            return pod
    return None


def _affinity(labels: dict[str, str], topology: str) -> Json:
    own = {"key": JOB_KEY, "operator": "In", "values": [labels[JOB_KEY]]}
    others: list[Json] = [
        {"key": JOB_KEY, "operator": "Exists"},
        {"key": JOB_KEY, "operator": "NotIn", "values": [labels[JOB_KEY]]},
        {"key": PRIORITY, "operator": "In", "values": [labels[PRIORITY]]},
    ]
    return {"podAffinity": _term([own], topology), "podAntiAffinity": _term(others, topology)}


def _term(expressions: list[Json], topology: str) -> Json:
    selector = {"matchExpressions": expressions}
    term = {"labelSelector": selector, "topologyKey": topology, "namespaceSelector": {}}
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def job_of(pod: Json) -> Key | None:
    """The Job that a pod belongs to."""
    reference = controller_of(pod)
    if reference is None or reference["kind"] != "Job":
        return None
    return Key("jobs.batch", pod["metadata"]["namespace"], reference["name"])
