"""GKE's variables of a TPU pod, from its labels."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rehearsal.agent.fakes import make_pod
from xpk.rehearsal.agent.injected import attempt, index, stand_ins
from xpk.rehearsal.agent.names import hosts_lines

Json = dict[str, Any]
TPU_CONTAINER = {"name": "c", "resources": {"limits": {"google.com/tpu": "4"}}}


def job_pod(replicas: int = 2, /, **labels: str) -> Json:
    """A pod of slice 1, host 1, as JobSet and the Job controller label it."""
    pod = make_pod(subdomain="w1")
    pod["metadata"]["labels"] = {
        "batch.kubernetes.io/job-name": "w1-slice-job-1",
        "batch.kubernetes.io/job-completion-index": "1",
        "jobset.sigs.k8s.io/jobset-name": "w1",
        "jobset.sigs.k8s.io/replicatedjob-name": "slice-job",
        "jobset.sigs.k8s.io/replicatedjob-replicas": str(replicas),
        "jobset.sigs.k8s.io/job-index": "1",
        "jobset.sigs.k8s.io/restart-attempt": "3",
        **labels,
    }
    return pod


def test_two_slices() -> None:
    assert stand_ins(job_pod(), TPU_CONTAINER, 2) == {
        "TPU_WORKER_ID": "1",
        "TPU_WORKER_HOSTNAMES": "w1-slice-job-1-0.w1,w1-slice-job-1-1.w1",
        "MEGASCALE_COORDINATOR_ADDRESS": "w1-slice-job-0-0.w1",
        "MEGASCALE_NUM_SLICES": "2",
        "MEGASCALE_SLICE_ID": "1",
    }


def test_one_slice_has_no_megascale() -> None:
    assert set(stand_ins(job_pod(1), TPU_CONTAINER, 2)) == {"TPU_WORKER_ID", "TPU_WORKER_HOSTNAMES"}


def test_a_single_host_is_its_own_only_worker() -> None:
    found = stand_ins(job_pod(1), TPU_CONTAINER, 1)
    assert found == {"TPU_WORKER_ID": "0", "TPU_WORKER_HOSTNAMES": "localhost"}


@pytest.mark.parametrize(
    ("pod", "container"),
    [
        (job_pod(), {"name": "c"}),
        (make_pod(), TPU_CONTAINER),
        (job_pod(2, **{"batch.kubernetes.io/job-completion-index": ""}), TPU_CONTAINER),
    ],
)
def test_others_get_nothing(pod: Json, container: Json) -> None:
    assert stand_ins(pod, container, 2) == {}


def test_names_of_all_pods_and_the_pods_own_aliases() -> None:
    pod = job_pod()
    pod["spec"]["hostAliases"] = [{"ip": "10.1.1.1", "hostnames": ["a", "b"]}]
    lines = hosts_lines(pod, 2, "127.0.0.1")
    assert len(lines) == 5
    assert lines[1].split() == [
        "127.0.0.1",
        "w1-slice-job-0-1.w1.ns.svc.cluster.local",
        "w1-slice-job-0-1.w1.ns.svc",
        "w1-slice-job-0-1.w1.ns",
        "w1-slice-job-0-1.w1",
    ]
    assert lines[-1] == "10.1.1.1\ta\tb"
    known = {name for line in lines for name in line.split()}
    found = stand_ins(pod, TPU_CONTAINER, 2)
    assert {found["MEGASCALE_COORDINATOR_ADDRESS"], *found["TPU_WORKER_HOSTNAMES"].split(",")} <= known
    assert hosts_lines(make_pod(), 2, "127.0.0.1") == []


def test_numbers_of_a_pod() -> None:
    assert (index(job_pod()), attempt(job_pod())) == ((1, 1), 3)
    assert (index(make_pod()), attempt(make_pod())) == ((0, 0), 0)
