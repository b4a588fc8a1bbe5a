"""The state of a rehearsal as its screens show it: made of events alone, with no clock and no terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from xpk.rehearsal.record.events import (
    AllRunning,
    Began,
    Broke,
    BucketHolds,
    Ended,
    Event,
    Host,
    HostBack,
    HostLost,
    Noticed,
    PodEnded,
    PodStarted,
    RamdiskHolds,
    Restored,
    Stepped,
)
from xpk.rehearsal.record.outcome import Setup
from xpk.rehearsal.report.ramdisks import Ramdisks
from xpk.rehearsal.report.telling import Line, Teller
from xpk.rehearsal.report.text import fault_words, where

Doing: TypeAlias = Literal[
    "waiting", "starting", "joined", "restored", "training", "killed", "stopped", "failed", "lost", "done"
]
"""What a host is at. `killed`: by a fault. `stopped`: by the restart of all. `lost`: the host is gone."""

_KEPT = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """One host now. Steps are -1 for none."""

    doing: Doing = "waiting"
    step: int = -1
    ramdisk: int = -1


@dataclass(frozen=True, slots=True)
class Trouble:
    """The newest fault, which met `attempt`. Times in seconds since it, None for what has not come yet."""

    number: int
    words: str
    t: float
    attempt: int
    noticed: float | None = None
    running: float | None = None
    restored: float | None = None
    first_step: float | None = None

    @property
    def over(self) -> bool:
        """Whether training goes on."""
        return self.first_step is not None


@dataclass(slots=True)
class Board:
    """All that is shown; `take` each event in the order of its coming."""

    setup: Setup
    cells: dict[Host, Cell] = field(default_factory=dict)
    t: float = 0.0
    step: int = -1
    """The step that all hosts have completed or restored since the newest start of the pods, -1 for none."""
    bucket: int = -1
    restarts: int = 0
    trouble: Trouble | None = None
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_KEPT))
    now: str = "pods are made"
    _ramdisks: Ramdisks = field(init=False)
    _teller: Teller = field(init=False)

    def __post_init__(self) -> None:
        self.cells = {host: Cell() for host in self.setup.all_hosts()}
        self._ramdisks = Ramdisks(self.setup)
        self._teller = Teller(self.setup)

    @property
    def ramdisk(self) -> int:
        """The newest step that a restart could take from ramdisks, -1 for none."""
        return self._ramdisks.newest

    def take(self, event: Event) -> None:
        """Take an event in."""
        self.t = max(self.t, event.t)
        self._ramdisks.take(event)
        line = self._teller.take(event)
        if line is not None and line.loud:
            self.lines.append(line)
        self._host(event)
        self._whole(event)

    def _host(self, event: Event) -> None:
        """What the event says of one host."""
        match event:
            case PodStarted():
                self._set(event.host, doing="starting", step=-1)
            case Began():
                # With multi-tier checkpointing the driver has brought the state back before.
                if self.cells.get(event.host, Cell()).doing not in ("restored", "training"):
                    self._set(event.host, doing="joined")
            case Restored():
                self._set(event.host, doing="restored", step=-1 if event.tier == "nothing" else event.step)
            case Stepped():
                self._set(event.host, doing="training", step=event.step)
            case PodEnded():
                self._pod_ended(event)
            case HostLost():
                self._set(event.host, doing="lost", step=-1, ramdisk=-1)
            case HostBack():
                self._set(event.host, doing="waiting", step=-1, ramdisk=-1)
            case RamdiskHolds():
                self._set(event.host, ramdisk=max(event.steps, default=-1))
            case Broke():
                for host in event.hosts if event.fault != "sigterm" else ():
                    self._set(host, doing="killed")
            case _:
                pass

    def _pod_ended(self, event: PodEnded) -> None:
        before = self.cells.get(event.host, Cell()).doing
        if before in ("lost", "killed"):
            return
        restarting = self.trouble is not None and not self.trouble.over
        stopped = restarting and event.code in (137, 143)
        self._set(event.host, doing="done" if event.code == 0 else "stopped" if stopped else "failed")

    def _set(
        self, host: Host, *, doing: Doing | None = None, step: int | None = None, ramdisk: int | None = None
    ) -> None:
        cell = self.cells.get(host, Cell())
        self.cells[host] = replace(
            cell,
            doing=cell.doing if doing is None else doing,
            step=cell.step if step is None else step,
            ramdisk=cell.ramdisk if ramdisk is None else ramdisk,
        )

    def _whole(self, event: Event) -> None:
        """What the event says of the run."""
        match event:
            case PodStarted():
                if event.attempt > self.restarts:
                    self.restarts, self.step = event.attempt, -1
                self.now = "pods start again" if event.attempt else "pods start"
            case BucketHolds():
                self.bucket = max(event.steps, default=-1)
            case Broke():
                self._broke(event)
            case Noticed():
                if self.trouble is not None and self.trouble.noticed is None:
                    self.trouble = replace(self.trouble, noticed=event.t - self.trouble.t)
                self.now = "pods end, and are made again"
            case AllRunning() | Restored() | Stepped():
                self._on_the_way(event)
            case Ended():
                self.now = f"{event.state}: {event.words}" if event.words else event.state
            case _:
                pass

    def _broke(self, event: Broke) -> None:
        number = self.trouble.number + 1 if self.trouble else 1
        at = f"at step {event.step}" if event.step >= 0 else "before the first step"
        who = where(event.hosts, self.setup.all_hosts())
        self.trouble = Trouble(number, f"{fault_words(event.fault)}, {who}, {at}", event.t, self.restarts)
        self.now = "Kubernetes has not noticed yet"

    def _on_the_way(self, event: AllRunning | Restored | Stepped) -> None:
        """From all pods running to training; what pods of before the fault do is no part of its way back."""
        found = self.trouble
        counts = found is not None and event.attempt > found.attempt
        since = event.t - found.t if found is not None else 0.0
        together = min(cell.step for cell in self.cells.values())
        self.step = together if together >= 0 else self.step
        match event:
            case AllRunning():
                self.now = "all pods run, the trainers find each other"
                if found is not None and counts and found.running is None:
                    self.trouble = replace(found, running=since)
            case Restored():
                done = sum(cell.doing in ("restored", "training") for cell in self.cells.values())
                every = done == len(self.cells)
                self.now = (
                    "restored, the first step is compiled"
                    if every
                    else f"restored on {done} of {len(self.cells)} hosts"
                )
                if found is not None and counts and every and found.first_step is None:
                    self.trouble = replace(found, restored=since)
            case Stepped():
                if counts or found is None or found.over:
                    self.now = "training"
                if found is not None and counts and found.first_step is None:
                    self.trouble = replace(found, first_step=since)
