"""Apply, then the plan is empty; delete, then nothing is left."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xpk.catalog.versions import JOBSET, KUEUE
from xpk.engine.apply import apply
from xpk.engine.events import Event, StepStarted
from xpk.errors import AccessError, Interrupted, QuotaError, StateError, StockoutError, UsageError
from xpk.spec.capacity import Capacity, FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import Controllers
from xpk.spec.gcloud import parse_nodepool_arguments

CAPACITIES: dict[str, Capacity] = {
    "on-demand": OnDemand(),
    "spot": Spot(),
    "flex": FlexStart(),
    "reservation": Reservation("r1"),
}


@pytest.mark.parametrize("tpu", ["v4-16", "v5litepod-16", "v5p-16", "v6e-16"])
@pytest.mark.parametrize("capacity", list(CAPACITIES))
def test_apply_then_nothing_to_do_then_delete_and_nothing_left(
    world: Any, spec: Any, tpu: str, capacity: str
) -> None:
    wanted = spec(2, tpu, capacity=CAPACITIES[capacity])
    report = world.create(wanted)
    assert not report.left
    again = world.plan(wanted)
    assert [step.id for step in again.steps] == []
    world.apply(world.plan_delete())
    left = world.objects()
    assert left["clusters"] == []
    assert left["kubernetes"] == {}
    assert "gke-checkpointing-multitier-node" not in str(left["iam"])
    with pytest.raises(StateError, match="no such cluster"):
        world.plan_delete()


def test_without_checkpointing(world: Any, spec: Any) -> None:
    wanted = spec(1, "v5litepod-8", ramdisk=None)
    world.create(wanted)
    assert world.plan(wanted).empty
    world.apply(world.plan_delete())
    assert world.objects()["clusters"] == []


def _writes(requests: list[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for request in requests:
        if request["method"] != "GET":
            pool = "nodePools" in request["path"]
            found["pool" if pool else f"{request['method']} {request['path'].partition('?')[0]}"] += 1
    return found


def test_only_the_number_of_pool_creations_grows_with_the_slices(world: Any, spec: Any) -> None:
    writes, reads = {}, {}
    for slices in (1, 5, 23):
        wanted = spec(slices)
        world.forget()
        plan = world.plan(wanted)
        reads[slices] = len(world.requests())
        world.forget()
        world.apply(plan)
        writes[slices] = _writes(world.requests())
        world.forget()
        assert world.plan(wanted).empty
        reads[slices] += 1000 * len(world.requests())
        world.apply(world.plan_delete())
    assert [writes[n].pop("pool") for n in (1, 5, 23)] == [1, 5, 23]
    for number, found in writes.items():  # what counts the slices is written with the first and the last
        for path in [path for path in found if path.endswith(("/cluster-queue", "/c1-resources-configmap"))]:
            assert 1 <= found.pop(path) <= min(number, 2)
    assert writes[1] == writes[5] == writes[23]
    assert reads[1] == reads[5] == reads[23]
    assert all(count == 1 for path, count in writes[1].items() if path.startswith("POST"))


def test_more_slices_are_added_to_a_running_cluster(world: Any, spec: Any) -> None:
    world.create(spec(1))
    plan = world.plan(spec(3))
    assert [s.id for s in plan.steps if s.id.startswith("pool/")] == ["pool/c1-np-1", "pool/c1-np-2"]
    world.apply(plan)
    assert world.plan(spec(3)).empty


def test_a_larger_ramdisk_replaces_the_configuration(world: Any, spec: Any) -> None:
    world.create(spec(1))
    plan = world.plan(spec(1, ramdisk="20Gi"))
    assert [s.id for s in plan.steps] == [
        "apply/CheckpointConfiguration/my-checkpointconfiguration",
        "wait/driver",
    ]
    world.apply(plan)
    assert world.plan(spec(1, ramdisk="20Gi")).empty


def test_checkpointing_is_added_to_a_cluster_without_it(world: Any, spec: Any) -> None:
    world.create(spec(1, ramdisk=None))
    plan = world.plan(spec(1))
    assert "update/add-ons" in [s.id for s in plan.steps]
    world.apply(plan)
    assert world.plan(spec(1)).empty


@pytest.mark.parametrize(("kind", "error"), [("stockout", StockoutError), ("quota", QuotaError)])
def test_a_slice_without_machines(
    world: Any, spec: Any, kind: str, error: type[StockoutError] | type[QuotaError]
) -> None:
    world.fault(world=kind, pool="c1-np-1")
    with pytest.raises(error) as caught:
        world.create(spec(3))
    first, *_, last = caught.value.faults
    assert first.what == "node pool c1-np-1"
    assert "GCE_" in first.why
    assert "usable: 2 of 3 slices" in last.why
    assert last.fix == "run the same command again to go on"
    names = {pool["name"]: pool["status"] for pool in world.objects()["clusters"][0]["nodePools"]}
    assert names["c1-np-0"] == names["c1-np-2"] == "RUNNING", "the others are made all the same"
    world.heal()
    plan = world.plan(spec(3))
    assert "delete/c1-np-1" in [s.id for s in plan.steps]
    world.apply(plan)
    assert world.plan(spec(3)).empty


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("path", [r"/clusters$", r"/nodePools$"])
def test_a_create_whose_answer_is_lost_is_not_repeated(world: Any, spec: Any, path: str, drop: bool) -> None:
    answer = {"drop": True} if drop else {"status": 503}
    world.fault(match={"method": "POST", "path": path}, when="after", times=1, **answer)
    world.create(spec(2, ramdisk=None))
    sent = [r["path"] for r in world.requests() if r["method"] == "POST"]
    sent = [p for p in sent if p.endswith(("/clusters", "/nodePools"))]
    assert len(sent) == 3
    assert world.plan(spec(2, ramdisk=None)).empty


def test_a_create_that_never_arrived_is_sent_again(world: Any, spec: Any) -> None:
    world.fault(match={"method": "POST", "path": "/nodePools$"}, when="before", times=2, status=503)
    world.create(spec(1, ramdisk=None))
    assert world.plan(spec(1, ramdisk=None)).empty


def test_waits_for_an_operation_of_somebody_else(world: Any, spec: Any) -> None:
    world.create(spec(1, ramdisk=None))
    name = spec().full_name
    plan = world.plan(spec(2, ramdisk=None))
    update = {"update": {"desiredAddonsConfig": {"gcpFilestoreCsiDriverConfig": {"enabled": True}}}}
    world.cloud.gke.send("PUT", f"/v1/{name}", update)
    world.apply(plan)
    assert world.plan(spec(2, ramdisk=None)).empty


@pytest.mark.parametrize("at", ["cluster/c1", "pool/c1-np-1", "install/kueue", "wait/driver"])
def test_interrupted_and_run_again(world: Any, spec: Any, at: str) -> None:
    stop = threading.Event()

    def listen(event: Event) -> None:
        if event == StepStarted(at):
            stop.set()

    plan = world.plan(spec(2))
    with pytest.raises(Interrupted) as caught:
        world.apply(plan, on_event=listen, stop=stop)
    fault = caught.value.faults[-1]
    assert "not started" in fault.why
    assert fault.fix == "run the same command again to go on"
    world.create(spec(2))
    assert world.plan(spec(2)).empty
    assert len(world.objects()["clusters"][0]["nodePools"]) == 3


def test_a_second_run_waits_for_what_the_first_left_running(world: Any, spec: Any) -> None:
    stop = threading.Event()
    created: list[Event] = []

    def listen(event: Event) -> None:
        # The first words about the cluster come from its operation: Google works on it now.
        created.append(event)
        if any(getattr(e, "words", "").endswith("%") for e in created):
            stop.set()

    with pytest.raises(Interrupted) as caught:
        world.apply(world.plan(spec(1)), on_event=listen, stop=stop)
    assert "running in the cloud anyway: cluster/c1" in caught.value.faults[-1].why
    plan = world.plan(spec(1))
    assert "cluster/c1" not in [s.id for s in plan.steps], "it was waited for, not created twice"
    world.apply(plan)
    assert world.plan(spec(1)).empty


@pytest.mark.parametrize("kind", ["bucket-missing", "bucket-flat"])
def test_a_wrong_bucket_is_noticed_before_anything_is_written(world: Any, spec: Any, kind: str) -> None:
    world.fault(world=kind, bucket="my-bucket")
    with pytest.raises(StateError, match="my-bucket"):
        world.plan(spec(1))
    assert all(request["method"] == "GET" for request in world.requests())


def test_a_bucket_whose_policy_cannot_be_read_is_said_before_and_does_not_stop_a_deletion(
    world: Any, spec: Any
) -> None:
    forbidden = {"match": {"method": "GET", "path": "/iam"}, "status": 403}
    world.fault(**forbidden, times=1)
    with pytest.raises(AccessError) as caught:
        world.plan(spec(1))
    assert caught.value.faults[0].what == "gs://my-bucket"
    assert "roles/storage.admin" in caught.value.faults[0].fix
    world.create(spec(1))
    world.fault(**forbidden, times=1)
    assert [s.id for s in world.plan_delete().steps] == ["revoke/my-bucket", "delete/c1"]


def test_the_grant_stays_while_another_cluster_may_use_it(world: Any, spec: Any) -> None:
    world.create(spec(1))
    other = spec(1, name="c2")
    apply(world.plan(other), world.cloud, other.full_name, on_event=world.events.append)
    plan = world.plan_delete()
    assert [s.id for s in plan.steps] == ["delete/c1"]
    assert any("c2" in note for note in plan.notes)


def test_a_taint_of_the_users_own_does_not_keep_the_driver_off(world: Any, spec: Any) -> None:
    taints = parse_nodepool_arguments("--node-taints=team=a:NoSchedule", "--custom-nodepool-arguments")
    plain = spec(1)
    wanted = replace(plain, mtc=replace(plain.mtc, toleration_key="team"), pool_arguments=taints)
    world.create(wanted)
    assert world.plan(wanted).empty


def test_another_bucket_leaves_no_grant_behind(world: Any, spec: Any) -> None:
    first = spec(1)
    world.create(first)
    second = replace(first, mtc=replace(first.mtc, bucket="second-bucket"))
    plan = world.plan(second)
    assert any("my-bucket is no longer used" in note for note in plan.notes)
    world.apply(plan)
    assert world.plan(second).empty
    (grant,) = [p.step for p in plan.steps if p.id == "grant/second-bucket"]
    sent = [r["body"] for r in world.requests() if r["path"].startswith("/storage/v1/b/second-bucket/iam")]
    assert grant.request.body in sent, "what is printed is what is sent"
    world.apply(world.plan_delete())
    assert "gke-checkpointing-multitier-node" not in str(world.objects()["iam"])


def test_release_files_of_the_users_own(world: Any, spec: Any, tmp_path: Path) -> None:
    data = world.cloud.fetch_release(JOBSET.path)
    (tmp_path / "jobset.yaml").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    path = str(tmp_path / "jobset.yaml")
    world.forget()
    world.create(spec(1, controllers=Controllers(jobset_manifest=path, jobset_sha256=digest)))
    fetched = [r["path"] for r in world.requests() if r["path"].startswith("/releases")]
    assert fetched == [f"/releases{KUEUE.path}"]
    with pytest.raises(UsageError, match="cannot be read"):
        world.plan(spec(1, name="c2", controllers=Controllers(kueue_manifest=str(tmp_path / "no.yaml"))))
    with pytest.raises(StateError, match="SHA-256"):
        world.plan(spec(1, name="c2", controllers=Controllers(jobset_manifest=path, jobset_sha256="0" * 64)))


def test_the_first_cluster_of_a_project_makes_the_pool_that_the_grant_needs(world: Any, spec: Any) -> None:
    message = "Identity Pool does not exist (my-project.svc.id.goog). Please check."
    body = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    world.fault(match={"method": "PUT", "path": "/iam$"}, times=2, status=400, body=body)
    world.create(spec(1))
    puts = [r["status"] for r in world.requests() if r["method"] == "PUT" and r["path"].endswith("/iam")]
    assert puts == [400, 400, 200]
    assert world.plan(spec(1)).empty


def test_a_quota_that_google_refuses_at_once_names_the_region(world: Any, spec: Any) -> None:
    message = "Insufficient regional quota to satisfy request: resource TPUS: request requires 8.0"
    body = {"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}
    world.fault(match={"method": "POST", "path": "/nodePools$"}, times=9, status=403, body=body)
    with pytest.raises(QuotaError) as caught:
        world.create(spec(9))
    assert "regions describe us-east5 --project my-project" in caught.value.faults[0].fix
    assert caught.value.faults[3].what == "6 more steps"


def test_rights_that_are_missing_are_said_once(world: Any, spec: Any) -> None:
    world.fault(match={"method": "POST", "path": "/clusters$"}, times=1, status=403)
    with pytest.raises(AccessError) as caught:
        world.create(spec(2))
    assert len(caught.value.faults) == 2
    assert "not started: grant/my-bucket, pool/c1-np-0" in caught.value.faults[1].why


@pytest.mark.parametrize("drop", [False, True])
def test_changes_and_deletions_whose_answer_is_lost(world: Any, spec: Any, drop: bool) -> None:
    answer = {"drop": True} if drop else {"status": 503}
    world.create(spec(1, ramdisk=None))
    world.fault(match={"method": "PUT", "path": "/clusters/c1$"}, when="after", times=1, **answer)
    world.create(spec(1))
    assert world.plan(spec(1)).empty
    world.fault(match={"method": "DELETE", "path": "/clusters/c1$"}, when="after", times=1, **answer)
    world.apply(world.plan_delete())
    assert world.objects()["clusters"] == []


def test_operations_that_cannot_be_read_for_a_moment(world: Any, spec: Any) -> None:
    world.fault(match={"method": "GET", "path": "/operations$"}, when="before", times=8, status=503)
    world.create(spec(1, ramdisk=None))
    assert world.plan(spec(1, ramdisk=None)).empty
