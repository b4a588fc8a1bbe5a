"""JSON, merge and strategic patches, and whole replacements, the same on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_wire import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    config_map,
    container,
    containers_of,
    deployment,
    patch,
    send,
)

Json = dict[str, Any]
LIST = "/spec/template/spec/containers/0/args"
MAP = "/metadata/annotations"


@pytest.fixture(scope="module")
def target(side: Side) -> str:
    """The path of a Deployment with the list `1 2` and the map `a: x`, which dry runs leave as it is."""
    namespace = side.namespace()
    body = deployment(namespace, container("c", args=["1", "2"]))
    body["metadata"]["annotations"] = {"a": "x"}
    side.kube.apply(body)
    return f"{DEPLOYMENTS.format(namespace)}/d"


@pytest.mark.parametrize(
    ("step", "args", "annotations"),
    [
        ({"op": "add", "path": f"{LIST}/0", "value": "9"}, "9 1 2", {"a": "x"}),
        ({"op": "add", "path": f"{LIST}/2", "value": "9"}, "1 2 9", {"a": "x"}),
        ({"op": "add", "path": f"{LIST}/-", "value": "9"}, "1 2 9", {"a": "x"}),
        ({"op": "add", "path": f"{LIST}/-1", "value": "9"}, "1 2 9", {"a": "x"}),
        ({"op": "replace", "path": f"{LIST}/1", "value": "9"}, "1 9", {"a": "x"}),
        ({"op": "replace", "path": f"{LIST}/-1", "value": "9"}, "1 9", {"a": "x"}),
        ({"op": "remove", "path": f"{LIST}/0"}, "2", {"a": "x"}),
        ({"op": "remove", "path": f"{LIST}/-1"}, "1", {"a": "x"}),
        ({"op": "replace", "path": f"{MAP}/b", "value": "y"}, "1 2", {"a": "x", "b": "y"}),
        ({"op": "move", "from": f"{MAP}/a", "path": f"{MAP}/b"}, "1 2", {"b": "x"}),
        ({"op": "copy", "from": f"{MAP}/a", "path": f"{MAP}/b"}, "1 2", {"a": "x", "b": "x"}),
        ({"op": "test", "path": f"{MAP}/a", "value": "x"}, "1 2", {"a": "x"}),
        ({"op": "add", "path": f"{MAP}/a~1b", "value": "y"}, "1 2", {"a": "x", "a/b": "y"}),
    ],
)
def test_operations(side: Side, target: str, step: Json, args: str, annotations: dict[str, str]) -> None:
    answer = patch(side, target, [step], JSON_PATCH, dryRun="All")
    assert answer.status == 200, answer.body
    assert containers_of(answer.body)[0]["args"] == args.split()
    found = answer.body["metadata"]["annotations"]
    found.pop("deployment.kubernetes.io/revision", None)
    assert found == annotations


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ("remove", 400),
        ([1], 400),
        ([{"op": "remove"}], 422),
        ([{"op": "move", "path": f"{MAP}/a"}], 422),
        ([{"op": "turn", "path": f"{MAP}/a"}], 422),
        ([{"op": "add", "path": f"{LIST}/x", "value": "1"}], 422),
        ([{"op": "add", "path": f"{LIST}/3", "value": "1"}], 422),
        ([{"op": "replace", "path": f"{LIST}/2", "value": "1"}], 422),
        ([{"op": "replace", "path": f"{LIST}/-", "value": "1"}], 422),
        ([{"op": "add", "path": f"{MAP}/a/b", "value": "1"}], 422),
        ([{"op": "remove", "path": f"{MAP}/b"}], 422),
        ([{"op": "test", "path": f"{MAP}/a", "value": "y"}], 422),
        ([{"op": "remove", "path": ""}], 422),
    ],
)
def test_refusals(side: Side, target: str, steps: object, code: int) -> None:
    answer = patch(side, target, steps, JSON_PATCH, dryRun="All")
    assert answer.status == code, answer.body
    assert answer.body["reason"] == {400: "BadRequest", 422: "Invalid"}[code]


def test_a_json_patch_is_stored(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, x="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    steps = [{"op": "add", "path": "/data/y", "value": "2"}, {"op": "remove", "path": "/data/x"}]
    assert patch(side, path, steps, JSON_PATCH).status == 200
    assert (side.kube.get(path) or {})["data"] == {"y": "2"}


def test_a_merge_patch_takes_out_what_is_null(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, x="1", y="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    answer = patch(side, path, {"data": {"x": None, "z": "1"}})
    assert (answer.status, answer.body["data"]) == (200, {"y": "1", "z": "1"})
    assert patch(side, path, {"data": None}).body.get("data") is None


def test_a_merge_patch_replaces_a_list(side: Side, target: str) -> None:
    body = {"spec": {"template": {"spec": {"containers": [container("d")]}}}}
    answer = patch(side, target, body, MERGE, dryRun="All")
    assert [item["name"] for item in containers_of(answer.body)] == ["d"]


def test_a_strategic_patch_merges_a_list_by_key(side: Side, target: str) -> None:
    new = [container("d"), {"name": "c", "args": ["3"]}]
    body = {"spec": {"template": {"spec": {"containers": new}}}}
    answer = patch(side, target, body, STRATEGIC, dryRun="All")
    assert answer.status == 200, answer.body
    found = {item["name"]: item for item in containers_of(answer.body)}
    assert set(found) == {"c", "d"}
    assert found["c"]["args"] == ["3"]
    assert found["c"]["image"] == "example.test/i:1"


def test_a_strategic_patch_deletes_and_replaces_when_told(side: Side, target: str) -> None:
    gone = [container("d"), {"name": "c", "$patch": "delete"}]
    body = {"spec": {"template": {"spec": {"containers": gone}}}}
    answer = patch(side, target, body, STRATEGIC, dryRun="All")
    assert [item["name"] for item in containers_of(answer.body)] == ["d"]
    whole = [container("e"), {"$patch": "replace"}]
    body = {"spec": {"template": {"spec": {"containers": whole}}}}
    answer = patch(side, target, body, STRATEGIC, dryRun="All")
    assert [item["name"] for item in containers_of(answer.body)] == ["e"]


def test_a_custom_kind_takes_no_strategic_patch(side: Side) -> None:
    path = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/cluster-queue"
    answer = patch(side, path, {"spec": {"stopPolicy": "None"}}, STRATEGIC, dryRun="All")
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")
    assert answer.body["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


def test_a_form_that_is_none(side: Side, target: str) -> None:
    answer = patch(side, target, {}, "text/plain")
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")


def test_a_patch_of_what_is_not_there(side: Side, namespace: str) -> None:
    answer = patch(side, f"{CONFIG_MAPS.format(namespace)}/nope", {"data": {}})
    assert (answer.status, answer.body["message"]) == (404, 'configmaps "nope" not found')


def test_a_patch_that_names_an_old_version(side: Side, namespace: str) -> None:
    old = side.kube.apply(config_map(namespace, x="1"))
    side.kube.apply(config_map(namespace, x="2"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    answer = patch(side, path, {"metadata": version, "data": {"x": "3"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert answer.body["details"] == {"name": "c", "kind": "configmaps"}


def test_a_patch_cannot_rename(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, x="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    answer = patch(side, path, {"metadata": {"name": "d"}})
    assert answer.status == 400
    assert "the name of the object (d) does not match the name on the URL (c)" in answer.body["message"]


def test_the_servers_own_fields_stay(side: Side, namespace: str) -> None:
    made = side.kube.apply(config_map(namespace, x="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    spoilt = {"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 7, "labels": {"a": "b"}}
    meta = patch(side, path, {"metadata": spoilt}).body["metadata"]
    assert meta["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert meta["labels"] == {"a": "b"}


def test_a_stale_replacement_is_a_conflict(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, x="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    old = side.kube.get(path) or {}
    assert send(side, "PUT", path, {**old, "data": {"a": "1"}}).status == 200
    answer = send(side, "PUT", path, {**old, "data": {"a": "2"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert answer.body["message"] == (
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your '
        "changes to the latest version and try again"
    )


def test_a_replacement_without_a_version_wins(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, x="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    answer = send(side, "PUT", path, config_map(namespace, y="1"))
    assert (answer.status, answer.body["data"]) == (200, {"y": "1"})
    answer = send(side, "PUT", f"{CONFIG_MAPS.format(namespace)}/new", config_map(namespace, "new"))
    assert answer.status == 404


def test_status_is_a_path_of_its_own(side: Side, namespace: str) -> None:
    side.kube.apply(deployment(namespace, container("a"), paused=True))
    path = f"{DEPLOYMENTS.format(namespace)}/d"
    change = {"spec": {"replicas": 3}, "status": {"collisionCount": 3}}
    main = patch(side, path, change, fieldManager="m").body
    assert main["spec"]["replicas"] == 3
    assert "collisionCount" not in main["status"]
    below = patch(side, f"{path}/status", {**change, "spec": {"replicas": 4}}, fieldManager="m")
    assert below.status == 200, below.body
    assert (below.body["spec"]["replicas"], below.body["status"]["collisionCount"]) == (3, 3)
    (entry,) = [e for e in below.body["metadata"]["managedFields"] if "collisionCount" in str(e)]
    assert (entry["manager"], entry["subresource"]) == ("m", "status")
    assert patch(side, f"{CONFIG_MAPS.format(namespace)}/c/status", {}).status == 404
