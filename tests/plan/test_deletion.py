"""What deleting removes, by name, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from xpk.errors import StateError
from xpk.plan.deletion import plan_cluster_delete, plan_workload_delete
from xpk.plan.observed import Observed
from xpk.plan.steps import GrantBucketRole, Json, RevokeBucketRole
from xpk.plan.text import text
from xpk.spec.cluster import ClusterSpec, Place

MakeSpec = Callable[..., ClusterSpec]
Applied = Callable[[ClusterSpec], Observed]
PLACE = Place("p1", "us-east5")


@pytest.fixture
def there(spec: MakeSpec, applied: Applied) -> Observed:
    observed = applied(spec())
    assert observed.bucket is not None
    record = next(ref for ref in observed.objects if ref.name == "mtc-1-metadata-configmap")
    objects = dict(observed.objects)
    objects[record] = {"data": {"mtc_bucket": "b1", "mtc_grant": "made"}}
    return replace(
        observed, objects=objects, buckets={"b1": observed.bucket}, running={"mtc-1-np-0": ("w1",)}
    )


def test_all_that_goes_is_named(there: Observed, golden: Callable[[str, str], None]) -> None:
    plan = plan_cluster_delete(PLACE, "mtc-1", there)
    assert [p.id for p in plan.steps] == ["revoke/b1", "delete/mtc-1"]
    golden("cluster/delete.txt", text(plan))


def test_a_grant_that_was_there_before_stays(there: Observed) -> None:
    record = next(ref for ref in there.objects if ref.name == "mtc-1-metadata-configmap")
    objects = dict(there.objects) | {record: {"data": {"mtc_bucket": "b1", "mtc_grant": "found"}}}
    plan = plan_cluster_delete(PLACE, "mtc-1", replace(there, objects=objects))
    assert [p.id for p in plan.steps] == ["delete/mtc-1"]
    assert any("was there before" in note for note in plan.notes)


def test_a_grant_that_another_cluster_uses_stays(there: Observed) -> None:
    plan = plan_cluster_delete(PLACE, "mtc-1", replace(there, other_clusters=("mtc-2",)))
    assert [p.id for p in plan.steps] == ["delete/mtc-1"]
    assert any("mtc-2" in note for note in plan.notes)


def test_grants_on_former_buckets_are_taken_back_too(there: Observed) -> None:
    record = next(ref for ref in there.objects if ref.name == "mtc-1-metadata-configmap")
    data = {"mtc_bucket": "b1", "mtc_grant": "made", "mtc_former_grants": "b0,gone"}
    state = there.buckets["b1"]
    found = replace(
        there,
        objects={record: {"data": data}},
        buckets={"b1": state, "b0": replace(state, name="b0"), "gone": replace(state, bindings=())},
    )
    plan = plan_cluster_delete(PLACE, "mtc-1", found)
    assert [p.id for p in plan.steps] == ["revoke/b0", "revoke/b1", "delete/mtc-1"]


def test_a_grant_that_somebody_may_be_about_to_make_is_looked_for_after_the_cluster(there: Observed) -> None:
    state = replace(there.buckets["b1"], bindings=())
    plan = plan_cluster_delete(PLACE, "mtc-1", replace(there, buckets={"b1": state}))
    assert [(p.id, p.needs) for p in plan.steps] == [("delete/mtc-1", ()), ("revoke/b1", ("delete/mtc-1",))]
    assert isinstance(plan.steps[1].step, RevokeBucketRole)
    assert plan.steps[1].step.last
    assert any("once more" in note for note in plan.notes)
    others = replace(there, buckets={"b1": state}, other_clusters=("mtc-2",))
    assert [p.id for p in plan_cluster_delete(PLACE, "mtc-1", others).steps] == ["delete/mtc-1"]
    no_bucket = replace(there, buckets={"b1": replace(state, metadata=None)})
    assert [p.id for p in plan_cluster_delete(PLACE, "mtc-1", no_bucket).steps] == ["delete/mtc-1"]


def test_the_policy_is_written_whole(there: Observed) -> None:
    """Who carries out the printed request by hand must not take away what others have."""
    role, members = there.buckets["b1"].bindings[0]
    other = {"role": role, "members": ["user:a@example.com"], "condition": {"expression": "true"}}
    policy = {"etag": "CAE=", "bindings": [{"role": role, "members": ["user:b", *members]}, other]}
    found = replace(there, buckets={"b1": replace(there.buckets["b1"], policy=policy)})
    revoke = plan_cluster_delete(PLACE, "mtc-1", found).steps[0].step
    assert isinstance(revoke, RevokeBucketRole)
    kept = [{"role": role, "members": ["user:b"]}, other]
    assert revoke.request.body == {"etag": "CAE=", "bindings": kept}
    grant = GrantBucketRole("b1", role, members[0], policy={"etag": "CAI=", "bindings": kept})
    whole = [{"role": role, "members": ["user:b", members[0]]}, other]
    assert grant.request.body == {"etag": "CAI=", "bindings": whole}
    alone = [other, {"role": role, "members": [members[0]]}]
    assert replace(grant, policy={"bindings": [other]}).request.body == {"bindings": alone}


def test_a_cluster_whose_record_is_lost_says_so(there: Observed) -> None:
    plan = plan_cluster_delete(PLACE, "mtc-1", replace(there, objects={}, buckets={}))
    assert [p.id for p in plan.steps] == ["delete/mtc-1"]
    assert any("no record" in note for note in plan.notes)


def test_no_such_cluster() -> None:
    with pytest.raises(StateError, match="no such cluster"):
        plan_cluster_delete(PLACE, "mtc-1", Observed(live=True))


def test_workloads_say_whether_they_run(golden: Callable[[str, str], None]) -> None:
    def jobset(name: str, ended: bool) -> Json:
        conditions = [{"type": "Failed", "status": str(ended)}]
        return {"metadata": {"name": name, "namespace": "default"}, "status": {"conditions": conditions}}

    plan = plan_workload_delete("mtc-1", [jobset("b", True), jobset("a", False)])
    golden("workload/delete.txt", text(plan))
