"""A workload from its creation over a lost host to its end, as list, describe and wait see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.engine.clusters import describe_cluster, list_clusters
from xpk.engine.observe import observe_workload
from xpk.engine.status import State, WorkloadStatus
from xpk.engine.waiting import wait_for_workload
from xpk.engine.workload_description import describe_workload
from xpk.engine.workloads import connect, find_workloads, list_workloads, parse_filter
from xpk.errors import Interrupted, StateError, UsageError
from xpk.plan.deletion import plan_workload_delete
from xpk.plan.steps import Plan
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.mounts import parse_mount
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

PLACE = parse_place("my-project", "us-east5-b")


def workload(name: str = "w1", *, mtc: bool = True, restarts: int = 5, **changes: Any) -> WorkloadSpec:
    values: dict[str, Any] = {
        "name": name,
        "cluster": "c1",
        "slice_type": resolve("v6e-16"),
        "num_slices": 2,
        "image": "gcr.io/p1/trainer:1",
        "command": "python3 train.py",
        "ramdisk": Ramdisk("/ramdisk") if mtc else None,
        "restarts": RestartPolicy(max_restarts=restarts, codes=None, mtc=mtc),
    }
    return WorkloadSpec(**(values | changes))


def plan(world: Any, spec: WorkloadSpec) -> Plan:
    return plan_workload(spec, PLACE, observe_workload(world.cloud, spec, PLACE))


def start(world: Any, *specs: WorkloadSpec) -> None:
    for spec in specs:
        world.apply(plan(world, spec))


def status(world: Any, name: str = "w1") -> WorkloadStatus:
    return next(found for found in list_workloads(world.cloud, PLACE, "c1") if found.name == name)


def until(world: Any, accept: Callable[[WorkloadStatus], bool], name: str = "w1") -> WorkloadStatus:
    """Look until the emulated cluster has come so far; its controllers work in its own time."""
    end = time.monotonic() + 20
    while not accept(found := status(world, name)):
        assert time.monotonic() < end, found.words
    return found


def running(found: WorkloadStatus) -> bool:
    return found.state is State.RUNNING


def test_a_service_account_has_to_be_there(cluster: Any) -> None:
    with pytest.raises(StateError, match="no such account in namespace default"):
        plan(cluster, workload(service_account="trainer"))
    metadata = {"name": "trainer", "namespace": "default"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    connect(cluster.cloud, PLACE, "c1").apply(account)
    start(cluster, workload(service_account="trainer"))
    assert until(cluster, running).hosts_ready == 8


def test_created_running_and_then_nothing_to_do(cluster: Any) -> None:
    start(cluster, workload())
    assert plan(cluster, workload()).empty
    found = until(cluster, running)
    assert (found.slices, found.hosts, found.hosts_ready, found.restarts) == (2, 8, 8, 0)


def test_a_lost_host_restarts_it_without_using_the_budget(cluster: Any) -> None:
    start(cluster, workload())
    until(cluster, running)
    described = describe_workload(cluster.cloud, PLACE, "c1", "w1")
    assert [(s.hosts_ready, s.pool) for s in described.slices] == [(4, "c1-np-0"), (4, "c1-np-1")]
    cluster.fault(world="host-lost", cluster="c1", node=described.slices[0].nodes[0])
    found = until(cluster, lambda s: s.restarts > 0 and running(s))
    assert found.restarts_counted == 0
    assert found.words == "Running", "the restart is over"


def test_an_exit_counts_and_the_last_one_fails_it(cluster: Any) -> None:
    start(cluster, workload(mtc=False, restarts=0))
    until(cluster, running)
    name = "w1-slice-job-1-2"
    pods = cluster.cloud.kube(PLACE.cluster("c1"), {}).list("/api/v1/pods")
    (victim,) = [p["metadata"]["name"] for p in pods if p["metadata"]["name"].startswith(name)]
    cluster.fault(world="pod-exit", cluster="c1", namespace="default", pod=victim, code=3)
    outcome = wait_for_workload(cluster.cloud, PLACE, "c1", "w1", timeout=30)
    assert (outcome.result, outcome.exit_code) == ("failed", 125)
    assert "exit 3, slice 1 host 2" in outcome.status.words
    assert describe_workload(cluster.cloud, PLACE, "c1", "w1").failures[0].pod == victim


def test_waits_for_the_end_and_starts_again_afterwards(cluster: Any) -> None:
    start(cluster, workload())
    until(cluster, running)
    said: list[str] = []
    finish = {"world": "pod-finish", "cluster": "c1", "namespace": "default", "jobset": "w1", "code": 0}

    def note(found: WorkloadStatus) -> None:
        said.append(found.words)
        if len(said) == 1:
            cluster.fault(**finish)

    outcome = wait_for_workload(cluster.cloud, PLACE, "c1", "w1", timeout=30, on_progress=note)
    assert (outcome.result, outcome.exit_code) == ("succeeded", 0)
    assert said == ["Running", "Succeeded"]
    assert [s.id for s in plan(cluster, workload()).steps] == ["apply/JobSet/w1"]
    start(cluster, workload())
    until(cluster, running)


def test_a_wait_that_is_too_short_and_one_that_is_interrupted(cluster: Any) -> None:
    start(cluster, workload())
    outcome = wait_for_workload(cluster.cloud, PLACE, "c1", "w1", timeout=0.01)
    assert (outcome.result, outcome.exit_code) == ("timeout", 124)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted, match="the workload goes on"):
        wait_for_workload(cluster.cloud, PLACE, "c1", "w1", stop=stop)


def test_the_queue_by_priority_and_age(cluster: Any) -> None:
    start(cluster, workload("w1", priority="high"))
    until(cluster, running)
    start(cluster, workload("low", priority="low"), workload("w2"))
    until(cluster, lambda s: s.position is not None, "w2")
    words = {found.name: found.words for found in list_workloads(cluster.cloud, PLACE, "c1")}
    assert words["w1"] == "Running"
    assert words["w2"].startswith("Queued 1st")
    assert words["low"].startswith("Queued 2nd")
    names = {f.name for f in list_workloads(cluster.cloud, PLACE, "c1", parse_filter("QUEUED"))}
    assert names == {"w2", "low"}
    assert [f.name for f in list_workloads(cluster.cloud, PLACE, "c1", parse_filter("RUNNING", "^w"))] == [
        "w1"
    ]


def test_listing_costs_the_same_for_one_and_for_many(cluster: Any) -> None:
    counts = []
    for name in ("a1", "a2", "a3"):
        start(cluster, workload(name))
        cluster.forget()
        list_workloads(cluster.cloud, PLACE, "c1")
        counts.append(len(cluster.requests()))
    assert counts == [5, 5, 5]


def test_run1_is_not_run10(cluster: Any) -> None:
    start(cluster, workload("run1"), workload("run10"))
    found = find_workloads(cluster.cloud, PLACE, "c1", parse_filter(job="^run1$"))
    deletion = plan_workload_delete("c1", [item.jobset for item in found])
    assert [s.id for s in deletion.steps] == ["delete/default/run1"]
    cluster.apply(deletion)
    assert [s.name for s in list_workloads(cluster.cloud, PLACE, "c1")] == ["run10"]


def test_a_mount_is_granted_and_read(cluster: Any) -> None:
    spec = workload(mtc=False, mounts=(parse_mount("gs://other-bucket/data=/data"),))
    assert [s.id for s in plan(cluster, spec).steps] == ["grant/other-bucket", "apply/JobSet/w1"]
    start(cluster, spec)
    assert plan(cluster, spec).empty


def test_what_is_not_there(cluster: Any) -> None:
    with pytest.raises(StateError, match="no such workload"):
        describe_workload(cluster.cloud, PLACE, "c1", "nothing")
    with pytest.raises(StateError, match="no such workload"):
        wait_for_workload(cluster.cloud, PLACE, "c1", "nothing")
    with pytest.raises(StateError, match="no such cluster"):
        list_workloads(cluster.cloud, PLACE, "c2")
    with pytest.raises(UsageError, match="not a word") as caught:
        parse_filter("DONE", "(")
    assert len(caught.value.faults) == 2


def test_a_cluster_described_with_what_runs_there(cluster: Any) -> None:
    start(cluster, workload())
    until(cluster, running)
    found = describe_cluster(cluster.cloud, PLACE, "c1")
    assert [(p.name, p.slice_type, p.hosts, p.hosts_ready, p.running) for p in found.pools[:2]] == [
        ("c1-np-0", "v6e-16", 4, 4, ("w1",)),
        ("c1-np-1", "v6e-16", 4, 4, ("w1",)),
    ]
    assert (found.ramdisks[0].size, found.ramdisks[0].hosts_ready) == ("10Gi", 8)
    (usage,) = [q for q in found.queues if q.resource == "google.com/tpu"]
    assert (usage.used, usage.quota) == ("32", "32")
    assert [w.name for w in found.workloads] == ["w1"]
    (listed,) = list_clusters(cluster.cloud, "my-project", "us-east5")
    assert (listed.slices, listed.hosts, listed.mtc) == ((("v6e-16", 2),), 8, True)
    assert list_clusters(cluster.cloud, "my-project", "us-east1") == []


def test_deleting_a_cluster_names_what_runs_there(cluster: Any) -> None:
    start(cluster, workload())
    until(cluster, running)
    (delete,) = [planned.step for planned in cluster.plan_delete().steps if planned.id == "delete/c1"]
    assert "running there: w1" in delete.contents
