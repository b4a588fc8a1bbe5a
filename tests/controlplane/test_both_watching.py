"""Watches, the same on both servers: what they show, from where, and when they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_wire import CONFIG_MAPS, config_map, labelled, send, watching
from tests.controlplane.world import JOBSETS

Json = dict[str, Any]
OURS = "metadata.name!=kube-root-ca.crt"


def seen(events: Iterator[Json], count: int) -> list[tuple[str, str]]:
    """The next events, by type and name."""
    found = [next(events) for _ in range(count)]
    return [(event["type"], event["object"]["metadata"]["name"]) for event in found]


def since(side: Side, path: str) -> str:
    """The version of a collection as it is now."""
    return str(side.kube.list_versioned(path).resource_version)


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
def test_without_a_version_it_starts_with_what_is_there(
    side: Side, namespace: str, query: dict[str, str]
) -> None:
    path = CONFIG_MAPS.format(namespace)
    side.kube.apply(config_map(namespace, "a"))
    with watching(side, path, fieldSelector=OURS, **query) as events:
        assert seen(events, 1) == [("ADDED", "a")]
        side.kube.apply(config_map(namespace, "b"))
        side.kube.delete(f"{path}/a", propagation="Background")
        assert seen(events, 2) == [("ADDED", "b"), ("DELETED", "a")]


def test_with_a_version_it_goes_on_from_there(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    side.kube.apply(config_map(namespace, "a"))
    version = since(side, path)
    side.kube.apply(config_map(namespace, "b"))
    with watching(side, path, resourceVersion=version) as events:
        side.kube.apply(config_map(namespace, "b", x="1"))
        assert seen(events, 2) == [("ADDED", "b"), ("MODIFIED", "b")]


def test_an_object_that_leaves_the_selector_is_deleted_for_the_watcher(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    with watching(side, path, labelSelector="x=1", resourceVersion=since(side, path)) as events:
        for value in ("1", "2", "1"):
            side.kube.apply(labelled(namespace, "a", x=value))
        first, left, back = (next(events) for _ in range(3))
    assert [event["type"] for event in (first, left, back)] == ["ADDED", "DELETED", "ADDED"]
    assert left["object"]["metadata"]["labels"] == {"x": "1"}
    version = left["object"]["metadata"]["resourceVersion"]
    assert version != first["object"]["metadata"]["resourceVersion"]


def test_a_watch_of_one_object(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    only = "metadata.name=b"
    with watching(side, path, fieldSelector=only, resourceVersion=since(side, path)) as events:
        side.kube.apply(config_map(namespace, "a"))
        side.kube.apply(config_map(namespace, "b"))
        assert seen(events, 1) == [("ADDED", "b")]


def test_a_version_that_is_too_old_is_gone(side: Side, namespace: str) -> None:
    """A custom kind has no history from before its definition."""
    with watching(side, JOBSETS.format(namespace), resourceVersion="1") as events:
        (event,) = events
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["status"]) == ("Status", "Failure")
    assert (status["reason"], status["code"]) == ("Expired", 410)
    assert status["message"].startswith("too old resource version: 1 (")


def test_a_version_that_is_none(side: Side, namespace: str) -> None:
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), watch="true", resourceVersion="new")
    assert answer.status == 500, answer.body
    assert "reason" not in answer.body
    text = 'resourceVersion: Invalid value: "new": strconv.ParseUint: parsing "new": invalid syntax'
    assert answer.body["message"] == text


def test_it_ends_by_itself(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    with watching(side, path, timeoutSeconds="1", fieldSelector="metadata.name=none") as events:
        assert not list(events)


def test_a_bookmark_comes_before_the_end(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    version = since(side, path)
    words = {"allowWatchBookmarks": "true", "timeoutSeconds": "4", "fieldSelector": "metadata.name=none"}
    with watching(side, path, resourceVersion=version, **words) as events:
        side.kube.apply(config_map(namespace, "other"))
        found = list(events)
    assert {event["type"] for event in found} == {"BOOKMARK"}
    bookmark = found[-1]["object"]
    assert (bookmark["kind"], bookmark["apiVersion"]) == ("ConfigMap", "v1")
    assert int(bookmark["metadata"]["resourceVersion"]) > int(version)
    assert "name" not in bookmark["metadata"]


def test_a_watch_that_is_a_list_too_says_where_the_list_ends(side: Side, namespace: str) -> None:
    """As client-go's informers and kubectl ask since 1.35."""
    side.kube.apply(config_map(namespace, "a"))
    words = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "fieldSelector": OURS,
    }
    with watching(side, CONFIG_MAPS.format(namespace), **words) as events:
        assert seen(events, 1) == [("ADDED", "a")]
        end = next(events)
        assert end["type"] == "BOOKMARK"
        assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        side.kube.apply(config_map(namespace, "b"))
        assert seen(events, 1) == [("ADDED", "b")]


def test_initial_events_need_a_match(side: Side, namespace: str) -> None:
    answer = send(side, "GET", CONFIG_MAPS.format(namespace), watch="true", sendInitialEvents="true")
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in answer.body["message"]


def test_a_watch_over_all_namespaces(side: Side, namespace: str) -> None:
    other = side.namespace()
    version = since(side, "/api/v1/configmaps")
    with watching(side, "/api/v1/configmaps", labelSelector="mine", resourceVersion=version) as events:
        side.kube.apply(labelled(namespace, "a", mine="1"))
        side.kube.apply(labelled(other, "b", mine="1"))
        assert seen(events, 2) == [("ADDED", "a"), ("ADDED", "b")]


def test_the_old_way_to_watch(side: Side, namespace: str) -> None:
    """`/api/v1/watch/...`, which is deprecated since 1.11 and still served."""
    answer = send(side, "GET", f"/api/v1/watch/namespaces/{namespace}/nothing")
    assert answer.status == 404


def test_a_deletion_has_a_version_of_its_own(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    made = side.kube.apply(config_map(namespace, "a"))
    version = made["metadata"]["resourceVersion"]
    with watching(side, path, resourceVersion=version) as events:
        side.kube.delete(f"{path}/a", propagation="Background")
        gone = next(events)
    assert gone["type"] == "DELETED"
    assert int(gone["object"]["metadata"]["resourceVersion"]) > int(version)
