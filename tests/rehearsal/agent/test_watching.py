"""A collection that is followed over broken watches, expired versions and objects that were replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.rehearsal.agent.fakes import FakeKube, wait
from xpk.cloud.errors import ResourceVersionGone
from xpk.errors import Fault, UnreachableError
from xpk.rehearsal.agent import watching
from xpk.rehearsal.agent.watching import Follower

Json = dict[str, Any]
PATH = "/api/v1/nodes"


def item(name: str, version: int, uid: str = "u") -> Json:
    return {"metadata": {"name": name, "uid": f"{name}-{uid}", "resourceVersion": str(version)}}


@dataclass
class Following:
    """A follower that runs, and what it told."""

    kube: FakeKube = field(default_factory=FakeKube)
    told: list[str] = field(default_factory=list)
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = Follower(self.kube, PATH, self._seen, self._gone)

    def _seen(self, found: Json) -> None:
        self.told.append(f"+{found['metadata']['uid']} {found['metadata']['resourceVersion']}")

    def _gone(self, found: Json) -> None:
        self.told.append(f"-{found['metadata']['uid']}")

    def say(self, kind: str, found: Json) -> None:
        self.kube.stream(PATH).put((kind, found))


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    monkeypatch.setattr(watching, "_PAUSE_SECONDS", 0.001)
    found, stop = Following(), threading.Event()
    found.kube.lists[PATH] = [item("a", 1)]
    thread = threading.Thread(target=found.follower.run, args=(stop,))
    thread.start()
    yield found
    stop.set()
    found.follower.end()
    thread.join(30)
    assert not thread.is_alive()


def test_changes_are_told_in_order(following: Following) -> None:
    following.say("MODIFIED", item("a", 11))
    following.say("ADDED", item("b", 12))
    following.say("MODIFIED", item("b", 12))
    following.say("DELETED", item("a", 13))
    wait(lambda: following.told == ["+a-u 1", "+a-u 11", "+b-u 12", "-a-u"], "all told")
    assert following.follower.listed.is_set()


def test_a_broken_watch_goes_on_from_where_it_was(following: Following) -> None:
    following.say("MODIFIED", item("a", 11))
    following.kube.stream(PATH).put(None)
    wait(lambda: following.kube.asked[-1] == f"watch {PATH} 11", "goes on")
    assert following.kube.asked.count(f"list {PATH}") == 1


def test_an_old_version_lists_again_and_tells_what_is_gone(following: Following) -> None:
    following.say("ADDED", item("b", 11))
    wait(lambda: "+b-u 11" in following.told, "b")
    following.kube.lists[PATH] = [item("a", 1), item("c", 20)]
    following.kube.stream(PATH).put(ResourceVersionGone(Fault("watch", "too old", "list")))
    wait(lambda: following.told == ["+a-u 1", "+b-u 11", "-b-u", "+c-u 20"], "listed again")


def test_a_server_that_is_away_is_asked_again(following: Following) -> None:
    for _ in range(3):
        following.kube.stream(PATH).put(UnreachableError(Fault("watch", "away", "wait")))
    following.say("ADDED", item("b", 11))
    wait(lambda: "+b-u 11" in following.told, "b")


def test_a_successor_of_the_same_name_is_another_object(following: Following) -> None:
    following.say("ADDED", item("a", 11, "other"))
    wait(lambda: following.told == ["+a-u 1", "-a-u", "+a-other 11"], "replaced")
