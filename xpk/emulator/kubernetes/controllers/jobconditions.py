"""A Job's conditions: suspended or resumed, doomed and then failed, complete."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster

Json = dict[str, Any]
COMPONENT = "job-controller"
FINISHED = ("Complete", "Failed")


def settle(
    cluster: Cluster, job: Json, conditions: list[Json], facts: Json, running: bool, succeeded: int
) -> None:
    """Bring ``conditions`` up to date in place.

    ``facts``: ``doomed`` is the condition that ends the Job, ``suspended`` that its pods are to go. A doomed
    Job has failed only when none of its pods runs any more.
    """
    doomed = facts.get("doomed")
    if doomed:
        _fail(cluster, job, conditions, doomed, running)
        return
    before = _find(conditions, "Suspended")
    if facts.get("suspended") and (before is None or before["status"] == "False"):
        _put(cluster, conditions, "Suspended", "True", "JobSuspended", "Job suspended")
        cluster.event(job, "Normal", "Suspended", "Job suspended", COMPONENT)
    elif before is not None and before["status"] == "True" and not job["spec"].get("suspend"):
        _put(cluster, conditions, "Suspended", "False", "JobResumed", "Job resumed")
        cluster.event(job, "Normal", "Resumed", "Job resumed", COMPONENT)
    wanted = job["spec"].get("completions", job["spec"].get("parallelism", 1))
    if 0 < wanted <= succeeded and not running and not any(item["type"] in FINISHED for item in conditions):
        for kind in ("SuccessCriteriaMet", "Complete"):
            text = "Reached expected number of succeeded pods"
            _put(cluster, conditions, kind, "True", "CompletionsReached", text)
        cluster.event(job, "Normal", "Completed", "Job completed", COMPONENT)


def _fail(cluster: Cluster, job: Json, conditions: list[Json], doomed: Json, running: bool) -> None:
    if _find(conditions, "FailureTarget") is None:
        conditions.append(doomed)
    if not running and _find(conditions, "Failed") is None:
        _put(cluster, conditions, "Failed", "True", doomed["reason"], doomed["message"])
        cluster.event(job, "Warning", doomed["reason"], doomed["message"], COMPONENT)


def _find(conditions: list[Json], kind: str) -> Json | None:
    return next((item for item in conditions if item["type"] == kind), None)


def _put(cluster: Cluster, conditions: list[Json], kind: str, status: str, reason: str, message: str) -> None:
    now = cluster.stamp()
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    new = {"type": kind, "status": status, "reason": reason, "message": message, **times}
    for index, item in enumerate(conditions):
        if item["type"] == kind:
            conditions[index] = new
            return
    conditions.append(new)
