"""Events are gone an hour after they were last written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xpk.emulator.kubernetes import events
from xpk.emulator.kubernetes.world import KubernetesWorld

HOUR = 3600


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No real minute has to pass."""
    monkeypatch.setattr(events, "REAL_SECONDS", -1.0)


def stuck(rig: Any) -> Any:
    """A pod that no node can take, about which the scheduler writes one event."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeSelector": {"a": "b"}, "containers": [{"name": "c", "image": "i"}]},
    }
    rig.applied(pod)
    rig.advance(10)
    assert len(rig.items("Event")) == 1
    return rig


def test_an_event_stays_for_an_hour(rig: Any) -> None:
    stuck(rig)
    rig.advance(HOUR - 60)
    assert len(rig.items("Event")) == 1
    rig.advance(120)
    assert rig.items("Event") == []
    assert rig.pods(), "what it was about stays"


def test_an_event_that_repeats_stays(rig: Any) -> None:
    stuck(rig)
    rig.advance(HOUR - 60)
    about = rig.get("Pod", "p")
    message = rig.items("Event")[0]
    recorded = rig.world._cluster.events.record
    recorded(about, "Warning", message["reason"], message["message"], "default-scheduler")
    rig.advance(120)
    assert [event["count"] for event in rig.items("Event")] == [2]


def test_what_expires_wakes_nobody_and_survives_a_reload(rig: Any) -> None:
    stuck(rig)
    loaded = KubernetesWorld(rig.clock, "demo", lambda: None)
    loaded.load(json.loads(json.dumps(rig.world.dump())))
    rig.world = loaded
    rig.advance(HOUR - 60)
    assert len(rig.items("Event")) == 1
    before = loaded.changes
    rig.advance(120)
    assert rig.items("Event") == []
    assert loaded.changes == before


def test_a_fast_clock_leaves_time_to_look(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "REAL_SECONDS", 600.0)
    stuck(rig)
    rig.advance(10 * HOUR)
    assert len(rig.items("Event")) == 1
