"""A few threads for blocking API calls, in lanes: so many GKE writes at once, so many Kubernetes ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from xpk.engine.tasks import Lane

GKE_AT_ONCE = 8
KUBERNETES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Finished:
    """A call that ended: with a value, or with an error. `key` is what was given with it."""

    key: object
    value: Any
    error: BaseException | None


class Workers(Protocol):
    """Runs functions and hands back their results, in the order in which they end."""

    def submit(self, lane: Lane, key: object, function: Callable[[], Any]) -> None:
        """Run `function` soon."""

    def take(self, timeout: float) -> Finished | None:
        """The next result, waiting at most `timeout` seconds; None when there is none yet."""

    @property
    def outstanding(self) -> int:
        """Calls whose result has not been taken."""

    def close(self) -> None:
        """Start nothing more. Calls that run are left to end by themselves."""


class ThreadWorkers:
    """Daemon threads, started when first needed: an interrupted run must not wait for an answer."""

    def __init__(self, gke: int = GKE_AT_ONCE, kubernetes: int = KUBERNETES_AT_ONCE) -> None:
        self._limits: dict[Lane, int] = {"gke": gke, "operations": 2, "kubernetes": kubernetes}
        self._jobs: dict[Lane, queue.SimpleQueue[tuple[object, Callable[[], Any]] | None]] = {
            lane: queue.SimpleQueue() for lane in self._limits
        }
        self._threads: dict[Lane, int] = dict.fromkeys(self._limits, 0)
        self._busy: dict[Lane, int] = dict.fromkeys(self._limits, 0)
        self._results: queue.SimpleQueue[tuple[Lane, Finished]] = queue.SimpleQueue()

    @property
    def outstanding(self) -> int:
        return sum(self._busy.values())

    def submit(self, lane: Lane, key: object, function: Callable[[], Any]) -> None:
        self._busy[lane] += 1
        if self._threads[lane] < min(self._busy[lane], self._limits[lane]):
            self._threads[lane] += 1
            threading.Thread(target=self._work, args=(lane,), name=f"xpk-{lane}", daemon=True).start()
        self._jobs[lane].put((key, function))

    def take(self, timeout: float) -> Finished | None:
        try:
            lane, finished = self._results.get(timeout=timeout) if timeout > 0 else self._results.get_nowait()
        except queue.Empty:
            return None
        self._busy[lane] -= 1
        return finished

    def close(self) -> None:
        for lane, jobs in self._jobs.items():
            while True:
                try:
                    jobs.get_nowait()
                except queue.Empty:
                    break
            for _ in range(self._threads[lane]):
                jobs.put(None)

    def _work(self, lane: Lane) -> None:
        while (job := self._jobs[lane].get()) is not None:
            key, function = job
            self._results.put((lane, run(key, function)))


def run(key: object, function: Callable[[], Any]) -> Finished:
    """Call a function and keep what came of it; an error that is not ours is a bug and is kept, too."""
    try:
        return Finished(key, function(), None)
    except Exception as error:
        return Finished(key, None, error)
