"""An emulator on a port with a clock that only the test moves, and worlds that only take notes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xpk.emulator.clock import Clock, ManualClock
from xpk.emulator.http import Request, Response
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]


class NotingWorld:
    """Takes the place of the Kubernetes half: notes what it is told."""

    def __init__(self, clock: Clock, name: str, wake: Callable[[], None]) -> None:
        self.name = name
        self.closed = False
        self.changes = 0
        self.notes: list[list[Any]] = []

    def handle(self, request: Request) -> Response:
        """Answer with the path; `/stream` answers in pieces."""
        if request.path == "/stream":
            return Response(200, stream=iter([b"one\n", b"two\n"]))
        return Response(200, {"path": request.path, "query": dict(request.query)})

    def tick(self) -> float | None:
        """Nothing is ever due."""
        return None

    def trust(self, project: str, access: object) -> None:
        """Notes nothing: it has no pods."""

    def add_pool(self, pool: Json) -> None:
        self.notes.append(["add_pool", pool["name"], pool["initialNodeCount"], pool["maxNodeCount"]])

    def remove_pool(self, name: str) -> None:
        self.notes.append(["remove_pool", name])

    def set_addon(self, name: str, enabled: bool) -> None:
        self.notes.append(["set_addon", name, enabled])

    def lose_host(self, node: str) -> None:
        self.notes.append(["lose_host", node])

    def exit_pod(self, namespace: str, pod: str, code: int, evicted: bool = False) -> None:
        self.notes.append(["exit_pod", namespace, pod, code, evicted])

    def finish(self, namespace: str, jobset: str, code: int) -> None:
        self.notes.append(["finish", namespace, jobset, code])

    def serve_outside(self, labels: dict[str, str]) -> None:
        self.notes.append(["serve_outside", labels])

    def close(self) -> None:
        self.closed = True

    def dump(self) -> Json:
        return {"notes": self.notes}

    def load(self, state: Json) -> None:
        self.notes = state["notes"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def world_factory() -> Callable[[Clock, str, Callable[[], None]], NotingWorld]:
    return NotingWorld


@pytest.fixture
def emulator(clock: ManualClock, world_factory: Any) -> Iterator[Emulator]:
    with Emulator(clock=clock, world_factory=world_factory) as running:
        yield running


@pytest.fixture
def call_at() -> Callable[..., tuple[int, Any]]:
    """`call_at(emulator, method, path, body)`: the status and the parsed answer."""

    def send(
        emulator: Emulator, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
        try:
            content = json.dumps(body) if isinstance(body, dict | list) else body
            connection.request(method, path, content, headers or {})
            answer = connection.getresponse()
            raw = answer.read()
            is_json = answer.headers.get("Content-Type", "").startswith("application/json")
            return answer.status, json.loads(raw) if raw and is_json else raw
        finally:
            connection.close()

    return send


@pytest.fixture
def call(emulator: Emulator, call_at: Call) -> Call:
    """`call(method, path, body)` at the test's emulator."""

    def send(
        method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        return call_at(emulator, method, path, body, headers)

    return send


@pytest.fixture
def mtc_cluster() -> Json:
    """A cluster with all that multi-tier checkpointing needs."""
    return {
        "name": "mtc",
        "locations": ["us-east5-a"],
        "initialClusterVersion": "1.33.5-gke.1201000",
        "workloadIdentityConfig": {"workloadPool": "proj-1.svc.id.goog"},
        "addonsConfig": {
            "gcsFuseCsiDriverConfig": {"enabled": True},
            "highScaleCheckpointingConfig": {"enabled": True},
        },
        "nodePools": [
            {"name": "default-pool", "initialNodeCount": 6, "config": {"machineType": "e2-standard-16"}}
        ],
    }


@pytest.fixture
def slice_pool() -> Json:
    """A v5p-128: 64 chips on 16 hosts."""
    return {
        "name": "mtc-np-0",
        "initialNodeCount": 16,
        "config": {"machineType": "ct5p-hightpu-4t"},
        "placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4x4"},
    }


@pytest.fixture
def running(call: Call, clock: ManualClock, mtc_cluster: Json) -> str:
    """The path of a cluster that is up."""
    status, _ = call("POST", "/v1/projects/proj-1/locations/us-east5/clusters", {"cluster": mtc_cluster})
    assert status == 200
    clock.jump(1000)
    return "/v1/projects/proj-1/locations/us-east5/clusters/mtc"
