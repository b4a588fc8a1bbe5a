"""Steps against a cluster that answers as a test says: what the emulator cannot be made to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.bench import CLUSTER, FAULT, Bench
from xpk.catalog.slices import resolve
from xpk.cloud.errors import (
    FieldConflict,
    KindNotServed,
    WebhookNotReady,
)
from xpk.engine.apply import apply
from xpk.engine.events import Event
from xpk.engine.timing import Timing
from xpk.engine.wire import Json
from xpk.engine.workers import Workers
from xpk.errors import AccessError, CloudError, Fault, Interrupted, NotReady, StateError
from xpk.plan.bucket import driver_principal
from xpk.plan.steps import (
    ApplyObject,
    CreateNodePool,
    DeleteObject,
    GrantBucketRole,
    InstallRelease,
    ObjectRef,
    Plan,
    PlannedStep,
    ReplaceObject,
    WaitForCrd,
    WaitForDeployment,
    WaitForDriver,
)
from xpk.spec.capacity import OnDemand

QUEUE: Json = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "q"}}
CONFIGURATION = "/apis/checkpointing.gke.io/v1/checkpointconfigurations/cpc"


@pytest.fixture
def bench(timing: Timing, workers: Workers) -> Bench:
    return Bench(timing, workers)


def test_an_apply_waits_for_a_webhook_and_for_its_kind(bench: Bench) -> None:
    bench.kube.refuse = [KindNotServed(FAULT), WebhookNotReady(FAULT), WebhookNotReady(FAULT)]
    bench(ApplyObject(QUEUE))
    assert bench.kube.applied == [("q", False)]
    assert bench.words == ["waiting for the controller to answer"]


def test_an_apply_does_not_wait_for_ever(bench: Bench) -> None:
    bench.kube.refuse = [WebhookNotReady(FAULT)] * 10_000
    begin = bench.timing.now()
    with pytest.raises(NotReady, match="ClusterQueue q"):
        bench(ApplyObject(QUEUE))
    assert 1800 <= bench.timing.now() - begin < 1900


@pytest.mark.parametrize(
    ("why", "manager", "taken"),
    [
        ("quota 1 -> 2", "kubectl-client-side-apply", True),
        ("quota 1 -> 2", "kubectl", True),
        ("ttlSecondsAfterFinished 1 -> 2", "xpk", True),
        ("quota 1 -> 2", "terraform", False),
        ("", "kubectl", False),
    ],
)
def test_fields_of_others_are_taken_only_from_kubectl_or_our_own_and_only_as_the_plan_showed(
    bench: Bench, why: str, manager: str, taken: bool
) -> None:
    bench.kube.refuse = [FieldConflict(FAULT, managers=(manager,), fields=(".spec",))]
    if taken:
        bench(ApplyObject(QUEUE, why))
        assert bench.kube.applied == [("q", True)]
    else:
        with pytest.raises(StateError, match="ClusterQueue q"):
            bench(ApplyObject(QUEUE, why))
        assert bench.kube.applied == []


def test_a_replacement_waits_until_the_name_is_free(bench: Bench) -> None:
    bench.kube.objects[bench.kube.path_of(QUEUE)] = QUEUE
    bench.kube.gone_after = 3
    bench(ReplaceObject(QUEUE, "size"))
    assert bench.kube.applied == [("q", False)]
    assert bench.words == ["waiting until it is gone", "creating it again"]


def test_a_deletion_that_a_finalizer_holds(bench: Bench) -> None:
    marked = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["checkpointing.gke.io/target"]}
    held = {**QUEUE, "metadata": {"name": "q", **marked}}
    bench.kube.objects[bench.kube.path_of(QUEUE)] = held
    with pytest.raises(NotReady, match=r"held by checkpointing\.gke\.io/target"):
        bench(DeleteObject(ObjectRef.of(QUEUE)))


def test_deleting_what_is_not_there_is_done(bench: Bench) -> None:
    bench(DeleteObject(ObjectRef.of(QUEUE)))


def _release(*kinds: str) -> InstallRelease:
    manifests = tuple({"apiVersion": "v1", "kind": k, "metadata": {"name": k.lower()}} for k in kinds)
    return InstallRelease("JobSet", "v1", "file", "0" * 64, manifests, {}, 8)


def test_a_release_is_forced_and_its_kinds_come_first(bench: Bench) -> None:
    crd = "/CustomResourceDefinition/customresourcedefinition"
    served = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
    seen: list[int] = []

    def establish(path: str) -> None:
        seen.append(len(bench.kube.applied))
        if path == crd and len(seen) == 3:
            bench.kube.objects[crd] = served

    bench.kube.on_get = establish
    bench(_release("Deployment", "CustomResourceDefinition", "Service", "Namespace"))
    assert seen == [2, 2, 2], "nothing else is applied before the kind is served"
    assert {name for name, _ in bench.kube.applied[:2]} == {"customresourcedefinition", "namespace"}
    assert all(force for _, force in bench.kube.applied)
    assert bench.words[-1] == "4 of 4 objects"


def test_a_release_tries_again_only_what_was_kept_back(bench: Bench) -> None:
    bench.kube.refuse = [WebhookNotReady(FAULT), WebhookNotReady(FAULT)]
    bench(_release("Deployment", "Service", "Secret"))
    assert sorted(name for name, _ in bench.kube.applied) == ["deployment", "secret", "service"]


def test_a_grant_waits_for_the_identity_pool(bench: Bench) -> None:
    error = CloudError(Fault("grant", "Identity Pool does not exist (p.svc.id.goog)", "wait"))
    bench.cloud.binding_errors = [error, error, error]
    bench.kube.objects["/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x"] = {
        "status": {"conditions": [{"type": "Established", "status": "True"}]}
    }
    member = driver_principal("p", "123")
    bench(GrantBucketRole("b", "r", member, after="s1"), WaitForCrd("x"))
    assert bench.cloud.bindings == [member]


def test_a_placeholder_is_never_sent(bench: Bench) -> None:
    with pytest.raises(ValueError, match="number is not known"):
        bench(ApplyObject(QUEUE), GrantBucketRole("b", "r", driver_principal("p", None)))
    assert bench.kube.applied == [], "found before the first step"
    with pytest.raises(ValueError, match="offline"):
        apply(Plan("t", (), offline=True), bench.cloud, CLUSTER, on_event=bench.events.append)


def test_a_refused_grant_is_not_tried_again(bench: Bench) -> None:
    bench.cloud.binding_errors = [AccessError(FAULT)]
    with pytest.raises(AccessError):
        bench(GrantBucketRole("b", "r", "m"))
    assert bench.cloud.bindings == []


def test_the_cluster_is_read_once_for_all_steps(bench: Bench) -> None:
    bench(*(ApplyObject({**QUEUE, "metadata": {"name": f"q{i}"}}) for i in range(5)))
    assert bench.cloud.cluster_reads == 1


def test_a_failed_pool_speaks_in_compute_engines_words_without_its_escapes(bench: Bench) -> None:
    pool = CreateNodePool(CLUSTER, {"name": "np"}, resolve("v6e-16"), OnDemand())
    with pytest.raises(CloudError) as caught:
        bench(pool, WaitForCrd("x"), s1=("s0",))
    assert caught.value.faults[0].what == "node pool np"
    assert caught.value.faults[0].why == "The zone does not have [31m enough resources"
    assert caught.value.faults[1].why == "done: nothing; not started: s1"


def _driver(desired: int, ready: int) -> Json:
    return {
        "metadata": {"name": "multitier-driver-u"},
        "status": {"desiredNumberScheduled": desired, "numberReady": ready},
    }


def _with_driver(bench: Bench, *states: Json, events: tuple[Json, ...] = ()) -> None:
    """Each look at the configuration shows the driver's next state."""
    bench.kube.objects[CONFIGURATION] = {"metadata": {"name": "cpc", "uid": "u"}, "spec": {}}
    left = list(states)

    def look(path: str) -> None:
        if path == CONFIGURATION:
            found = left.pop(0) if len(left) > 1 else left[0] if left else None
            sets = [found] if found else []
            bench.kube.lists["/apis/apps/v1/namespaces/gke-managed-checkpointing/daemonsets"] = sets

    bench.kube.on_get = look
    bench.kube.lists["/api/v1/events"] = list(events)


def test_waits_until_the_driver_is_on_every_host(bench: Bench) -> None:
    _with_driver(bench, _driver(4, 0), _driver(8, 3), _driver(8, 7), _driver(8, 8))
    bench(WaitForDriver("cpc", 8))
    assert bench.words == [
        "0 of 8 hosts ready, 4 hosts not joined or not matched",
        "3 of 8 hosts ready",
        "7 of 8 hosts ready",
    ]


def test_a_conflict_ends_the_wait_at_once(bench: Bench) -> None:
    about = {"kind": "CheckpointConfiguration", "name": "cpc", "uid": "u"}
    _with_driver(bench, events=({"reason": "Conflict", "message": "overlaps", "involvedObject": about},))
    begin = bench.timing.now()
    with pytest.raises(StateError, match="overlaps"):
        bench(WaitForDriver("cpc", 8))
    assert bench.timing.now() - begin < 1


def test_a_selector_that_matches_nothing_is_an_end_and_says_why(bench: Bench) -> None:
    _with_driver(bench, _driver(0, 0))
    with pytest.raises(NotReady, match="matches none") as caught:
        bench(WaitForDriver("cpc", 8))
    assert "no node fits" in caught.value.faults[0].fix


def test_a_driver_that_is_late_is_not_ready(bench: Bench) -> None:
    _with_driver(bench, _driver(8, 7))
    with pytest.raises(NotReady, match="7 of 8 hosts ready after 30 minutes"):
        bench(WaitForDriver("cpc", 8))


def test_a_controller_that_does_not_come_up(bench: Bench) -> None:
    path = "/apis/apps/v1/namespaces/kueue-system/deployments/kueue"
    progressing = {"type": "Progressing", "status": "False", "message": "has timed out progressing"}
    bench.kube.objects[path] = {"metadata": {"generation": 1}, "status": {"conditions": [progressing]}}
    with pytest.raises(NotReady, match="has timed out progressing"):
        bench(WaitForDeployment("kueue-system", "kueue"))


def test_a_rollout_is_waited_for_although_the_old_pods_are_available(bench: Bench) -> None:
    path = "/apis/apps/v1/namespaces/kueue-system/deployments/kueue"
    states = [
        {"observedGeneration": 1, "updatedReplicas": 1},
        {"observedGeneration": 2, "updatedReplicas": 0},
        {"observedGeneration": 2, "updatedReplicas": 1},
    ]
    looks = 0

    def look(asked: str) -> None:
        nonlocal looks
        status: Json = {"conditions": [{"type": "Available", "status": "True"}], **states[looks]}
        bench.kube.objects[path] = {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}
        looks += 1

    bench.kube.on_get = look
    bench(WaitForDeployment("kueue-system", "kueue"))
    assert looks == 3


def test_ctrl_c_once_says_what_is_left_and_twice_leaves(bench: Bench) -> None:
    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    steps = (PlannedStep("a", ApplyObject(QUEUE)), PlannedStep("b", ApplyObject(QUEUE), ("a",)))
    options: dict[str, Any] = {"timing": bench.timing, "workers": bench.workers}
    with pytest.raises(KeyboardInterrupt):
        apply(Plan("t", steps), bench.cloud, CLUSTER, on_event=interrupt, **options)
    first = [True]

    def once(event: Event) -> None:
        if first.pop() if first else False:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="not started: a, b"):
        apply(Plan("t", steps), bench.cloud, CLUSTER, on_event=once, **options)
