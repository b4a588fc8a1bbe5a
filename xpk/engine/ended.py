"""Steps that follow others as these end, well or badly. Pure bookkeeping; the loop asks it."""

from __future__ import annotations

from dataclasses import dataclass

from xpk.engine.graph import Graph
from xpk.engine.tasks import AwaitEnded, Ended

_ENDED = frozenset({"done", "failed", "left", "abandoned"})


@dataclass(slots=True)
class _Follower:
    """One that waits; `going` are the steps that had not ended when the graph had `seen` ended ones."""

    step_id: str
    request: AwaitEnded
    until: float
    going: list[str]
    done: int = 0
    seen: int = -1

    def count(self, graph: Graph) -> Ended:
        """How far the steps are; looked up only after some step ended, and only those that still went on."""
        if self.seen != graph.ended:
            self.seen = graph.ended
            states = [(step_id, graph.state.get(step_id, "done")) for step_id in self.going]
            self.done += sum(state == "done" for _, state in states)
            self.going = [step_id for step_id, state in states if state not in _ENDED]
        total = len(self.request.step_ids)
        return Ended(self.done, total - len(self.going), total)


class Followers:
    """The steps that wait for more of some other steps to end."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._waiting: list[_Follower] = []

    def add(self, step_id: str, request: AwaitEnded, now: float) -> None:
        """Answer a step later."""
        self._waiting.append(_Follower(step_id, request, now + request.at_least, list(request.step_ids)))

    def ready(self, now: float) -> list[tuple[str, Ended]]:
        """The steps that go on now, with their answers. All ended is told at once, less not too often."""
        answers, kept = [], []
        for follower in self._waiting:
            ended = follower.count(self._graph)
            more = ended.ended > follower.request.more_than
            if ended.all or (more and now >= follower.until):
                answers.append((follower.step_id, ended))
            else:
                kept.append(follower)
        self._waiting = kept
        return answers

    def due(self) -> float | None:
        """When one that could go on but for its patience goes on."""
        ready = [f for f in self._waiting if f.count(self._graph).ended > f.request.more_than]
        return min((f.until for f in ready), default=None)
