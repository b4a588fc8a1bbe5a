"""A JobSet's failurePolicy: what a failed Job leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from xpk.emulator.kubernetes.cluster import condition

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Fails for good, or restarts (``counts``: against maxRestarts).

    ``reason`` and ``message`` are the event's.
    """

    fails: bool
    counts: bool
    reason: str
    message: str
    condition_reason: str = ""


def decide(spec: Json, status: Json, failed: list[Json]) -> Outcome:
    """The outcome for these failed Jobs: the first rule that matches one of them, else a counted restart."""
    policy = spec.get("failurePolicy")
    if policy is None:
        return Outcome(
            True,
            False,
            "FailedJobs",
            _first("jobset failed due to one or more job failures", _oldest(failed)),
        )
    for rule in policy.get("rules") or ():
        matching = [job for job in failed if _matches(rule, job)]
        if matching:
            return _outcome(
                policy, status, rule["action"], _oldest(matching), f"FailurePolicy_{rule['name']}"
            )
    return _outcome(policy, status, "RestartJobSet", _oldest(failed), "DefaultFailurePolicy")


def _outcome(policy: Json, status: Json, action: str, job: Json, condition_reason: str) -> Outcome:
    if action == "FailJobSet":
        message = _first("applying FailJobSet failure policy action", job)
        return Outcome(True, False, "FailJobSetFailurePolicyAction", message)
    counts = action == "RestartJobSet"
    if counts and status.get("restartsCountTowardsMax", 0) >= policy.get("maxRestarts", 0):
        message = _first("jobset failed due to reaching max number of restarts", job)
        return Outcome(True, False, "ReachedMaxRestarts", message)
    message = _first(f"applying {action} failure policy action", job)
    return Outcome(False, counts, f"{action}FailurePolicyAction", message, condition_reason)


def _matches(rule: Json, job: Json) -> bool:
    found = condition(job, "Failed")
    if found is None:
        return False
    reasons = rule.get("onJobFailureReasons") or [found["reason"]]
    patterns = rule.get("onJobFailureMessagePatterns")
    labels = job["metadata"]["labels"]
    targets = rule.get("targetReplicatedJobs") or [labels["jobset.sigs.k8s.io/replicatedjob-name"]]
    return (
        found["reason"] in reasons
        and (not patterns or any(_search(pattern, found["message"]) for pattern in patterns))
        and labels["jobset.sigs.k8s.io/replicatedjob-name"] in targets
    )


def _search(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _oldest(jobs: list[Json]) -> Json:
    def moment(job: Json) -> tuple[str, str]:
        found = condition(job, "Failed")
        return (found["lastTransitionTime"] if found else ""), job["metadata"]["name"]

    return min(jobs, key=moment)


def _first(message: str, job: Json) -> str:
    return f"{message} (first failed job: {job['metadata']['name']})"
