"""JobSets that lose pods, under three failure policies, the same on the emulator and on real controllers.

The policies are raw ones: Google's xpk writes the first, B and C are those between which ours was chosen.
What `xpk workload create` writes itself is in `test_both_life.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.both import JOBS, Side, cordoned
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset
from tests.controlplane.world import PODS

Json = dict[str, Any]
ENDS = 120.0
HOLD = "example.test/hold"
EVICTED = -1
"""Stands for an exit code: the pod is evicted."""
RETRIED = [42, *range(127, 256)]
DISRUPTED = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
FREE = {
    "name": "disruption",
    "action": "RestartJobSetAndIgnoreMaxRestarts",
    "onJobFailureReasons": ["PodFailurePolicy"],
}
FATAL = {"name": "code", "action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
FAILED = "FailJobSetFailurePolicyAction"


def exit_rule(operator: str, *codes: int) -> Json:
    wanted = {"containerName": "jax-tpu", "operator": operator, "values": list(codes)}
    return {"action": "FailJob", "onExitCodes": wanted}


POLICIES: dict[str, tuple[list[Json], list[Json]]] = {
    "xpk": ([exit_rule("NotIn", *RETRIED)], [FATAL]),
    "B": ([DISRUPTED], [FREE]),
    "C": (
        [DISRUPTED, exit_rule("In", 3)],
        [FREE | {"onJobFailureMessagePatterns": [".*DisruptionTarget.*"]}, FATAL],
    ),
}


def with_policy(jobset: Json, name: str, maximum: int = 5) -> Json:
    """The JobSet with one of the policies, which allows so many counted restarts."""
    pods, rules = POLICIES[name]
    jobset["spec"]["failurePolicy"] = {"maxRestarts": maximum, "rules": rules}
    jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["podFailurePolicy"] = {"rules": pods}
    return jobset


class Watched:
    """A JobSet that runs, one of whose pods ends again and again."""

    def __init__(self, side: Side, namespace: str) -> None:
        self.side, self.namespace = side, namespace
        self.pods = side.world.wait_running(namespace, "w1", HOSTS)

    def end_one(self, code: int) -> None:
        """The third pod ends with a code, or is evicted."""
        if code == EVICTED:
            self.side.evict(self.pods[2])
        else:
            self.side.exit(self.pods[2], code)

    def comes_back(self) -> tuple[int, int]:
        """Wait for new pods of all; restarts, and how many of them were counted."""
        self.pods = self.side.world.wait_running(self.namespace, "w1", HOSTS, old=self.pods)
        status = self.side.world.status(self.namespace, "w1")
        return status["restarts"], status.get("restartsCountTowardsMax", 0)

    def fails(self) -> Json:
        """Wait for the end; why."""
        failed = self.side.world.wait_condition(self.namespace, "w1", "Failed")
        assert self.side.world.status(self.namespace, "w1")["terminalState"] == "Failed"
        self.side.wait(lambda: _alive(self.side, self.namespace) == [], "no pod left running", ENDS)
        return failed

    def restarting(self) -> tuple[str, str] | None:
        """Status and reason of the condition."""
        return self.side.conditions(self.namespace, "w1").get("RestartingJobSet")


@pytest.mark.parametrize(
    ("policy", "story", "fatal"),
    [
        ("xpk", [(42, (1, 1)), (137, (2, 2)), (EVICTED, (3, 3))], 1),
        ("B", [(1, (1, 1)), (EVICTED, (2, 1)), (EVICTED, (3, 1)), (EVICTED, (4, 1))], None),
        ("C", [(7, (1, 1)), (EVICTED, (2, 1))], 3),
    ],
)
def test_pods_end_one_after_the_other(
    side: Side, namespace: str, policy: str, story: list[tuple[int, tuple[int, int]]], fatal: int | None
) -> None:
    """Restarts, and how many are counted, after each end; and the code that is the end of all."""
    with side.world.running(with_policy(make_jobset(namespace), policy)):
        watched = Watched(side, namespace)
        for code, counts in story:
            watched.end_one(code)
            assert watched.comes_back() == counts
        if fatal is not None:
            watched.end_one(fatal)
            assert watched.fails()["reason"] == FAILED
            assert side.world.status(namespace, "w1")["restarts"] == story[-1][1][0]


def test_the_second_counted_restart_is_one_too_many(side: Side, namespace: str) -> None:
    with side.world.running(with_policy(make_jobset(namespace), "B", 1)):
        watched = Watched(side, namespace)
        watched.end_one(1)
        assert watched.comes_back() == (1, 1)
        watched.end_one(1)
        failed = watched.fails()
        assert failed["reason"] == "ReachedMaxRestarts"
        assert failed["message"] == (
            "jobset failed due to reaching max number of restarts (first failed job: w1-slice-job-0)"
        )


def test_without_a_failure_policy_the_first_failure_is_the_end(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    del jobset["spec"]["failurePolicy"]
    with side.world.running(jobset):
        watched = Watched(side, namespace)
        watched.end_one(1)
        assert watched.fails()["reason"] == "FailedJobs"


def test_the_restarting_condition_is_true_until_all_are_ready(side: Side, namespace: str) -> None:
    with side.world.running(with_policy(make_jobset(namespace), "C")):
        watched = Watched(side, namespace)
        assert watched.restarting() is None
        for code, reason in ((EVICTED, "FailurePolicy_disruption"), (7, "DefaultFailurePolicy")):
            with cordoned(side, watched.pods[2]["spec"]["nodeName"]):
                watched.end_one(code)
                side.world.wait_one_pending(namespace, "w1", running=HOSTS - 1)
                assert watched.restarting() == ("True", reason)
            watched.comes_back()
            side.wait(lambda: watched.restarting() == ("False", "JobsReady"), "over", ENDS)


def test_the_sentence_of_a_failed_job(side: Side, namespace: str) -> None:
    """It outlives the Job as an Event; JobSet's rules read it."""
    end = "matching FailJob rule at index"
    with side.world.running(with_policy(make_jobset(namespace), "C")):
        watched = Watched(side, namespace)
        expected: list[tuple[str, str]] = []
        for code in (EVICTED, 7, 3):
            pod = f"{namespace}/{watched.pods[2]['metadata']['name']}"
            watched.end_one(code)
            if code == 7:
                expected += [("BackoffLimitExceeded", "Job has reached the specified backoff limit")]
            elif code == 3:
                words = f"Container jax-tpu for pod {pod} failed with exit code 3 {end} 1"
                expected += [("PodFailurePolicy", words)]
            else:
                expected += [("PodFailurePolicy", f"Pod {pod} has condition DisruptionTarget {end} 0")]
            if code != 3:
                watched.comes_back()
        watched.fails()
        side.wait(lambda: set(expected) <= set(_warnings(side, namespace)), f"{expected}", ENDS)


def test_a_restart_makes_new_pods_in_one_pool_each(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        watched = Watched(side, namespace)
        watched.end_one(1)
        watched.comes_back()
        pools: dict[str, set[str]] = {}
        for pod in watched.pods:
            labels = pod["metadata"]["labels"]
            assert labels["jobset.sigs.k8s.io/restart-attempt"] == "1"
            pools.setdefault(labels["batch.kubernetes.io/job-name"], set()).add(side.world.pool_of(pod))
        assert [len(found) for found in pools.values()] == [1, 1]
        assert len(set.union(*pools.values())) == 2


def test_success_completes_and_time_to_live_removes(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    with side.world.running(jobset):
        for pod in side.world.wait_running(namespace, "w1", HOSTS):
            side.exit(pod, 0)
        side.world.wait_condition(namespace, "w1", "Completed")
        assert side.world.status(namespace, "w1")["replicatedJobsStatus"][0]["succeeded"] == 2
        job = side.kube.get(f"{JOBS.format(namespace)}/w1-slice-job-0") or {}
        assert job["status"]["completedIndexes"] == "0-3"
        path = side.kube.path_of(jobset)
        patch = {"spec": {"ttlSecondsAfterFinished": 1}}
        assert side.call("PATCH", path, patch, form="application/merge-patch+json")[0] == 200
        side.wait(lambda: side.kube.get(path) is None, "removed", ENDS)
        side.wait(lambda: side.kube.list(JOBS.format(namespace)) == [], "no Job", ENDS)
        side.wait(lambda: side.kube.list(PODS.format(namespace)) == [], "no pod", ENDS)


def test_a_deleted_pod_ends_as_failed_before_it_vanishes(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        watched = Watched(side, namespace)
        meta = watched.pods[2]["metadata"]
        path = f"{PODS.format(namespace)}/{meta['name']}"
        hold(side, path, [*meta["finalizers"], HOLD])
        side.kube.delete(path, propagation="Background")
        side.wait(
            lambda: _ended(side, path) == ("Failed", [HOLD]), "it ended as Failed and was counted", ENDS
        )
        hold(side, path, [])
        assert watched.comes_back()[0] == 1


def test_labels_and_names_that_others_rely_on(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        (pod,) = [pod for pod in pods if pod["metadata"]["name"].startswith("w1-slice-job-1-3-")]
        expected = {
            "jobset.sigs.k8s.io/jobset-name": "w1",
            "jobset.sigs.k8s.io/replicatedjob-name": "slice-job",
            "jobset.sigs.k8s.io/job-index": "1",
            "jobset.sigs.k8s.io/job-global-index": "1",
            "jobset.sigs.k8s.io/replicatedjob-replicas": "2",
            "jobset.sigs.k8s.io/restart-attempt": "0",
            "batch.kubernetes.io/job-completion-index": "3",
            "batch.kubernetes.io/job-name": "w1-slice-job-1",
        }
        assert expected.items() <= pod["metadata"]["labels"].items()
        assert pod["metadata"]["annotations"]["jobset.sigs.k8s.io/job-index"] == "1"
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("w1-slice-job-1-3", "w1")
        service = side.kube.get(f"/api/v1/namespaces/{namespace}/services/w1") or {}
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["selector"] == {"jobset.sigs.k8s.io/jobset-name": "w1"}
        assert service["spec"]["publishNotReadyAddresses"] is True


def hold(side: Side, path: str, finalizers: list[str]) -> None:
    """Replace the finalizers of an object."""
    patch = {"metadata": {"finalizers": finalizers}}
    assert side.call("PATCH", path, patch, form="application/merge-patch+json")[0] == 200


def _ended(side: Side, path: str) -> tuple[str, list[str]]:
    pod = side.kube.get(path) or {}
    return pod["status"]["phase"], pod["metadata"]["finalizers"]


def _alive(side: Side, namespace: str) -> list[Json]:
    return [
        pod for pod in side.world.pods(namespace, "w1") if pod["status"]["phase"] in ("Pending", "Running")
    ]


def _warnings(side: Side, namespace: str) -> list[tuple[str, str]]:
    """Reason and message of the Warnings about Jobs."""
    found = side.kube.list(f"/api/v1/namespaces/{namespace}/events")
    return [(item["reason"], item["message"]) for item in found if item["involvedObject"]["kind"] == "Job"]
