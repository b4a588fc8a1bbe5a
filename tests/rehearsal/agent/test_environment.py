"""A container's variables: sources, references, their order, and what is missing."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.rehearsal.agent.fakes import make_pod
from xpk.rehearsal.agent.amounts import amount
from xpk.rehearsal.agent.environment import NotConfigured, Surroundings, command, environment

Json = dict[str, Any]
OBJECTS: dict[tuple[str, str, str], Json] = {
    ("configmaps", "ns", "m"): {"data": {"k": "v", "dotted.key": "d"}},
    ("secrets", "ns", "s"): {"data": {"pw": base64.b64encode(b"geheim").decode()}},
}
AROUND = Surroundings(
    "10.0.0.1", "10.0.0.2", {"cpu": "7910m", "memory": "60Gi"}, lambda *key: OBJECTS.get(key)
)


def of(*env: Json, sources: tuple[Json, ...] = (), **container: Any) -> dict[str, str]:
    """The environment of a container with these entries."""
    pod = make_pod()
    pod["metadata"] |= {
        "labels": {"jobset.sigs.k8s.io/job-index": "1"},
        "annotations": {"a/b": "x]'y"},
    }
    return environment(pod, {"name": "c", "env": list(env), "envFrom": list(sources), **container}, AROUND)


def field(path: str) -> Json:
    return {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p1"),
        ("metadata.namespace", "ns"),
        ("metadata.uid", "uid-p1"),
        ("metadata.labels['jobset.sigs.k8s.io/job-index']", "1"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['a/b']", "x]'y"),
        ("spec.nodeName", "n1"),
        ("spec.serviceAccountName", "default"),
        ("status.hostIP", "10.0.0.1"),
        ("status.podIP", "10.0.0.2"),
        ("status.podIPs", "10.0.0.2"),
    ],
)
def test_fields(path: str, value: str) -> None:
    assert of(field(path)) == {"A": value}


def test_an_unknown_field_is_no_value() -> None:
    with pytest.raises(NotConfigured, match=r"unsupported fieldPath: spec\.x"):
        of(field("spec.x"))


def test_references_see_what_stands_before_them_only() -> None:
    found = of(
        {"name": "EARLY", "value": "$(LATE) $(k) $$(k)"},
        {"name": "LATE", "value": "<$(EARLY)>"},
        sources=({"configMapRef": {"name": "m"}},),
    )
    assert found["EARLY"] == "$(LATE) v $(k)"
    assert found["LATE"] == "<$(LATE) v $(k)>"


def test_sources_have_a_prefix_and_yield_to_the_containers_own() -> None:
    found = of(
        {"name": "S_pw", "value": "own"},
        sources=({"secretRef": {"name": "s"}, "prefix": "S_"}, {"configMapRef": {"name": "m"}}),
    )
    assert found == {"S_pw": "own", "k": "v", "dotted.key": "d"}


def test_a_later_entry_of_the_same_name_wins() -> None:
    assert of({"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}) == {"A": "12"}


def test_keys_of_config_maps_and_secrets() -> None:
    found = of(
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pw"}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "no", "optional": True}}},
        {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": True}}},
    )
    assert found == {"A": "v", "B": "geheim"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"configMapKeyRef": {"name": "no", "key": "k"}}, 'configmap "no" not found'),
        ({"configMapKeyRef": {"name": "m", "key": "no"}}, "couldn't find key no in ConfigMap ns/m"),
        ({"secretKeyRef": {"name": "s", "key": "no"}}, "couldn't find key no in Secret ns/s"),
        ({"fileKeyRef": {}}, "unknown source"),
    ],
)
def test_what_is_missing_is_said(source: Json, words: str) -> None:
    with pytest.raises(NotConfigured, match=words):
        of({"name": "A", "valueFrom": source})


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "limits.cpu", "divisor": "0"}, "2"),
        ({"resource": "requests.memory", "divisor": "1Mi"}, "1024"),
        ({"resource": "limits.memory", "divisor": "1Gi"}, "60"),
        ({"resource": "requests.cpu"}, "0"),
    ],
)
def test_resources(reference: Json, value: str) -> None:
    entry = {"name": "A", "valueFrom": {"resourceFieldRef": reference}}
    found = of(entry, resources={"limits": {"cpu": "1500m"}, "requests": {"memory": "1Gi"}})
    assert found == {"A": value}


@pytest.mark.parametrize("text", ["", "x", "1Zi", "1.2.3", "--1"])
def test_no_quantity(text: str) -> None:
    with pytest.raises(ValueError):
        amount(text)


def test_a_command_is_expanded_and_its_args_follow() -> None:
    container = {"command": ["sh", "$(A)"], "args": ["$$(A)", "$(B)"]}
    assert command(container, {"A": "x"}) == ("sh", "x", "$(A)", "$(B)")
