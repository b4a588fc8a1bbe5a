"""Jobs: keeps as many pods as wanted, counts how they end, and decides when a Job is over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import condition, controller_of, holds
from xpk.emulator.kubernetes.controllers import jobconditions, jobpods
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.jobconditions import COMPONENT, FINISHED
from xpk.emulator.kubernetes.controllers.jobpods import TRACKING
from xpk.emulator.kubernetes.controllers.jobpolicy import failure_rule
from xpk.emulator.kubernetes.controllers.mounts import ready
from xpk.emulator.kubernetes.controllers.placement import TERMINAL
from xpk.emulator.kubernetes.errors import ApiError
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
JOBS = "jobs.batch"


class Jobs(Controller):
    """Keys are keys of Jobs."""

    watches = (JOBS, "pods")

    def keys(self, change: Change) -> Iterable[Key]:
        """The Job; the Job of a pod; or a pod that has lost its Job and is being deleted."""
        if change.key.resource == JOBS:
            return (change.key,)
        reference = controller_of(change.new)
        if (
            reference is not None
            and reference["kind"] == "Job"
            and self.store.by_uid(reference["uid"]) is not None
        ):
            return (Key(JOBS, change.key.namespace, reference["name"]),)
        meta = change.new["metadata"]
        lost = TRACKING in meta.get("finalizers", ()) and "deletionTimestamp" in meta
        return (change.key,) if lost and change.type != "DELETED" else ()

    def reconcile(self, key: Key) -> float | None:
        """One step."""
        if key.resource == "pods":
            self._let_go(key, self.store.get(key))
            return None
        job = self.store.get(key)
        if job is None:
            return None
        for pod_key, pod in self._pods(job):
            self._let_go(pod_key, pod)
        if "deletionTimestamp" in job["metadata"]:
            return None
        pods = self._pods(job)
        if any(holds(job, kind) for kind in FINISHED):
            self._delete(job, pods)
            self._write(key, job, pods, {})
            return self._time_to_live(key, job)
        failed = self._account(job, pods)
        doomed = condition(job, "FailureTarget") or self._doom(job, pods, failed)
        if doomed:
            self._delete(job, pods)
            self._write(key, job, pods, {"failed": failed, "doomed": doomed})
            return None
        if job["spec"].get("suspend"):
            for pod_key, pod in pods:
                if self._runs(pod):
                    self.cluster.finalize(pod_key, TRACKING)  # so that it does not count as failed
            self._delete(job, self._pods(job))
            self._write(key, job, pods, {"failed": failed, "suspended": True})
            return None
        self._create(job, pods)
        self._write(key, job, self._pods(job), {"failed": failed})
        return None

    def _pods(self, job: Json) -> list[tuple[Key, Json]]:
        keys = self.store.owned(job["metadata"]["uid"])
        return [
            (key, pod) for key in keys if key.resource == "pods" and (pod := self.store.get(key)) is not None
        ]

    def _let_go(self, key: Key, pod: Json | None) -> None:
        """Release an ended pod that is being deleted."""
        if pod is None or "deletionTimestamp" not in pod["metadata"]:
            return
        over = pod["status"].get("phase") in TERMINAL or not pod["spec"].get("nodeName")
        job = self.store.by_uid((controller_of(pod) or {}).get("uid", ""))
        alive = job is not None and "deletionTimestamp" not in job["metadata"]
        counted = not alive or pod["status"].get("phase") != "Failed"
        if over and counted:
            self.cluster.finalize(key, TRACKING)

    def _account(self, job: Json, pods: list[tuple[Key, Json]]) -> int:
        """How many pods have failed by now, those that are gone included.

        A counted pod loses its finalizer.
        """
        failed = int(job.get("status", {}).get("failed", 0))
        policy = job["spec"].get("podFailurePolicy") or {}
        for key, pod in pods:
            if pod["status"].get("phase") == "Failed" and _tracked(pod):
                rule = failure_rule(policy, pod)
                failed += rule is None or rule[0] != "Ignore"
                self.cluster.finalize(key, TRACKING)
            elif pod["status"].get("phase") == "Succeeded":
                self.cluster.finalize(key, TRACKING)
        return failed

    def _doom(self, job: Json, pods: list[tuple[Key, Json]], failed: int) -> Json | None:
        """The condition that ends the Job, when its policy or its limit says so."""
        spec = job["spec"]
        policy = spec.get("podFailurePolicy")
        counted = failed + (0 if policy else sum(self._ending(pod) and _tracked(pod) for _, pod in pods))
        if policy:
            for _, pod in pods:
                found = failure_rule(policy, pod)
                if found is not None and found[0] == "FailJob":
                    return self._target("PodFailurePolicy", found[1])
        if counted > spec.get("backoffLimit", 6):
            return self._target("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        return None

    def _target(self, reason: str, message: str) -> Json:
        times = {"lastProbeTime": self.cluster.stamp(), "lastTransitionTime": self.cluster.stamp()}
        return {"type": "FailureTarget", "status": "True", "reason": reason, "message": message, **times}

    def _ending(self, pod: Json) -> bool:
        return "deletionTimestamp" in pod["metadata"] and self._runs(pod)

    def _runs(self, pod: Json) -> bool:
        return pod["status"].get("phase") not in TERMINAL

    def _delete(self, job: Json, pods: list[tuple[Key, Json]]) -> None:
        for key, pod in pods:
            if self._runs(pod) and "deletionTimestamp" not in pod["metadata"]:
                self.cluster.delete(key)
                self.cluster.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {key.name}", COMPONENT)

    def _create(self, job: Json, pods: list[tuple[Key, Json]]) -> None:
        """Create the missing pods: of an Indexed Job those of the missing indexes."""
        spec = job["spec"]
        wanted = spec.get("parallelism", 1)
        if spec.get("completionMode") == "Indexed":
            taken = {jobpods.index_of(pod) for _, pod in pods if self._present(pod)}
            active = sum(self._runs(pod) for _, pod in pods)
            room = max(0, wanted - active)
            missing = [index for index in range(spec["completions"]) if index not in taken][:room]
        else:
            done = sum(pod["status"].get("phase") == "Succeeded" for _, pod in pods)
            active = sum(self._runs(pod) for _, pod in pods)
            left = spec.get("completions", wanted) - done
            missing = [-1] * max(0, min(wanted, left) - active)
        for index in missing:
            try:
                made = self.cluster.create("pods", jobpods.build(self.cluster, job, index))
            except ApiError as error:
                self.cluster.event(
                    job, "Warning", "FailedCreate", f"Error creating: {error.message}", COMPONENT
                )
                return
            name = made["metadata"]["name"]
            self.cluster.event(job, "Normal", "SuccessfulCreate", f"Created pod: {name}", COMPONENT)

    def _present(self, pod: Json) -> bool:
        return self._runs(pod) or pod["status"].get("phase") == "Succeeded"

    def _write(self, key: Key, job: Json, pods: list[tuple[Key, Json]], facts: Json) -> None:
        running = [pod for _, pod in pods if self._runs(pod)]
        ending = [pod for pod in running if "deletionTimestamp" in pod["metadata"]]
        before = job.get("status", {})
        succeeded = {jobpods.index_of(pod) for _, pod in pods if pod["status"].get("phase") == "Succeeded"}
        status: Json = {
            "ready": sum(ready(pod) for pod in running),
            "terminating": len(ending),
            "uncountedTerminatedPods": {},
        }
        counts = {
            "active": len(running) - len(ending),
            "failed": max(facts.get("failed", 0), before.get("failed", 0)),
            "succeeded": sum(pod["status"].get("phase") == "Succeeded" for _, pod in pods),
        }
        status |= {name: count for name, count in counts.items() if count}
        conditions = list(before.get("conditions", ()))
        jobconditions.settle(self.cluster, job, conditions, facts, bool(running), counts["succeeded"])
        if conditions:
            status["conditions"] = conditions
        if not job["spec"].get("suspend"):
            status["startTime"] = before.get("startTime", self.cluster.stamp())
        if job["spec"].get("completionMode") == "Indexed" and succeeded:
            status["completedIndexes"] = jobpods.intervals(succeeded)
        if any(item["type"] == "Complete" for item in conditions):
            status["completionTime"] = before.get("completionTime", self.cluster.stamp())
        if {**before, "conditions": conditions} != {
            **status,
            "conditions": conditions,
        } or conditions != before.get("conditions", []):
            self.cluster.set_status(key, status)

    def _time_to_live(self, key: Key, job: Json) -> float | None:
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None:
            return None
        ended = next(item for item in job["status"]["conditions"] if item["type"] in FINISHED)
        left = self.cluster.seconds(ended["lastTransitionTime"]) + seconds - self.cluster.now()
        if left > 0:
            return float(left)
        self.cluster.delete(key, "Foreground")
        return None


def _tracked(pod: Json) -> bool:
    return TRACKING in pod["metadata"].get("finalizers", ())
