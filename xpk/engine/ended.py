"""Steps that follow others as these end, well or badly. Pure bookkeeping; the loop asks it."""

from __future__ import annotations

from dataclasses import dataclass

from xpk.engine.graph import Graph
from xpk.engine.tasks import AwaitEnded, Ended

_ENDED = frozenset({"done", "failed", "left", "abandoned"})


@dataclass(frozen=True, slots=True)
class _Follower:
    step_id: str
    request: AwaitEnded
    until: float


class Followers:
    """The steps that wait for more of some other steps to end."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._waiting: list[_Follower] = []

    def add(self, step_id: str, request: AwaitEnded, now: float) -> None:
        """Answer a step later."""
        self._waiting.append(_Follower(step_id, request, now + request.at_least))

    def ready(self, now: float) -> list[tuple[str, Ended]]:
        """The steps that go on now, with their answers. All ended is told at once, less not too often."""
        answers, kept = [], []
        for follower in self._waiting:
            ended = self._count(follower.request)
            more = ended.ended > follower.request.more_than
            if ended.all or (more and now >= follower.until):
                answers.append((follower.step_id, ended))
            else:
                kept.append(follower)
        self._waiting = kept
        return answers

    def due(self) -> float | None:
        """When one that could go on but for its patience goes on."""
        times = [f.until for f in self._waiting if self._count(f.request).ended > f.request.more_than]
        return min(times, default=None)

    def _count(self, request: AwaitEnded) -> Ended:
        states = [self._graph.state.get(step_id, "done") for step_id in request.step_ids]
        done = sum(state == "done" for state in states)
        return Ended(done, sum(state in _ENDED for state in states), len(states))
