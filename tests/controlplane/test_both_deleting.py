"""Deletion, the same on both servers: policies, finalizers, owners, preconditions, collections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.both import JOBS, Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset
from tests.controlplane.both_wire import CONFIG_MAPS, config_map, labelled, names_of, owned, patch, send
from tests.controlplane.world import PODS

Json = dict[str, Any]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition() -> Json:
    """A kind of our own."""
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.test.example.com"},
        "spec": {"group": "test.example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def test_a_finalizer_holds(side: Side, namespace: str) -> None:
    item = config_map(namespace, "a")
    item["metadata"]["finalizers"] = ["example.test/hold"]
    side.kube.apply(item)
    path = f"{CONFIG_MAPS.format(namespace)}/a"
    answer = send(side, "DELETE", path)
    assert (answer.status, answer.body["kind"]) == (200, "ConfigMap")
    meta = answer.body["metadata"]
    assert (meta["finalizers"], meta["deletionGracePeriodSeconds"]) == (["example.test/hold"], 0)
    assert "deletionTimestamp" in meta
    refused = patch(side, path, {"metadata": {"finalizers": ["example.test/hold", "example.test/more"]}})
    assert (refused.status, refused.body["reason"]) == (422, "Invalid")
    assert (
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"
        in (refused.body["message"])
    )
    assert patch(side, path, {"data": {"x": "1"}}).body["data"] == {"x": "1"}
    assert patch(side, path, {"metadata": {"finalizers": None}}).status == 200
    assert side.kube.get(path) is None


def test_a_deletion_says_what_it_deleted(side: Side, namespace: str) -> None:
    uid = side.kube.apply(config_map(namespace, "a"))["metadata"]["uid"]
    answer = send(side, "DELETE", f"{CONFIG_MAPS.format(namespace)}/a")
    assert answer.status == 200
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": uid},
    }


def test_preconditions(side: Side, namespace: str) -> None:
    made = side.kube.apply(config_map(namespace, "a"))["metadata"]
    path = f"{CONFIG_MAPS.format(namespace)}/a"
    refused = send(side, "DELETE", path, {"preconditions": {"uid": "other"}})
    assert (refused.status, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["message"] == (
        'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match '
        f"the UID in record ({made['uid']}). The object might have been deleted and then recreated"
    )
    refused = send(side, "DELETE", path, {"preconditions": {"resourceVersion": "1"}})
    assert refused.status == 409
    assert refused.body["message"] == (
        'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does '
        f"not match the ResourceVersion in record ({made['resourceVersion']}). The object might have been "
        "modified"
    )
    right = {"preconditions": {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}}
    done = send(side, "DELETE", path, right)
    assert (done.status, done.body["status"]) == (200, "Success")
    assert send(side, "DELETE", path).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([1], 400),
        ({"preconditions": "x"}, 400),
        ({"propagationPolicy": "Sideways"}, 422),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422),
        ({"gracePeriodSeconds": "soon"}, 400),
        ({"dryRun": ["Some"]}, 422),
    ],
)
def test_what_is_no_delete_options(side: Side, namespace: str, body: object, status: int) -> None:
    side.kube.apply(config_map(namespace, "kept"))
    path = f"{CONFIG_MAPS.format(namespace)}/kept"
    answer = send(side, "DELETE", path, body)
    assert answer.status == status, answer.body
    assert side.kube.get(path) is not None


@pytest.mark.parametrize("body", [None, {"dryRun": ["All"]}])
def test_a_dry_run_deletes_nothing(side: Side, namespace: str, body: Json | None) -> None:
    side.kube.apply(config_map(namespace, "kept"))
    path = f"{CONFIG_MAPS.format(namespace)}/kept"
    answer = send(side, "DELETE", path, body, **({} if body else {"dryRun": "All"}))
    assert (answer.status, answer.body["kind"]) == (200, "Status")
    assert side.kube.get(path) is not None


def test_a_collection(side: Side, namespace: str) -> None:
    for name in ("a", "b", "c"):
        side.kube.apply(labelled(namespace, name, x=name))
    path = CONFIG_MAPS.format(namespace)
    tried = send(side, "DELETE", path, labelSelector="x in (a,b)", dryRun="All")
    assert (tried.status, names_of(tried.body)) == (200, ["a", "b"])
    answer = send(side, "DELETE", path, labelSelector="x in (a,b)")
    assert (answer.status, answer.body["kind"]) == (200, "ConfigMapList")
    assert names_of(answer.body) == ["a", "b"]
    assert names_of(send(side, "GET", path).body) == ["c"]


def test_a_dependent_of_two_owners_stays_with_the_other(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    first, second = (side.kube.apply(config_map(namespace, name)) for name in ("first", "second"))
    dependent = owned(namespace, "dependent", first)
    dependent["metadata"]["ownerReferences"] += owned(namespace, "x", second)["metadata"]["ownerReferences"]
    side.kube.apply(dependent)
    lone = side.kube.apply(owned(namespace, "lone", first))
    side.kube.delete(f"{path}/first", propagation="Background")
    side.wait(lambda: side.kube.get(f"{path}/lone") is None, "the lone dependent gone", 120)
    assert lone["metadata"]["uid"]
    assert side.kube.get(f"{path}/dependent") is not None
    side.kube.delete(f"{path}/second", propagation="Background")
    side.wait(lambda: side.kube.get(f"{path}/dependent") is None, "the dependent gone", 120)


def test_a_dependent_whose_owner_never_was_goes(side: Side, namespace: str) -> None:
    uid = "00000000-1111-2222-3333-444444444444"
    side.kube.apply(owned(namespace, "lost", {"metadata": {"name": "never", "uid": uid}}))
    path = f"{CONFIG_MAPS.format(namespace)}/lost"
    side.wait(lambda: side.kube.get(path) is None, "the lost dependent gone", 120)


@pytest.mark.parametrize("policy", ["Foreground", "Background"])
def test_everything_below_a_jobset_goes(side: Side, namespace: str, policy: str) -> None:
    jobset = make_jobset(namespace)
    path = side.kube.path_of(side.kube.apply(jobset))
    side.world.wait_running(namespace, "w1", HOSTS)
    answer = send(side, "DELETE", path, propagationPolicy=policy).body
    if policy == "Foreground":
        assert "foregroundDeletion" in answer["metadata"]["finalizers"]
    else:
        assert (answer["kind"], answer["status"]) == ("Status", "Success")
    for collection in (JOBS, PODS):
        where = collection.format(namespace)
        side.wait(lambda where=where: not side.kube.list(where), f"{where} empty", 120)  # type: ignore[misc]
    side.wait(lambda: side.kube.get(path) is None, "the JobSet gone", 120)
    service = f"/api/v1/namespaces/{namespace}/services/w1"
    side.wait(lambda: side.kube.get(service) is None, "the Service gone", 120)


def test_orphans_of_a_jobset_stay(side: Side, namespace: str) -> None:
    """The Jobs, that is: Kueue takes one without its JobSet for a Job of nobody's and may stop its pods."""
    path = side.kube.path_of(side.kube.apply(make_jobset(namespace)))
    side.world.wait_running(namespace, "w1", HOSTS)
    before = side.kube.list(JOBS.format(namespace))
    send(side, "DELETE", path, {"propagationPolicy": "Orphan"})
    side.wait(lambda: side.kube.get(path) is None, "the JobSet gone", 120)
    jobs = side.kube.list(JOBS.format(namespace))
    for job in jobs:
        side.kube.delete(side.kube.path_of(job), propagation="Background")
    side.wait(lambda: not side.kube.list(PODS.format(namespace)), "the pods gone", 120)
    assert {job["metadata"]["uid"] for job in jobs} == {job["metadata"]["uid"] for job in before}
    assert len(jobs) == 2
    assert not any(job["metadata"].get("ownerReferences") for job in jobs)


def test_a_namespace_that_goes_takes_nothing_new(side: Side, namespace: str) -> None:
    item = config_map(namespace, "held")
    item["metadata"]["finalizers"] = ["example.test/hold"]
    side.kube.apply(item)
    path = f"/api/v1/namespaces/{namespace}"
    gone = send(side, "DELETE", path)
    assert (gone.status, gone.body["status"]["phase"]) == (200, "Terminating")
    code, refused = side.apply(config_map(namespace, "late"))
    assert (code, refused["reason"]) == (403, "Forbidden")
    assert refused["message"] == (
        f'configmaps "late" is forbidden: unable to create new content in namespace {namespace} because it '
        "is being terminated"
    )
    (cause,) = refused["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("NamespaceTerminating", "metadata.namespace")
    patch(side, f"{CONFIG_MAPS.format(namespace)}/held", {"metadata": {"finalizers": None}})
    side.wait(lambda: side.kube.get(path) is None, "the namespace gone", 120)
    code, refused = side.apply(config_map(namespace, "later"))
    assert (code, refused["message"]) == (404, f'namespaces "{namespace}" not found')


def test_a_definition_goes_with_its_objects(side: Side, namespace: str) -> None:
    side.kube.apply(definition())
    path = f"{DEFINITIONS}/widgets.test.example.com"
    group = "/apis/test.example.com/v1"

    def established() -> bool:
        conditions = (side.kube.get(path) or {}).get("status", {}).get("conditions", [])
        return any((item["type"], item["status"]) == ("Established", "True") for item in conditions)

    side.wait(established, "the definition established", 120)
    side.wait(lambda: send(side, "GET", f"{group}/widgets").status == 200, "widgets served", 120)
    meta = {"name": "w", "namespace": namespace}
    widget = {"apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": meta, "spec": {"size": 1}}
    collection = f"{group}/namespaces/{namespace}/widgets"
    assert send(side, "POST", collection, widget).status == 201
    spoilt = {**widget, "metadata": {**meta, "name": "v"}, "spec": {"size": 0}}
    refused = send(side, "POST", collection, spoilt).body
    assert refused["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 0: spec.size in body should be greater than or equal to 1",
            "field": "spec.size",
        }
    ]
    side.kube.delete(path, propagation="Background")
    side.wait(lambda: side.kube.get(path) is None, "the definition gone", 120)
    side.wait(lambda: send(side, "GET", collection).status == 404, "widgets no longer served", 120)
