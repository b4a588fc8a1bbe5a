"""What of an object that is there cannot be changed, as the API server has it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

Json = dict[str, Any]
LABELS = {"app": "a"}
CONTAINER = {"name": "c", "image": "example.test/i:v1"}


def workload(kind: str) -> Json:
    """A Deployment or a DaemonSet."""
    template = {"metadata": {"labels": {**LABELS, "more": "b"}}, "spec": {"containers": [CONTAINER]}}
    spec = {"selector": {"matchLabels": LABELS}, "template": template}
    meta = {"name": "w", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec}


def job(**spec: object) -> Json:
    pod = {"restartPolicy": "Never", "containers": [CONTAINER]}
    whole = {"completions": 2, "parallelism": 2, "template": {"spec": pod}, **spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": "default"},
        "spec": whole,
    }


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_a_selector_of_pods_stays(rig: Any, kind: str) -> None:
    body = workload(kind)
    rig.applied(body)
    changed = copy.deepcopy(body)
    changed["spec"]["selector"]["matchLabels"] = {"app": "a", "more": "b"}
    answer = rig.apply(changed)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["spec.selector"]
    assert answer.body["message"].endswith("field is immutable")
    assert rig.get(kind, "w")["spec"]["selector"] == {"matchLabels": LABELS}
    body["spec"]["template"]["spec"]["containers"] = [{**CONTAINER, "image": "example.test/i:v2"}]
    assert rig.apply(body).status == 200, "the template may change"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("selector", {"matchLabels": {"a": "b"}}),
        ("completionMode", "Indexed"),
        ("completions", 3),
        ("template", {"spec": {"restartPolicy": "Never", "containers": [{**CONTAINER, "image": "other"}]}}),
    ],
)
def test_a_job_stays_as_it_is(rig: Any, field: str, value: object) -> None:
    rig.applied(job(parallelism=1))
    before = rig.get("Job", "j")["spec"]
    answer = rig.apply(job(parallelism=1, **{field: value}))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == [f"spec.{field}"]
    assert rig.get("Job", "j")["spec"] == before


def test_an_indexed_job_may_grow_and_a_suspended_one_change_its_pods(rig: Any) -> None:
    rig.applied(job(completionMode="Indexed", suspend=True))
    grown = job(completionMode="Indexed", suspend=True, completions=3, parallelism=3)
    assert rig.apply(grown).status == 200
    grown["spec"]["template"]["spec"]["nodeSelector"] = {"a": "b"}
    assert rig.apply(grown).status == 200
