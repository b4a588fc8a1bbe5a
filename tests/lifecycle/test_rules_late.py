"""What GKE, its add-on and IAM do in their own time, as the engine meets it. Time is emulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.emulator.kubernetes.controllers import mtc
from xpk.engine.events import Event, StepDone, StepStarted
from xpk.engine.observe import Waiting, observe_cluster, observe_workload
from xpk.errors import CloudError, NotReady
from xpk.plan.cluster import plan_cluster
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.mounts import parse_mount
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

PLACE = parse_place("my-project", "us-east5-b")
CLUSTER = PLACE.cluster("c1")


# control plane


@pytest.mark.parametrize("away", [None, 250])
def test_a_resize_in_the_middle_of_pool_creation(google_with: Any, spec: Any, away: float | None) -> None:
    with google_with(3) as google:
        extra = {} if away is None else {"away_seconds": away}
        google.fault(world="control-plane-resize", cluster="c1", after_pools=2, seconds=300, **extra)
        begin = google.clock.now()
        google.create(spec(6))
        took = google.clock.now() - begin
        (resize,) = google.operations("RESIZE_CLUSTER")
        assert 0 < len(google.refusals(400)) <= 100
        (cluster,), (pool, *_) = google.operations("CREATE_CLUSTER"), google.operations("CREATE_NODE_POOL")
        assert took <= 1.1 * (cluster.seconds + 2 * pool.seconds + resize.seconds) + 30
        assert google.plan(spec(6)).empty


def test_kubernetes_does_not_answer_for_minutes_while_objects_are_written(google: Any, spec: Any) -> None:
    plan = google.plan(spec(2))

    def resize(event: Event) -> None:
        if event == StepStarted("install/kueue"):
            google.fault(
                world="control-plane-resize", cluster="c1", after_pools=0, seconds=600, away_seconds=600
            )

    google.apply(plan, resize)
    assert "GKE resizes the control plane: waiting until Kubernetes answers" in google.words()
    lost = [r for r in google.requests if r["path"].startswith("/kubernetes") and r["status"] == 503]
    assert 5 <= len(lost) <= 2000
    assert google.plan(spec(2)).empty


def test_a_plan_is_made_after_the_resize(google: Any, spec: Any) -> None:
    google.made(spec(1))
    google.fault(world="control-plane-resize", cluster="c1", after_pools=0, seconds=600, away_seconds=600)
    begin = google.clock.now()
    said: list[str] = []
    waiting = Waiting(timing=google.timing, on_progress=said.append)
    observed = observe_cluster(google.cloud, spec(1), waiting)
    assert google.clock.now() - begin >= 600
    assert said == ["GKE resizes the control plane: waiting until Kubernetes answers"]
    assert plan_cluster(spec(1), observed).empty


def test_kubernetes_that_does_not_answer_for_no_reason_is_an_error(google: Any, spec: Any) -> None:
    plan = google.plan(spec(1))
    fault = {"match": {"method": "PATCH", "path": "/kubernetes/"}, "times": 10_000, "status": 503}
    google.fault(**fault)
    with pytest.raises(CloudError, match="503"):
        google.apply(plan)


def test_an_update_without_an_answer_is_not_taken_for_what_gke_does_itself(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    plan = google.plan(spec(1))
    google.fault(world="control-plane-resize", cluster="c1", after_pools=0, seconds=300)
    google.fault(match={"method": "PUT", "path": "/clusters/c1$"}, drop=True)
    google.apply(plan)
    assert google.plan(spec(1)).empty


# updates


def test_add_ons_and_the_workload_pool_are_changed_one_after_the_other(google: Any, spec: Any) -> None:
    google.made(spec(1, ramdisk=None))
    google.requests.clear()
    google.create(spec(1))
    updates = [r for r in google.requests if r["method"] == "PUT" and r["path"] == f"/v1/{CLUSTER}"]
    fields = [list(r["body"]["update"]) for r in updates if r["status"] == 200]
    assert fields == [["desiredWorkloadIdentityConfig"], ["desiredAddonsConfig"]]
    addons = updates[-1]["body"]["update"]["desiredAddonsConfig"]
    assert {name for name, value in addons.items() if value.get("enabled")} == {
        "gcsFuseCsiDriverConfig",
        "highScaleCheckpointingConfig",
    }
    assert not [r for r in updates if r["status"] == 400 and "requires" in str(r)]
    assert google.plan(spec(1)).empty


# the checkpointing add-on


def test_an_edit_of_the_configuration_is_ignored_and_so_it_is_made_anew(google: Any, spec: Any) -> None:
    google.made(spec(2))
    kube = google.cloud.kube(CLUSTER, {})
    path = "/apis/checkpointing.gke.io/v1/checkpointconfigurations/my-checkpointconfiguration"
    before = kube.get(path)
    google.create(spec(2, ramdisk="20Gi"))
    after = kube.get(path)
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert after["spec"]["inMemoryVolumeSize"] == "20Gi"
    (driver,) = kube.list("/apis/apps/v1/namespaces/gke-managed-checkpointing/daemonsets")
    assert driver["metadata"]["name"] == f"multitier-driver-{after['metadata']['uid']}"
    assert driver["status"]["numberReady"] == 8
    assert "waiting until it is gone" in google.words("CheckpointConfiguration"), "its finalizer holds it"


@pytest.mark.parametrize("seconds", [30.0, 900.0])
def test_the_kind_appears_some_time_after_the_operation_is_done(
    google: Any, spec: Any, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(mtc, "INSTALL_SECONDS", seconds)
    google.create(spec(1))
    ended = google.ended()
    (cluster,) = google.operations("CREATE_CLUSTER")
    assert ended["wait/mtc-crd"] >= cluster.ends + seconds
    assert "not installed yet" in google.words("wait/mtc-crd")
    assert google.plan(spec(1)).empty


# IAM


def late_after_the_cluster(google: Any, seconds: float) -> Callable[[Event], None]:
    """IAM knows the project's identity pool, and is late with all that it is told from now on."""

    def listen(event: Event) -> None:
        if isinstance(event, StepDone) and event.step_id == "cluster/c1":
            google.fault(world="iam-late", seconds=seconds)

    return listen


@pytest.mark.parametrize("seconds", [420.0, 1200.0])
def test_a_grant_that_takes_effect_late_is_waited_for(google: Any, spec: Any, seconds: float) -> None:
    google.apply(google.plan(spec(2)), late_after_the_cluster(google, seconds))
    ended = google.ended()
    granted = ended["grant/my-bucket"]
    assert granted + seconds <= ended["wait/driver"] <= granted + seconds + 50
    assert "0 of 8 hosts ready" in google.words("wait/driver")
    assert google.plan(spec(2)).empty


def test_a_grant_that_does_not_take_effect_is_named_in_the_end(google: Any, spec: Any) -> None:
    plan = google.plan(spec(1))
    with pytest.raises(NotReady) as caught:
        google.apply(plan, late_after_the_cluster(google, 3600.0))
    fault = caught.value.faults[0]
    assert "0 of 4 hosts ready after 30 minutes" in fault.why
    assert "Permission 'storage.objects.create' denied" in fault.why
    google.clock.jump(1800)
    google.create(spec(1))
    assert google.plan(spec(1)).empty


def test_iam_does_not_know_the_workload_identity_pool_yet(google: Any, spec: Any) -> None:
    google.fault(world="iam-late", seconds=300)
    google.create(spec(1))
    policies = Counter(r["status"] for r in google.requests if r["method"] == "PUT" and "/iam" in r["path"])
    assert policies[400] > 0
    assert policies[200] == 1
    assert "waiting until IAM knows the project's workload identity pool" in google.words("grant/")
    assert google.plan(spec(1)).empty


def test_a_workload_starts_when_its_own_grant_takes_effect(google: Any, spec: Any) -> None:
    google.made(spec(1))
    google.fault(world="iam-late", seconds=420)
    workload = WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=resolve("v6e-16"),
        num_slices=1,
        image="gcr.io/p1/trainer:1",
        command="python3 train.py",
        mounts=(parse_mount("gs://data/in=/data"),),
        restarts=RestartPolicy(max_restarts=0, codes=None, mtc=False),
    )
    google.apply(plan_workload(workload, PLACE, observe_workload(google.cloud, workload, PLACE)))
    seen = []
    for seconds in (300.0, 200.0):
        google.clock.jump(seconds)
        pods = google.cloud.kube(CLUSTER, {}).list("/api/v1/namespaces/default/pods")
        seen.append(Counter(pod["status"]["phase"] for pod in pods))
    assert seen == [{"Pending": 4}, {"Running": 4}]
