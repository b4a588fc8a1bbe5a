"""What a kubelet asks of the API: a status, the end of a pod, and a watch that another thread ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from xpk.cloud.errors import Conflict, NotFound
from xpk.cloud.kube import Kube
from xpk.errors import StateError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer

POD = "/api/v1/namespaces/n/pods/p"
STATUS = {"phase": "Running"}


def test_a_status_is_merged_into_the_object_of_that_uid(kube: Kube, fake: FakeServer) -> None:
    fake.answer(body={"kind": "Pod"})
    fake.answer(body={"kind": "Pod"})
    assert kube.patch_status(POD, STATUS, uid="u1") == {"kind": "Pod"}
    kube.patch_status(POD, STATUS)
    first, second = fake.requests
    assert first.method == "PATCH"
    assert first.path.endswith(f"{POD}/status")
    assert first.headers["Content-Type"] == "application/strategic-merge-patch+json"
    assert first.body == {"metadata": {"uid": "u1"}, "status": STATUS}
    assert second.body == {"status": STATUS}
    assert parse_qs(first.query) == {"fieldManager": ["xpk"]}


@pytest.mark.parametrize(("code", "kind"), [(404, NotFound), (422, StateError), (409, Conflict)])
def test_a_refused_status(kube: Kube, fake: FakeServer, code: int, kind: type[StateError]) -> None:
    for _ in range(9):
        fake.answer(code, {"message": "no", "details": {"name": "p", "kind": "pods"}})
    with pytest.raises(kind):
        kube.patch_status(POD, STATUS, uid="u1")


def test_a_deletion_says_grace_and_uid(kube: Kube, fake: FakeServer) -> None:
    for _ in range(2):
        fake.answer(body={"kind": "Status"})
    assert kube.delete(POD, propagation="Background", grace_seconds=0, uid="u1") is True
    assert kube.delete(POD) is True
    first, second = (request.body for request in fake.requests)
    assert (first["gracePeriodSeconds"], first["preconditions"]) == (0, {"uid": "u1"})
    assert "gracePeriodSeconds" not in second
    assert "preconditions" not in second


def test_another_thread_ends_a_watch(kube: Kube, fake: FakeServer) -> None:
    answered = threading.Event()
    line = b'{"type": "ADDED", "object": {"n": 1}}\n'

    class Chunks(tuple[bytes, ...]):
        """One line, and then nothing more until the client has gone."""

        def __iter__(self):  # type: ignore[no-untyped-def]
            yield line
            answered.wait(60)

    fake.answer(chunks=Chunks((line,)))
    breaks: list[Callable[[], None]] = []
    watch = kube.watch("/api/v1/pods", resource_version="1", timeout_seconds=600, opened=breaks.append)
    seen: list[object] = []
    reader = threading.Thread(target=lambda: seen.extend(watch))
    reader.start()
    while not seen:
        assert reader.is_alive()
        reader.join(0.01)
    breaks[0]()
    reader.join(30)
    assert not reader.is_alive()
    assert seen == [("ADDED", {"n": 1})]
    answered.set()
    breaks[0]()
