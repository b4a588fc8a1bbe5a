"""Buckets and their IAM policies against a scripted server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.cloud.credentials import anonymous
from xpk.cloud.errors import Conflict, NotFound
from xpk.cloud.http import new_session
from xpk.cloud.retry import Retrier
from xpk.cloud.storage import Storage, with_member, without_member
from xpk.errors import AccessError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer, FakeTime, Reply, Request

ROLE, ME = "roles/storage.objectUser", "principal://me"
IAM = "/storage/v1/b/b/iam"


@pytest.fixture
def storage(fake: FakeServer, retrier: Retrier) -> Iterator[Storage]:
    client = Storage(fake.endpoints, new_session(fake.endpoints, anonymous()), retrier=retrier)
    yield client
    client.close()


def policy(etag: str, *bindings: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "storage#policy", "version": 1, "etag": etag, "bindings": list(bindings)}


def test_bucket_and_layout(storage: Storage, fake: FakeServer) -> None:
    fake.answer(body={"name": "b", "hierarchicalNamespace": {"enabled": True}})
    fake.answer(body={"bucket": "b", "location": "US-EAST5"})
    fake.answer(404, {"error": {"code": 404, "message": "The specified bucket does not exist."}})
    fake.answer(403, {"error": {"code": 403, "message": "me does not have storage.buckets.get access"}})
    assert storage.bucket("b") == {"name": "b", "hierarchicalNamespace": {"enabled": True}}
    assert storage.layout("b") == {"bucket": "b", "location": "US-EAST5"}
    assert storage.bucket("b") is None
    with pytest.raises(AccessError, match=r"storage\.buckets\.get"):
        storage.bucket("a/../b")
    assert fake.seen[1] == "GET /storage/v1/b/b/storageLayout"
    assert fake.seen[3] == "GET /storage/v1/b/a%2F..%2Fb"
    assert "Authorization" not in fake.requests[0].headers


def test_a_grant(storage: Storage, fake: FakeServer) -> None:
    fake.answer(body=policy("e1", {"role": "roles/other", "members": ["user:x"]}))
    fake.answer(body={})
    assert storage.add_binding("b", ROLE, ME) is True
    read, write = fake.requests
    assert (read.method, read.path, read.query) == ("GET", IAM, "optionsRequestedPolicyVersion=3")
    assert (write.method, write.path) == ("PUT", IAM)
    assert write.body == policy(
        "e1", {"role": "roles/other", "members": ["user:x"]}, {"role": ROLE, "members": [ME]}
    )


def test_a_grant_that_is_there_writes_nothing(storage: Storage, fake: FakeServer) -> None:
    fake.answer(body=policy("e1", {"role": ROLE, "members": ["user:x", ME]}))
    assert storage.add_binding("b", ROLE, ME) is False
    assert fake.seen == [f"GET {IAM}"]


def test_a_stale_etag_reads_again_and_keeps_the_other_change(storage: Storage, fake: FakeServer) -> None:
    fake.answer(body=policy("e1"))
    fake.answer(412, {"error": {"code": 412, "message": "Precondition Failed"}})
    fake.answer(body=policy("e2", {"role": ROLE, "members": ["user:other"]}))
    fake.answer(body={})
    assert storage.add_binding("b", ROLE, ME) is True
    assert fake.requests[3].body == policy("e2", {"role": ROLE, "members": ["user:other", ME]})


def test_a_policy_that_never_holds_still_is_given_up(
    storage: Storage, fake: FakeServer, fake_time: FakeTime
) -> None:
    for _ in range(9):
        fake.answer(body=policy("e1"))
        fake.answer(412, {"error": {"code": 412, "message": "Precondition Failed"}})
    with pytest.raises(Conflict, match="changed by somebody else"):
        storage.add_binding("b", ROLE, ME)
    assert len(fake.requests) == 10
    assert len(fake_time.sleeps) == 4


def test_a_grant_whose_answer_got_lost_counts_as_made(storage: Storage, fake: FakeServer) -> None:
    state = policy("e1")

    def respond(request: Request) -> Reply:
        if request.method == "GET":
            return fake.reply(body=dict(state))
        if request.body["etag"] != state["etag"]:
            return fake.reply(412, {"error": {"message": "Precondition Failed"}})
        state.update(request.body, etag="e2")
        return fake.reply(drop=True)

    fake.respond = respond
    assert storage.add_binding("b", ROLE, ME) is True
    assert state["bindings"] == [{"role": ROLE, "members": [ME]}]


def test_taking_back(storage: Storage, fake: FakeServer) -> None:
    fake.answer(body=policy("e1", {"role": ROLE, "members": [ME]}, {"role": "r", "members": [ME]}))
    fake.answer(body={})
    fake.answer(body=policy("e2"))
    assert storage.remove_binding("b", ROLE, ME) is True
    assert storage.remove_binding("b", ROLE, ME) is False
    assert fake.requests[1].body == policy("e1", {"role": "r", "members": [ME]})


def test_a_missing_bucket_has_no_policy(storage: Storage, fake: FakeServer) -> None:
    fake.answer(404, {"error": {"code": 404, "message": "no bucket"}})
    with pytest.raises(NotFound, match="gs://b"):
        storage.add_binding("b", ROLE, ME)


CONDITION = {"title": "until", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}


def test_a_conditional_binding_is_not_ours() -> None:
    conditional = {"role": ROLE, "members": [ME], "condition": CONDITION}
    before = {"version": 3, "etag": "e", "bindings": [conditional]}
    added = with_member(before, ROLE, ME)
    assert added == {"version": 3, "etag": "e", "bindings": [conditional, {"role": ROLE, "members": [ME]}]}
    assert without_member(before, ROLE, ME) is None
    assert without_member(added, ROLE, ME) == before


members = st.lists(st.sampled_from(["user:a", "user:b", ME]), max_size=3, unique=True)
bindings = st.lists(
    st.builds(
        lambda role, who, condition: {"role": role, "members": who} | condition,
        st.sampled_from([ROLE, "roles/other"]),
        members,
        st.sampled_from([{}, {"condition": CONDITION}]),
    ),
    max_size=4,
)


@given(bindings)
def test_a_grant_adds_one_member_and_nothing_else(before: list[dict[str, Any]]) -> None:
    added = with_member({"etag": "e", "bindings": before}, ROLE, ME)
    if added is None:
        assert any(b["role"] == ROLE and "condition" not in b and ME in b["members"] for b in before)
        return
    assert with_member(added, ROLE, ME) is None
    removed = without_member(added, ROLE, ME)
    assert removed is not None
    assert pairs(removed["bindings"]) == pairs(before)


def pairs(of: list[dict[str, Any]]) -> set[tuple[str, str, bool]]:
    return {(b["role"], m, "condition" in b) for b in of for m in b["members"]}
