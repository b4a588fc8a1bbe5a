"""Faults on demand: replaced, delayed and cut answers, and blows to a cluster."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xpk.emulator.disasters import NEEDS
from xpk.emulator.faults import CAPACITY
from xpk.emulator.server import Emulator
from xpk.emulator.setbacks import KINDS
from xpk.emulator.slowness import FIELDS

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
CLUSTERS = "/v1/projects/proj-1/locations/us-east5/clusters"


def statuses(call: Call) -> list[int]:
    """The logged statuses."""
    return [entry["status"] for entry in call("GET", "/_emulator/requests")[1]]


def test_before_replaces_the_answer_as_often_as_asked(call: Call, mtc_cluster: Json) -> None:
    fault = {
        "match": {"method": "POST", "path": "/clusters$"},
        "times": 2,
        "status": 503,
        "headers": {"Retry-After": "1"},
    }
    assert call("POST", "/_emulator/faults", fault) == (200, {})
    for expected in (503, 503, 200):
        assert call("GET", CLUSTERS) == (200, {})
        status, body = call("POST", CLUSTERS, {"cluster": mtc_cluster})
        assert status == expected
        if status == 503:
            assert body["error"]["status"] == "UNAVAILABLE"
    assert call("GET", "/_emulator/faults") == (200, [])
    assert statuses(call) == [200, 503, 200, 503, 200, 200]


def test_after_takes_effect_and_hides_it(call: Call, mtc_cluster: Json) -> None:
    body = {"error": {"code": 500, "message": "own words", "status": "INTERNAL"}}
    fault = {"match": {"method": "POST", "path": "clusters"}, "status": 500, "body": body, "when": "after"}
    call("POST", "/_emulator/faults", fault)
    assert call("POST", CLUSTERS, {"cluster": mtc_cluster}) == (500, body)
    assert call("GET", f"{CLUSTERS}/mtc")[1]["status"] == "PROVISIONING"


@pytest.mark.parametrize(("when", "exists"), [("before", 404), ("after", 200)])
def test_drop_closes_without_an_answer(call: Call, mtc_cluster: Json, when: str, exists: int) -> None:
    call("POST", "/_emulator/faults", {"match": {"method": "POST"}, "drop": True, "when": when})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        call("POST", CLUSTERS, {"cluster": mtc_cluster})
    assert call("GET", f"{CLUSTERS}/mtc")[0] == exists
    assert statuses(call)[0] == 0


def test_delay(call: Call) -> None:
    call("POST", "/_emulator/faults", {"match": {"path": "clusters"}, "delay_seconds": 0.2})
    started = time.monotonic()
    assert call("GET", CLUSTERS) == (200, {})
    assert time.monotonic() - started >= 0.2


def test_faults_are_listed_and_forgotten(call: Call) -> None:
    call("POST", "/_emulator/faults", {"match": {"path": "x"}, "status": 429})
    call("POST", "/_emulator/faults", {"world": "stockout", "pool": "np"})
    listed = call("GET", "/_emulator/faults")[1]
    assert listed[0]["match"] == {"method": "", "path": "x"}
    assert call("POST", "/_emulator/faults", listed[0]) == (200, {})
    assert listed[1] == {"world": "stockout", "pool": "np", "times": 0}
    assert call("DELETE", "/_emulator/faults") == (200, {})
    assert call("GET", "/_emulator/faults") == (200, [])


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"match": {}},
        {"match": {"path": "("}, "status": 500},
        {"match": {"host": "x"}, "status": 500},
        {"match": {}, "status": 500, "often": 2},
        {"match": {}, "status": 500, "when": "later"},
        {"match": {}, "status": "500"},
        {"match": {}, "status": 500, "times": "often"},
        {"match": {}, "status": 500, "headers": []},
        {"match": {}, "status": 500, "times": 0},
        {"match": {}, "status": 500, "times": True},
        {"match": {}, "status": 99999},
        {"match": {}, "status": True},
        {"match": {}, "status": 500, "headers": {"Retry-After": 1}},
        {"match": {}, "status": 500, "headers": {"A": "b\r\nc"}},
        {"match": {}, "status": 500, "delay_seconds": -1},
        {"match": {}, "status": 500, "delay_seconds": True},
        {"match": {}, "status": 500, "drop": 1},
        {"match": {"path": 5}, "status": 500},
        {"world": "flood", "cluster": "mtc"},
        {"world": None},
        {"world": ["stockout"]},
        {"world": "stockout", "pool": 5},
        {"world": "stockout", "pool": "np", "times": "often"},
        {"world": "quota", "pool": "np", "times": -1},
        {"world": "bucket-missing", "bucket": "Not A Bucket"},
        {"world": "bucket-missing", "bucket": "my-bucket", "often": 2},
        {"world": "pod-exit", "cluster": "mtc", "namespace": "default", "pod": "p", "code": "x"},
        {"world": "pod-exit", "cluster": "mtc", "namespace": "default", "pod": "p", "code": 256},
        {"world": "host-lost", "cluster": "mtc", "node": "n", "code": 1},
        {"world": "stockout", "pool": "np", "zone": "x"},
        {"world": "stockout", "pool": "["},
        {"world": "host-lost", "cluster": "mtc"},
        {"world": "host-lost", "node": "n"},
        {"world": "bucket-missing"},
        {"world": "bucket-location", "bucket": "my-bucket"},
        {"world": "operation-error", "operation": "("},
        {"world": "operation-error", "target": 5},
        {"world": "operation-error", "code": 0},
        {"world": "operation-error", "code": 17},
        {"world": "operation-error", "message": ""},
        {"world": "operation-error", "seconds": -1},
        {"world": "operation-error", "times": True},
        {"world": "operation-error", "pool": "np"},
        {"world": "operation-stuck", "seconds": 5},
        {"world": "operation-stuck", "code": 13},
        {"world": "control-plane-resize"},
        {"world": "control-plane-resize", "cluster": ""},
        {"world": "control-plane-resize", "cluster": "mtc", "after_pools": -1},
        {"world": "control-plane-resize", "cluster": "mtc", "seconds": "long"},
        {"world": "control-plane-resize", "cluster": "mtc", "pools": 2},
        {"world": "iam-late"},
        {"world": "iam-late", "seconds": -1},
        {"world": "iam-late", "seconds": 5, "bucket": "b"},
    ],
)
def test_unknown_forms(call: Call, running: str, fault: Json) -> None:
    assert call("POST", "/_emulator/faults", fault)[0] == 400
    assert call("GET", "/_emulator/faults") == (200, [])


@pytest.mark.parametrize("cluster", ["mtc", "projects/proj-1/locations/us-east5/clusters/mtc"])
def test_blows_reach_the_world(call: Call, emulator: Emulator, running: str, cluster: str) -> None:
    for fault in (
        {"world": "host-lost", "node": "n-1"},
        {"world": "pod-exit", "namespace": "default", "pod": "p", "code": 3},
        {"world": "pod-evicted", "namespace": "default", "pod": "p"},
        {"world": "pod-finish", "namespace": "default", "jobset": "j", "code": 0},
    ):
        assert call("POST", "/_emulator/faults", {"cluster": cluster, **fault}) == (200, {})
    world: Any = emulator.cloud.store.worlds[running.removeprefix("/v1/")]
    assert world.notes[3:] == [
        ["lose_host", "n-1"],
        ["exit_pod", "default", "p", 3, False],
        ["exit_pod", "default", "p", 1, True],
        ["finish", "default", "j", 0],
    ]
    assert call("POST", "/_emulator/faults", {"world": "host-lost", "cluster": "none", "node": "n"})[0] == 404


def test_every_world_fault_is_in_the_docs() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "emulator.md").read_text()
    for kind in (*NEEDS, *CAPACITY, *KINDS):
        assert f"`{kind}`" in text
    for kind, needs in [*NEEDS.items(), *FIELDS.items()]:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{kind}`"))
        assert all(f"`{name}`" in row for name in needs)


def test_the_short_form_of_a_request_fault(call: Call) -> None:
    assert call("POST", "/_emulator/faults", {"method": "GET", "path": "/v3/", "status": 503})[0] == 200
    assert call("GET", "/v3/projects/my-project")[0] == 503
    assert call("GET", "/v3/projects/my-project")[0] == 200


def test_skip_spares_the_first_requests(call: Call) -> None:
    call("POST", "/_emulator/faults", {"match": {"path": "/clusters$"}, "status": 500, "skip": 2})
    assert call("GET", "/_emulator/faults")[1][0]["skip"] == 2
    assert [call("GET", CLUSTERS)[0] for _ in range(4)] == [200, 200, 500, 200]


def test_raw_is_sent_in_place_of_json(emulator: Emulator, call: Call) -> None:
    call("POST", "/_emulator/faults", {"match": {"path": "/clusters$"}, "raw": '{"clusters": ['})
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    connection.request("GET", CLUSTERS)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"clusters": [')
    connection.close()


@pytest.mark.parametrize("status", [None, 503])
def test_cut_closes_in_the_middle_of_an_answer(call: Call, mtc_cluster: Json, status: int | None) -> None:
    fault = {"match": {"method": "POST"}, "cut": 5} | ({"status": status, "when": "after"} if status else {})
    call("POST", "/_emulator/faults", fault)
    with pytest.raises(http.client.IncompleteRead) as caught:
        call("POST", CLUSTERS, {"cluster": mtc_cluster})
    assert len(caught.value.partial) == 5
    assert call("GET", f"{CLUSTERS}/mtc")[0] == 200, "it took effect all the same"
