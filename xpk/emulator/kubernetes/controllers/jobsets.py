"""The JobSet controller (as sigs.k8s.io/jobset v0.12.0 behaves): Jobs, the headless service, restarts and
the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes import normalize
from xpk.emulator.kubernetes.admission import jobs as job_rules
from xpk.emulator.kubernetes.admission import jobset as rules
from xpk.emulator.kubernetes.admission.jobset import JOBSETS
from xpk.emulator.kubernetes.cluster import holds, owner
from xpk.emulator.kubernetes.controllers import jobsetjobs
from xpk.emulator.kubernetes.controllers.base import Controller, keys_of_jobsets
from xpk.emulator.kubernetes.controllers.jobs import JOBS
from xpk.emulator.kubernetes.controllers.jobsetpolicy import Outcome, decide
from xpk.emulator.kubernetes.errors import invalid
from xpk.emulator.kubernetes.schema import built_in
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
COMPONENT = "jobset"
DEPLOYMENTS = "deployments.apps"
RETRY_SECONDS = 30.0


class JobSets(Controller):
    """Keys are keys of JobSets."""

    watches = (JOBSETS, JOBS, DEPLOYMENTS)

    def keys(self, change: Change) -> Iterable[Key]:
        """The JobSet; the one that a Job belongs to; all when the controller itself comes up."""
        return keys_of_jobsets(self.cluster, change, rules.NAMESPACE)

    def reconcile(self, key: Key) -> float | None:
        """One step."""
        item = self.store.get(key)
        if item is None or "deletionTimestamp" in item["metadata"] or not rules.active(self.cluster):
            return None
        if (
            item["spec"].get("managedBy", "jobset.sigs.k8s.io/jobset-controller")
            != "jobset.sigs.k8s.io/jobset-controller"
        ):
            return None
        jobs = self._jobs(item)
        status: Json = {"restarts": 0, **item.get("status", {})}
        current = {name: job for name, job in jobs.items() if jobsetjobs.attempt(job) >= status["restarts"]}
        status["replicatedJobsStatus"] = jobsetjobs.counts(item, current)
        if holds(item, "Completed") or holds(item, "Failed"):
            for name, job in current.items():
                if not _finished(job):
                    self._delete(key.namespace, name)
            self._write(key, status)
            return self._time_to_live(key, item)
        for name in set(jobs) - set(current):
            self._delete(key.namespace, name)
        if not item["spec"].get("suspend") and _all_ready(item, status):
            self._restart_is_over(item, status, "JobsReady", "all jobs are ready")
        failed = [job for job in current.values() if holds(job, "Failed")]
        if failed:
            self._apply(item, status, decide(item["spec"], status, failed))
            self._write(key, status)
            return None
        if self._succeeded(item, current):
            self._end(item, status, "Completed", "AllJobsCompleted", "jobset completed successfully")
            self._write(key, status)
            return None
        delay = self._advance(key, item, status, jobs, current)
        self._write(key, status)
        return delay

    def _jobs(self, item: Json) -> dict[str, Json]:
        keys = self.store.owned(item["metadata"]["uid"])
        return {
            key.name: job for key in keys if key.resource == JOBS and (job := self.store.get(key)) is not None
        }

    def _advance(
        self, key: Key, item: Json, status: Json, jobs: dict[str, Json], current: dict[str, Json]
    ) -> float | None:
        """Create what is missing; suspend or resume what is there."""
        self._service(item)
        suspended = bool(item["spec"].get("suspend"))
        blocking = (item["spec"].get("failurePolicy") or {}).get("restartStrategy") == "BlockingRecreate"
        delay = None
        if not (blocking and len(current) < len(jobs)):
            delay = self._create(item, status, jobs)
        for name, job in current.items():
            if bool(job["spec"].get("suspend")) != suspended and not _finished(job):
                spec = {**job["spec"], "suspend": suspended}
                if not suspended:
                    spec["template"] = jobsetjobs.resumed_template(item, job)
                self.cluster.update(Key(JOBS, key.namespace, name), {**job, "spec": spec})
        before = next((c for c in status.get("conditions", ()) if c["type"] == "Suspended"), None)
        if suspended and (before is None or before["status"] == "False"):
            self._condition(item, status, "Suspended", "True", "SuspendedJobs", "jobset is suspended")
            self._restart_is_over(item, status, "JobSetSuspended", "jobset is suspended")
        elif not suspended and before is not None and before["status"] == "True":
            self._condition(item, status, "Suspended", "False", "ResumeJobs", "jobset is resumed")
        return delay

    def _create(self, item: Json, status: Json, jobs: dict[str, Json]) -> float | None:
        for job in jobsetjobs.missing(item, status, set(jobs)):
            faults = job_rules.check(job, None)
            if faults:
                error = invalid("Job", "batch", job["metadata"]["name"], faults)
                message = f'job "{job["metadata"]["name"]}" creation failed with error: {error.message}'
                self.cluster.event(item, "Warning", "JobCreationFailed", message, COMPONENT)
                return RETRY_SECONDS
            job["metadata"]["uid"] = self.cluster.new_uid()
            self.cluster.create(JOBS, job_rules.select(normalize.stored(built_in("V1Job"), job)))
        return None

    def _service(self, item: Json) -> None:
        network = item["spec"].get("network") or {}
        if not network.get("enableDNSHostnames", True):
            return
        meta = item["metadata"]
        name = network.get("subdomain") or meta["name"]
        if self.store.find("services", meta["namespace"], name) is None:
            spec = {
                "clusterIP": "None",
                "clusterIPs": ["None"],
                "type": "ClusterIP",
                "internalTrafficPolicy": "Cluster",
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
                "sessionAffinity": "None",
                "selector": {"jobset.sigs.k8s.io/jobset-name": meta["name"]},
                "publishNotReadyAddresses": network.get("publishNotReadyAddresses", True),
            }
            head = {"name": name, "namespace": meta["namespace"], "ownerReferences": [owner(item)]}
            body = {"metadata": head, "spec": spec, "status": {"loadBalancer": {}}}
            self.cluster.create("services", body)

    def _apply(self, item: Json, status: Json, outcome: Outcome) -> None:
        """Carry out what the failure policy decided."""
        if outcome.fails:
            self._end(item, status, "Failed", outcome.reason, outcome.message)
            return
        status["restarts"] += 1
        if outcome.counts:
            status["restartsCountTowardsMax"] = status.get("restartsCountTowardsMax", 0) + 1
        self.cluster.event(item, "Warning", outcome.reason, outcome.message, COMPONENT)
        self._condition(item, status, "RestartingJobSet", "True", outcome.condition_reason, outcome.message)

    def _end(self, item: Json, status: Json, kind: str, reason: str, message: str) -> None:
        status["terminalState"] = kind
        self._condition(item, status, kind, "True", reason, message)
        said = "jobset failed" if kind == "Failed" else message
        self._restart_is_over(item, status, f"JobSet{kind}", said)

    def _restart_is_over(self, item: Json, status: Json, reason: str, message: str) -> None:
        """RestartingJobSet becomes False; one that never was True is not written, as in setCondition."""
        before = next((c for c in status.get("conditions", ()) if c["type"] == "RestartingJobSet"), None)
        if before is not None and (before["status"], before["reason"]) != ("False", reason):
            self._condition(item, status, "RestartingJobSet", "False", reason, message)

    def _condition(self, item: Json, status: Json, kind: str, value: str, reason: str, message: str) -> None:
        conditions = list(status.get("conditions", ()))
        before = next((c for c in conditions if c["type"] == kind), None)
        moved = before is None or before["status"] != value
        since = self.cluster.stamp() if before is None or moved else before["lastTransitionTime"]
        new = {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
        }
        status["conditions"] = [c for c in conditions if c["type"] != kind] + [new]
        bad = kind == "Failed" or (kind, value) == ("RestartingJobSet", "True")
        self.cluster.event(item, "Warning" if bad else "Normal", reason, message, COMPONENT)

    def _succeeded(self, item: Json, current: dict[str, Json]) -> bool:
        policy = item["spec"].get("successPolicy") or {}
        targets = policy.get("targetReplicatedJobs") or [
            job["name"] for job in item["spec"].get("replicatedJobs", ())
        ]
        done = [
            job for job in current.values() if holds(job, "Complete") and jobsetjobs.parent(job) in targets
        ]
        if policy.get("operator", "All") == "Any":
            return bool(done)
        wanted = sum(
            job.get("replicas", 1) for job in item["spec"].get("replicatedJobs", ()) if job["name"] in targets
        )
        return bool(wanted > 0 and len(done) == wanted)

    def _delete(self, namespace: str, name: str) -> None:
        job = self.store.find(JOBS, namespace, name)
        if job is not None and "deletionTimestamp" not in job["metadata"]:
            self.cluster.delete(Key(JOBS, namespace, name), "Foreground")

    def _write(self, key: Key, status: Json) -> None:
        self.cluster.set_status(key, status)

    def _time_to_live(self, key: Key, item: Json) -> float | None:
        seconds = item["spec"].get("ttlSecondsAfterFinished")
        if seconds is None:
            return None
        ended = next(
            c
            for c in item["status"]["conditions"]
            if c["type"] in ("Completed", "Failed") and c["status"] == "True"
        )
        left = self.cluster.seconds(ended["lastTransitionTime"]) + seconds - self.cluster.now()
        if left > 0:
            return float(left)
        self.cluster.delete(key, "Foreground")
        return None


def _all_ready(item: Json, status: Json) -> bool:
    wanted = sum(group.get("replicas", 1) for group in item["spec"].get("replicatedJobs", ()))
    return bool(wanted == sum(row["ready"] + row["succeeded"] for row in status["replicatedJobsStatus"]))


def _finished(job: Json) -> bool:
    return holds(job, "Complete") or holds(job, "Failed")
