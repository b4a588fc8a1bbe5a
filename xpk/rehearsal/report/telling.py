"""The events of a rehearsal as lines for people: what many hosts do alike is said once.

Used by the page's list of events and by the command line. It prints nothing, and the texts of servers
and trainers in it are as they came: whoever shows them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xpk.rehearsal.record.events import (
    AllRunning,
    Began,
    Broke,
    BucketHolds,
    Ended,
    Event,
    FaultKind,
    Host,
    HostBack,
    HostLost,
    Moved,
    Noticed,
    PodEnded,
    PodStarted,
    RamdiskHolds,
    Restored,
    Said,
    Signalled,
    SignalSeen,
    Stepped,
    Tier,
)
from xpk.rehearsal.record.outcome import Setup
from xpk.rehearsal.record.sources import sources
from xpk.rehearsal.report.chatter import message
from xpk.rehearsal.report.ramdisks import Ramdisks
from xpk.rehearsal.report.text import count, fault_words, size, where

_TIERS: dict[Tier, str] = {
    "ramdisk": "own ramdisk",
    "peer": "a peer",
    "bucket": "the bucket",
    "nothing": "nothing",
}
_SIGNALS = {137: "SIGKILL", 143: "SIGTERM"}


@dataclass(frozen=True, slots=True)
class Line:
    """What happened at `t` seconds since the start. `loud`: worth a line of its own on a terminal."""

    t: float
    words: str
    loud: bool


class Teller:
    """Takes events in their order; each gives a line or none.

    It remembers what was said: which hosts have begun and restored, the newest saved steps, what the
    trainers have logged. What pods do that a fault has met is its consequence, and not loud.
    """

    def __init__(self, setup: Setup) -> None:
        self._all = setup.all_hosts()
        self._began: dict[int, set[Host]] = {}
        self._restored: dict[int, dict[Host, Restored]] = {}
        self._told: set[tuple[str, int]] = set()
        self._last: dict[Host, int] = {}
        self._ramdisks = Ramdisks(setup)
        self._ramdisk = -1
        self._bucket = -1
        self._attempt = 0
        self._broken = -1
        self._fault: FaultKind | None = None
        self._over = False
        self._moves: list[Moved] = []
        self._logged: set[tuple[int, str]] = set()

    def take(self, event: Event) -> Line | None:
        """The line that this event is worth."""
        self._ramdisks.take(event)
        found = self._words(event)
        return None if found is None else Line(event.t, found[0], found[1])

    def _words(self, event: Event) -> tuple[str, bool] | None:
        match event:
            case PodStarted() | PodEnded() | HostLost() | HostBack() | AllRunning():
                return self._pod(event)
            case Began() | Restored() | Stepped():
                return self._training(event)
            case RamdiskHolds() | BucketHolds() | Moved():
                return self._saved(event)
            case Broke():
                self._broken, self._fault = self._attempt, event.fault
                self._moves.clear()
                at = f"at step {event.step}" if event.step >= 0 else "before the first step"
                return f"fault: {fault_words(event.fault)}, {where(event.hosts, self._all)}, {at}", True
            case Noticed() | Ended():
                self._over = isinstance(event, Ended)
                what = event.state if isinstance(event, Ended) else "noticed"
                return f"{what}: {event.words}" if event.words else what, True
            case Signalled():
                return f"{event.host}: {event.signal} sent", False
            case SignalSeen():
                return self._signal(event)
            case Said():
                return self._said(event)

    def _signal(self, event: SignalSeen) -> tuple[str, bool] | None:
        """A trainer says at each look that the signal came: once a host, and loud for the first of all."""
        at = f" at step {event.step}" if event.step >= 0 else ""
        if not self._once(f"signal {event.host}{at}", event.attempt):
            return None
        loud = self._once(f"signal{at}", event.attempt) and self._fault == "sigterm"
        return f"{event.host}: the trainer caught SIGTERM{at}", loud

    def _said(self, event: Said) -> tuple[str, bool] | None:
        """A log line, once an attempt whichever host it comes from."""
        found = message(event.text)
        if found is None or (event.attempt, found.kind) in self._logged:
            return None
        self._logged.add((event.attempt, found.kind))
        return f"{event.host}: {found.text}", not found.info and event.attempt > self._broken

    def _pod(
        self, event: PodStarted | PodEnded | HostLost | HostBack | AllRunning
    ) -> tuple[str, bool] | None:
        match event:
            case PodStarted():
                self._attempt = max(self._attempt, event.attempt)
                self._last.pop(event.host, None)
                return None
            case PodEnded(code=0):
                return f"{event.host}: pod ended with 0", False
            case PodEnded():
                signal = f" ({_SIGNALS[event.code]})" if event.code in _SIGNALS else ""
                # Of many failures the first is news.
                loud = not self._over and event.attempt > self._broken and self._once("failed", event.attempt)
                return f"{event.host}: pod ended with {event.code}{signal}", loud
            case HostLost():
                return f"{event.host}: node {event.node} is gone, and its ramdisk", False
            case HostBack():
                return f"{event.host}: node {event.node} is there, its ramdisk empty", False
            case AllRunning():
                return f"all {len(self._all)} pods running, {_attempt(event.attempt)}", True

    def _training(self, event: Began | Restored | Stepped) -> tuple[str, bool] | None:
        match event:
            case Began():
                self._began.setdefault(event.attempt, set()).add(event.host)
                if len(self._began[event.attempt]) == len(self._all) and self._once("began", event.attempt):
                    return f"trainer is up on {count(len(self._all), 'host')}", False
            case Restored():
                known = self._restored.setdefault(event.attempt, {})
                known[event.host] = event
                if len(known) == len(self._all) and self._once("restored", event.attempt):
                    return restored_words(sources(known.values(), self._moves).by_host), True
            case Stepped():
                before = self._completed()
                self._last[event.host] = event.step
                now = self._completed()
                if now > before and self._once("step", event.attempt):
                    after = f" after {_attempt(event.attempt)}" if event.attempt else ""
                    return f"step {now}, the first{after}", True
        return None

    def _completed(self) -> int:
        """The step that all hosts have completed."""
        return min(self._last.values()) if len(self._last) == len(self._all) else -1

    def _saved(self, event: RamdiskHolds | BucketHolds | Moved) -> tuple[str, bool] | None:
        match event:
            case RamdiskHolds():
                now = self._ramdisks.newest
                before, self._ramdisk = self._ramdisk, now if now >= 0 else self._ramdisk
                return (f"ramdisks hold step {now}", False) if now >= 0 and now != before else None
            case BucketHolds():
                newest = max(event.steps, default=-1)
                before, self._bucket = self._bucket, newest
                return (f"bucket holds step {newest}", False) if newest >= 0 and newest != before else None
            case Moved():
                self._moves.append(event)
                moved = f"{size(event.bytes)} from {event.source} to {event.target}"
                return f"moved {moved}{': ' if event.words else ''}{event.words}", False

    def _once(self, what: str, attempt: int) -> bool:
        first = (what, attempt) not in self._told
        self._told.add((what, attempt))
        return first


def told(setup: Setup, events: Iterable[Event]) -> Iterator[Line]:
    """The lines of a whole run."""
    teller = Teller(setup)
    for event in sorted(events, key=lambda event: event.t):
        line = teller.take(event)
        if line is not None:
            yield line


def restored_words(restored: Iterable[Restored]) -> str:
    """What the hosts restored, together: "restored step 15: 3 from own ramdisk, 1 from a peer"."""
    found = list(restored)
    if all(one.tier == "nothing" for one in found):
        return "nothing to restore: training begins at the start"
    steps = sorted({one.step for one in found if one.tier != "nothing"})
    tiers = {tier: sum(one.tier == tier for one in found) for tier in _TIERS}
    parts = [f"{hosts} from {_TIERS[tier]}" for tier, hosts in tiers.items() if hosts]
    return f"restored step {' and '.join(map(str, steps))}: {', '.join(parts)}"


def _attempt(number: int) -> str:
    return f"restart {number}" if number else "the first start"
