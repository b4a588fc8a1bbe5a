"""JobSets that lose pods: the table measured with the real controllers (Kubernetes 1.36, JobSet 0.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Json = dict[str, Any]
Make = Callable[..., Json]
RETRIED = [42, *range(127, 256)]
DISRUPTED = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
FREE = {
    "name": "disruption",
    "action": "RestartJobSetAndIgnoreMaxRestarts",
    "onJobFailureReasons": ["PodFailurePolicy"],
}


def exit_rule(operator: str, *codes: int) -> Json:
    wanted = {"containerName": "jax-tpu", "operator": operator, "values": list(codes)}
    return {"action": "FailJob", "onExitCodes": wanted}


def xpk(maximum: int) -> tuple[Json, Json]:
    rule = {"name": "code", "action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
    pods = {"rules": [exit_rule("NotIn", *RETRIED)]}
    return {"podFailurePolicy": pods}, {"maxRestarts": maximum, "rules": [rule]}


def policy_b(maximum: int) -> tuple[Json, Json]:
    return {"podFailurePolicy": {"rules": [DISRUPTED]}}, {"maxRestarts": maximum, "rules": [FREE]}


def policy_c(maximum: int) -> tuple[Json, Json]:
    free = FREE | {"onJobFailureMessagePatterns": [".*DisruptionTarget.*"]}
    fatal = {"name": "fatal", "action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
    pods = {"rules": [DISRUPTED, exit_rule("In", 3)]}
    return {"podFailurePolicy": pods}, {"maxRestarts": maximum, "rules": [free, fatal]}


POLICIES = {"xpk": xpk, "B": policy_b, "C": policy_c}


def start(cluster: Any, jobset: Make, policy: str, maximum: int = 1) -> None:
    job, failure = POLICIES[policy](maximum)
    cluster.applied(jobset(job=job, failurePolicy=failure))
    cluster.advance(30)
    assert len(cluster.pods("Running")) == 8


def end_one(cluster: Any, code: int = 0, evicted: bool = False) -> Json:
    """End the third pod, wait, and return the JobSet's status."""
    name = cluster.pods("Running")[2]["metadata"]["name"]
    cluster.world.exit_pod("default", name, code, evicted)
    cluster.advance(60)
    status: Json = cluster.get("JobSet", "demo")["status"]
    return status


@pytest.mark.parametrize(
    ("policy", "code", "evicted", "restarts", "counted", "failed"),
    [
        ("xpk", 1, False, 0, None, "FailJobSetFailurePolicyAction"),
        ("xpk", 42, False, 1, 1, None),
        ("xpk", 137, False, 1, 1, None),
        ("xpk", 0, True, 1, 1, None),
        ("B", 1, False, 1, 1, None),
        ("B", 0, True, 1, None, None),
        ("C", 7, False, 1, 1, None),
        ("C", 3, False, 0, None, "FailJobSetFailurePolicyAction"),
        ("C", 0, True, 1, None, None),
    ],
)
def test_one_pod_ends(
    cluster: Any,
    jobset: Make,
    policy: str,
    code: int,
    evicted: bool,
    restarts: int,
    counted: int | None,
    failed: str | None,
) -> None:
    start(cluster, jobset, policy, 1)
    status = end_one(cluster, code, evicted)
    assert status["restarts"] == restarts
    assert status.get("restartsCountTowardsMax") == counted
    conditions = cluster.conditions("JobSet", "demo")
    assert (conditions["Failed"]["reason"] if "Failed" in conditions else None) == failed
    assert status.get("terminalState") == ("Failed" if failed else None)
    assert len(cluster.pods("Running")) == (0 if failed else 8)


def test_the_second_counted_restart_is_one_too_many(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "B", 1)
    end_one(cluster, 1)
    status = end_one(cluster, 1)
    assert status["terminalState"] == "Failed"
    failed = cluster.conditions("JobSet", "demo")["Failed"]
    assert failed["reason"] == "ReachedMaxRestarts"
    assert failed["message"].startswith(
        "jobset failed due to reaching max number of restarts (first failed job: demo-"
    )


def test_three_disruptions_in_a_row_are_free(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "B", 1)
    for expected in (1, 2, 3):
        status = end_one(cluster, evicted=True)
        assert status["restarts"] == expected
        assert "restartsCountTowardsMax" not in status
    assert len(cluster.pods("Running")) == 8


def restarting(cluster: Any) -> tuple[str, str]:
    found = cluster.conditions("JobSet", "demo")["RestartingJobSet"]
    return found["status"], found["reason"]


def test_the_restarting_condition_is_true_until_all_are_ready(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "C", 3)
    assert "RestartingJobSet" not in cluster.conditions("JobSet", "demo")
    for code, evicted, reason in ((0, True, "FailurePolicy_disruption"), (7, False, "DefaultFailurePolicy")):
        name = cluster.pods("Running")[2]["metadata"]["name"]
        cluster.world.exit_pod("default", name, code, evicted)
        cluster.advance(1)
        assert restarting(cluster) == ("True", reason)
        cluster.advance(60)
        assert restarting(cluster) == ("False", "JobsReady")


def test_the_end_ends_the_restarting_condition(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "C", 3)
    end_one(cluster, 7)
    end_one(cluster, 3)
    assert restarting(cluster) == ("False", "JobSetFailed")


def test_success_ends_the_restarting_condition(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "C", 3)
    end_one(cluster, 7)
    cluster.world.finish("default", "demo", 0)
    cluster.advance(60)
    assert restarting(cluster) == ("False", "JobSetCompleted")


@pytest.mark.parametrize(
    ("code", "evicted", "reason", "message"),
    [
        (
            3,
            False,
            "PodFailurePolicy",
            "Container jax-tpu for pod default/{} failed with exit code 3 matching FailJob rule at index 1",
        ),
        (
            0,
            True,
            "PodFailurePolicy",
            "Pod default/{} has condition DisruptionTarget matching FailJob rule at index 0",
        ),
        (7, False, "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    ],
)
def test_the_sentence_of_a_failed_job(
    cluster: Any, jobset: Make, code: int, evicted: bool, reason: str, message: str
) -> None:
    start(cluster, jobset, "C", 3)
    pod = cluster.pods("Running")[2]
    job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
    seen: list[Json] = []
    cluster.world._cluster.store.observers.append(
        lambda change: seen.extend(
            item
            for item in change.new.get("status", {}).get("conditions", ())
            if change.key.name == job and item["type"] == "Failed"
        )
    )
    cluster.world.exit_pod("default", pod["metadata"]["name"], code, evicted)
    cluster.advance(60)
    assert seen[0]["reason"] == reason
    assert seen[0]["message"] == message.format(pod["metadata"]["name"])


def test_a_restart_makes_new_pods_in_one_pool_each(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "C", 3)
    before = {pod["metadata"]["uid"] for pod in cluster.pods()}
    end_one(cluster, 7)
    pods = cluster.pods("Running")
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in pods)
    assert {pod["metadata"]["labels"]["jobset.sigs.k8s.io/restart-attempt"] for pod in pods} == {"1"}
    pools: dict[str, set[str]] = {}
    for pod in pods:
        labels = cluster.get("Node", pod["spec"]["nodeName"])["metadata"]["labels"]
        job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        pools.setdefault(job, set()).add(labels["cloud.google.com/gke-nodepool"])
    assert [len(found) for found in pools.values()] == [1, 1]
    assert len(set.union(*pools.values())) == 2


def test_success_completes_and_time_to_live_removes(cluster: Any, jobset: Make) -> None:
    cluster.applied(jobset(ttlSecondsAfterFinished=100))
    cluster.advance(30)
    cluster.world.finish("default", "demo", 0)
    cluster.advance(20)
    status = cluster.get("JobSet", "demo")["status"]
    assert status["terminalState"] == "Completed"
    assert status["replicatedJobsStatus"][0]["succeeded"] == 2
    assert cluster.conditions("JobSet", "demo")["Completed"]["message"] == "jobset completed successfully"
    assert cluster.get("Job", "demo-slice-job-0")["status"]["completedIndexes"] == "0-3"
    cluster.advance(120)
    assert cluster.gone("JobSet", "demo")
    assert cluster.items("Job") == []
    assert cluster.pods() == []


def test_without_a_failure_policy_the_first_failure_is_the_end(cluster: Any, jobset: Make) -> None:
    body = jobset()
    del body["spec"]["failurePolicy"]
    cluster.applied(body)
    cluster.advance(30)
    end_one(cluster, 1)
    assert cluster.conditions("JobSet", "demo")["Failed"]["reason"] == "FailedJobs"


def test_a_deleted_pod_ends_as_failed_before_it_vanishes(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "C", 3)
    phases: list[str] = []
    name = cluster.pods("Running")[2]["metadata"]["name"]
    cluster.world._cluster.store.observers.append(
        lambda change: phases.append(change.new["status"]["phase"]) if change.key.name == name else None
    )
    cluster.delete("Pod", name, policy="Background")
    cluster.advance(60)
    assert phases[-1] == "Failed"
    assert cluster.get("JobSet", "demo")["status"]["restarts"] == 1


def test_labels_and_names_that_others_rely_on(cluster: Any, jobset: Make) -> None:
    start(cluster, jobset, "C", 3)
    pod = next(p for p in cluster.pods() if p["metadata"]["name"].startswith("demo-slice-job-1-3-"))
    labels = pod["metadata"]["labels"]
    expected = {
        "jobset.sigs.k8s.io/jobset-name": "demo",
        "jobset.sigs.k8s.io/replicatedjob-name": "slice-job",
        "jobset.sigs.k8s.io/job-index": "1",
        "jobset.sigs.k8s.io/job-global-index": "1",
        "jobset.sigs.k8s.io/replicatedjob-replicas": "2",
        "jobset.sigs.k8s.io/restart-attempt": "0",
        "batch.kubernetes.io/job-completion-index": "3",
        "batch.kubernetes.io/job-name": "demo-slice-job-1",
    }
    assert expected.items() <= labels.items()
    assert pod["metadata"]["annotations"]["jobset.sigs.k8s.io/job-index"] == "1"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("demo-slice-job-1-3", "demo")
    service = cluster.get("Service", "demo")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"jobset.sigs.k8s.io/jobset-name": "demo"}
    assert service["spec"]["publishNotReadyAddresses"] is True
