"""The plan of `workload create`: what would leave it waiting or without ramdisk is found first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.errors import StateError
from xpk.plan.observed import BucketState, Observed
from xpk.plan.steps import ApplyObject, GrantBucketRole, ObjectRef, Plan, ReplaceObject
from xpk.plan.text import text
from xpk.plan.workload import HASH, plan_workload
from xpk.spec.cluster import ClusterSpec, Place
from xpk.spec.mounts import parse_mount
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

MakeSpec = Callable[..., ClusterSpec]
Applied = Callable[[ClusterSpec], Observed]
PLACE = Place("p1", "us-east5", "us-east5-b")


def workload(tpu_type: str = "v6e-256", **changes: Any) -> WorkloadSpec:
    mtc = changes.pop("mtc", True)
    values: dict[str, Any] = {
        "name": "w1",
        "cluster": "mtc-1",
        "slice_type": resolve(tpu_type),
        "num_slices": 2,
        "image": "gcr.io/p1/trainer:1",
        "command": "python3 train.py",
        "ramdisk": Ramdisk("/ramdisk") if mtc else None,
        "restarts": RestartPolicy(max_restarts=50, codes=None, mtc=mtc),
    }
    return WorkloadSpec(**(values | changes))


def usable(observed: Observed) -> Observed:
    """What an API server adds to a cluster that `cluster create` has made."""
    namespace = ObjectRef("v1", "Namespace", "default")
    return replace(observed, objects=dict(observed.objects) | {namespace: {}})


@pytest.fixture
def cluster(spec: MakeSpec, applied: Applied) -> Observed:
    return usable(applied(spec()))


def jobset_of(plan: Plan) -> Any:
    (step,) = [p.step for p in plan.steps if isinstance(p.step, ApplyObject | ReplaceObject)]
    return step


def test_a_new_workload_is_one_object(cluster: Observed, golden: Callable[[str, str], None]) -> None:
    plan = plan_workload(workload(), PLACE, cluster)
    assert [p.id for p in plan.steps] == ["apply/JobSet/w1"]
    golden("workload/plan.txt", text(plan))


def test_offline_and_live_render_the_same(cluster: Observed) -> None:
    offline = plan_workload(workload(), PLACE, Observed.nothing())
    assert jobset_of(offline).manifest == jobset_of(plan_workload(workload(), PLACE, cluster)).manifest


def with_jobset(cluster: Observed, spec: WorkloadSpec, **status: Any) -> Observed:
    manifest = jobset_of(plan_workload(spec, PLACE, cluster)).manifest | {"status": status}
    return replace(cluster, objects=dict(cluster.objects) | {ObjectRef.of(manifest): manifest})


ENDED = {"conditions": [{"type": "Completed", "status": "True"}]}


def test_the_same_command_again_does_nothing(cluster: Observed) -> None:
    assert plan_workload(workload(), PLACE, with_jobset(cluster, workload())).empty


def test_one_that_is_being_deleted_is_waited_for_and_started_again(cluster: Observed) -> None:
    observed = with_jobset(cluster, workload())
    (ref, jobset) = next((r, o) for r, o in observed.objects.items() if r.kind == "JobSet")
    metadata = jobset["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    going = replace(observed, objects=dict(observed.objects) | {ref: jobset | {"metadata": metadata}})
    step = jobset_of(plan_workload(workload(), PLACE, going))
    assert isinstance(step, ReplaceObject)
    assert step.why == "is being deleted; started again when it is gone"


def test_only_the_time_that_it_stays_changes_in_place(cluster: Observed) -> None:
    plan = plan_workload(workload(ttl_seconds=60), PLACE, with_jobset(cluster, workload()))
    assert jobset_of(plan) == ApplyObject(jobset_of(plan).manifest, "ttlSecondsAfterFinished 43200 -> 60")


def test_a_changed_or_ended_workload_is_replaced_and_says_so(cluster: Observed) -> None:
    changed = plan_workload(workload(command="other"), PLACE, with_jobset(cluster, workload()))
    assert "other content, not ended" in jobset_of(changed).why
    again = plan_workload(workload(), PLACE, with_jobset(cluster, workload(), **ENDED))
    assert "has ended" in jobset_of(again).why
    assert HASH in jobset_of(again).manifest["metadata"]["annotations"]


def drop(observed: Observed, kind: str) -> Observed:
    return replace(observed, objects={r: o for r, o in observed.objects.items() if r.kind != kind})


def without_addon(observed: Observed, addon: str) -> Observed:
    cluster = dict(observed.cluster or {})
    cluster["addonsConfig"] = {k: v for k, v in cluster["addonsConfig"].items() if k != addon}
    return replace(observed, cluster=cluster)


BROKEN: list[tuple[str, dict[str, Any], Callable[[Observed], Observed], str]] = [
    ("no cluster", {}, lambda o: replace(o, cluster=None), "no such cluster"),
    ("too few slices", {"num_slices": 3}, lambda o: o, "the cluster has 2 of them"),
    ("another topology", {"tpu_type": "v6e-128"}, lambda o: o, "has none, but ct6e-standard-4t 16x16"),
    ("another family", {"tpu_type": "v5p-128"}, lambda o: o, "has none"),
    ("no add-on", {}, lambda o: without_addon(o, "highScaleCheckpointingConfig"), "no multi-tier"),
    ("no configuration", {}, lambda o: drop(o, "CheckpointConfiguration"), "no CheckpointConfiguration"),
    ("driver down", {}, lambda o: replace(o, driver={}), "ready on 0 of 0 hosts"),
    ("no queue", {}, lambda o: drop(o, "ClusterQueue"), "has no queue"),
    ("no service account", {"service_account": "trainer"}, lambda o: o, "no such account in namespace"),
    ("no priority class", {}, lambda o: drop(o, "PriorityClass"), "no such priority class"),
    ("no namespace", {"namespace": "team"}, lambda o: o, "no such namespace"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "break_it", "words"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_what_could_never_run_is_refused(
    cluster: Observed, asked: dict[str, Any], break_it: Callable[[Observed], Observed], words: str
) -> None:
    with pytest.raises(StateError) as error:
        plan_workload(workload(**asked), PLACE, break_it(cluster))
    assert any(words in fault.why for fault in error.value.faults), error.value.faults


def test_all_faults_are_told_together(cluster: Observed) -> None:
    broken = drop(drop(cluster, "PriorityClass"), "CheckpointConfiguration")
    with pytest.raises(StateError) as error:
        plan_workload(workload(num_slices=5), PLACE, broken)
    assert len(error.value.faults) == 4


def test_a_queue_with_too_few_chips_is_refused(cluster: Observed) -> None:
    objects = dict(cluster.objects)
    ref = ObjectRef("kueue.x-k8s.io/v1beta2", "ClusterQueue", "cluster-queue")
    queue = {
        "flavors": [{"name": "v6e-16x16", "resources": [{"name": "google.com/tpu", "nominalQuota": "256"}]}]
    }
    objects[ref] = {"spec": {"resourceGroups": [queue]}}
    with pytest.raises(StateError, match="needs 512 chips of 16x16, the queue holds 256"):
        plan_workload(workload(), PLACE, replace(cluster, objects=objects))


@pytest.mark.parametrize(("text", "fits"), [("1k", True), ("512", True), ("0.5k", False)])
def test_a_quota_is_read_as_kubernetes_writes_it(cluster: Observed, text: str, fits: bool) -> None:
    ref = ObjectRef("kueue.x-k8s.io/v1beta2", "ClusterQueue", "cluster-queue")
    tpus = [{"name": "google.com/tpu", "nominalQuota": text}]
    queue = {"spec": {"resourceGroups": [{"flavors": [{"name": "v6e-16x16", "resources": tpus}]}]}}
    there = replace(cluster, objects={**cluster.objects, ref: queue})
    if fits:
        assert plan_workload(workload(), PLACE, there).steps
        return
    with pytest.raises(StateError, match="the queue holds 500"):
        plan_workload(workload(), PLACE, there)


def test_a_mount_brings_the_role_that_is_missing_and_no_other(spec: MakeSpec, applied: Applied) -> None:
    cluster = replace(usable(applied(spec())), project_number="7")
    mounts = (parse_mount("gs://data=/data:ro"), parse_mount("gs://out=/out"), parse_mount("gs://data/x=/x"))
    plan = plan_workload(workload(mounts=mounts), PLACE, cluster)
    grants = [(p.step.bucket, p.step.role) for p in plan.steps if isinstance(p.step, GrantBucketRole)]
    assert grants == [("data", "roles/storage.objectUser"), ("out", "roles/storage.objectUser")]
    member = next(p.step.member for p in plan.steps if isinstance(p.step, GrantBucketRole))
    assert member.endswith("workloadIdentityPools/p1.svc.id.goog/subject/ns/default/sa/default")
    held = BucketState("data", {}, False, (("roles/storage.objectUser", (member,)),))
    plan = plan_workload(workload(mounts=mounts), PLACE, replace(cluster, buckets={"data": held}))
    assert [p.id for p in plan.steps] == ["grant/out", "apply/JobSet/w1"]


@pytest.mark.parametrize(
    ("version", "host_network"),
    [("1.33.3-gke.1226000", True), ("1.33.3-gke.1225999", False), ("1.32.9-gke.1", False)],
)
def test_mounts_and_the_hosts_network_need_a_recent_gke(
    spec: MakeSpec, applied: Applied, version: str, host_network: bool
) -> None:
    cluster = usable(applied(spec()))
    cluster = replace(cluster, cluster=(cluster.cluster or {}) | {"currentMasterVersion": version})
    plan = plan_workload(workload(mounts=(parse_mount("gs://data=/data"),)), PLACE, cluster)
    pod = jobset_of(plan).manifest["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    assert pod.get("hostNetwork", False) is host_network
    attributes = [v["csi"]["volumeAttributes"] for v in pod["volumes"] if v["name"].startswith("bucket")]
    assert [a.get("hostNetworkPodKSA") for a in attributes] == (["true"] if host_network else [None])
    assert any(version in note for note in plan.notes) is not host_network


def test_another_namespace_gets_its_queue_with_its_first_workload(cluster: Observed) -> None:
    team = ObjectRef("v1", "Namespace", "team")
    there = replace(cluster, objects=dict(cluster.objects) | {team: {}})
    plan = plan_workload(workload(namespace="team"), PLACE, there)
    assert [p.id for p in plan.steps] == ["apply/LocalQueue/multislice-queue", "apply/JobSet/w1"]
    assert plan.steps[1].needs == ("apply/LocalQueue/multislice-queue",)
