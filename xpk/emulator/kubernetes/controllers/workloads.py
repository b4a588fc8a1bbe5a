"""Kueue's side of a JobSet (as sigs.k8s.io/kueue v0.19.2 behaves): its Workload, its start and its stop.

Which Workload gets quota is decided in `queues.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.admission import kueue as rules
from xpk.emulator.kubernetes.admission.jobset import JOBSETS
from xpk.emulator.kubernetes.admission.kueue import PRIORITY_LABEL, WORKLOADS
from xpk.emulator.kubernetes.cluster import Cluster, condition, holds, owner
from xpk.emulator.kubernetes.controllers.base import Controller, keys_of_jobsets
from xpk.emulator.kubernetes.controllers.flavors import FLAVORS
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
DEPLOYMENTS = "deployments.apps"
CLASSES = "workloadpriorityclasses.kueue.x-k8s.io"
COMPONENT = "jobset.x-k8s.io/jobset-kueue-controller"
IN_USE = "kueue.x-k8s.io/resource-in-use"


class Workloads(Controller):
    """Keys are keys of JobSets."""

    watches = (JOBSETS, WORKLOADS, DEPLOYMENTS)

    def keys(self, change: Change) -> Iterable[Key]:
        """The JobSet; the one that owns a Workload; all when Kueue comes up."""
        return keys_of_jobsets(self.cluster, change, rules.NAMESPACE)

    def reconcile(self, key: Key) -> None:
        """Keep the Workload of a queued JobSet, and start or stop the JobSet as its Workload says."""
        jobset = self.store.get(key)
        if jobset is None or "deletionTimestamp" in jobset["metadata"] or not rules.active(self.cluster):
            return
        if not rules.queue_of(jobset):
            return
        here = Key(WORKLOADS, key.namespace, workload_name(jobset))
        workload = self.store.get(here)
        ended = next((c for c in jobset.get("status", {}).get("conditions", ()) if _is_end(c)), None)
        if workload is None:
            if ended is None:
                self._create(jobset, here)
            return
        if ended is not None:
            self._finish(here, workload, jobset, ended)
            return
        self._reclaim(here, jobset)
        self._ready(here, workload, jobset)
        if holds(workload, "Evicted"):
            self._evicted(key, here, jobset, workload)
        elif holds(workload, "Admitted"):
            if jobset["spec"].get("suspend"):
                self._start(key, jobset, workload)
        elif not jobset["spec"].get("suspend"):
            self._stop(key, jobset, workload, "Not admitted by cluster queue")

    def _finish(self, here: Key, workload: Json, jobset: Json, ended: Json) -> None:
        if holds(workload, "Finished"):
            return
        reason = "Succeeded" if ended["type"] == "Completed" else "Failed"
        set_condition(self.cluster, here, "Finished", "True", reason, ended["message"])
        self.cluster.finalize(here, IN_USE)
        message = f"Workload '{here.namespace}/{here.name}' is declared finished"
        self.cluster.event(jobset, "Normal", "FinishedWorkload", message, COMPONENT)

    def _reclaim(self, here: Key, jobset: Json) -> None:
        """Say of which pods the quota may be used again: those of Jobs that succeeded."""
        pods = {group["name"]: _pods(group) for group in jobset["spec"]["replicatedJobs"]}
        rows = jobset.get("status", {}).get("replicatedJobsStatus") or ()
        found = [
            {"name": row["name"], "count": row["succeeded"] * pods[row["name"]]}
            for row in rows
            if row["succeeded"]
        ]
        status = (self.store.get(here) or {}).get("status", {})
        if found != status.get("reclaimablePods", []):
            self.cluster.set_status(here, {**status, "reclaimablePods": found})

    def _evicted(self, key: Key, here: Key, jobset: Json, workload: Json) -> None:
        """Stop the JobSet, and give the quota back when none of its pods is active any more."""
        found = condition(workload, "Evicted") or {}
        reason, message = found["reason"], found["message"]
        if not jobset["spec"].get("suspend"):
            self._stop(key, jobset, workload, message)
        rows = jobset.get("status", {}).get("replicatedJobsStatus") or ()
        if not holds(workload, "QuotaReserved") or any(row["active"] for row in rows):
            return
        ran = self.cluster.now() - self.cluster.seconds(
            (condition(workload, "Admitted") or found)["lastTransitionTime"]
        )
        past = workload["status"].get("accumulatedPastExecutionTimeSeconds", 0) + int(ran)
        set_condition(self.cluster, here, "Requeued", "True", reason, message)
        set_condition(self.cluster, here, "QuotaReserved", "False", "Pending", message, admission=None)
        nothing = "The workload has no reservation"
        set_condition(
            self.cluster,
            here,
            "Admitted",
            "False",
            "NoReservation",
            nothing,
            accumulatedPastExecutionTimeSeconds=past or None,
        )

    def _create(self, jobset: Json, here: Key) -> None:
        meta = jobset["metadata"]
        pod_sets = []
        for group in jobset["spec"]["replicatedJobs"]:
            job = group["template"]["spec"]
            replicas = group.get("replicas", 1)
            topology = {
                "podIndexLabel": "batch.kubernetes.io/job-completion-index",
                "subGroupCount": replicas,
                "subGroupIndexLabel": "jobset.sigs.k8s.io/job-index",
            }
            sizes = {"count": replicas * _pods(group), "topologyRequest": topology}
            pod_sets.append({"name": group["name"], "template": job["template"], **sizes})
        priority, reference = self._priority(jobset)
        spec: Json = {
            "queueName": rules.queue_of(jobset),
            "podSets": pod_sets,
            "priority": priority,
            "active": True,
        }
        if reference:
            spec["priorityClassRef"] = reference
        labels = {"kueue.x-k8s.io/job-uid": meta["uid"]}
        head = {
            "name": here.name,
            "namespace": here.namespace,
            "labels": labels,
            "ownerReferences": [owner(jobset)],
        }
        head["finalizers"] = [IN_USE]
        self.cluster.create(WORKLOADS, {"metadata": head, "spec": spec})
        message = f"Created Workload: {here.namespace}/{here.name}"
        self.cluster.event(jobset, "Normal", "CreatedWorkload", message, COMPONENT)

    def _priority(self, jobset: Json) -> tuple[int, Json | None]:
        name = (jobset["metadata"].get("labels") or {}).get(PRIORITY_LABEL)
        if name:
            found = self.store.find(CLASSES, "", name)
            reference = {"group": "kueue.x-k8s.io", "kind": "WorkloadPriorityClass", "name": name}
            return (int(found["value"]), reference) if found else (0, None)
        for group in jobset["spec"]["replicatedJobs"]:
            name = (group["template"]["spec"]["template"].get("spec") or {}).get("priorityClassName")
            found = self.store.find("priorityclasses.scheduling.k8s.io", "", name or "")
            if found:
                reference = {"group": "scheduling.k8s.io", "kind": "PriorityClass", "name": name}
                return int(found["value"]), reference
        return 0, None

    def _start(self, key: Key, jobset: Json, workload: Json) -> None:
        """Resume the JobSet on the nodes of the flavors that it got."""
        rows = {row["name"]: row for row in workload["status"]["admission"]["podSetAssignments"]}
        groups = []
        for group in jobset["spec"]["replicatedJobs"]:
            labels: dict[str, str] = {}
            tolerations: list[Json] = []
            for flavor in sorted(set(rows.get(group["name"], {}).get("flavors", {}).values())):
                body = (self.store.find(FLAVORS, "", flavor) or {}).get("spec") or {}
                labels |= body.get("nodeLabels") or {}
                tolerations += body.get("tolerations") or []
            groups.append(_marked(_placed(group, labels, tolerations), workload))
        spec = {**jobset["spec"], "suspend": False, "replicatedJobs": groups}
        written = self.cluster.update(key, {**jobset, "spec": spec})
        message = f"Admitted by clusterQueue {workload['status']['admission']['clusterQueue']}"
        self.cluster.event(written, "Normal", "Started", message, COMPONENT)

    def _stop(self, key: Key, jobset: Json, workload: Json, message: str) -> None:
        """Suspend the JobSet; its templates become what they were when it was queued."""
        before = {row["name"]: row["template"] for row in workload["spec"]["podSets"]}
        groups = [
            {
                **g,
                "template": {
                    **g["template"],
                    "spec": {**g["template"]["spec"], "template": before[g["name"]]},
                },
            }
            if g["name"] in before
            else g
            for g in jobset["spec"]["replicatedJobs"]
        ]
        spec = {**jobset["spec"], "suspend": True, "replicatedJobs": groups}
        written = self.cluster.update(key, {**jobset, "spec": spec})
        self.cluster.event(written, "Normal", "Stopped", message, COMPONENT)

    def _ready(self, here: Key, workload: Json, jobset: Json) -> None:
        rows = jobset.get("status", {}).get("replicatedJobsStatus") or ()
        sizes = {group["name"]: group.get("replicas", 1) for group in jobset["spec"]["replicatedJobs"]}
        able = bool(rows) and all(
            row["ready"] + row["succeeded"] == sizes.get(row["name"], 0) for row in rows
        )
        before = condition(workload, "PodsReady")
        recovering = before is not None and before["reason"] == "WaitForRecovery"
        ran = before is not None and before["status"] == "True"
        text = "Not all pods are ready or succeeded"
        if not holds(workload, "Admitted"):
            new = ("False", "WaitForStart", text)
        elif able:
            again = recovering or (before is not None and before["reason"] == "Recovered")
            reason = "Recovered" if again else "Started"
            new = ("True", reason, "All pods reached readiness and the workload is running")
        elif ran or recovering:
            new = ("False", "WaitForRecovery", "At least one pod has failed, waiting for recovery")
        else:
            new = ("False", "WaitForStart", text)
        if before is None or (before["status"], before["reason"]) != new[:2]:
            set_condition(self.cluster, here, "PodsReady", *new)


def _is_end(item: Json) -> bool:
    return item["type"] in ("Completed", "Failed") and item["status"] == "True"


def _placed(group: Json, labels: dict[str, str], tolerations: list[Json]) -> Json:
    template = group["template"]["spec"]["template"]
    spec = dict(template["spec"])
    if labels:
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **labels}
    if tolerations:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *tolerations]
    job = {**group["template"]["spec"], "template": {**template, "spec": spec}}
    return {**group, "template": {**group["template"], "spec": job}}


def _marked(group: Json, workload: Json) -> Json:
    """With what Kueue writes on the pods of an admitted Workload."""
    template = group["template"]["spec"]["template"]
    meta = template.get("metadata") or {}
    labels = {
        "kueue.x-k8s.io/podset": group["name"],
        "kueue.x-k8s.io/local-queue-name": workload["spec"]["queueName"],
        "kueue.x-k8s.io/cluster-queue-name": workload["status"]["admission"]["clusterQueue"],
    }
    notes = {"kueue.x-k8s.io/workload": workload["metadata"]["name"]}
    meta = {
        **meta,
        "labels": {**(meta.get("labels") or {}), **labels},
        "annotations": {**(meta.get("annotations") or {}), **notes},
    }
    job = {**group["template"]["spec"], "template": {**template, "metadata": meta}}
    return {**group, "template": {**group["template"], "spec": job}}


def _pods(group: Json) -> int:
    """The pods of each Job of a replicated job."""
    job = group["template"]["spec"]
    parallelism = job.get("parallelism", 1)
    return int(min(parallelism, job.get("completions", parallelism)))


def workload_name(jobset: Json) -> str:
    """The Workload's name: the kind, the JobSet's name, and a hash that nobody should guess."""
    meta = jobset["metadata"]
    digest = hashlib.sha1(f"{meta['name']}\n{meta['uid']}\njobset.x-k8s.io/JobSet".encode()).hexdigest()
    return f"jobset-{meta['name']}"[:248] + f"-{digest[:5]}"


def set_condition(
    cluster: Cluster, key: Key, kind: str, status: str, reason: str, message: str, **fields: Any
) -> None:
    """Write one condition of a Workload, and other fields of its status with it."""
    item = cluster.store.get(key)
    if item is None:
        return
    before = condition(item, kind)
    moved = before is None or before["status"] != status
    since = cluster.stamp() if before is None or moved else before["lastTransitionTime"]
    new = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
    if (kind, status) != ("Preempted", "True"):  # Kueue leaves it out there
        new["observedGeneration"] = item["metadata"].get("generation", 1)
    kept = [c for c in item.get("status", {}).get("conditions", ()) if c["type"] != kind]
    merged = {**item.get("status", {}), "conditions": [*kept, new], **fields}
    cluster.set_status(key, {name: value for name, value in merged.items() if value is not None})
