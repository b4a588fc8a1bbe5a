"""What a kubelet writes of a pod: its phase, and when conditions changed."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.rehearsal.agent.status import Facts, Over, Phase, Runs, Seen, State, Waiting, phase, status

Json = dict[str, Any]
RUNS, WAITS = Runs("t1"), Waiting("ContainerCreating")
GOOD, BAD = Over(0, "t1", "t2"), Over(1, "t1", "t2")


def seen(*states: State) -> list[Seen]:
    return [Seen(f"c{number}", "i:1", state) for number, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "policy", "expected"),
    [
        ([WAITS], "Never", "Pending"),
        ([RUNS], "Never", "Running"),
        ([RUNS, WAITS], "Never", "Running"),
        ([BAD, RUNS], "Never", "Running"),
        ([GOOD], "Never", "Succeeded"),
        ([BAD], "Never", "Failed"),
        ([GOOD, BAD], "Never", "Failed"),
        ([GOOD], "OnFailure", "Succeeded"),
        ([BAD], "OnFailure", "Running"),
        ([GOOD], "Always", "Running"),
    ],
)
def test_phases(states: list[State], policy: str, expected: Phase) -> None:
    assert phase(seen(*states), policy, False) == expected


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_a_pod_that_is_being_deleted_ends_for_good(policy: str) -> None:
    assert phase(seen(BAD), policy, True) == "Failed"
    assert phase(seen(GOOD), policy, True) == "Succeeded"


def test_a_container_that_backs_off_has_begun() -> None:
    waits = [Seen("c", "i", Waiting("CrashLoopBackOff", "back-off"), last=BAD, restarts=1)]
    assert phase(waits, "Always", False) == "Running"


def conditions(made: Json) -> dict[str, Json]:
    return {one["type"]: one for one in made["conditions"]}


def test_a_condition_keeps_its_time_while_it_stays() -> None:
    facts = Facts("t0", "127.0.0.1", "127.0.0.1", policy="Never")
    first = status(seen(WAITS), facts, "t1", {})
    second = status(seen(RUNS), facts, "t2", first)
    third = status(seen(BAD), facts, "t3", second)
    times = [
        {kind: one["lastTransitionTime"] for kind, one in conditions(made).items()}
        for made in (first, second, third)
    ]
    assert [time["Initialized"] for time in times] == ["t1", "t1", "t1"]
    assert [time["Ready"] for time in times] == ["t1", "t2", "t3"]
    assert conditions(first)["Ready"]["message"] == "containers with unready status: [c0]"
    assert conditions(second)["Ready"]["reason"] is None
    assert conditions(third)["Ready"]["reason"] == "PodFailed"
    assert "PodScheduled" not in conditions(third)
    assert "podIP" not in first
    assert second["podIPs"] == [{"ip": "127.0.0.1"}]


def test_a_success_says_so_in_each_condition() -> None:
    found = conditions(status(seen(GOOD), Facts("t0", "h", "p", policy="Never"), "t", {}))
    assert {one["reason"] for kind, one in found.items() if kind != "PodReadyToStartContainers"} == {
        "PodCompleted"
    }
    assert found["PodReadyToStartContainers"]["status"] == "False"
