"""The slices of a workload: which hosts are missing, and why."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.engine.slice_status import MissingHost, on_nodes, slices_of
from xpk.engine.wire import Json

HOSTS = 2


def jobset(restarts: int = 0, own: list[int] | None = None) -> Json:
    template = {"spec": {"parallelism": HOSTS, "completions": HOSTS}}
    return {
        "metadata": {"name": "w1"},
        "spec": {"replicatedJobs": [{"name": "slice-job", "replicas": 2, "template": template}]},
        "status": {
            "restarts": restarts,
            "replicatedJobsStatus": [{"name": "slice-job", "jobRestarts": own or []}],
        },
    }


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def pod(slice_: int, host: int, *, attempt: int = 0, node: str = "", made: str = "1", **changes: Any) -> Json:
    deleted = {"deletionTimestamp": "2"} if changes.pop("deleted", False) else {}
    return {
        "metadata": {
            "name": f"p-{slice_}-{host}-{made}",
            "creationTimestamp": made,
            "labels": {
                "jobset.sigs.k8s.io/job-index": str(slice_),
                "jobset.sigs.k8s.io/replicatedjob-name": "slice-job",
                "batch.kubernetes.io/job-completion-index": str(host),
                "jobset.sigs.k8s.io/restart-attempt": str(attempt),
            },
            **deleted,
        },
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": "Running", "conditions": [condition("Ready", "True")], **changes},
    }


def node(name: str, pool: str, *, ready: bool = True) -> Json:
    return {
        "metadata": {"name": name, "labels": {"cloud.google.com/gke-nodepool": pool}},
        "status": {"conditions": [condition("Ready", "True" if ready else "False")]},
    }


NODES = [node("n1", "np-0"), node("n2", "np-0"), node("n3", "np-1"), node("n4", "np-1", ready=False)]
WHOLE = [pod(0, 0, node="n1"), pod(0, 1, node="n2"), pod(1, 0, node="n3")]
NO_ROOM = condition("PodScheduled", "False", "Unschedulable", "0/4 nodes are available")


def waiting(reason: str, message: str = "") -> Json:
    return {"name": "jax-tpu", "state": {"waiting": {"reason": reason, "message": message}}}


EXIT_3 = {"name": "jax-tpu", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}
GONE = condition("DisruptionTarget", "True", "DeletionByPodGC", "PodGC: node no longer exists")

CASES: dict[str, tuple[Json | None, str]] = {
    "no pod: its leader has no place yet": (None, "slice 1 host 1, NoPod"),
    "no node takes it": (
        pod(1, 1, phase="Pending", conditions=[NO_ROOM]),
        "slice 1 host 1, Unschedulable: 0/4 nodes are available",
    ),
    "its image cannot be pulled": (
        pod(1, 1, phase="Pending", conditions=[], containerStatuses=[waiting("ErrImagePull", "no\x1b such")]),
        "slice 1 host 1, ErrImagePull: no such",
    ),
    "on its way": (pod(1, 1, phase="Pending", conditions=[]), "slice 1 host 1, Starting"),
    "on its way out": (pod(1, 1, deleted=True), "slice 1 host 1, Stopping"),
    "it exited": (
        pod(1, 1, phase="Failed", containerStatuses=[EXIT_3]),
        "slice 1 host 1, Failed: exit 3, slice 1 host 1",
    ),
    "collected": (
        pod(1, 1, phase="Failed", conditions=[GONE]),
        "slice 1 host 1, Failed: PodGC: node no longer exists",
    ),
    "its node is gone": (
        pod(1, 1, node="n9"),
        "slice 1 host 1, NodeGone: node n9 is not there any more",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_why_a_host_is_missing(case: str) -> None:
    last, words = CASES[case]
    pods = on_nodes([*WHOLE, *([last] if last else [])], NODES)
    whole, short = slices_of(jobset(), pods, NODES, alive=True)
    assert (whole.hosts_ready, whole.missing, whole.short) == (2, (), "")
    assert (short.hosts_ready, short.hosts, short.pool, short.pool_nodes) == (1, 2, "np-1", 1)
    assert [host.words for host in short.missing] == [words]
    assert short.short == "slice 1: node pool np-1 has 1 of 2 nodes ready"


def test_a_host_whose_pod_ended_well_is_not_missing_even_without_its_node() -> None:
    pods = on_nodes([*WHOLE, pod(1, 1, node="n9", phase="Succeeded")], NODES)
    assert [one.missing for one in slices_of(jobset(), pods, NODES, alive=True)] == [(), ()]


def test_of_two_pods_of_one_host_the_newer_one_counts() -> None:
    old, new = pod(1, 1, made="1", deleted=True), pod(1, 1, made="2", phase="Pending", conditions=[NO_ROOM])
    (missing,) = slices_of(jobset(), [*WHOLE, new, old], NODES, alive=True)[1].missing
    assert missing == MissingHost(1, 1, "p-1-1-2", "Unschedulable", "0/4 nodes are available")


def test_nothing_is_missing_of_a_workload_that_waits_or_has_ended() -> None:
    assert [one.missing for one in slices_of(jobset(), [], NODES, alive=False)] == [(), ()]


def test_restarts_are_those_of_all_and_those_of_the_slice() -> None:
    pods = [pod(0, 0, attempt=2, node="n1"), pod(0, 1, attempt=1, node="n2")]
    first, second = slices_of(jobset(2, [0, 1]), pods, NODES, alive=True)
    assert (first.restarts, second.restarts) == (2, 3)
    assert (first.hosts_ready, first.nodes) == (1, ("n1",)), "pods of an earlier attempt are out"
    assert (second.pool, second.pool_nodes) == ("", None)


def test_json_names_all() -> None:
    found = slices_of(jobset(), WHOLE, NODES, alive=True)[1].as_json()
    assert found == {
        "slice": 1,
        "hosts": 2,
        "hostsReady": 1,
        "restarts": 0,
        "nodePool": "np-1",
        "nodePoolReady": 1,
        "nodes": ["n3"],
        "missing": [{"host": 1, "pod": "", "reason": "NoPod", "message": ""}],
    }
