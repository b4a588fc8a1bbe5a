"""Operations: their course, what excludes what, failures for want of machines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
PARENT = "/v1/projects/proj-1/locations/us-east5"


def test_course_of_an_operation(call: Call, clock: ManualClock, running: str, slice_pool: Json) -> None:
    operation = call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[1]
    path = f"{PARENT}/operations/{operation['name']}"
    seen = []
    for seconds in (0, 3, 60, 60):
        clock.jump(seconds)
        shown = call("GET", path)[1]
        metrics = {item["name"]: item["intValue"] for item in shown["progress"]["metrics"]}
        seen.append((shown["status"], "endTime" in shown, metrics["NODES_DONE"], metrics["NODES_TOTAL"]))
    assert seen == [
        ("PENDING", False, "0", "16"),
        ("RUNNING", False, "0", "16"),
        ("RUNNING", False, "8", "16"),
        ("RUNNING", False, "15", "16"),
    ]
    clock.jump(60)
    done = call("GET", path)[1]
    assert done["status"] == "DONE"
    assert "error" not in done
    assert done["endTime"] > done["startTime"]


def test_list_and_unknown(call: Call, running: str) -> None:
    for location in ("us-east5", "-"):
        [operation] = call("GET", f"/v1/projects/proj-1/locations/{location}/operations")[1]["operations"]
        assert operation["operationType"] == "CREATE_CLUSTER"
    assert call("GET", "/v1/projects/proj-1/locations/europe-west4/operations") == (200, {})
    assert call("GET", f"{PARENT}/operations/operation-none")[0] == 404


def refused(answer: tuple[int, Any]) -> bool:
    """Whether GKE says that another operation is in the way."""
    status, body = answer
    return status == 400 and "Please wait and try again once it is done." in body["error"]["message"]


def test_cluster_operations_exclude_all_others(
    call: Call, clock: ManualClock, running: str, slice_pool: Json
) -> None:
    assert call("PUT", running, {"update": {"desiredReleaseChannel": {"channel": "RAPID"}}})[0] == 200
    assert refused(call("POST", f"{running}/nodePools", {"nodePool": slice_pool}))
    assert refused(call("DELETE", f"{running}/nodePools/default-pool"))
    assert refused(call("PUT", running, {"update": {"desiredReleaseChannel": {"channel": "STABLE"}}}))
    assert refused(call("DELETE", running))
    clock.jump(200)
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 200


def test_pool_operations_exclude_only_the_same_pool(call: Call, running: str, slice_pool: Json) -> None:
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 200
    assert call("POST", f"{running}/nodePools", {"nodePool": {**slice_pool, "name": "mtc-np-1"}})[0] == 200
    assert refused(call("DELETE", f"{running}/nodePools/mtc-np-0"))
    assert call("DELETE", f"{running}/nodePools/default-pool")[0] == 200
    assert refused(call("PUT", running, {"update": {"desiredReleaseChannel": {"channel": "RAPID"}}}))
    assert refused(call("DELETE", running))


def test_a_cluster_being_created_takes_no_pools(call: Call, mtc_cluster: Json, slice_pool: Json) -> None:
    call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
    assert refused(call("POST", f"{PARENT}/clusters/mtc/nodePools", {"nodePool": slice_pool}))


def test_quota_of_concurrent_operations(
    call_at: Call, clock: ManualClock, world_factory: Any, mtc_cluster: Json, slice_pool: Json
) -> None:
    with Emulator(clock=clock, world_factory=world_factory, operation_quota=2) as emulator:
        call_at(emulator, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
        clock.jump(1000)
        answers = [
            call_at(
                emulator,
                "POST",
                f"{PARENT}/clusters/mtc/nodePools",
                {"nodePool": {**slice_pool, "name": f"np-{index}"}},
            )
            for index in range(3)
        ]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1]["error"] == {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": 'Too many operations: cluster "mtc" hits the concurrent operations quota 2, '
        "please try again later.",
    }


@pytest.mark.parametrize(("kind", "code"), [("stockout", "GCE_STOCKOUT"), ("quota", "GCE_QUOTA_EXCEEDED")])
def test_no_machines(
    call: Call, clock: ManualClock, emulator: Emulator, running: str, slice_pool: Json, kind: str, code: str
) -> None:
    fault = {"world": kind, "pool": "np-0$", "times": 1}
    assert call("POST", "/_emulator/faults", fault)[0] == 200
    operation = call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[1]
    other = call("POST", f"{running}/nodePools", {"nodePool": {**slice_pool, "name": "mtc-np-1"}})[1]
    clock.jump(2000)
    path = f"{PARENT}/operations"
    assert call("GET", f"{path}/{operation['name']}")[1]["status"] == "RUNNING"
    assert call("GET", f"{path}/{other['name']}")[1]["status"] == "DONE"
    clock.jump(200)
    done = call("GET", f"{path}/{operation['name']}")[1]
    assert done["status"] == "DONE"
    assert f"[{code}]" in done["error"]["message"]
    pool = call("GET", f"{running}/nodePools/mtc-np-0")[1]
    assert pool["status"] == "ERROR"
    assert [condition["code"] for condition in pool["conditions"]] == [code]
    world: Any = emulator.cloud.store.worlds[running.removeprefix("/v1/")]
    assert ["add_pool", "mtc-np-0", 16, 16] not in world.notes
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 409
    assert call("DELETE", f"{running}/nodePools/mtc-np-0")[0] == 200
    clock.jump(200)
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 200
    clock.jump(500)
    assert call("GET", f"{running}/nodePools/mtc-np-0")[1]["status"] == "RUNNING"


def test_an_instant_clock_leaves_nothing_pending(
    call_at: Call, world_factory: Any, mtc_cluster: Json
) -> None:
    with Emulator(time_scale=0, world_factory=world_factory) as emulator:
        operation = call_at(emulator, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})[1]
        assert operation["status"] == "PENDING"
        assert call_at(emulator, "GET", f"{PARENT}/operations/{operation['name']}")[1]["status"] == "DONE"
        assert call_at(emulator, "GET", f"{PARENT}/clusters/mtc")[1]["status"] == "RUNNING"


def test_the_ticker_finishes_operations_without_requests(
    call_at: Call, world_factory: Any, mtc_cluster: Json
) -> None:
    built = threading.Event()

    def build(*arguments: Any) -> Any:
        built.set()
        return world_factory(*arguments)

    with Emulator(time_scale=0.0001, world_factory=build) as emulator:
        call_at(emulator, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
        assert built.wait(10)
