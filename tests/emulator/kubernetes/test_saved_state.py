"""A world that is saved and loaded goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from xpk.emulator.kubernetes.world import KubernetesWorld

Json = dict[str, Any]


def test_a_loaded_world_is_the_same_and_goes_on(queued: Any, jobset: Callable[..., Json]) -> None:
    queued.world.set_addon("HighScaleCheckpointing", True)
    queued.applied(jobset("one", queue="multislice-queue"))
    queued.applied(jobset("two", queue="multislice-queue"))
    queued.advance(50)
    victim = queued.pods("Running")[0]["spec"]["nodeName"]
    queued.world.lose_host(victim)
    queued.advance(10)
    state = json.loads(json.dumps(queued.world.dump()))
    other = KubernetesWorld(queued.clock, "demo", lambda: None)
    other.load(state)
    other.tick()
    assert other.objects() == queued.world.objects()
    queued.world = other
    queued.advance(400)
    assert queued.get("Node", victim)["metadata"]["name"] == victim
    assert queued.get("JobSet", "one")["status"]["restarts"] == 1
    assert len(queued.pods("Running")) == 8
    queued.delete("JobSet", "one")
    queued.advance(60)
    assert queued.get("JobSet", "two")["spec"]["suspend"] is False


def test_two_runs_with_the_same_requests_are_the_same(jobset: Callable[..., Json], rig: Any) -> None:
    other = type(rig)()
    for each in (rig, other):
        each.applied(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
        )
        each.advance(5)
    assert rig.world.dump() == other.world.dump()
