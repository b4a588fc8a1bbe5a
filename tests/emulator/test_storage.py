"""Cloud Storage of the emulator: metadata, layout, IAM with etags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.storage.fieldmask import project

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
BUCKET = "/storage/v1/b/my-bucket"
MEMBER = "serviceAccount:driver@p.iam.gserviceaccount.com"
PRINCIPAL = (
    "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p.svc.id.goog"
    "/subject/ns/gke-managed-checkpointing/sa/gke-checkpointing-multitier-node"
)


def test_a_named_bucket_exists(call: Call) -> None:
    status, bucket = call("GET", BUCKET)
    assert (status, bucket["name"], bucket["location"], bucket["locationType"]) == (
        200,
        "my-bucket",
        "US",
        "multi-region",
    )
    assert bucket["hierarchicalNamespace"] == {"enabled": True}
    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"] is True
    layout = call("GET", f"{BUCKET}/storageLayout")[1]
    assert layout["hierarchicalNamespace"] == {"enabled": True}


def test_fields_are_chosen(call: Call) -> None:
    assert call("GET", f"{BUCKET}?fields=name,hierarchicalNamespace/enabled,none") == (
        200,
        {"name": "my-bucket", "hierarchicalNamespace": {"enabled": True}},
    )


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("", {"a": {"b": 1, "c": {"d": 2}}, "e": 3}),
        ("*", {"a": {"b": 1, "c": {"d": 2}}, "e": 3}),
        ("e", {"e": 3}),
        ("a/b, e", {"a": {"b": 1}, "e": 3}),
        ("a(b,c(d))", {"a": {"b": 1, "c": {"d": 2}}}),
        ("a.c.d", {"a": {"c": {"d": 2}}}),
        ("a/b,a/c", {"a": {"b": 1, "c": {"d": 2}}}),
        ("x,y/z", {}),
    ],
)
def test_field_masks(mask: str, kept: Json) -> None:
    assert project({"a": {"b": 1, "c": {"d": 2}}, "e": 3}, mask) == kept


def test_a_workload_identity_pool_comes_with_the_first_cluster(call: Call) -> None:
    """As in a new project: IAM knows no principal of a pool that no cluster has made."""
    binding = {"role": "roles/storage.objectUser", "members": [PRINCIPAL]}
    status, body = call("PUT", f"{BUCKET}/iam", {"bindings": [binding]})
    assert (status, body["error"]["message"]) == (400, "Identity Pool does not exist (p.svc.id.goog).")
    assert call("GET", f"{BUCKET}/iam")[1]["bindings"] == []


def test_policy_is_read_modified_and_written(call: Call) -> None:
    policy = call("GET", f"{BUCKET}/iam?optionsRequestedPolicyVersion=3")[1]
    assert (policy["version"], policy["bindings"]) == (1, [])
    binding = {"role": "roles/storage.objectUser", "members": [MEMBER]}
    status, written = call("PUT", f"{BUCKET}/iam", {**policy, "bindings": [binding]})
    assert (status, written["bindings"]) == (200, [binding])
    assert written["etag"] != policy["etag"]
    assert call("GET", f"{BUCKET}/iam")[1]["bindings"] == [binding]
    status, body = call("PUT", f"{BUCKET}/iam", {**policy, "bindings": []})
    assert (status, body["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert call("GET", f"{BUCKET}/iam")[1]["bindings"] == [binding]
    assert call("PUT", f"{BUCKET}/iam", {"bindings": []})[0] == 200


def test_conditions_are_shown_to_who_asks_for_version_3(call: Call) -> None:
    condition = {"title": "t", "expression": "true"}
    binding = {"role": "roles/storage.objectUser", "members": ["user:a@example.com"], "condition": condition}
    assert call("PUT", f"{BUCKET}/iam", {"bindings": [binding]})[0] == 400
    assert call("PUT", f"{BUCKET}/iam", {"version": 3, "bindings": [binding]})[0] == 200
    assert "condition" not in call("GET", f"{BUCKET}/iam")[1]["bindings"][0]
    policy = call("GET", f"{BUCKET}/iam?optionsRequestedPolicyVersion=3")[1]
    assert (policy["version"], policy["bindings"]) == (3, [binding])


@pytest.mark.parametrize(
    "policy",
    [
        {"bindings": "x"},
        {"bindings": [{"role": "storage.objectUser", "members": [MEMBER]}]},
        {"bindings": [{"role": "roles/storage.objectUser", "members": ["nobody"]}]},
        {"bindings": [{"role": "roles/storage.objectUser", "members": MEMBER}]},
        {"bindings": [{"role": "roles/storage.objectUser", "members": [MEMBER], "more": 1}]},
        {"bindings": [], "more": 1},
        {"bindings": [], "version": 2},
        {"bindings": [], "version": "x"},
        {"bindings": [], "version": None},
    ],
)
def test_refused_policies(call: Call, policy: Json) -> None:
    assert call("PUT", f"{BUCKET}/iam", policy)[0] == 400
    assert call("GET", f"{BUCKET}/iam")[1]["bindings"] == []


@pytest.mark.parametrize("name", ["a_", "Upper", "a" * 64, "-a-", "a b"])
def test_impossible_names(call: Call, name: str) -> None:
    status, body = call("GET", "/storage/v1/b/" + name.replace(" ", "%20"))
    assert (status, body["error"]["errors"][0]["reason"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{BUCKET}/iam/testPermissions"),
        ("GET", "/storage/v1/b"),
        ("POST", "/storage/v1/b"),
        ("DELETE", BUCKET),
        ("GET", f"{BUCKET}/o/file"),
    ],
)
def test_unknown_routes(call: Call, method: str, path: str) -> None:
    assert call(method, path)[0] == 501


def test_unknown_parameters(call: Call) -> None:
    assert call("GET", f"{BUCKET}?verbose=1")[0] == 400
    assert call("GET", f"{BUCKET}/iam?optionsRequestedPolicyVersion=9")[0] == 400


def test_faults_of_buckets(call: Call) -> None:
    def fault(**fields: str) -> None:
        assert call("POST", "/_emulator/faults", fields)[0] == 200

    fault(world="bucket-flat", bucket="my-bucket")
    fault(world="bucket-location", bucket="my-bucket", location="us-east5")
    bucket = call("GET", BUCKET)[1]
    assert "hierarchicalNamespace" not in bucket
    assert (bucket["location"], bucket["locationType"]) == ("US-EAST5", "region")
    assert call("GET", f"{BUCKET}/storageLayout")[1]["hierarchicalNamespace"] == {"enabled": False}
    fault(world="bucket-missing", bucket="my-bucket")
    for path in (BUCKET, f"{BUCKET}/iam", f"{BUCKET}/storageLayout"):
        status, body = call("GET", path)
        assert (status, body["error"]["errors"][0]["reason"]) == (404, "notFound")
    assert call("GET", "/storage/v1/b/other-bucket")[0] == 200
    assert call("DELETE", "/_emulator/faults")[0] == 200
    healed = call("GET", BUCKET)[1]
    assert (healed["location"], healed["hierarchicalNamespace"]) == ("US", {"enabled": True})
