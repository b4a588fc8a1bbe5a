"""What kubectl shows: rows that the server makes, with ages in emulated time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Json = dict[str, Any]
Make = Callable[..., Json]
# as kubectl sends it
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def shown(rig: Any, kind: str, name: str = "", query: str = "") -> list[dict[str, str]]:
    """The rows as a person sees them, by column."""
    answer = rig.call("GET", rig.path(kind, name) + query, headers=TABLE)
    assert answer.status == 200
    assert answer.body["kind"] == "Table"
    names = [column["name"] for column in answer.body["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in answer.body["rows"]]


def test_a_workload_at_a_glance(cluster: Any, jobset: Make) -> None:
    cluster.applied(jobset("js"))
    cluster.advance(100)
    (row,) = shown(cluster, "JobSet", "js")
    assert row == {
        "Name": "js",
        "TerminalState": "<none>",
        "Restarts": "0",
        "Suspended": "<none>",
        "Age": "100s",
    }
    cluster.advance(3600)
    pod, *_ = shown(cluster, "Pod")
    assert (pod["Ready"], pod["Status"], pod["Restarts"], pod["Age"]) == ("1/1", "Running", "0", "61m")
    assert {row["Completions"] for row in shown(cluster, "Job")} == {"0/4"}
    assert {row["Status"] for row in shown(cluster, "Node")} == {"Ready"}
    cluster.delete("JobSet", "js")
    assert {row["Status"] for row in shown(cluster, "Pod")} == {"Terminating"}


@pytest.mark.parametrize(
    ("query", "kind"), [("", "PartialObjectMetadata"), ("?includeObject=Object", "ConfigMap")]
)
def test_what_goes_with_a_row(rig: Any, query: str, kind: str) -> None:
    answer = rig.call("GET", rig.path("ConfigMap") + query, headers=TABLE).body
    assert answer["metadata"]["resourceVersion"]
    assert [row["object"]["kind"] for row in answer["rows"]] == [kind]


def test_rows_alone(rig: Any) -> None:
    answer = rig.call("GET", rig.path("ConfigMap") + "?includeObject=None", headers=TABLE).body
    assert [sorted(row) for row in answer["rows"]] == [["cells"]]


def test_a_watch_shows_rows_too(rig: Any) -> None:
    target = rig.path("ConfigMap") + "?watch=true&fieldSelector=metadata.name=c"
    stream = rig.call("GET", target, headers=TABLE).stream
    meta = {"name": "c", "namespace": "default"}
    rig.applied({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}})
    event = json.loads(next(stream))
    assert (event["type"], event["object"]["rows"][0]["cells"]) == ("ADDED", ["c", "1", "0s"])


@pytest.mark.parametrize("accept", ["application/json", "application/json, application/json;as=Table;v=v1"])
def test_who_asks_for_objects_gets_objects(rig: Any, accept: str) -> None:
    answer = rig.call("GET", rig.path("ConfigMap"), headers={"Accept": accept}).body
    assert answer["kind"] == "ConfigMapList"
