"""The order of steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.engine.graph import Graph
from xpk.plan.steps import PlannedStep, WaitForCrd

_STEP = WaitForCrd("a.b")


def _plan(needs: dict[str, tuple[str, ...]]) -> list[PlannedStep]:
    return [PlannedStep(step_id, _STEP, of) for step_id, of in needs.items()]


def test_starts_what_needs_nothing_and_then_what_became_free() -> None:
    graph = Graph(_plan({"a": (), "b": (), "c": ("a", "b"), "d": ("a",)}))
    assert graph.start() == ["a", "b"]
    assert graph.start() == []
    graph.finish("a")
    assert graph.start() == ["d"]
    graph.finish("b")
    assert graph.start() == ["c"]


def test_a_failure_leaves_its_dependants_and_no_others() -> None:
    graph = Graph(_plan({"a": (), "b": (), "c": ("a",), "d": ("c", "b"), "e": ("b",)}))
    graph.start()
    assert set(graph.fail("a")) == {"c", "d"}
    graph.finish("b")
    assert graph.start() == ["e"]
    assert graph.of("left") == ("c", "d")
    assert graph.of("failed") == ("a",)


@pytest.mark.parametrize(
    "needs", [{"a": ("b",), "b": ("a",)}, {"a": ("missing",)}, {"a": ("a",)}, {"b": ("a",), "a": ()}]
)
def test_a_plan_in_the_wrong_order_is_a_bug(needs: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Graph(_plan(needs))


def test_two_steps_of_one_id_are_a_bug() -> None:
    with pytest.raises(ValueError, match="same id"):
        Graph([PlannedStep("a", _STEP), PlannedStep("a", _STEP)])


@given(st.data())
def test_each_step_starts_once_and_only_after_its_needs(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    needs: dict[str, tuple[str, ...]] = {}
    for index in range(count):
        needs[str(index)] = (
            tuple(data.draw(st.lists(st.sampled_from(list(needs)), unique=True))) if needs else ()
        )
    failing = data.draw(st.sets(st.sampled_from(list(needs))))
    graph = Graph(_plan(needs))
    running: list[str] = []
    started: list[str] = []
    while True:
        fresh = graph.start()
        for step_id in fresh:
            assert all(graph.state[need] == "done" for need in needs[step_id])
        started += fresh
        running += fresh
        if not running:
            break
        step_id = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if step_id in failing:
            graph.fail(step_id)
        else:
            graph.finish(step_id)
    assert len(started) == len(set(started))
    assert set(graph.of("done") + graph.of("failed") + graph.of("left")) == set(needs)
    for step_id in graph.of("left"):
        assert any(graph.state[need] != "done" for need in needs[step_id])
