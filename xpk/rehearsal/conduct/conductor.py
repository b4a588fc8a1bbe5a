"""Lets a workload run, breaks what the scenario says when it says so, and sees it come back.

It knows hosts, steps and moments; how a fault is put in is the `Hand`'s matter, and what happened is read
from the `Recorder` alone. It judges nothing: `record.findings` does.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from xpk.rehearsal.conduct.moments import Moment
from xpk.rehearsal.conduct.progress import Progress
from xpk.rehearsal.conduct.recorder import Recorder
from xpk.rehearsal.conduct.scenario import Scenario
from xpk.rehearsal.conduct.victims import victims
from xpk.rehearsal.record.events import Broke, Ended, FaultKind, Host, State

QUIET_SECONDS = 120.0
"""So long may nothing at all be seen before a run counts as stuck: JAX's peers of a lost process give up
after 30 to 90 s."""
HOPELESS_ATTEMPTS = 2
"""Restarts without a single new step after which a run counts as a crash loop."""


class Hand(Protocol):
    """Does things to hosts."""

    def strike(self, kind: FaultKind, hosts: tuple[Host, ...]) -> None:
        """Put a fault in. It is done when this returns; what follows is seen in events."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait. `quiet`: seconds without any event. `hopeless`: attempts without a step."""

    quiet: float = QUIET_SECONDS
    hopeless: int = HOPELESS_ATTEMPTS


class Conductor:
    """One rehearsal's run, from running pods to the end.

    `failure` says what is wrong with the stage. `last_words` has told what pods that stand still said last.
    """

    def __init__(
        self,
        scenario: Scenario,
        recorder: Recorder,
        hand: Hand,
        *,
        patience: Patience | None = None,
        failure: Callable[[], str] = lambda: "",
        last_words: Callable[[], None] = lambda: None,
    ) -> None:
        self._scenario = scenario
        self._recorder = recorder
        self._hand = hand
        self._patience = patience or Patience()
        self._failure = failure
        self._last_words = last_words
        self._dice = random.Random(scenario.seed + 1)
        self._progress = Progress(scenario.num_slices, scenario.hosts)
        self._seen = 0

    def run(self, stop: threading.Event) -> Ended:
        """The whole run. Its end is told as an event, too, where Kubernetes has not told it."""
        base = 0
        for moment in self._scenario.moments if self._scenario.fault is not None else ():
            if (end := self._reach(base + moment.steps, stop)) is not None:
                return end
            self._pause(moment, stop)
            if (end := self._until(self._strike(), stop)) is not None:
                return end
            base = self._progress.first or 0
        end = self._until(lambda: False, stop)
        assert end is not None
        return end

    def _reach(self, step: int, stop: threading.Event) -> Ended | None:
        return self._until(lambda: self._progress.completed >= step, stop)

    def _pause(self, moment: Moment, stop: threading.Event) -> None:
        """A part of one step: the next is about to come, or a save is being written."""
        if moment.fraction:
            start = self._recorder.now()
            step = self._progress.completed
            stop.wait(min(1.0, moment.fraction * self._step_seconds(step, start)))

    def _step_seconds(self, step: int, now: float) -> float:
        started = self._progress.began
        first = self._progress.first
        if started is None or first is None or step <= first:
            return 0.2
        return (now - started) / (step - first)

    def _strike(self) -> Callable[[], bool]:
        """Put the next fault in. What is given back says whether all hosts compute again."""
        fault = self._scenario.fault
        assert fault is not None
        hosts = victims(fault, self._scenario.num_slices, self._scenario.hosts, self._dice)
        self._feed()
        self._recorder.tell(Broke(self._recorder.now(), fault, hosts, self._progress.completed))
        attempt = self._progress.attempt
        self._hand.strike(fault, hosts)
        return lambda: self._progress.attempt > attempt and self._progress.first is not None

    def _until(self, true: Callable[[], bool], stop: threading.Event) -> Ended | None:
        """Wait for something; the end of the run where that comes first."""
        while True:
            self._feed()
            if self._progress.ended is not None:
                return self._progress.ended
            if true():
                return None
            if stop.is_set():
                return self._end("stopped", "interrupted")
            if why := self._given_up():
                return self._end("failed", why)
            self._recorder.wait(0.25, self._seen)

    def _given_up(self) -> str:
        if failure := self._failure():
            return failure
        if self._progress.attempts_in_vain >= self._patience.hopeless:
            return f"{self._progress.attempts_in_vain} restarts without a new step"
        quiet = self._recorder.quiet_for()
        if quiet > self._patience.quiet:
            self._last_words()
            return f"nothing happened for {quiet:.0f} s"
        return ""

    def _end(self, state: State, words: str) -> Ended:
        end = Ended(self._recorder.now(), state, words)
        self._recorder.tell(end)
        return end

    def _feed(self) -> None:
        events = self._recorder.since(self._seen)
        self._seen += len(events)
        self._progress.feed(events)
