"""Why a queue takes nobody in: asked only where somebody waits for that."""

from __future__ import annotations

from typing import Any

from xpk.engine.queue_closed import closed_queues
from xpk.engine.wire import Json
from xpk.errors import AccessError, Fault

INACTIVE = "ClusterQueue cluster-queue is inactive"


class Cluster:
    """Answers for ClusterQueues, and counts."""

    def __init__(self, answer: Json | Exception | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def get(self, path: str) -> Json | None:
        self.asked.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def local(namespace: str = "default", stop: str = "None") -> Json:
    return {
        "metadata": {"name": "multislice-queue", "namespace": namespace},
        "spec": {"clusterQueue": "cluster-queue", "stopPolicy": stop},
    }


def waiting(reason: str = "Inadmissible", namespace: str = "default") -> Json:
    condition = {"type": "QuotaReserved", "status": "False", "reason": reason, "message": INACTIVE}
    return {
        "metadata": {"name": "jobset-w1", "namespace": namespace},
        "spec": {"queueName": "multislice-queue"},
        "status": {"conditions": [condition]},
    }


def inactive(message: str, status: str = "False") -> Json:
    return {"status": {"conditions": [{"type": "Active", "status": status, "message": message}]}}


STOPPED = inactive("Can't admit new workloads: is stopped.")
KEY = ("default", "multislice-queue")


def closed(answer: Json | Exception | None, *workloads: Json, queue: Json | None = None) -> tuple[Any, int]:
    cluster: Any = Cluster(answer)
    found = closed_queues(cluster, workloads or [waiting()], [queue or local(), local("team")])
    return found, len(cluster.asked)


def test_what_stands_on_the_cluster_queue() -> None:
    assert closed(STOPPED) == ({KEY: "cluster-queue is stopped"}, 1)
    missing = inactive("Can't admit new workloads: references missing ResourceFlavor(s): v6e-4x4.")
    assert closed(missing)[0] == {KEY: "cluster-queue references missing ResourceFlavor(s): v6e-4x4"}
    assert closed(None)[0] == {KEY: "there is no ClusterQueue cluster-queue"}


def test_a_local_queue_that_is_stopped_is_not_asked_further() -> None:
    assert closed(STOPPED, queue=local(stop="Hold")) == ({KEY: "multislice-queue is stopped"}, 0)


def test_one_look_for_all_queues_above_which_it_stands() -> None:
    found, asked = closed(STOPPED, waiting(), waiting(namespace="team"))
    assert (sorted(found), asked) == ([KEY, ("team", "multislice-queue")], 1)


def test_nobody_waits_for_that() -> None:
    assert closed(STOPPED, waiting("Pending")) == ({}, 0)


def test_opened_again_or_not_to_be_read() -> None:
    assert closed(inactive("Can admit new workloads", "True")) == ({}, 1)
    assert closed(AccessError(Fault("it", "no", "ask"))) == ({}, 1)
