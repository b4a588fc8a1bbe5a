"""The life of a JobSet of 2 x 4 hosts, the same on the emulator and on real controllers."""

from __future__ import annotations

from tests.controlplane.both import JOBS, Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset
from tests.controlplane.world import PODS, WORKLOADS, true_conditions

RESTARTING = "RestartingJobSet"


def test_a_queued_one_is_suspended_and_then_admitted(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)) as applied:
        assert applied["spec"]["suspend"] is True
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        assert len({pod["spec"]["nodeName"] for pod in pods}) == HOSTS
        assert sorted({side.world.pool_of(pod) for pod in pods}) == ["c1-np-0", "c1-np-1"]
        assert side.world.jobset(namespace, "w1")["spec"]["suspend"] is False
        side.wait(lambda: side.workload_is(namespace, "w1", "PodsReady"), "PodsReady")
        workload = side.world.workload(namespace, "w1")
        found = {c["type"]: (c["status"], c["reason"]) for c in workload["status"]["conditions"]}
        assert found == {
            "QuotaReserved": ("True", "QuotaReserved"),
            "Admitted": ("True", "Admitted"),
            "PodsReady": ("True", "Started"),
        }
        (assigned,) = workload["status"]["admission"]["podSetAssignments"]
        assert assigned["flavors"]["google.com/tpu"] == "v6e-4x4"
        assert assigned["resourceUsage"]["google.com/tpu"] == "32"
        assert side.conditions(namespace, "w1") == {"Suspended": ("False", "ResumeJobs")}


def test_the_status_counts_ready_jobs(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        side.world.wait_running(namespace, "w1", HOSTS)
        side.wait(lambda: _row(side, namespace)["ready"] == 2, "both Jobs ready")
        row = _row(side, namespace)
        assert row == {
            "name": "slice-job",
            "ready": 2,
            "active": 2,
            "succeeded": 0,
            "failed": 0,
            "suspended": 0,
        }


def test_a_second_one_waits_says_why_and_follows(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)) as first:
        side.world.wait_running(namespace, "w1", HOSTS)
        with side.world.running(make_jobset(namespace, "w2")):
            side.wait(lambda: side.waiting(namespace, "w2") is not None, "a reason")
            assert side.waiting(namespace, "w2") == (
                "Pending",
                (
                    "couldn't assign flavors to pod set slice-job: insufficient unused quota for "
                    "google.com/tpu in flavor v6e-4x4, 32 more needed"
                ),
            )
            assert side.world.jobset(namespace, "w2")["spec"]["suspend"] is True
            assert side.conditions(namespace, "w2") == {"Suspended": ("True", "SuspendedJobs")}
            assert side.world.pods(namespace, "w2") == []
            side.kube.delete(side.kube.path_of(first))
            side.world.wait_running(namespace, "w2", HOSTS)


def test_more_than_there_ever_is_waits_with_another_reason(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace, num_slices=3)):
        side.wait(lambda: side.waiting(namespace, "w1") is not None, "a reason")
        assert side.waiting(namespace, "w1") == (
            "Pending",
            (
                "couldn't assign flavors to pod set slice-job: insufficient quota for google.com/tpu in "
                "flavor v6e-4x4, previously considered podsets requests (0) + current podset request (48) > "
                "maximum capacity (32)"
            ),
        )


def test_exit_1_restarts_all_and_is_counted(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        before = side.world.wait_running(namespace, "w1", HOSTS)
        side.exit(before[3], 1)
        after = side.world.wait_running(namespace, "w1", HOSTS, old=before)
        status = side.world.status(namespace, "w1")
        assert (status["restarts"], status["restartsCountTowardsMax"]) == (1, 1)
        assert {pod["metadata"]["labels"]["jobset.sigs.k8s.io/restart-attempt"] for pod in after} == {"1"}
        side.wait(
            lambda: side.conditions(namespace, "w1")[RESTARTING] == ("False", "JobsReady"),
            "the restart is over",
        )


def test_evictions_restart_all_and_are_free(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace, max_restarts=1)):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        for times in (1, 2):
            side.evict(pods[times])
            pods = side.world.wait_running(namespace, "w1", HOSTS, old=pods)
            status = side.world.status(namespace, "w1")
            assert (status["restarts"], status.get("restartsCountTowardsMax", 0)) == (times, 0)


def test_exit_codes_that_restart_and_one_that_does_not(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace, max_restarts=5, codes="7")):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        side.evict(pods[1])
        pods = side.world.wait_running(namespace, "w1", HOSTS, old=pods)
        assert side.world.status(namespace, "w1").get("restartsCountTowardsMax", 0) == 0
        side.exit(pods[0], 7)
        pods = side.world.wait_running(namespace, "w1", HOSTS, old=pods)
        assert side.world.status(namespace, "w1")["restartsCountTowardsMax"] == 1
        side.exit(pods[0], 3)
        failed = side.world.wait_condition(namespace, "w1", "Failed")
        assert failed["reason"] == "FailJobSetFailurePolicyAction"
        assert failed["message"].startswith(
            "applying FailJobSet failure policy action (first failed job: w1-"
        )
        assert side.world.status(namespace, "w1")["restarts"] == 2


def test_the_budget_is_spent(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace, max_restarts=1)):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        side.exit(pods[0], 1)
        pods = side.world.wait_running(namespace, "w1", HOSTS, old=pods)
        side.exit(pods[0], 1)
        failed = side.world.wait_condition(namespace, "w1", "Failed")
        assert failed["reason"] == "ReachedMaxRestarts"
        assert failed["message"].startswith(
            "jobset failed due to reaching max number of restarts (first failed job: w1-slice-job-"
        )
        assert side.world.status(namespace, "w1")["terminalState"] == "Failed"
        assert side.conditions(namespace, "w1")[RESTARTING] == ("False", "JobSetFailed")
        side.wait(lambda: side.workload_is(namespace, "w1", "Finished"), "Kueue saw it")
        assert _finished(side, namespace) == ("Failed", failed["message"])


def test_done(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        for pod in side.world.wait_running(namespace, "w1", HOSTS):
            side.exit(pod, 0)
        done = side.world.wait_condition(namespace, "w1", "Completed")
        assert (done["reason"], done["message"]) == ("AllJobsCompleted", "jobset completed successfully")
        status = side.world.status(namespace, "w1")
        assert (status["terminalState"], status.get("restarts", 0)) == ("Completed", 0)
        assert RESTARTING not in side.conditions(namespace, "w1")
        side.wait(lambda: side.workload_is(namespace, "w1", "Finished"), "Kueue saw it")
        assert _finished(side, namespace) == ("Succeeded", "jobset completed successfully")


def test_done_after_a_restart(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        pods = side.world.wait_running(namespace, "w1", HOSTS)
        side.exit(pods[0], 1)
        for pod in side.world.wait_running(namespace, "w1", HOSTS, old=pods):
            side.exit(pod, 0)
        side.world.wait_condition(namespace, "w1", "Completed")
        assert side.conditions(namespace, "w1")[RESTARTING] == ("False", "JobSetCompleted")


def test_a_lost_host_is_a_free_restart(side: Side, namespace: str) -> None:
    """The real garbage collector of pods waits 40 seconds for a node to come back."""
    with side.world.running(make_jobset(namespace)):
        before = side.world.wait_running(namespace, "w1", HOSTS)
        lost = before[5]["spec"]["nodeName"]
        side.lose_host(lost)
        side.wait(lambda: side.world.status(namespace, "w1").get("restarts", 0) == 1, "a restart", 120.0)
        side.return_host(lost)
        side.world.wait_running(namespace, "w1", HOSTS, old=before)
        assert side.world.status(namespace, "w1").get("restartsCountTowardsMax", 0) == 0


def test_deletion_leaves_nothing(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        side.world.wait_running(namespace, "w1", HOSTS)
        assert len(side.kube.list(JOBS.format(namespace))) == 2
    assert side.kube.list(JOBS.format(namespace)) == []
    assert side.kube.list(PODS.format(namespace)) == []
    assert side.kube.get(f"/api/v1/namespaces/{namespace}/services/w1") is None
    side.wait(lambda: side.kube.list(WORKLOADS.format(namespace)) == [], "no Workload")


def _row(side: Side, namespace: str) -> dict[str, object]:
    rows = side.world.status(namespace, "w1").get("replicatedJobsStatus", [{"ready": 0}])
    return dict(rows[0])


def _finished(side: Side, namespace: str) -> tuple[str, str]:
    status = side.world.workload(namespace, "w1")["status"]
    (found,) = true_conditions(status, "Finished")
    return found["reason"], found["message"]
