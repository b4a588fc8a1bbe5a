"""Waiting for a workload: its end, its timeout, its deletion, and a control plane that is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xpk.engine.timing import Timing
from xpk.engine.waiting import Outcome, wait_for_workload
from xpk.engine.wire import Json
from xpk.errors import Fault, NotReady, StateError, UnreachableError
from xpk.spec.cluster import Place

PLACE = Place("p", "us-east5")
AWAY = UnreachableError(Fault("it", "no answer", "again"))


def jobset(*ended: str) -> Json:
    conditions = [{"type": kind, "status": "True", "reason": "FailedJobs"} for kind in ended]
    return {"metadata": {"name": "w1"}, "spec": {"replicatedJobs": []}, "status": {"conditions": conditions}}


class Cluster:
    """Shows one state after the other, the last one for ever; an error is raised."""

    def __init__(self, *states: Json | Exception | None) -> None:
        self.states = list(states)
        self.status = "RUNNING"
        self.looks = 0

    @property
    def gke(self) -> Any:
        return self

    def get_cluster(self, name: str) -> Json:
        return {"name": "c", "status": self.status}

    def list_operations(self, parent: str, keep: object = None) -> list[Json]:
        return []

    def kube(self, name: str, cluster: Json) -> Any:
        return self

    def list(self, path: str, **options: object) -> list[Json]:
        return []

    def get(self, path: str) -> Json | None:
        self.looks += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state


def wait(
    timing: Timing, *states: Json | Exception | None, timeout: float | None = None
) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    note: Callable[[Any], None] = lambda status: said.append(status.words)  # noqa: E731
    cluster: Any = Cluster(*states)
    outcome = wait_for_workload(cluster, PLACE, "c", "w1", timeout=timeout, on_progress=note, timing=timing)
    return outcome, said


@pytest.mark.parametrize(
    ("end", "result", "code"), [("Completed", "succeeded", 0), ("Failed", "failed", 125)]
)
def test_the_end(timing: Timing, end: str, result: str, code: int) -> None:
    outcome, said = wait(timing, jobset(), jobset(), jobset(end))
    assert (outcome.result, outcome.exit_code) == (result, code)
    assert len(said) == 2, "each change once"


def test_a_timeout_is_kept_to(timing: Timing) -> None:
    begin = timing.now()
    outcome, _ = wait(timing, jobset(), timeout=123.0)
    assert (outcome.result, outcome.exit_code) == ("timeout", 124)
    assert timing.now() - begin == pytest.approx(123.0, abs=0.01)


def test_an_end_at_the_last_moment_is_an_end(timing: Timing) -> None:
    outcome, _ = wait(timing, jobset(), jobset("Completed"), timeout=0.01)
    assert outcome.result == "succeeded"


def test_deleted_meanwhile_and_never_there(timing: Timing) -> None:
    with pytest.raises(StateError, match="was deleted"):
        wait(timing, jobset(), None)
    with pytest.raises(StateError, match="no such workload"):
        wait(timing, None)


def test_a_control_plane_that_is_away_for_some_minutes(timing: Timing) -> None:
    outcome, _ = wait(timing, jobset(), *[AWAY] * 50, jobset("Completed"))
    assert outcome.result == "succeeded"
    with pytest.raises(UnreachableError):
        wait(timing, jobset(), AWAY)
    with pytest.raises(UnreachableError):
        wait(timing, AWAY, jobset())


def test_a_control_plane_that_is_away_before_the_first_look(timing: Timing) -> None:
    """GKE's own status excuses it, also where no operation is listed; for as long as the wait may take."""
    cluster: Any = Cluster(AWAY, AWAY, jobset("Completed"))
    cluster.status = "RECONCILING"
    assert wait_for_workload(cluster, PLACE, "c", "w1", timing=timing).result == "succeeded"
    cluster, begin = Cluster(AWAY), timing.now()
    cluster.status = "RECONCILING"
    with pytest.raises(NotReady, match="GKE changes the cluster; the cluster is RECONCILING"):
        wait_for_workload(cluster, PLACE, "c", "w1", timeout=100.0, timing=timing)
    assert 100 < timing.now() - begin < 120
