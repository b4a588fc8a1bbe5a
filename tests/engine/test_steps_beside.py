"""Steps beside somebody else's: a name, an object or a grant that another run took, made or gave up."""

from __future__ import annotations

import pytest

from tests.engine.bench import FAULT, Bench
from xpk.cloud.errors import Ambiguous, WebhookNotReady
from xpk.engine.timing import Timing
from xpk.engine.wire import Json
from xpk.engine.workers import Workers
from xpk.errors import StateError, UnreachableError
from xpk.plan.bucket import driver_principal
from xpk.plan.steps import (
    ApplyObject,
    DeleteObject,
    GrantBucketRole,
    ObjectRef,
    ReplaceObject,
    RevokeBucketRole,
)


@pytest.fixture
def bench(timing: Timing, workers: Workers) -> Bench:
    return Bench(timing, workers)


def _jobset(spec: str, **metadata: str) -> Json:
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "w1", "annotations": {"xpk.google.com/spec-hash": spec}, **metadata},
        "spec": {},
    }


def test_a_workload_whose_answer_was_lost_is_looked_for_before_it_is_sent_again(bench: Bench) -> None:
    bench.kube.refuse = [Ambiguous(FAULT), WebhookNotReady(FAULT), Ambiguous(FAULT)]
    bench(ApplyObject(_jobset("a")))
    assert bench.kube.objects == {"/JobSet/w1": _jobset("a")}
    bench.kube.refuse = [Ambiguous(FAULT)]
    bench(ApplyObject(_jobset("a")))
    assert bench.kube.refuse == [], "it was there"
    bench.kube.objects.clear()
    bench.kube.refuse = [Ambiguous(FAULT) for _ in range(9)]
    with pytest.raises(Ambiguous):
        bench(ApplyObject(_jobset("a")))
    assert len(bench.kube.refuse) == 4, "bounded"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (_jobset("b"), "not as it is asked for here; theirs stays"),
        (_jobset("a") | {"spec": {"ttlSecondsAfterFinished": 5}}, "not as it is asked for here"),
        (_jobset("a", deletionTimestamp="now"), "is being deleted by somebody else"),
    ],
)
def test_a_name_that_went_to_another_workload(bench: Bench, found: Json, words: str) -> None:
    bench.kube.objects["/JobSet/w1"] = found
    with pytest.raises(StateError, match=words) as caught:
        bench(ApplyObject(_jobset("a")))
    assert caught.value.faults[0].what == "workload w1"
    assert bench.kube.objects["/JobSet/w1"] == found


def test_what_was_made_anew_since_it_was_looked_at_is_not_deleted(bench: Bench) -> None:
    ref = ObjectRef.of(_jobset("b"))
    bench.kube.objects["/JobSet/w1"] = _jobset("b", uid="new")
    bench(DeleteObject(ref, "stopped", uid="old"))
    with pytest.raises(StateError, match="theirs stays"):
        bench(ReplaceObject(_jobset("a"), "stopped", "old"))
    assert bench.kube.objects["/JobSet/w1"]["metadata"]["uid"] == "new"
    bench.kube.objects["/JobSet/w1"] = _jobset("b", uid="old", deletionTimestamp="now")
    bench.kube.gone_after = 2
    bench(ReplaceObject(_jobset("a"), "stopped", "old"))
    assert bench.kube.objects["/JobSet/w1"] == _jobset("a")


@pytest.mark.parametrize(
    ("cluster", "others", "words", "left"),
    [
        (None, [], "the driver's role on gs://b was taken back", []),
        ({"status": "STOPPING"}, [], "was taken back", []),
        (None, ["c2"], "keeps the driver's role: c2 may use it", ["m"]),
    ],
)
def test_a_grant_for_a_cluster_that_somebody_deleted_meanwhile(
    bench: Bench, cluster: Json | None, others: list[str], words: str, left: list[str]
) -> None:
    member = driver_principal("p", "123")
    bench.cloud.cluster = cluster
    addon = {"highScaleCheckpointingConfig": {"enabled": True}}
    bench.cloud.clusters = [{"name": n, "location": "us-east5", "addonsConfig": addon} for n in others]
    with pytest.raises(StateError, match=words):
        bench(GrantBucketRole("b", "r", member))
    assert bench.cloud.bindings == [member for _ in left]


def test_a_grant_that_cannot_be_taken_back_tells_the_command_that_does(bench: Bench) -> None:
    bench.cloud.cluster = None
    bench.cloud.removing_errors = [UnreachableError(FAULT)]
    with pytest.raises(UnreachableError) as caught:
        bench(GrantBucketRole("b", "r", driver_principal("p", "123")))
    assert "remove-iam-policy-binding gs://b" in caught.value.faults[0].fix
    bench.cloud.removing_errors = [UnreachableError(FAULT)]
    with pytest.raises(UnreachableError) as caught:
        bench(RevokeBucketRole("b", "r", "m"))
    assert caught.value.faults[0] == FAULT, "the cluster and its record are still there"


def test_a_grant_that_another_cluster_came_to_use_stays(bench: Bench) -> None:
    addon = {"highScaleCheckpointingConfig": {"enabled": True}}
    bench.cloud.clusters = [{"name": n, "location": "us-east5", "addonsConfig": addon} for n in ("c", "c2")]
    bench.cloud.bindings = ["m"]
    bench(RevokeBucketRole("b", "r", "m"))
    assert bench.cloud.bindings == ["m"]
    bench.cloud.clusters.pop()
    bench(RevokeBucketRole("b", "r", "m"))
    assert bench.cloud.bindings == []
