"""Discovery, lists, selectors, pages and versions, the same on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_wire import CONFIG_MAPS, config_map, labelled, names_of, patch, send

Json = dict[str, Any]
CLUSTER_QUEUES = "/apis/kueue.x-k8s.io/{}/clusterqueues"
OURS = "metadata.name!=kube-root-ca.crt"


@pytest.fixture(scope="module")
def filled(side: Side) -> str:
    """The path of five labelled ConfigMaps."""
    namespace = side.namespace()
    for index in range(5):
        labels = {"n": str(index), "kind": "odd" if index % 2 else "even"} | ({} if index else {"first": ""})
        side.kube.apply(labelled(namespace, f"c{index}", **labels))
    return CONFIG_MAPS.format(namespace)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("kind=odd", "c1 c3"),
        ("kind==odd,n!=1", "c3"),
        ("n in (1, 2)", "c1 c2"),
        ("n notin (1,2),kind", "c0 c3 c4"),
        ("first", "c0"),
        ("first=", "c0"),
        ("!first,kind=even", "c2 c4"),
        ("n>3", "c4"),
        ("n<1", "c0"),
        ("nope", ""),
        ("nope in (),kind", ""),
    ],
)
def test_label_selectors(side: Side, filled: str, selector: str, names: str) -> None:
    found = send(side, "GET", filled, labelSelector=selector)
    assert found.status == 200, found.body
    assert names_of(found.body) == names.split()


@pytest.mark.parametrize(
    "selector", ["a b", "a in b", "a in (b", "=b", "a=b=c", "a=b c", "!a=b", "a notin", ",", "a,,b", "-a=b"]
)
def test_what_is_no_label_selector(side: Side, filled: str, selector: str) -> None:
    answer = send(side, "GET", filled, labelSelector=selector)
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"].startswith("unable to parse requirement: ") or (
        answer.body["message"].startswith("found '")
    )


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=c3", "c3"),
        (f"metadata.name!=c3,{OURS}", "c0 c1 c2 c4"),
        ("metadata.name=c3,metadata.namespace=nope", ""),
    ],
)
def test_field_selectors(side: Side, filled: str, selector: str, names: str) -> None:
    assert names_of(send(side, "GET", filled, fieldSelector=selector).body) == names.split()


KNOWN = ': only "metadata.name", "metadata.namespace"'


@pytest.mark.parametrize(
    ("path", "selector", "message"),
    [
        ("/api/v1/configmaps", "data.x=1", '"data.x" is not a known field selector' + KNOWN),
        (
            "/api/v1/configmaps",
            "status.phase=Running",
            '"status.phase" is not a known field selector' + KNOWN,
        ),
        ("/api/v1/pods", "spec.image=x", "field label not supported: spec.image"),
        (
            "/apis/jobset.x-k8s.io/v1alpha2/jobsets",
            "spec.suspend=true",
            "field label not supported: spec.suspend",
        ),
        (
            "/api/v1/configmaps",
            "metadata.name",
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
        ),
    ],
)
def test_fields_that_cannot_be_selected(side: Side, path: str, selector: str, message: str) -> None:
    answer = send(side, "GET", path, fieldSelector=selector)
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"] == message


@pytest.mark.parametrize(
    ("path", "selector"),
    [
        ("/api/v1/pods", "spec.nodeName=nope"),
        ("/api/v1/pods", "status.phase=Running,spec.restartPolicy=Never,metadata.namespace=nope"),
        ("/api/v1/events", "involvedObject.name=nope,reason=x,type=Warning"),
        ("/apis/batch/v1/jobs", "status.successful=1,metadata.namespace=nope"),
        ("/api/v1/nodes", "spec.unschedulable=true"),
        ("/api/v1/namespaces", "status.phase=Nope"),
        ("/api/v1/secrets", "type=nope"),
    ],
)
def test_fields_of_a_kind(side: Side, path: str, selector: str) -> None:
    answer = send(side, "GET", path, fieldSelector=selector)
    assert (answer.status, answer.body.get("items")) == (200, []), answer.body


def test_pages_hold_everything_once(side: Side, filled: str) -> None:
    found: list[str] = []
    left: list[int] = []
    token = ""
    while True:
        page = send(side, "GET", filled, limit="2", **({"continue": token} if token else {})).body
        found += [item["metadata"]["name"] for item in page["items"]]
        left.append(page["metadata"].get("remainingItemCount", 0))
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert found == ["c0", "c1", "c2", "c3", "c4", "kube-root-ca.crt"]
    assert left == [4, 2, 0]


def test_a_later_page_is_as_old_as_the_first(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    for name in ("a", "b", "c"):
        side.kube.apply(config_map(namespace, name, x="1"))
    first = send(side, "GET", path, limit="1").body["metadata"]
    side.kube.apply(config_map(namespace, "b", x="2"))
    side.kube.delete(f"{path}/c", propagation="Background")
    rest = send(side, "GET", path, limit="5", **{"continue": first["continue"]}).body
    assert rest["metadata"]["resourceVersion"] == first["resourceVersion"]
    seen = {item["metadata"]["name"]: item["data"].get("x") for item in rest["items"]}
    assert {name: seen[name] for name in seen if name != "kube-root-ca.crt"} == {"b": "1", "c": "1"}


@pytest.mark.parametrize("token", ["zz", "313233", "5b5d", "e30"])
def test_a_page_that_never_was(side: Side, filled: str, token: str) -> None:
    answer = send(side, "GET", filled, **{"continue": token})
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"].startswith("invalid continue token: continue key is not valid: ")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"resourceVersion": "0"}, 200, ""),
        ({"resourceVersion": "1", "resourceVersionMatch": "NotOlderThan"}, 200, ""),
        (
            {"resourceVersionMatch": "Exact"},
            422,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
            422,
            'is forbidden for resourceVersion "0"',
        ),
        ({"resourceVersion": "1", "resourceVersionMatch": "Near"}, 422, "resourceVersionMatch"),
        ({"resourceVersion": "new"}, 400, "new"),
        ({"limit": "two"}, 400, 'strconv.ParseInt: parsing "two": invalid syntax'),
    ],
)
def test_the_version_of_a_list(
    side: Side, filled: str, query: dict[str, str], status: int, words: str
) -> None:
    answer = send(side, "GET", filled, **query)
    assert answer.status == status, answer.body
    assert words in answer.body.get("message", "")


def test_a_version_that_is_not_yet(side: Side, filled: str) -> None:
    version = int(send(side, "GET", filled).body["metadata"]["resourceVersion"]) + 1_000_000
    answer = send(side, "GET", filled, resourceVersion=str(version))
    assert (answer.status, answer.body["reason"]) == (504, "Timeout")
    assert answer.body["message"].startswith(f"Timeout: Too large resource version: {version}, current: ")
    assert answer.body["details"]["causes"] == [
        {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    ]


def test_one_object_by_version(side: Side, filled: str) -> None:
    assert send(side, "GET", f"{filled}/c0", resourceVersion="0").body["metadata"]["name"] == "c0"


def test_discovery_of_built_in_and_custom_kinds(side: Side) -> None:
    assert send(side, "GET", "/version").body["major"] == "1"
    core = {row["name"]: row for row in send(side, "GET", "/api/v1").body["resources"]}
    assert {"pods", "pods/status", "nodes"} <= set(core)
    assert core["configmaps"]["shortNames"] == ["cm"]
    assert core["configmaps"]["singularName"] == "configmap"
    assert core["pods"]["categories"] == ["all"]
    rows = send(side, "GET", "/apis/jobset.x-k8s.io/v1alpha2").body["resources"]
    (row,) = [row for row in rows if row["name"] == "jobsets"]
    assert (row["kind"], row["namespaced"], row["singularName"]) == ("JobSet", True, "jobset")
    verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
    assert set(row["verbs"]) == verbs
    groups = {row["name"]: row for row in send(side, "GET", "/apis").body["groups"]}
    assert {"apps", "batch", "jobset.x-k8s.io"} <= set(groups)
    assert groups["kueue.x-k8s.io"]["preferredVersion"]["version"] == "v1beta2"
    alone = send(side, "GET", "/apis/batch").body
    assert (alone["kind"], alone["preferredVersion"]) == (
        "APIGroup",
        {"groupVersion": "batch/v1", "version": "v1"},
    )
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/jobsets.jobset.x-k8s.io"
    conditions = (side.kube.get(path) or {})["status"]["conditions"]
    assert {item["type"]: item["status"] for item in conditions}["Established"] == "True"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(side: Side, path: str) -> None:
    answer = send(side, "GET", path)
    assert (answer.status, answer.body) == (200, {"text": "ok"})


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/pods",
        "/apis/no.such/v1/things",
        "/api/v1/namespaces/default/things",
        "/apis/batch/v9/jobs",
        "/x",
        "/api/v1/configmaps/one-of-no-namespace",
        "/api/v1/namespaces/default/nodes",
    ],
)
def test_unknown_paths_are_not_found(side: Side, path: str) -> None:
    assert send(side, "GET", path).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/configmaps"), ("PUT", "/api/v1/nodes"), ("DELETE", "/api/v1/configmaps")],
)
def test_methods_that_a_path_does_not_take(side: Side, method: str, path: str) -> None:
    answer = send(side, method, path, {})
    assert (answer.status, answer.body["reason"]) == (405, "MethodNotAllowed")
    assert answer.body["message"] == "the server does not allow this method on the requested resource"


def test_the_old_version_of_kueue_is_served_with_a_warning(side: Side) -> None:
    body = {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "ClusterQueue",
        "metadata": {"name": "old"},
        "spec": {"cohort": "c"},
    }
    old, new = CLUSTER_QUEUES.format("v1beta1"), CLUSTER_QUEUES.format("v1beta2")
    made = send(side, "POST", old, body, fieldValidation="Strict")
    assert made.status == 201, made.body
    assert made.warnings == '299 - "This version is deprecated. Use v1beta2 instead."'
    found = send(side, "GET", f"{new}/old")
    assert found.warnings == ""
    assert found.body["spec"]["cohortName"] == "c"
    assert found.body["spec"]["queueingStrategy"] == "BestEffortFIFO"
    assert send(side, "GET", f"{old}/old").body["spec"]["cohort"] == "c"
    assert send(side, "POST", new, body, fieldValidation="Strict").status == 400
    patch(side, f"{new}/old", {"metadata": {"finalizers": None}})
    side.kube.delete(f"{new}/old", propagation="Background")
    side.wait(lambda: side.kube.get(f"{new}/old") is None, "the queue gone", 120)
