"""What kubectl asks and shows, the same on both servers: tables, and whether the server checks fields."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.controlplane.both import JOBS, Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset
from tests.controlplane.both_wire import CONFIG_MAPS, config_map, send, watching
from tests.controlplane.world import JOBSETS, PODS

Json = dict[str, Any]
# as kubectl sends it
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def shown(side: Side, path: str) -> list[dict[str, Any]]:
    """The rows as a person sees them, by column; those of `-o wide` too."""
    answer = send(side, "GET", path, None, TABLE)
    assert (answer.status, answer.body["kind"]) == (200, "Table"), answer.body
    names = [column["name"] for column in answer.body["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in answer.body["rows"]]


COLUMNS = {
    "/api/v1/configmaps": "Name Data Age",
    "/api/v1/pods": "Name Ready Status Restarts Age (IP) (Node) (Nominated Node) (Readiness Gates)",
    "/api/v1/nodes": (
        "Name Status Roles Age Version (Internal-IP) (External-IP) (OS-Image) (Kernel-Version) "
        "(Container-Runtime)"
    ),
    "/api/v1/namespaces": "Name Status Age",
    "/api/v1/services": "Name Type Cluster-IP External-IP Port(s) Age (Selector)",
    "/api/v1/secrets": "Name Type Data Age",
    "/api/v1/serviceaccounts": "Name Age",
    "/api/v1/events": (
        "Last Seen Type Reason Object (Subobject) (Source) Message (First Seen) (Count) (Name)"
    ),
    "/apis/batch/v1/jobs": "Name Status Completions Duration Age (Containers) (Images) (Selector)",
    "/apis/apps/v1/deployments": ("Name Ready Up-to-date Available Age (Containers) (Images) (Selector)"),
    "/apis/apps/v1/daemonsets": (
        "Name Desired Current Ready Up-to-date Available Node Selector Age (Containers) (Images) (Selector)"
    ),
    "/apis/jobset.x-k8s.io/v1alpha2/jobsets": "Name TerminalState Restarts Completed Suspended Age",
    "/apis/kueue.x-k8s.io/v1beta2/clusterqueues": (
        "Name Cohort (Strategy) Pending Workloads (Admitted Workloads)"
    ),
    "/apis/kueue.x-k8s.io/v1beta2/localqueues": "Name ClusterQueue Pending Workloads Admitted Workloads",
    "/apis/kueue.x-k8s.io/v1beta2/workloads": "Name Queue Reserved in Admitted Finished Age",
    "/apis/kueue.x-k8s.io/v1beta2/resourceflavors": "Name Age",
    "/apis/kueue.x-k8s.io/v1beta2/workloadpriorityclasses": "Name Value",
    "/apis/scheduling.k8s.io/v1/priorityclasses": "Name Value Global-Default Age PreemptionPolicy",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": "Name Created At",
}


@pytest.mark.parametrize("path", COLUMNS)
def test_the_columns_of_a_kind(side: Side, path: str) -> None:
    columns = send(side, "GET", path, None, TABLE).body["columnDefinitions"]
    names = [f"({column['name']})" if column["priority"] else column["name"] for column in columns]
    assert " ".join(names) == COLUMNS[path]
    first = {field: columns[0][field] for field in ("name", "type", "format")}
    assert first == {"name": "Name", "type": "string", "format": "name"} or path == "/api/v1/events"


def test_a_workload_at_a_glance(side: Side, namespace: str) -> None:
    with side.world.running(make_jobset(namespace)):
        side.world.wait_running(namespace, "w1", HOSTS)
        (row,) = shown(side, JOBSETS.format(namespace))
        assert re.fullmatch(r"\d+[smh]", row.pop("Age"))
        assert row == {
            "Name": "w1",
            "TerminalState": None,
            "Restarts": "0",
            "Completed": None,
            "Suspended": "false",
        }
        pods = shown(side, PODS.format(namespace))
        assert {(pod["Ready"], pod["Status"], pod["Restarts"]) for pod in pods} == {("1/1", "Running", "0")}
        assert {pod["Nominated Node"] for pod in pods} == {"<none>"}
        assert all(pod["Node"].startswith("gke-") for pod in pods)
        jobs = shown(side, JOBS.format(namespace))
        assert {(job["Status"], job["Completions"]) for job in jobs} == {("Running", "0/4")}
        assert {job["Containers"] for job in jobs} == {"jax-tpu"}
        assert {job["Images"] for job in jobs} == {"gcr.io/p1/i:1"}
        nodes = shown(side, "/api/v1/nodes")
        assert {row["Status"] for row in nodes} == {"Ready"}


def test_small_objects_at_a_glance(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, a="1", b="2"))
    (row,) = [row for row in shown(side, CONFIG_MAPS.format(namespace)) if row["Name"] == "c"]
    assert (row["Data"], row["Age"][-1]) == (2, "s")
    (space,) = shown(side, f"/api/v1/namespaces/{namespace}")
    assert (space["Name"], space["Status"]) == (namespace, "Active")
    (queue,) = shown(side, f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{namespace}/localqueues")
    assert (queue["ClusterQueue"], queue["Pending Workloads"]) == ("cluster-queue", 0)


@pytest.mark.parametrize(
    ("query", "kind"),
    [({}, "PartialObjectMetadata"), ({"includeObject": "Object"}, "ConfigMap")],
)
def test_what_goes_with_a_row(side: Side, namespace: str, query: dict[str, str], kind: str) -> None:
    side.kube.apply(config_map(namespace, a="1"))
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), None, TABLE, **query).body
    assert answer["metadata"]["resourceVersion"]
    assert {row["object"]["kind"] for row in answer["rows"]} == {kind}


def test_rows_alone(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, a="1"))
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), None, TABLE, includeObject="None").body
    assert {row.get("object") for row in answer["rows"]} == {None}


def test_a_watch_shows_rows_too(side: Side, namespace: str) -> None:
    side.kube.apply(config_map(namespace, a="1"))
    path = CONFIG_MAPS.format(namespace)
    with watching(side, path, TABLE, fieldSelector="metadata.name=c") as events:
        first = next(events)
        side.kube.apply(config_map(namespace, a="1", b="1"))
        second = next(events)
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert first["object"]["rows"][0]["cells"][:2] == ["c", 1]
    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["rows"][0]["cells"][:2] == ["c", 2]
    assert not second["object"]["columnDefinitions"]


@pytest.mark.parametrize(
    "accept", ["application/json", "application/json, application/json;as=Table;v=v1;g=meta.k8s.io", "*/*"]
)
def test_who_asks_for_objects_gets_objects(side: Side, namespace: str, accept: str) -> None:
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), None, {"Accept": accept}).body
    assert answer["kind"] == "ConfigMapList"


def test_metadata_alone(side: Side, namespace: str) -> None:
    """What the garbage collector and metadata clients ask for."""
    side.kube.apply(config_map(namespace, a="1"))
    form = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), None, {"Accept": form}).body
    assert (answer["kind"], answer["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert {item["kind"] for item in answer["items"]} == {"PartialObjectMetadata"}
    assert not any("data" in item for item in answer["items"])
    single = form.replace("List", "")
    one = send(side, "GET", f"{CONFIG_MAPS.format(namespace)}/c", None, {"Accept": single}).body
    assert (one["kind"], one["metadata"]["name"], one.get("data")) == ("PartialObjectMetadata", "c", None)


def test_a_form_that_nobody_gives(side: Side, namespace: str) -> None:
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), None, {"Accept": "text/html"})
    assert (answer.status, answer.body["reason"]) == (406, "NotAcceptable")


def supports(side: Side, place: str, kind: Json) -> bool:
    """As kubectl's verifier reads it: a patch of the kind that takes `fieldValidation`."""
    index = send(side, "GET", "/openapi/v3").body["paths"]
    url, _, query = index[place]["serverRelativeURL"].partition("?")
    words = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    document = send(side, "GET", url, **words).body
    patches = [path["patch"] for path in document["paths"].values() if "patch" in path]
    return any(
        patch["x-kubernetes-group-version-kind"] == kind
        and any(parameter["name"] == "fieldValidation" for parameter in patch["parameters"])
        for patch in patches
    )


@pytest.mark.parametrize(
    ("place", "group", "version", "kind", "known"),
    [
        ("api/v1", "", "v1", "ConfigMap", True),
        ("apis/batch/v1", "batch", "v1", "Job", True),
        ("apis/jobset.x-k8s.io/v1alpha2", "jobset.x-k8s.io", "v1alpha2", "JobSet", True),
        ("apis/kueue.x-k8s.io/v1beta2", "kueue.x-k8s.io", "v1beta2", "ClusterQueue", True),
        ("api/v1", "", "v1", "Job", False),
    ],
)
def test_field_validation_is_announced(
    side: Side, place: str, group: str, version: str, kind: str, known: bool
) -> None:
    assert supports(side, place, {"group": group, "version": version, "kind": kind}) is known


@pytest.mark.parametrize("path", ["/openapi/v3/api/v9", "/openapi/v3/apis/nobody.example.com/v1"])
def test_nobody_serves_it(side: Side, path: str) -> None:
    assert send(side, "GET", path).status == 404


def test_a_body_in_protobuf(side: Side) -> None:
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    answer = send(side, "POST", "/api/v1/namespaces", b"no magic number", headers)
    found = (answer.status, answer.body["reason"])
    assert found == side.expected("protobuf", (400, "BadRequest"))
