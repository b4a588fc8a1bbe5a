"""The YAML stream and the JSON document: the same values for every reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xpk.plan.cluster import plan_cluster
from xpk.plan.document import json_document, yaml_stream
from xpk.plan.observed import Observed
from xpk.plan.steps import ApplyObject, Plan, PlannedStep
from xpk.spec.cluster import ClusterSpec


def stream(value: str) -> str:
    """One ConfigMap with `value` as its only datum, as a plan prints it."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": value}}
    return yaml_stream(Plan("t", (PlannedStep("a", ApplyObject(manifest, why=value[:20])),)))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(value: str) -> None:
    (document,) = yaml.safe_load_all(stream(value))
    assert document["data"]["k"] == value


AMBIGUOUS = (
    "y", "N", "on", "Off", "yes", "NO", "true", "False", "null", "~", "", "08", "0o17", "0x1F", "1e3", "1E3",
    "1.5", ".5", "-1", "+1", "1_000", "12:30:45", ".inf", "-.INF", ".nan", "1e", "0b11",
)  # fmt: skip


@pytest.mark.parametrize("value", AMBIGUOUS)
def test_what_another_reader_takes_for_something_else_is_quoted(value: str) -> None:
    line = next(line for line in stream(value).splitlines() if line.startswith("  k:"))
    assert line.removeprefix("  k: ")[:1] in "'\""


@pytest.mark.parametrize("value", ["16x16", "v6e-256", "nothing", "2xlarge", "1.33.5-gke.1201000", "yes sir"])
def test_what_nobody_mistakes_stays_readable(value: str) -> None:
    assert f"  k: {value}\n" in stream(value)


def test_lines_of_text_are_a_block() -> None:
    assert "  k: |-\n    one\n    two\n" in stream("one\ntwo")


def test_every_request_and_every_manifest_is_in_both(spec: Callable[..., ClusterSpec]) -> None:
    plan = plan_cluster(spec(), Observed.nothing())
    steps = json.loads(json_document(plan))["steps"]
    manifests = [step["manifest"] for step in steps if "manifest" in step]
    printed = yaml_stream(plan)
    assert list(yaml.safe_load_all(printed)) == manifests
    requests: list[dict[str, Any]] = [step["request"] for step in steps if "request" in step]
    for request in requests:
        assert f"# {request['method']} {request['path']}\n" in printed
        assert set(request) == {"method", "path", "body"}
    assert len(requests) == 5  # bucket, grant, cluster, two pools


@given(st.text())
def test_a_title_cannot_leave_its_comment(title: str) -> None:
    printed = yaml_stream(Plan(title, ()))
    assert all(line.startswith("#") for line in printed.splitlines())
