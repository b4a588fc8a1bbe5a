"""What deleting removes, by name, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from xpk.errors import StateError
from xpk.plan.deletion import plan_cluster_delete, plan_workload_delete
from xpk.plan.observed import Observed
from xpk.plan.steps import Json
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
    assert [p.id for p in plan.steps] == ["delete/mtc-1", "revoke/b1"]
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


def test_no_such_cluster() -> None:
    with pytest.raises(StateError, match="no such cluster"):
        plan_cluster_delete(PLACE, "mtc-1", Observed(live=True))


def test_workloads_say_whether_they_run(golden: Callable[[str, str], None]) -> None:
    def jobset(name: str, ended: bool) -> Json:
        conditions = [{"type": "Failed", "status": str(ended)}]
        return {"metadata": {"name": name, "namespace": "default"}, "status": {"conditions": conditions}}

    plan = plan_workload_delete("mtc-1", [jobset("b", True), jobset("a", False)])
    golden("workload/delete.txt", text(plan))
