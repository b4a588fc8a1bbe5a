"""The emulator's own side of watches: its bounded history, and a stream that nothing comes through.

What a watch shows is tested on both servers, in tests/controlplane/test_both_watching.py.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import pytest

from xpk.emulator.kubernetes import watches

Json = dict[str, Any]


def config_map(name: str, **labels: str) -> Json:
    meta = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def events(rig: Any, stream: Any) -> list[tuple[str, str]]:
    """Closes the world's watches and reads what is in one of them."""
    rig.world.close()
    rows = [json.loads(line) for line in stream]
    return [
        (row["type"], row["object"].get("metadata", {}).get("name", row["object"].get("reason")))
        for row in rows
    ]


def watch(rig: Any, query: str) -> Any:
    response = rig.call("GET", rig.path("ConfigMap") + "?watch=true" + query)
    assert response.status == 200
    return response.stream


def test_a_version_that_is_too_old_is_gone(rig: Any) -> None:
    rig.world._cluster.store.history = deque(maxlen=3)
    for index in range(6):
        rig.applied(config_map(f"c{index}"))
    stream = watch(rig, "&resourceVersion=1")
    assert events(rig, stream) == [("ERROR", "Expired")]


def test_a_quiet_watch_lets_its_reader_look_around(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "PULSE", 0.001)
    stream = watch(rig, "&fieldSelector=metadata.name=none")
    assert [next(stream) for _ in range(3)] == [b"", b"", b""]
    assert rig.apply(config_map("none")).status == 201
    assert b"ADDED" in next(filter(None, stream))
