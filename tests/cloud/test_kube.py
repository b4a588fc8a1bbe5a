"""The Kubernetes client against a scripted API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from xpk.cloud.errors import (
    AlreadyExists,
    Ambiguous,
    Conflict,
    KindNotServed,
    ResourceVersionGone,
)
from xpk.cloud.kube import Kube
from xpk.errors import UnreachableError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer, FakeTime

CLUSTER = "projects/p/locations/l/clusters/c"
BASE = f"/kubernetes/{CLUSTER}"
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "m", "namespace": "n"},
    "data": {"a": "b"},
}
MAPS = "/api/v1/namespaces/n/configmaps"


def status(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    return body | ({"reason": reason} if reason else {}) | ({"details": details} if details else {})


def test_get(kube: Kube, fake: FakeServer) -> None:
    fake.answer(body=CONFIG_MAP)
    fake.answer(404, status(404, "NotFound", 'configmaps "m" not found', {"name": "m", "kind": "configmaps"}))
    assert kube.get(MAPS + "/m") == CONFIG_MAP
    assert kube.get(MAPS + "/m") is None
    assert fake.seen == [f"GET {BASE}{MAPS}/m"] * 2
    assert "Authorization" not in fake.requests[0].headers


def test_apply_is_server_side_and_strict(kube: Kube, fake: FakeServer) -> None:
    fake.answer(201, CONFIG_MAP)
    fake.answer(200, CONFIG_MAP)
    assert kube.apply(CONFIG_MAP) == CONFIG_MAP
    kube.apply(CONFIG_MAP, force=True, field_manager="xpk-test", dry_run=True)
    first, second = fake.requests
    assert (first.method, first.path) == ("PATCH", f"{BASE}{MAPS}/m")
    assert first.headers["Content-Type"] == "application/apply-patch+yaml"
    assert first.body == CONFIG_MAP
    assert parse_qs(first.query) == {
        "fieldManager": ["xpk"],
        "force": ["false"],
        "fieldValidation": ["Strict"],
    }
    assert parse_qs(second.query) == {
        "fieldManager": ["xpk-test"],
        "force": ["true"],
        "fieldValidation": ["Strict"],
        "dryRun": ["All"],
    }


def test_text_of_any_kind_arrives_unchanged(kube: Kube, fake: FakeServer) -> None:
    manifest: dict[str, Any] = CONFIG_MAP | {
        "data": {"k": "quote ' \" \\ $(X) \n tab\t ünï \u2028 # ; | null", "empty": ""}
    }
    manifest["values"] = [None, True, False, 0, 1.5, [], {}, {"a": None}, 2**40]
    fake.answer(body=manifest)
    assert kube.apply(manifest) == manifest
    assert fake.requests[0].body == manifest


def test_warnings_are_kept_once(kube: Kube, fake: FakeServer) -> None:
    header = '299 - "This version is deprecated. Use v1beta2 instead.", 299 - "say \\"hi\\"\x1b[1m"'
    for _ in range(2):
        fake.answer(body=CONFIG_MAP, headers={"Warning": header})
    kube.apply(CONFIG_MAP)
    kube.apply(CONFIG_MAP)
    assert kube.warnings == ["This version is deprecated. Use v1beta2 instead.", 'say "hi" [1m']


@pytest.mark.parametrize(
    "reply", [{"status": 503}, {"status": 500}, {"status": 429}, {"drop": True}, {"cut": True}]
)
def test_apply_is_repeated_since_twice_is_once(kube: Kube, fake: FakeServer, reply: dict[str, Any]) -> None:
    fake.answer(**reply)
    fake.answer(body=CONFIG_MAP)
    assert kube.apply(CONFIG_MAP) == CONFIG_MAP
    assert len(fake.requests) == 2


def test_retry_after_of_a_busy_server(kube: Kube, fake: FakeServer, fake_time: FakeTime) -> None:
    fake.answer(429, status(429, "TooManyRequests", "busy", {"retryAfterSeconds": 7}))
    fake.answer(429, status(429, "TooManyRequests", "busy"), headers={"Retry-After": "9"})
    fake.answer(body=CONFIG_MAP)
    kube.get(MAPS + "/m")
    assert fake_time.sleeps == [7.0, 9.0]


def test_create(kube: Kube, fake: FakeServer) -> None:
    fake.answer(201, CONFIG_MAP)
    fake.answer(409, status(409, "AlreadyExists", 'configmaps "m" already exists'))
    fake.answer(drop=True)
    assert kube.create(CONFIG_MAP) == CONFIG_MAP
    with pytest.raises(AlreadyExists):
        kube.create(CONFIG_MAP)
    with pytest.raises(Ambiguous):
        kube.create(CONFIG_MAP)
    assert fake.seen == [f"POST {BASE}{MAPS}"] * 3
    assert parse_qs(fake.requests[0].query)["fieldValidation"] == ["Strict"]


def test_delete(kube: Kube, fake: FakeServer) -> None:
    fake.answer(200, status(200, "", ""))
    fake.answer(404, status(404, "NotFound", "gone", {"name": "m"}))
    assert kube.delete(MAPS + "/m") is True
    assert kube.delete(MAPS + "/m", propagation="Background") is False
    assert [r.body["propagationPolicy"] for r in fake.requests] == ["Foreground", "Background"]


def test_a_successor_of_what_is_to_be_deleted_stays_at_once(kube: Kube, fake: FakeServer) -> None:
    """A conflict that passes is tried again; that of another uid never does."""
    words = (
        "the UID in the precondition (a) does not match the UID in record (b). The object might have been ..."
    )
    fake.answer(409, status(409, "Conflict", words, {"name": "m"}))
    with pytest.raises(Conflict, match="does not match the UID"):
        kube.delete(MAPS + "/m", uid="a")
    fake.answer(409, status(409, "Conflict", "the object has been modified", {"name": "m"}))
    fake.answer(200, status(200, "", ""))
    assert kube.delete(MAPS + "/m", uid="a") is True
    assert [r.body["preconditions"] for r in fake.requests] == [{"uid": "a"}] * 3


def test_list_reads_all_pages_and_completes_the_objects(kube: Kube, fake: FakeServer) -> None:
    fake.answer(
        body={
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"continue": "t+/=", "resourceVersion": "7"},
            "items": [{"metadata": {"name": "a"}}],
        }
    )
    fake.answer(
        body={
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": "7"},
            "items": [{"metadata": {"name": "b"}}],
        }
    )
    listing = kube.list_versioned("/api/v1/pods", label_selector="a in (b,c)", field_selector="x=y", limit=1)
    assert listing.resource_version == "7"
    assert [(o["kind"], o["apiVersion"], o["metadata"]["name"]) for o in listing.items] == [
        ("Pod", "v1", "a"),
        ("Pod", "v1", "b"),
    ]
    first, second = (parse_qs(r.query) for r in fake.requests)
    assert first == {"limit": ["1"], "labelSelector": ["a in (b,c)"], "fieldSelector": ["x=y"]}
    assert second == first | {"continue": ["t+/="]}


def test_an_expired_page_starts_over_in_one_piece(kube: Kube, fake: FakeServer) -> None:
    fake.answer(
        body={"kind": "PodList", "metadata": {"continue": "t"}, "items": [{"metadata": {"name": "old"}}]}
    )
    fake.answer(410, status(410, "Expired", "too old"))
    fake.answer(body={"kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "new"}}]})
    assert [o["metadata"]["name"] for o in kube.list("/api/v1/pods")] == ["new"]
    assert fake.requests[2].query == ""


def test_a_kind_that_is_not_served_has_no_objects(kube: Kube, fake: FakeServer) -> None:
    fake.answer(404, b"404 page not found\n")
    assert kube.list("/apis/jobset.x-k8s.io/v1alpha2/jobsets") == []


def watch_lines(*events: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(json.dumps({"type": kind, "object": obj}).encode() + b"\n" for kind, obj in events)


def test_watch_joins_lines_over_chunks(kube: Kube, fake: FakeServer) -> None:
    data = watch_lines(
        ("ADDED", {"n": 1}), ("BOOKMARK", {"n": 2}), ("MODIFIED", {"n": "é"}), ("DELETED", {"n": 4})
    )
    fake.answer(chunks=(data[:5], data[5:61], data[61:]))
    events = list(kube.watch("/api/v1/pods", resource_version="7", timeout_seconds=3))
    assert events == [("ADDED", {"n": 1}), ("MODIFIED", {"n": "é"}), ("DELETED", {"n": 4})]
    assert parse_qs(fake.requests[0].query) == {
        "watch": ["true"],
        "resourceVersion": ["7"],
        "timeoutSeconds": ["3"],
    }


def test_watch_gives_events_before_the_stream_ends(kube: Kube, fake: FakeServer) -> None:
    fake.answer(chunks=(watch_lines(("ADDED", {"n": 1})),), then_break=True)
    stream = kube.watch("/api/v1/pods", resource_version="7", timeout_seconds=3)
    assert next(stream) == ("ADDED", {"n": 1})
    assert list(stream) == []


def test_watch_that_is_too_old(kube: Kube, fake: FakeServer) -> None:
    gone = status(410, "Expired", "too old resource version: 1 (9)")
    fake.answer(chunks=(watch_lines(("ERROR", gone)),))
    fake.answer(410, gone)
    for _ in range(2):
        with pytest.raises(ResourceVersionGone, match="too old"):
            list(kube.watch("/api/v1/pods", resource_version="1", timeout_seconds=3))


def test_an_unknown_kind_is_discovered_once(kube: Kube, fake: FakeServer) -> None:
    resources = [
        {"name": "widgets/status", "kind": "Widget", "namespaced": True},
        {"name": "widgets", "kind": "Widget", "namespaced": True},
    ]
    fake.answer(body={"kind": "APIResourceList", "resources": resources})
    manifest = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    expected = "/apis/example.com/v1/namespaces/default/widgets/w"
    assert [kube.path_of(manifest), kube.path_of(manifest)] == [expected, expected]
    assert fake.seen == [f"GET {BASE}/apis/example.com/v1"]


def test_a_kind_that_nobody_defines(kube: Kube, fake: FakeServer) -> None:
    fake.answer(body={"kind": "APIResourceList", "resources": []})
    fake.answer(404, b"404 page not found")
    manifest = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    for _ in range(2):
        with pytest.raises(KindNotServed):
            kube.path_of(manifest)


def test_an_answer_that_is_no_json(kube: Kube, fake: FakeServer) -> None:
    for _ in range(5):
        fake.answer(200, b'{"kind": "Conf')
    with pytest.raises(UnreachableError, match="not a JSON object"):
        kube.get(MAPS + "/m")


def test_many_threads_share_a_connection_pool(kube: Kube, fake: FakeServer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for _ in range(24):
        fake.answer(body=CONFIG_MAP)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: kube.apply(CONFIG_MAP), range(24)))
    assert results == [CONFIG_MAP] * 24
