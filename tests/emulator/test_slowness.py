"""A control plane that GKE resizes on its own, and an IAM that takes its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xpk.emulator.clock import ManualClock
from xpk.emulator.iam import Account
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
PARENT = "/v1/projects/proj-1/locations/us-east5"
CHANNEL = {"update": {"desiredReleaseChannel": {"channel": "RAPID"}}}
BUCKET = "/storage/v1/b/my-bucket"
MEMBER = (
    "principal://iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/"
    "proj-1.svc.id.goog/subject/ns/default/sa/trainer"
)


def resize(call: Call, **fields: object) -> tuple[int, Any]:
    return call("POST", "/_emulator/faults", {"world": "control-plane-resize", "cluster": "mtc", **fields})


def answers(call: Call, path: str) -> bool:
    return call("GET", f"/kubernetes/{path.removeprefix('/v1/')}/version")[0] == 200


def make(call: Call, running: str, pool: Json, index: int) -> int:
    return call("POST", f"{running}/nodePools", {"nodePool": {**pool, "name": f"np-{index}"}})[0]


def test_a_resize_after_so_many_pools_refuses_what_is_asked_for_and_lets_the_rest_end(
    call: Call, clock: ManualClock, emulator: Emulator, running: str, slice_pool: Json
) -> None:
    assert resize(call, after_pools=2, seconds=200) == (200, {})
    assert make(call, running, slice_pool, 0) == 200
    clock.jump(60)
    assert make(call, running, slice_pool, 1) == 200
    clock.jump(30)
    assert make(call, running, slice_pool, 2) == 200
    clock.jump(50)
    assert call("GET", running)[1]["status"] == "RUNNING", "one pool is up"
    clock.jump(50)
    assert call("GET", running)[1]["status"] == "RECONCILING"
    operation = call("GET", f"{PARENT}/operations")[1]["operations"][-1]
    assert (operation["operationType"], operation["status"]) == ("RESIZE_CLUSTER", "PENDING")
    for method, path, body in (
        ("POST", f"{running}/nodePools", {"nodePool": {**slice_pool, "name": "np-3"}}),
        ("DELETE", f"{running}/nodePools/np-0", None),
        ("PUT", running, CHANNEL),
        ("DELETE", running, None),
    ):
        status, answer = call(method, path, body)
        assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
        words = f"Operation {operation['name']} is currently resizing cluster mtc. Please wait and try again"
        assert words in answer["error"]["message"]
    clock.jump(60)
    pools = {pool["name"]: pool["status"] for pool in call("GET", running)[1]["nodePools"]}
    assert pools["np-2"] == "RUNNING", "what ran goes on"
    clock.jump(200)
    assert call("GET", running)[1]["status"] == "RUNNING"
    assert make(call, running, slice_pool, 3) == 200
    assert call("GET", "/_emulator/faults") == (200, [])


@pytest.mark.parametrize(
    ("location", "fields", "away"),
    [
        ("us-east5", {"seconds": 300}, 30),
        ("us-east5-a", {"seconds": 300}, 300),
        ("us-east5", {"seconds": 300, "away_seconds": 100}, 100),
        ("us-east5-a", {"seconds": 300, "away_seconds": 0}, 0),
    ],
)
def test_kubernetes_does_not_answer_meanwhile(
    call: Call,
    clock: ManualClock,
    emulator: Emulator,
    mtc_cluster: Json,
    location: str,
    fields: Json,
    away: float,
) -> None:
    parent = f"/v1/projects/proj-1/locations/{location}"
    call("POST", f"{parent}/clusters", {"cluster": mtc_cluster})
    clock.jump(1000)
    path = f"{parent}/clusters/mtc"
    assert answers(call, path)
    assert resize(call, after_pools=0, **fields)[0] == 200
    world: Any = emulator.cloud.store.worlds[path.removeprefix("/v1/")]
    assert world.closed is bool(away), "watches end"
    seen, at = [], 0.0
    for moment in (0.0, max(0.0, away - 1), away + 1):
        clock.jump(moment - at)
        at = moment
        seen.append(answers(call, path))
    assert seen == ([False, False, True] if away else [True, True, True])


def test_a_resize_of_nothing(call: Call, running: str) -> None:
    assert resize(call, after_pools=0)[0] == 200
    fault = {"world": "control-plane-resize", "cluster": "other", "after_pools": 0}
    assert call("POST", "/_emulator/faults", fault)[0] == 404
    asked = {"world": "control-plane-resize", "cluster": "other", "after_pools": 3, "seconds": 5}
    assert call("POST", "/_emulator/faults", asked)[0] == 200
    assert call("GET", "/_emulator/faults") == (200, [asked])
    call("DELETE", "/_emulator/faults")
    assert call("GET", "/_emulator/faults") == (200, [])


def grant(call: Call, role: str = "roles/storage.objectUser") -> None:
    number = call("GET", "/v3/projects/proj-1")[1]["name"].removeprefix("projects/")
    binding = {"role": role, "members": [MEMBER.format(number=number)]}
    assert call("PUT", f"{BUCKET}/iam", {"bindings": [binding]})[0] == 200


def denied(emulator: Emulator, *, write: bool = True, **account: str) -> str:
    named = {"project": "proj-1", "namespace": "default", "name": "trainer", **account}
    return emulator.cloud.buckets.denied("my-bucket", Account(**named), write)


def test_a_binding_is_readable_at_once_and_has_its_effect_later(
    call: Call, clock: ManualClock, emulator: Emulator, running: str
) -> None:
    asked = {"world": "iam-late", "seconds": 420}
    assert call("POST", "/_emulator/faults", asked) == (200, {})
    assert call("GET", "/_emulator/faults") == (200, [asked])
    grant(call)
    assert len(call("GET", f"{BUCKET}/iam")[1]["bindings"]) == 1
    assert "Permission 'storage.objects.create' denied" in denied(emulator)
    clock.jump(200)
    grant(call)
    clock.jump(219)
    assert denied(emulator)
    clock.jump(2)
    assert not denied(emulator), "writing it again does not begin anew"
    call("PUT", f"{BUCKET}/iam", {"bindings": []})
    assert denied(emulator)
    grant(call)
    assert denied(emulator)
    call("DELETE", "/_emulator/faults")
    assert not denied(emulator)


def test_who_may_do_what(call: Call, emulator: Emulator, running: str) -> None:
    assert denied(emulator)
    grant(call, "roles/storage.objectViewer")
    assert denied(emulator, write=True)
    assert not denied(emulator, write=False)
    assert denied(emulator, write=False, name="default")
    assert denied(emulator, write=False, project="proj-2")
    grant(call, "projects/proj-1/roles/own")
    assert not denied(emulator)
    binding = {
        "role": "roles/storage.objectUser",
        "members": ["serviceAccount:a@proj-1.iam.gserviceaccount.com"],
    }
    call("PUT", f"{BUCKET}/iam", {"bindings": [binding]})
    assert denied(emulator)
    assert not denied(emulator, email="a@proj-1.iam.gserviceaccount.com")
    call("POST", "/_emulator/faults", {"world": "bucket-missing", "bucket": "my-bucket"})
    assert "does not exist" in denied(emulator, email="a@proj-1.iam.gserviceaccount.com")


def test_iam_learns_of_a_workload_identity_pool_late(
    call: Call, clock: ManualClock, mtc_cluster: Json
) -> None:
    call("POST", "/_emulator/faults", {"world": "iam-late", "seconds": 120})
    number = call("GET", "/v3/projects/proj-1")[1]["name"].removeprefix("projects/")
    policy = {"bindings": [{"role": "roles/storage.objectUser", "members": [MEMBER.format(number=number)]}]}
    call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
    seen = []
    for seconds in (0, 350, 100, 30):
        clock.jump(seconds)
        call("GET", f"{PARENT}/clusters/mtc")
        seen.append(call("PUT", f"{BUCKET}/iam", policy)[0])
    assert seen == [400, 400, 400, 200]


def test_what_is_late_outlives_the_process(
    call_at: Call, world_factory: Any, tmp_path: Path, mtc_cluster: Json
) -> None:
    clock = ManualClock()
    with Emulator(clock=clock, world_factory=world_factory, state_dir=tmp_path) as first:

        def call(*arguments: Any) -> tuple[int, Any]:
            return call_at(first, *arguments)

        call("POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
        clock.jump(1000)
        call("POST", "/_emulator/faults", {"world": "iam-late", "seconds": 420})
        grant(call)
    later = ManualClock(start=0)
    with Emulator(clock=later, world_factory=world_factory, state_dir=tmp_path) as second:
        assert denied(second)
        later.jump(421)
        assert not denied(second)
