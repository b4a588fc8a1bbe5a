"""The record on the cluster: which grants this program made, through all changes of the command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import BucketState, Observed
from xpk.plan.record import granted_buckets, metadata_of, recorded_buckets
from xpk.plan.steps import GrantBucketRole, ObjectRef
from xpk.spec.capacity import Reservation
from xpk.spec.cluster import ClusterSpec
from xpk.spec.mtc import MtcFlags, check_mtc

MakeSpec = Callable[..., ClusterSpec]
RECORD = ObjectRef("v1", "ConfigMap", "mtc-1-metadata-configmap", "default")


def recorded(**data: str) -> Observed:
    return Observed(live=True, objects={RECORD: {"data": data}}, project_number="1")


def on(spec: MakeSpec, bucket: str) -> ClusterSpec:
    made = spec()
    mtc = check_mtc(MtcFlags(True, "60000Mi", None, bucket, None), made.slice_type)
    return replace(made, mtc=mtc)


@pytest.mark.parametrize(
    ("old", "bucket", "grants"),
    [
        ({}, "b1", {"mtc_bucket": "b1", "mtc_grant": "made"}),
        (
            {"mtc_bucket": "b0", "mtc_grant": "made"},
            "b1",
            {"mtc_bucket": "b1", "mtc_grant": "made", "mtc_former_grants": "b0"},
        ),
        ({"mtc_bucket": "b0", "mtc_grant": "found"}, "b1", {"mtc_bucket": "b1", "mtc_grant": "made"}),
        (
            {"mtc_bucket": "b1", "mtc_grant": "made", "mtc_former_grants": "b0"},
            "b0",
            {"mtc_bucket": "b0", "mtc_grant": "made", "mtc_former_grants": "b1"},
        ),
        (
            {"mtc_bucket": "b2", "mtc_grant": "found", "mtc_former_grants": "b1"},
            "b1",
            {"mtc_bucket": "b1", "mtc_grant": "made", "mtc_former_grants": ""},
        ),
    ],
)
def test_a_grant_that_we_made_is_never_forgotten(
    spec: MakeSpec, old: dict[str, str], bucket: str, grants: dict[str, str]
) -> None:
    record = metadata_of(on(spec, bucket), recorded(**old))
    assert {key: value for key, value in record.items() if key.startswith("mtc_")} == grants


def test_a_reservation_that_is_no_longer_used_is_not_named(spec: MakeSpec) -> None:
    """An apply leaves a key of Google's xpk where it is, so it is emptied, and once."""
    assert metadata_of(spec(), recorded(reservation_id="r1"))["reservation_id"] == ""
    assert "reservation_id" not in metadata_of(spec(), recorded(reservation_id=""))
    assert (
        metadata_of(spec(capacity=Reservation("r2")), recorded(reservation_id="r1"))["reservation_id"] == "r2"
    )


def test_asking_without_checkpointing_keeps_what_the_record_knows(spec: MakeSpec) -> None:
    old = {"mtc_bucket": "b1", "mtc_grant": "made", "mtc_former_grants": "b0"}
    record = metadata_of(spec(mtc=False), recorded(**old))
    assert {key: record.get(key) for key in old} == old
    assert recorded_buckets(record) == granted_buckets(record) == ["b0", "b1"]


def test_a_bucket_that_was_granted_by_somebody_else_is_only_named() -> None:
    record = {"mtc_bucket": "b1", "mtc_grant": "found"}
    assert granted_buckets(record) == []
    assert recorded_buckets(record) == ["b1"]


def test_the_grant_waits_for_the_record(spec: MakeSpec) -> None:
    """A run that is killed between the two must leave no grant that nobody knows of."""
    plan = plan_cluster(spec(), Observed(live=True, project_number="1", bucket=_bucket()))
    (grant,) = [p.step for p in plan.steps if isinstance(p.step, GrantBucketRole)]
    assert grant.after == "apply/ConfigMap/mtc-1-metadata-configmap"


def _bucket() -> BucketState:
    iam = {"uniformBucketLevelAccess": {"enabled": True}}
    return BucketState("b1", {"location": "US-EAST5", "iamConfiguration": iam}, hierarchical_namespace=True)
