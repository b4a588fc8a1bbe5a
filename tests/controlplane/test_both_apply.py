"""Server-side apply, the same on both servers: who owns what, what a conflict says, what is written."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import make_jobset
from tests.controlplane.both_wire import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    config_map,
    container,
    containers_of,
    deployment,
    patch,
    send,
)

Json = dict[str, Any]
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def owners(item: Json) -> dict[str, Json]:
    """The fields that each manager owns."""
    return {entry["manager"]: entry["fieldsV1"] for entry in item["metadata"].get("managedFields", [])}


def test_the_same_value_from_another_manager_is_shared(side: Side, namespace: str) -> None:
    side.apply(config_map(namespace, x="1"), manager="other")
    code, found = side.apply(config_map(namespace, x="1"))
    assert code == 200
    assert owners(found) == {"xpk": {"f:data": {"f:x": {}}}, "other": {"f:data": {"f:x": {}}}}
    code, given_up = side.apply(config_map(namespace), manager="other")
    assert given_up["data"] == {"x": "1"}
    assert owners(given_up)["other"] == {"f:data": {}}


def test_the_last_owner_takes_the_field_with_it(side: Side, namespace: str) -> None:
    side.apply(config_map(namespace, x="1", y="1"), manager="other")
    side.apply(config_map(namespace, x="1"))
    side.apply(config_map(namespace), manager="other")
    assert side.apply(config_map(namespace, z="1"))[1]["data"] == {"z": "1"}


@pytest.mark.parametrize("word", ["true", "True", "1"])
def test_force_takes_the_field_over(side: Side, namespace: str, word: str) -> None:
    side.apply(config_map(namespace, x="1"), manager="other")
    code, found = side.apply(config_map(namespace, x="2"), force=word)
    assert (code, found["data"]) == (200, {"x": "2"})
    assert owners(found) == {"xpk": {"f:data": {"f:x": {}}}}


def test_a_refused_apply_changes_nothing(side: Side, namespace: str) -> None:
    _, before = side.apply(config_map(namespace, x="1"), manager="other")
    assert side.apply(config_map(namespace, x="2", y="2"))[0] == 409
    assert side.kube.get(f"{CONFIG_MAPS.format(namespace)}/c") == before


def test_a_plain_write_owns_what_it_changed_and_says_when(side: Side, namespace: str) -> None:
    side.apply(config_map(namespace, x="1", y="1"))
    path = f"{CONFIG_MAPS.format(namespace)}/c"
    patched = patch(side, path, {"data": {"x": "2"}}, fieldManager="kubectl-edit").body
    assert patched["data"] == {"x": "2", "y": "1"}
    assert owners(patched) == {"xpk": {"f:data": {"f:y": {}}}, "kubectl-edit": {"f:data": {"f:x": {}}}}
    code, refused = side.apply(config_map(namespace, x="1", y="1"))
    assert code == 409
    text = r'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: \.data\.x'
    assert re.fullmatch(text, refused["message"]), refused["message"]
    assert refused["details"]["causes"][0]["field"] == ".data.x"


def test_conflicts_with_two_managers_are_listed_by_manager(side: Side, namespace: str) -> None:
    side.apply(config_map(namespace, x="1"), manager="one")
    side.apply(config_map(namespace, y="1"), manager="two")
    code, refused = side.apply(config_map(namespace, x="2", y="2"))
    assert code == 409
    assert refused["message"] == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.x\nconflicts with "two":\n- .data.y'
    )


def test_a_create_owns_what_it_sent(side: Side, namespace: str) -> None:
    body = config_map(namespace, x="1")
    made = send(side, "POST", CONFIG_MAPS.format(namespace), body, fieldManager="maker").body
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("maker", "Update")
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:x": {}}}


def test_a_manager_without_a_name_is_named_by_its_agent(side: Side, namespace: str) -> None:
    headers = {"User-Agent": "robot/1.2 (linux)"}
    made = send(side, "POST", CONFIG_MAPS.format(namespace), config_map(namespace, x="1"), headers).body
    assert set(owners(made)) == {"robot"}


def test_containers_merge_by_name_and_their_fields_too(side: Side, namespace: str) -> None:
    side.apply(deployment(namespace, container("a", env=[{"name": "A", "value": "1"}])))
    other = deployment(namespace, {"name": "a", "env": [{"name": "B", "value": "2"}]}, container("b"))
    code, found = side.apply(other, manager="other")
    assert code == 200, found
    first, second = containers_of(found)
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert first["image"] == "example.test/i:1"


def test_the_path_of_a_conflict_in_a_list_names_the_item(side: Side, namespace: str) -> None:
    side.apply(deployment(namespace, container("a", env=[{"name": "A", "value": "1"}])), manager="other")
    changed = container("a", env=[{"name": "A", "value": "2"}]) | {"image": "example.test/i:2"}
    code, refused = side.apply(deployment(namespace, changed))
    assert code == 409
    where = '.spec.template.spec.containers[name="a"]'
    assert [cause["field"] for cause in refused["details"]["causes"]] == [
        f"{where}.image",
        f'{where}.env[name="A"].value',
    ]


def test_an_item_that_is_no_longer_applied_goes(side: Side, namespace: str) -> None:
    side.apply(deployment(namespace, container("a"), container("b")))
    _, found = side.apply(deployment(namespace, container("a")))
    assert [item["name"] for item in containers_of(found)] == ["a"]


def test_an_atomic_list_is_replaced_whole(side: Side, namespace: str) -> None:
    side.apply(deployment(namespace, container("a", args=["1", "2"])))
    _, found = side.apply(deployment(namespace, container("a", args=["3"])))
    assert containers_of(found)[0]["args"] == ["3"]
    code, refused = side.apply(deployment(namespace, container("a", args=["3", "4"])), manager="other")
    assert code == 409
    (cause,) = refused["details"]["causes"]
    assert cause["field"] == '.spec.template.spec.containers[name="a"].args'


def test_a_number_for_a_quantity_is_the_same_as_its_text(side: Side, namespace: str) -> None:
    limits = {"resources": {"limits": {"google.com/tpu": 4, "memory": "1024Mi"}}}
    _, first = side.apply(deployment(namespace, container("a", **limits)))
    kept = containers_of(first)[0]["resources"]["limits"]
    assert kept == {"google.com/tpu": "4", "memory": "1Gi"}
    _, again = side.apply(deployment(namespace, container("a", **limits)))
    assert again["metadata"]["generation"] == 1
    assert owners(again)["xpk"] == owners(first)["xpk"]


def test_status_is_not_applied_through_the_main_path(side: Side, namespace: str) -> None:
    _, found = side.apply(deployment(namespace, container("a")) | {"status": {"replicas": 7}})
    assert "f:status" not in owners(found)["xpk"]
    assert found.get("status", {}).get("replicas", 0) == 0


def test_a_dry_run_of_a_change_answers_and_stores_nothing(side: Side, namespace: str) -> None:
    assert side.apply(config_map(namespace, x="1"), dryRun="All")[0] == 201
    side.apply(config_map(namespace, x="1"))
    code, tried = side.apply(config_map(namespace, x="2"), dryRun="All")
    assert (code, tried["data"]) == (200, {"x": "2"})
    found = side.kube.get(f"{CONFIG_MAPS.format(namespace)}/c")
    assert found is not None
    assert found["data"] == {"x": "1"}


def test_generation_counts_changes_of_the_spec_only(side: Side, namespace: str) -> None:
    side.apply(deployment(namespace, container("a")))
    relabelled = deployment(namespace, container("a"))
    relabelled["metadata"]["labels"] = {"l": "1"}
    assert side.apply(relabelled)[1]["metadata"]["generation"] == 1
    changed = deployment(namespace, container("a"), minReadySeconds=2)
    assert side.apply(changed)[1]["metadata"]["generation"] == 2


def test_an_older_version_is_a_conflict(side: Side, namespace: str) -> None:
    _, old = side.apply(config_map(namespace, x="1"))
    side.apply(config_map(namespace, x="2"))
    stale = config_map(namespace, x="3")
    stale["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    code, refused = side.apply(stale)
    assert (code, refused["reason"]) == (409, "Conflict")
    assert (
        "the object has been modified; please apply your changes to the latest version" in refused["message"]
    )


def test_another_uid_is_a_conflict(side: Side, namespace: str) -> None:
    side.apply(config_map(namespace, x="1"))
    other = config_map(namespace, x="1")
    other["metadata"]["uid"] = "11111111-2222-3333-4444-555555555555"
    code, refused = side.apply(other)
    assert (code, refused["reason"]) == (422, "Invalid")
    assert refused["message"] == (
        f'ConfigMap "c" is invalid: metadata.uid: Invalid value: "{other["metadata"]["uid"]}": field is '
        "immutable"
    )


def test_who_owns_a_jobset_that_kueue_suspends(side: Side, namespace: str) -> None:
    """What the webhooks fill in belongs to whoever applied."""
    code, made = side.apply(make_jobset(namespace), dryRun="All")
    assert code == 201
    assert set(owners(made)) == {"xpk"}
    assert made["spec"]["suspend"] is True


@pytest.mark.parametrize(
    ("query", "change", "status", "words"),
    [
        ({}, {}, 422, "fieldManager: Required value: is required for apply patch"),
        ({"fieldManager": "a"}, {"kind": "Secret"}, 400, "invalid object type: /v1, Kind=Secret"),
        ({"fieldManager": "a"}, {"metadata": {"name": "d"}}, 400, "does not match the name on the"),
        (
            {"fieldManager": "a"},
            {"metadata": {"name": "c", "namespace": "x"}},
            400,
            "does not match the namespace",
        ),
        ({"fieldManager": "a", "dryRun": "Some"}, {}, 422, "dryRun"),
        ({"fieldManager": "a", "fieldValidation": "Some"}, {}, 422, "fieldValidation"),
        ({"fieldManager": "a" * 129}, {}, 422, "fieldManager: Too long"),
        ({"fieldManager": "a"}, {"metadata": {"name": "c", "managedFields": []}}, 400, "must be nil"),
        (
            {"fieldManager": "a"},
            {"metadata": {"name": "c", "managedFields": [{"manager": "b"}]}},
            400,
            "metadata.managedFields must be nil",
        ),
    ],
)
def test_requests_that_cannot_be_read(
    side: Side, namespace: str, query: dict[str, str], change: Json, status: int, words: str
) -> None:
    body = config_map(namespace, x="1") | change
    answer = send(side, "PATCH", f"{CONFIG_MAPS.format(namespace)}/c", body, APPLY, **query)
    assert answer.status == status, answer.body
    assert words in answer.body.get("message", "")


def test_the_scale_of_what_is_applied(side: Side, namespace: str) -> None:
    """A Deployment that somebody else scaled keeps its size when nobody applies one."""
    body = deployment(namespace, container("a"))
    del body["spec"]["replicas"]
    body["spec"]["paused"] = True
    side.apply(body)
    path = f"{DEPLOYMENTS.format(namespace)}/d"
    patch(side, path, {"spec": {"replicas": 0}}, fieldManager="scaler")
    assert side.apply(body)[1]["spec"]["replicas"] == 0
