"""Operations that end in an error, and operations that never end: what each leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
PARENT = "/v1/projects/proj-1/locations/us-east5"
WORDS = "Something went wrong."
CHANNEL = {"update": {"desiredReleaseChannel": {"channel": "RAPID"}}}
LABELS = {"labels": {"labels": {"team": "a"}}}


def fault(call: Call, **fields: Any) -> None:
    assert (
        call("POST", "/_emulator/faults", {"world": "operation-error", "message": WORDS, **fields})[0] == 200
    )


def last(call: Call) -> Any:
    return call("GET", f"{PARENT}/operations")[1]["operations"][-1]


def test_a_pool_that_could_not_be_made_keeps_its_name(
    call: Call, clock: ManualClock, emulator: Emulator, running: str, slice_pool: Json
) -> None:
    fault(call, operation="^CREATE_NODE_POOL$", target="np-0$", code=13, seconds=60)
    call("POST", f"{running}/nodePools", {"nodePool": {**slice_pool, "name": "mtc-np-1"}})
    call("POST", f"{running}/nodePools", {"nodePool": slice_pool})
    clock.jump(59)
    assert last(call)["status"] == "RUNNING"
    clock.jump(2)
    done = last(call)
    assert (done["status"], done["error"]) == ("DONE", {"code": 13, "message": WORDS})
    clock.jump(200)
    pool = call("GET", f"{running}/nodePools/mtc-np-0")[1]
    assert pool["status"] == "ERROR"
    assert pool["conditions"] == [{"message": WORDS, "canonicalCode": "INTERNAL"}]
    world: Any = emulator.cloud.store.worlds[running.removeprefix("/v1/")]
    assert [note[1] for note in world.notes if note[0] == "add_pool"] == ["default-pool", "mtc-np-1"]
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 409
    assert call("DELETE", f"{running}/nodePools/mtc-np-0")[0] == 200
    clock.jump(100)
    assert call("POST", f"{running}/nodePools", {"nodePool": slice_pool})[0] == 200
    clock.jump(200)
    pool = call("GET", f"{running}/nodePools/mtc-np-0")[1]
    assert pool["status"] == "RUNNING"
    assert "conditions" not in pool


def test_a_cluster_that_could_not_be_made_takes_only_its_deletion(
    call: Call, clock: ManualClock, mtc_cluster: Json, slice_pool: Json
) -> None:
    fault(call, operation="CREATE_CLUSTER", target="/mtc$")
    call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
    clock.jump(1000)
    path = f"{PARENT}/clusters/mtc"
    cluster = call("GET", path)[1]
    assert (cluster["status"], cluster["statusMessage"]) == ("ERROR", WORDS)
    assert [pool["status"] for pool in cluster["nodePools"]] == ["ERROR"]
    assert call("GET", f"/kubernetes/{path.removeprefix('/v1/')}/version")[0] == 503
    for method, where, body in (
        ("POST", f"{path}/nodePools", {"nodePool": slice_pool}),
        ("DELETE", f"{path}/nodePools/default-pool", None),
        ("PUT", path, CHANNEL),
    ):
        status, answer = call(method, where, body)
        assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
        assert "state ERROR" in answer["error"]["message"]
    assert call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})[0] == 409
    assert call("DELETE", path)[0] == 200
    clock.jump(1000)
    assert call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})[0] == 200
    clock.jump(1000)
    assert call("GET", path)[1]["status"] == "RUNNING"


@pytest.mark.parametrize("kind", ["UPDATE_CLUSTER", "UPGRADE_MASTER"])
def test_an_update_of_the_cluster_is_not_applied(
    call: Call, clock: ManualClock, running: str, kind: str
) -> None:
    call("PUT", running, CHANNEL)
    clock.jump(1000)
    before = call("GET", running)[1]
    calmer = {"desiredReleaseChannel": {"channel": "REGULAR"}}
    update = {"update": calmer if kind == "UPDATE_CLUSTER" else {"desiredMasterVersion": "latest"}}
    fault(call, operation=kind, code=14)
    assert call("PUT", running, update)[0] == 200
    clock.jump(1000)
    assert last(call)["error"]["code"] == 14
    assert call("GET", running)[1] == before
    assert call("PUT", running, update)[0] == 200
    clock.jump(1000)
    changed = call("GET", running)[1]
    assert (changed["releaseChannel"], changed["currentMasterVersion"]) != (
        before["releaseChannel"],
        before["currentMasterVersion"],
    )


def test_an_update_of_a_pool_is_not_applied(
    call: Call, clock: ManualClock, emulator: Emulator, running: str
) -> None:
    path = f"{running}/nodePools/default-pool"
    call("GET", running)
    world: Any = emulator.cloud.store.worlds[running.removeprefix("/v1/")]
    notes = list(world.notes)
    fault(call, operation="UPDATE_NODE_POOL", target="default-pool")
    assert call("PUT", path, LABELS)[0] == 200
    clock.jump(1000)
    pool = call("GET", path)[1]
    assert (pool["status"], pool["statusMessage"]) == ("RUNNING_WITH_ERROR", WORDS)
    assert "labels" not in pool["config"]
    assert world.notes == notes
    assert call("PUT", path, LABELS)[0] == 200
    clock.jump(1000)
    pool = call("GET", path)[1]
    assert (pool["status"], pool["config"]["labels"]) == ("RUNNING", {"team": "a"})
    assert "statusMessage" not in pool


@pytest.mark.parametrize("what", ["", "/nodePools/default-pool"])
def test_what_could_not_be_deleted_is_still_there(
    call: Call, clock: ManualClock, emulator: Emulator, running: str, what: str
) -> None:
    fault(call, operation="^DELETE_")
    call("GET", running)
    world: Any = emulator.cloud.store.worlds[running.removeprefix("/v1/")]
    notes = list(world.notes)
    assert call("DELETE", running + what)[0] == 200
    clock.jump(1000)
    found = call("GET", running + what)[1]
    assert (found["status"], found["statusMessage"]) == ("ERROR", WORDS)
    if not what:
        assert [pool["status"] for pool in found["nodePools"]] == ["RUNNING"]
    assert world.notes == notes
    assert not world.closed
    assert call("DELETE", running + what)[0] == 200
    clock.jump(1000)
    assert call("GET", running + what)[0] == 404


def test_a_fault_is_used_up_and_another_type_does_not_use_it(
    call: Call, clock: ManualClock, running: str, slice_pool: Json
) -> None:
    fault(call, operation="CREATE_NODE_POOL", times=2)
    call("DELETE", f"{running}/nodePools/default-pool")
    errors = []
    for index in range(3):
        call("POST", f"{running}/nodePools", {"nodePool": {**slice_pool, "name": f"np-{index}"}})
        left = call("GET", "/_emulator/faults")[1]
        errors.append([asked["times"] for asked in left])
        clock.jump(1000)
    assert errors == [[1], [], []]
    shown = call("GET", f"{PARENT}/operations")[1]["operations"]
    assert ["error" in operation for operation in shown[1:]] == [False, True, True, False]


def test_a_fault_for_always_is_listed_as_it_was_asked_for(call: Call, running: str) -> None:
    asked = {
        "world": "operation-error",
        "operation": "",
        "target": "",
        "times": 0,
        "code": 8,
        "message": WORDS,
        "seconds": 1.5,
    }
    assert call("POST", "/_emulator/faults", asked) == (200, {})
    call("DELETE", f"{running}/nodePools/default-pool")
    assert call("GET", "/_emulator/faults") == (200, [asked])


def test_stuck_until_faults_are_deleted(
    call: Call, clock: ManualClock, running: str, slice_pool: Json
) -> None:
    call("POST", "/_emulator/faults", {"world": "operation-stuck", "target": "np-0$"})
    call("POST", f"{running}/nodePools", {"nodePool": slice_pool})
    clock.jump(100_000)
    assert last(call)["status"] == "RUNNING"
    assert call("PUT", running, CHANNEL)[0] == 400, "it is in the way of others all the time"
    assert call("GET", f"{running}/nodePools/mtc-np-0")[1]["status"] == "PROVISIONING"
    assert call("DELETE", "/_emulator/faults")[0] == 200
    done = last(call)
    assert done["status"] == "DONE"
    assert "error" not in done
    assert call("GET", f"{running}/nodePools/mtc-np-0")[1]["status"] == "RUNNING"


def test_both_outlive_the_process(
    call_at: Call, world_factory: Any, tmp_path: Path, mtc_cluster: Json, slice_pool: Json
) -> None:
    clock = ManualClock()
    with Emulator(clock=clock, world_factory=world_factory, state_dir=tmp_path) as first:
        call_at(first, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
        clock.jump(1000)
        for index, kind in enumerate(("operation-stuck", "operation-error")):
            call_at(first, "POST", "/_emulator/faults", {"world": kind, "target": f"np-{index}"})
            pool = {**slice_pool, "name": f"np-{index}"}
            call_at(first, "POST", f"{PARENT}/clusters/mtc/nodePools", {"nodePool": pool})
    later = ManualClock(start=0)
    with Emulator(clock=later, world_factory=world_factory, state_dir=tmp_path) as second:
        later.jump(100_000)

        def pools() -> list[str]:
            cluster = call_at(second, "GET", f"{PARENT}/clusters/mtc")[1]
            return [pool["status"] for pool in cluster["nodePools"][1:]]

        assert pools() == ["PROVISIONING", "ERROR"]
        call_at(second, "DELETE", "/_emulator/faults")
        assert pools() == ["RUNNING", "ERROR"]
