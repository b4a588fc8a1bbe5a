"""What an agent writes of the pods that it runs, taken the same by both servers.

The host is one that no kubelet of the server's own serves; the test does what the agent would.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.controlplane import nodes
from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_wire import STRATEGIC, patch, send
from tests.controlplane.components import AGENT, KUBELET
from tests.controlplane.world import PODS

Json = dict[str, Any]
GRACE = 600


@pytest.fixture(autouse=True)
def host(side: Side, namespace: str) -> Iterator[None]:
    """A host of an agent's, with a name that no other test has."""
    name = f"host-{namespace}"
    if side.name == "emulator":
        address = side.url.partition("/kubernetes/")[0] + "/_emulator/agents"
        body = json.dumps({"cluster": "c1", "selector": {KUBELET: AGENT}}).encode()
        urllib.request.urlopen(address, body, timeout=60).close()
    resources = {"cpu": "4", "memory": "8Gi"}
    labels = {KUBELET: AGENT}
    node = nodes.node(name, "hand", "e2-standard-4", labels=labels, taints=[], resources=resources)
    assert send(side, "POST", "/api/v1/nodes", node).status == 201
    yield
    assert send(side, "DELETE", f"/api/v1/nodes/{name}").status == 200
    side.wait(lambda: side.kube.get(f"/api/v1/nodes/{name}") is None, "the host is gone")


def start(side: Side, namespace: str, name: str, *finalizers: str) -> str:
    """A pod on the host that runs, as far as its agent says; its path."""
    spec = {
        "nodeName": f"host-{namespace}",
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "containers": [{"name": "c", "image": "i"}],
        "tolerations": [{"operator": "Exists"}],
    }
    meta: Json = {"name": name, "namespace": namespace, "finalizers": list(finalizers)}
    side.kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    path = f"{PODS.format(namespace)}/{name}"
    assert write(side, path, {"phase": "Running", **ready("True")}) == 200
    return path


def ready(status: str, **more: Any) -> Json:
    time = {"lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {"conditions": [{"type": "Ready", "status": status, **time, **more}]}


def write(side: Side, path: str, status: Json, uid: str = "") -> int:
    """Write a status."""
    found = side.kube.get(path) or {}
    body = {"metadata": {"uid": uid or found["metadata"]["uid"]}, "status": status}
    return patch(side, f"{path}/status", body, STRATEGIC).status


def meta_of(side: Side, path: str) -> Json:
    found: Json = (side.kube.get(path) or {})["metadata"]
    return found


def condition_of(side: Side, path: str) -> dict[str, Json]:
    found = (side.kube.get(path) or {})["status"].get("conditions", [])
    return {item["type"]: item for item in found}


def test_a_status_is_merged_by_the_type_of_its_conditions(side: Side, namespace: str) -> None:
    path = start(side, namespace, "a")
    others = {"DisruptionTarget": "True", "Ready": "True"}
    # Without its time the disruption controller takes the mark for an old one, and clears it.
    now = {"lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    marked = {"conditions": [{"type": kind, "status": value, **now} for kind, value in others.items()]}
    assert write(side, path, marked) == 200
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    ended = {"terminated": {"exitCode": 143, "reason": "Error"}}
    statuses = [{**container, "state": ended, "lastState": {}}]
    failed = {"phase": "Failed", "containerStatuses": statuses, **ready("False", reason="PodFailed")}
    assert write(side, path, failed) == 200
    found = condition_of(side, path)
    assert found["DisruptionTarget"]["status"] == "True"
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "PodFailed")
    assert write(side, path, ready("True", reason=None)) == 200
    assert "reason" not in condition_of(side, path)["Ready"]


def test_a_status_for_another_pod_is_refused(side: Side, namespace: str) -> None:
    path = start(side, namespace, "a")
    assert write(side, path, {"phase": "Failed"}, uid="another") == 422
    assert (side.kube.get(path) or {})["status"]["phase"] == "Running"


def test_a_deletion_waits_for_the_agent_and_may_only_get_shorter(side: Side, namespace: str) -> None:
    path = start(side, namespace, "a")
    for asked, grace in ((None, GRACE), (GRACE + 1, GRACE), (100, 100), (GRACE, 100)):
        body = None if asked is None else {"gracePeriodSeconds": asked}
        assert send(side, "DELETE", path, body).status == 200
        assert meta_of(side, path)["deletionGracePeriodSeconds"] == grace
    assert send(side, "DELETE", path, {"gracePeriodSeconds": 0}).status == 200
    assert side.kube.get(path) is None


def test_a_first_deletion_takes_the_grace_that_is_asked(side: Side, namespace: str) -> None:
    for name, asked, grace in (("a", 7, 7), ("b", -5, 1)):
        path = start(side, namespace, name)
        assert send(side, "DELETE", path, {"gracePeriodSeconds": asked}).status == 200
        assert meta_of(side, path)["deletionGracePeriodSeconds"] == grace
        assert send(side, "DELETE", path, {"gracePeriodSeconds": 0}).status == 200


def test_a_pod_that_has_ended_goes_at_once(side: Side, namespace: str) -> None:
    path = start(side, namespace, "a")
    assert write(side, path, {"phase": "Succeeded"}) == 200
    assert send(side, "DELETE", path).status == 200
    assert side.kube.get(path) is None


def test_a_finalizer_holds_what_the_agent_has_given_up(side: Side, namespace: str) -> None:
    path = start(side, namespace, "a", "example.test/hold")
    uid = meta_of(side, path)["uid"]
    assert send(side, "DELETE", path).status == 200
    assert write(side, path, {"phase": "Failed"}) == 200
    body = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
    assert send(side, "DELETE", path, {**body, "preconditions": {"uid": "other"}}).status == 409
    assert send(side, "DELETE", path, body).status == 200
    assert meta_of(side, path)["deletionGracePeriodSeconds"] == 0
    assert patch(side, path, {"metadata": {"finalizers": None}}).status == 200
    assert side.kube.get(path) is None
