"""Workloads and descriptions while GKE works on the control plane, and Kubernetes answers 503."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.engine.clusters import describe_cluster, list_clusters
from xpk.engine.observe import observe_workload
from xpk.engine.settle import LOOK, Waiting
from xpk.engine.workload_description import describe_workload
from xpk.engine.workloads import find_workloads, list_workloads
from xpk.errors import NotReady, UnreachableError
from xpk.plan.deletion import plan_workload_delete
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

PLACE = parse_place("my-project", "us-east5-b")
SAID = "GKE resizes the control plane: waiting until Kubernetes answers"
WORKLOAD = WorkloadSpec(
    name="w1",
    cluster="c1",
    slice_type=resolve("v6e-16"),
    num_slices=1,
    image="gcr.io/p1/trainer:1",
    command="python3 train.py",
    restarts=RestartPolicy(max_restarts=0, codes=None, mtc=False),
)
Look = Callable[[Any, Waiting], object]
LOOKS: dict[str, Look] = {
    "workload list": lambda cloud, waiting: list_workloads(cloud, PLACE, "c1", waiting=waiting),
    "workload describe": lambda cloud, waiting: describe_workload(cloud, PLACE, "c1", "w1", waiting=waiting),
    "cluster describe": lambda cloud, waiting: describe_cluster(cloud, PLACE, "c1", waiting),
}


def create(google: Any, waiting: Waiting) -> None:
    observed = observe_workload(google.cloud, WORKLOAD, PLACE, waiting=waiting)
    google.apply(plan_workload(WORKLOAD, PLACE, observed))


def resize(google: Any, seconds: float) -> None:
    google.fault(
        world="control-plane-resize", cluster="c1", after_pools=0, seconds=seconds, away_seconds=seconds
    )


@pytest.fixture
def working(google: Any, spec: Any) -> Any:
    """A cluster on which a workload was created."""
    google.made(spec(1, ramdisk=None))
    create(google, Waiting(timing=google.timing))
    return google


def test_create_and_delete_wait_and_say_for_what(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    for action in (create, delete):
        resize(google, 600)
        begin, said = google.clock.now(), list[str]()
        action(google, Waiting(timing=google.timing, on_progress=said.append))
        assert 600 <= google.clock.now() - begin <= 700
        assert said == [SAID]
        names = [found.name for found in list_workloads(google.cloud, PLACE, "c1")]
        assert names == (["w1"] if action is create else [])


def delete(google: Any, waiting: Waiting) -> None:
    found = find_workloads(google.cloud, PLACE, "c1", waiting=waiting)
    google.apply(plan_workload_delete("c1", [one.jobset for one in found]))


def test_a_resize_while_a_workload_is_written_is_waited_for(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    observed = observe_workload(google.cloud, WORKLOAD, PLACE)
    resize(google, 600)
    begin = google.clock.now()
    google.apply(plan_workload(WORKLOAD, PLACE, observed))
    assert google.clock.now() - begin >= 600
    assert SAID in google.words()


def test_create_does_not_wait_for_ever(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    resize(google, 3600)
    begin = google.clock.now()
    with pytest.raises(NotReady, match="GKE resizes the control plane; the cluster is RECONCILING"):
        create(google, Waiting(timing=google.timing))
    assert 1800 <= google.clock.now() - begin <= 1900


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_waits_a_short_while(working: Any, look: str) -> None:
    """The clients' own repeats move the emulated time, too: hence the ample resize."""
    resize(working, 200)
    said: list[str] = []
    waiting = Waiting(timing=working.timing, on_progress=said.append, within=400)
    assert LOOKS[look](working.cloud, waiting)
    assert said == [SAID]
    working.clock.jump(200)
    resize(working, 600)
    begin = working.clock.now()
    with pytest.raises(NotReady) as caught:
        LOOKS[look](working.cloud, Waiting(timing=working.timing, within=LOOK))
    assert LOOK <= working.clock.now() - begin <= 400
    (fault,) = caught.value.faults
    assert (caught.value.exit_code, fault.what) == (6, "cluster c1")
    assert fault.why == (
        "Kubernetes was not ready in time: GKE resizes the control plane; the cluster is RECONCILING"
    )


@pytest.mark.parametrize("look", LOOKS)
def test_no_answer_without_a_reason_is_told_at_once(working: Any, look: str) -> None:
    working.fault(match={"method": "GET", "path": "/kubernetes/"}, times=10_000, status=503)
    said: list[str] = []
    with pytest.raises(UnreachableError, match="503"):
        LOOKS[look](working.cloud, Waiting(timing=working.timing, on_progress=said.append, within=LOOK))
    assert said == []


def test_the_list_of_clusters_needs_no_kubernetes(working: Any) -> None:
    resize(working, 600)
    begin = working.clock.now()
    assert [one.status for one in list_clusters(working.cloud, "my-project")] == ["RECONCILING"]
    assert working.clock.now() == begin
