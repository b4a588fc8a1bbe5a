"""Apply, conflict, list, watch and delete, the same on the emulator and on the real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.both import JOBS, Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import make_jobset
from xpk.cloud.errors import AlreadyExists, FieldConflict
from xpk.errors import XpkError

Json = dict[str, Any]
CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"


def config_map(namespace: str, name: str = "a", *, labels: dict[str, str] | None = None, **data: str) -> Json:
    """A small object."""
    metadata: Json = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def version(item: Json) -> str:
    """The version that a change of the object changes."""
    return str(item["metadata"]["resourceVersion"])


def test_apply_creates_keeps_and_changes(side: Side, namespace: str) -> None:
    status, created = side.apply(config_map(namespace, k="1"))
    assert (status, created["data"]) == (201, {"k": "1"})
    status, same = side.apply(config_map(namespace, k="1"))
    assert (status, same) == (200, created)
    status, changed = side.apply(config_map(namespace, k="2"))
    assert (status, changed["data"]) == (200, {"k": "2"})
    assert version(changed) != version(created)
    assert changed["metadata"]["uid"] == created["metadata"]["uid"]


def test_apply_takes_out_what_it_no_longer_names(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, k="1", l="1"))
    side.kube.apply(config_map(namespace, m="1"), field_manager="other")
    assert side.kube.apply(config_map(namespace, k="1"))["data"] == {"k": "1", "m": "1"}


def test_apply_says_who_owns_what(side: Side, namespace: str) -> None:
    found = side.kube.apply(config_map(namespace, labels={"a": "b"}, k="1"))
    (entry,) = found["metadata"]["managedFields"]
    entry.pop("time")
    owned = {"f:data": {"f:k": {}}, "f:metadata": {"f:labels": {"f:a": {}}}}
    head = {"apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "xpk", "operation": "Apply"}
    assert entry == {**head, "fieldsV1": owned}


def test_a_conflict_names_fields_and_manager(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, k="1", l="1"), field_manager="other")
    with pytest.raises(FieldConflict, match=r"other owns \.data\.k") as refused:
        side.kube.apply(config_map(namespace, k="2", l="1"))
    assert (refused.value.fields, refused.value.managers) == ((".data.k",), ("other",))
    forced = side.kube.apply(config_map(namespace, k="2", l="1"), force=True)
    assert forced["data"] == {"k": "2", "l": "1"}


def test_a_conflict_on_the_wire(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, k="1", l="1"), field_manager="other")
    code, answer = side.apply(config_map(namespace, k="2", l="2"))
    assert code == 409
    causes = answer["details"]["causes"]
    assert [(c["reason"], c["field"]) for c in causes] == [
        ("FieldManagerConflict", ".data.k"),
        ("FieldManagerConflict", ".data.l"),
    ]
    assert {c["message"] for c in causes} == {'conflict with "other"'}
    assert (answer["reason"], answer["status"], answer["code"]) == ("Conflict", "Failure", 409)
    assert answer["message"] == 'Apply failed with 2 conflicts: conflicts with "other":\n- .data.k\n- .data.l'


def test_a_conflict_inside_a_jobset_names_its_list_item(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    with side.world.running(jobset):
        containers = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"]
        containers[0]["image"] = "gcr.io/p1/i:2"
        with pytest.raises(FieldConflict) as refused:
            side.kube.apply(jobset, field_manager="other")
    assert refused.value.managers == ("xpk",)
    container = (
        '.spec.replicatedJobs[name="slice-job"].template.spec.template.spec.containers[name="jax-tpu"]'
    )
    found = [field.removeprefix(container) for field in refused.value.fields]
    assert found == [".image"]


def test_a_dry_run_stores_nothing(side: Side, namespace: str) -> None:
    assert side.kube.apply(config_map(namespace, k="1"), dry_run=True)["data"] == {"k": "1"}
    assert side.kube.get(f"{CONFIG_MAPS.format(namespace)}/a") is None


def test_create_refuses_a_name_that_is_taken(side: Side, namespace: str) -> None:
    side.kube.create(config_map(namespace, k="1"))
    with pytest.raises(AlreadyExists, match='configmaps "a" already exists'):
        side.kube.create(config_map(namespace, k="2"))
    assert side.call("POST", CONFIG_MAPS.format(namespace), config_map(namespace))[0] == 409


def test_what_is_not_there(side: Side, namespace: str) -> None:
    code, answer = side.call("GET", f"{CONFIG_MAPS.format(namespace)}/nope")
    answer.pop("metadata")
    assert code == 404
    assert answer == {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "message": 'configmaps "nope" not found',
        "reason": "NotFound",
        "details": {"name": "nope", "kind": "configmaps"},
        "code": 404,
    }
    assert side.kube.get("/apis/nope.example.com/v1/nopes/x") is None
    assert side.kube.list("/apis/nope.example.com/v1/nopes") == []
    assert side.kube.delete(f"{CONFIG_MAPS.format(namespace)}/nope") is False


@pytest.mark.parametrize(
    ("labels", "fields", "names"),
    [
        ("n=1", "", "a1"),
        ("n!=1,mine", "", "a0 a2 a3 a4 b"),
        ("n in (1,3)", "", "a1 a3"),
        ("mine,!n", "", "b"),
        ("mine", "metadata.name=a2", "a2"),
        ("n notin (0,1,2,3,4),mine", "", "b"),
    ],
)
def test_lists_are_narrowed(side: Side, named: str, labels: str, fields: str, names: str) -> None:
    found = side.kube.list(CONFIG_MAPS.format(named), label_selector=labels, field_selector=fields)
    assert sorted(item["metadata"]["name"] for item in found) == names.split()


@pytest.fixture(scope="module")
def named(side: Side) -> str:
    """A namespace with five numbered objects and one without a number."""
    namespace = side.namespace()
    for number in range(5):
        side.kube.apply(config_map(namespace, f"a{number}", labels={"n": str(number), "mine": "yes"}))
    side.kube.apply(config_map(namespace, "b", labels={"mine": "yes"}))
    return namespace


def test_a_selector_that_is_none_is_refused(side: Side, namespace: str) -> None:
    code, answer = side.call("GET", CONFIG_MAPS.format(namespace), labelSelector="a in b")
    assert (code, answer["reason"]) == (400, "BadRequest")


def test_lists_come_in_pages(side: Side, named: str) -> None:
    path = CONFIG_MAPS.format(named)
    query = {"limit": "4", "labelSelector": "mine"}
    _, first = side.call("GET", path, **query)
    assert [item["metadata"]["name"] for item in first["items"]] == ["a0", "a1", "a2", "a3"]
    _, second = side.call("GET", path, **query, **{"continue": first["metadata"]["continue"]})
    assert [item["metadata"]["name"] for item in second["items"]] == ["a4", "b"]
    assert "continue" not in second["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert (second["kind"], second["apiVersion"]) == ("ConfigMapList", "v1")
    assert len(side.kube.list(path, label_selector="mine", limit=1)) == 6


def test_a_page_from_nowhere_is_refused(side: Side, namespace: str) -> None:
    code, answer = side.call("GET", CONFIG_MAPS.format(namespace), limit="1", **{"continue": "bm9uZQ"})
    assert (code, answer["reason"]) == (400, "BadRequest")


def test_a_watch_sees_all_that_happens(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    side.kube.apply(config_map(namespace, "before", k="0"))
    since = side.kube.list_versioned(path).resource_version
    events = side.kube.watch(path, resource_version=since, timeout_seconds=20)
    side.kube.apply(config_map(namespace, k="1"))
    assert _next(events, "a") == ("ADDED", "1")
    side.kube.apply(config_map(namespace, k="1"))  # no change, no event
    side.kube.apply(config_map(namespace, k="2"))
    assert _next(events, "a") == ("MODIFIED", "2")
    side.kube.delete(f"{path}/a", propagation="Background")
    assert _next(events, "a") == ("DELETED", "2")
    events.close()


def test_a_watch_goes_on_from_a_version(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    first = side.kube.apply(config_map(namespace, k="1"))
    side.kube.apply(config_map(namespace, k="2"))
    side.kube.apply(config_map(namespace, k="3"))
    events = side.kube.watch(path, resource_version=version(first), timeout_seconds=20)
    assert [_next(events, "a"), _next(events, "a")] == [("MODIFIED", "2"), ("MODIFIED", "3")]
    events.close()


def test_delete_in_the_foreground_takes_the_dependents_first(side: Side, namespace: str) -> None:
    owner = side.kube.apply(config_map(namespace, "owner"))
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    dependent = config_map(namespace, "dependent")
    dependent["metadata"]["ownerReferences"] = [reference]
    dependent["metadata"]["finalizers"] = ["test.example.com/hold"]
    side.kube.apply(dependent)
    path = CONFIG_MAPS.format(namespace)
    assert side.kube.delete(f"{path}/owner") is True
    side.wait(lambda: "deletionTimestamp" in _metadata(side, f"{path}/dependent"), "the dependent's turn")
    waiting = _metadata(side, f"{path}/owner")
    assert waiting["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in waiting
    del dependent["metadata"]["finalizers"]
    side.kube.apply(dependent)
    side.wait(lambda: side.kube.get(f"{path}/owner") is None, "the owner gone")
    assert side.kube.get(f"{path}/dependent") is None


def test_delete_as_orphan_keeps_the_dependents(side: Side, namespace: str) -> None:
    owner = side.kube.apply(config_map(namespace, "owner"))
    dependent = config_map(namespace, "dependent")
    dependent["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    ]
    side.kube.apply(dependent)
    path = CONFIG_MAPS.format(namespace)
    side.kube.delete(f"{path}/owner", propagation="Orphan")
    side.wait(lambda: side.kube.get(f"{path}/owner") is None, "the owner gone")
    assert "ownerReferences" not in _metadata(side, f"{path}/dependent")


def test_a_namespace_takes_all_with_it(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, k="1"))
    side.kube.delete(f"/api/v1/namespaces/{namespace}", propagation="Background")
    side.wait(lambda: side.kube.get(f"/api/v1/namespaces/{namespace}") is None, "the namespace gone")
    assert side.kube.list(CONFIG_MAPS.format(namespace)) == []
    with pytest.raises(XpkError, match=f'namespaces "{namespace}" not found'):
        side.kube.apply(config_map(namespace, k="1"))
    assert side.kube.list(JOBS.format(namespace)) == []


def _metadata(side: Side, path: str) -> Json:
    found: Json = (side.kube.get(path) or {"metadata": {}})["metadata"]
    return found


def _next(events: Iterator[tuple[str, Json]], name: str) -> tuple[str, str]:
    """The next event of one object (a namespace has a ConfigMap of its own)."""
    for kind, item in events:
        if item["metadata"]["name"] == name:
            return kind, item["data"]["k"]
    pytest.fail("the watch ended")
