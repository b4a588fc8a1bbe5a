"""GKE's operations of one run: how many may run, which are awaited, and one list request for all of them.

GKE allows one operation on the cluster itself, or one on each node pool, and only so many at
once (its page "troubleshooting: concurrent operations"; a quota of 5 was seen in 2023). A
refusal for these reasons changed nothing: it is waited out. Pure bookkeeping: the
loop sends and reads.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from xpk.cloud.errors import TooManyOperations, clean
from xpk.engine.timing import poll_interval
from xpk.engine.wire import Json
from xpk.errors import XpkError

OPERATIONS_AT_ONCE = 20
"""Where to begin; GKE's own number replaces it when a refusal names one."""
PROBES = 4
"""Requests under way at once beyond that, while GKE's number is not known: as many can be refused in vain."""
REFUSED_FOR = 3600.0
"""Seconds for which refusals are waited out: longer than a creation that waits 35 minutes for machines."""
SELDOM = 1.0
"""Seconds at least from a refusal to the next request."""


@dataclass(slots=True)
class Sending:
    """A request that wants to start an operation. `refused_since` is None until GKE said "later"."""

    step_id: str
    function: Callable[[], Json]
    refused_since: float | None = None


@dataclass(slots=True)
class Awaited:
    """An operation that a step waits for."""

    step_id: str
    name: str
    since: float
    deadline: float
    words: str = ""
    missed: int = 0
    kind: str = ""


class SendGate:
    """Decides when the next request that starts an operation may go out.

    GKE does not tell its quota before it refuses: from `OPERATIONS_AT_ONCE` on, a few requests at a
    time find out whether there is room for more.
    """

    def __init__(self) -> None:
        self._queue: deque[Sending] = deque()
        self.in_flight = 0
        self._limit = float(OPERATIONS_AT_ONCE)
        self._growth = 1.0
        self._hold_until: float | None = None
        self._careful = False
        self._blocked_since: float | None = None
        self._accepted_at = 0.0

    def add(self, sending: Sending) -> None:
        """Queue a request."""
        self._queue.append(sending)

    def next(self, now: float, running: int) -> Sending | None:
        """The next request to send, when one may be sent with `running` operations known to run."""
        if not self._queue or (self._hold_until is not None and now < self._hold_until):
            return None
        self._hold_until = None
        busy = self.in_flight + running
        probing = busy >= OPERATIONS_AT_ONCE and self._growth and self.in_flight >= PROBES
        if busy >= int(self._limit) or probing or (self._careful and self.in_flight):
            return None
        self.in_flight += 1
        return self._queue.popleft()

    def accepted(self, now: float) -> None:
        """GKE took the last one: no reason to hold back, and room for more perhaps."""
        self.in_flight -= 1
        self._limit += self._growth
        self._hold_until, self._careful, self._blocked_since = None, False, None
        self._accepted_at = now

    def failed(self) -> None:
        """The request failed for a reason of its own."""
        self.in_flight -= 1

    def refused(self, sending: Sending, error: XpkError, now: float, running: int) -> bool:
        """GKE said "later": queue it again. False when that went on for too long.

        A full quota meets all alike: the request keeps its place. Another operation may be in
        the way of this one alone: the others are tried before it.
        """
        self.in_flight -= 1
        sending.refused_since = now if sending.refused_since is None else sending.refused_since
        if isinstance(error, TooManyOperations):
            waits_since = max(sending.refused_since, self._accepted_at)
            self._queue.appendleft(sending)
            self._learn(str(error), running)
        else:
            waits_since = sending.refused_since
            self._queue.append(sending)
        if now - waits_since > REFUSED_FOR:
            self._queue.remove(sending)
            return False
        self._careful = True
        self._blocked_since = now if self._blocked_since is None else self._blocked_since
        if self._hold_until is None or now >= self._hold_until:
            self._hold_until = now + max(SELDOM, poll_interval(now - self._blocked_since))
        return True

    def _learn(self, words: str, running: int) -> None:
        """GKE's own number; where it names none, what runs, and slowly more as requests are taken."""
        quota = re.search(r"operations quota (\d+)", words)
        self._limit = float(max(1, int(quota[1]) if quota else running))
        self._growth = 0.0 if quota else 1 / self._limit

    def release(self) -> None:
        """An operation ended: there may be room now."""
        self._hold_until = None

    def due(self) -> float | None:
        """When to ask `next` again though nothing happened; None when nothing is held back."""
        return self._hold_until if self._queue else None


class OperationBoard:
    """The operations that steps wait for."""

    def __init__(self) -> None:
        self._awaited: dict[str, Awaited] = {}
        self._fastest: dict[str, float] = {}
        self._last = 0.0
        self.reading = False
        self.failures = 0

    def __len__(self) -> int:
        return len(self._awaited)

    @property
    def names(self) -> frozenset[str]:
        """Of the operations that are awaited now."""
        return frozenset(self._awaited)

    def add(self, awaited: Awaited) -> None:
        """Wait for an operation from now on."""
        self._awaited[awaited.name] = awaited

    def due(self) -> float | None:
        """When to read the list next: by the age of the youngest, which could end soonest after its start.

        One that just began is asked for no more often than the fastest of its kind would be at its end: while
        a thousand pools come up one after the other there is always a young one.
        """
        if not self._awaited or self.reading:
            return None
        # The list was last read (or the youngest was started) at `last`; the ages then set the distance.
        last = max(self._last, *(a.since for a in self._awaited.values()))
        ages = (max(last - a.since, self._fastest.get(a.kind, 0.0)) for a in self._awaited.values())
        return last + poll_interval(min(ages))

    def forget(self, name: str) -> None:
        """Do not wait for an operation any more; one that is not awaited is no error."""
        self._awaited.pop(name, None)

    def take_all(self) -> list[Awaited]:
        """Stop waiting for all."""
        taken = list(self._awaited.values())
        self._awaited.clear()
        return taken

    def expired(self, now: float) -> list[Awaited]:
        """Stop waiting for those whose deadline has passed."""
        late = [a for a in self._awaited.values() if now - a.since > a.deadline]
        for awaited in late:
            del self._awaited[awaited.name]
        return late

    def read(self, operations: list[Json], now: float) -> tuple[list[tuple[Awaited, Json]], list[Awaited]]:
        """Take in a list: those that are DONE, which are no longer waited for, and whose words changed."""
        self._last, self.failures = now, 0
        found = {str(operation.get("name")): operation for operation in operations}
        done: list[tuple[Awaited, Json]] = []
        changed: list[Awaited] = []
        for awaited in list(self._awaited.values()):
            operation = found.get(awaited.name)
            if operation is None:
                awaited.missed += 1
                continue
            awaited.missed, awaited.kind = 0, str(operation.get("operationType"))
            if operation.get("status") == "DONE":
                took = now - awaited.since
                self._fastest[awaited.kind] = min(took, self._fastest.get(awaited.kind, took))
                del self._awaited[awaited.name]
                done.append((awaited, operation))
            elif (words := progress_words(operation)) != awaited.words:
                awaited.words = words
                changed.append(awaited)
        return done, changed

    def missing(self) -> list[Awaited]:
        """Operations that two lists in a row did not hold: each is read by its name instead."""
        lost = [a for a in self._awaited.values() if a.missed >= 2]
        for awaited in lost:
            awaited.missed = 0
        return lost

    def failed(self, now: float) -> int:
        """The list could not be read; returns how often in a row."""
        self._last = now
        self.failures += 1
        return self.failures


def progress_words(operation: Json) -> str:
    """What GKE says about a running operation, for a person: "creating: 41 of 64 hosts", "40 %"."""
    metrics = {str(m.get("name")): m for m in operation.get("progress", {}).get("metrics", [])}
    total, ready = (_number(metrics.get(name)) for name in ("NODES_TOTAL", "NODES_DONE"))
    if total:
        verb = "creating: " if operation.get("operationType") == "CREATE_NODE_POOL" else ""
        return f"{verb}{ready or 0} of {total} hosts"
    if detail := str(operation.get("detail") or ""):
        return clean(detail, limit=120)
    percent = _number(metrics.get("PROGRESS_PERCENT"))
    if percent is not None and operation.get("status") == "RUNNING":
        return f"{percent} %"
    return {"PENDING": "waiting to start", "ABORTING": "being aborted"}.get(str(operation.get("status")), "")


def _number(metric: Json | None) -> int | None:
    if metric is None:
        return None
    try:
        return int(float(metric.get("intValue") or metric.get("doubleValue") or 0))
    except (TypeError, ValueError):
        return None
