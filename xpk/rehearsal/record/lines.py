"""A line of a trainer's log, as far as it says something about checkpoints.

Known are the rehearsal's own trainer, MaxText 0.2.x (its metric logger), Orbax's emergency and
multi-tier managers, and what JAX and gloo say when a process is lost. Log text is untrusted: it is
cleaned first, so that nothing of what is kept can steer a terminal. This module does not say
whether a line is good news; that is in `findings`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias, assert_never, cast

from xpk.rehearsal.record.events import Began, Event, Host, Restored, Said, SignalSeen, Stepped, Tier

LONGEST: Final = 300
"""Characters of a log line that are kept."""

_MOST_READ: Final = 4000
_NUMBER: Final = r"([0-9]{1,12})"
# A logger's prefix ends in "] " (absl) or ": "; the words may also start the line.
_START: Final = r"(?:^|[\]:>|] *)"


@dataclass(frozen=True, slots=True)
class Start:
    """The trainer's distributed system is up."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step is computed. `loss` as printed."""

    step: int
    loss: str


@dataclass(frozen=True, slots=True)
class Restore:
    """State was restored. `slice_id`: the slice whose ramdisks are read, where the line says so."""

    step: int
    tier: Tier
    bytes: int = 0
    slice_id: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """SIGTERM arrived. `step` is -1 and `saved` is None where the line does not say."""

    step: int
    saved: bool | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error. `follows`: it only says that another process is gone, so it is nobody's cause."""

    text: str
    follows: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Worth keeping, no error."""

    text: str


Parsed: TypeAlias = Start | Step | Restore | Signal | Trouble | Note


def clean(text: str) -> str:
    """`text` as one line that is safe to print, cut to `LONGEST` characters.

    Control characters, line separators, marks that turn the writing direction and lone surrogates
    become `?`; a tab becomes a space.
    """
    safe = "".join(_safe(char) for char in text.strip("\r\n")[:_MOST_READ]).rstrip()
    return safe if len(safe) <= LONGEST else f"{safe[: LONGEST - 3]}..."


def parse_line(text: str) -> Parsed | None:
    """What a log line says, None for nothing of interest. Never raises."""
    line = "".join(_safe(char) for char in text.strip("\r\n")[:_MOST_READ]).rstrip()
    return _progress(line) or _restore(line) or _signal(line) or _notable(line)


def events_of(parsed: Parsed, t: float, host: Host, attempt: int) -> tuple[Event, ...]:
    """What to record for a line of `host`'s pod.

    Orbax names the slice that it restores from: its own hosts read their ramdisks, all others get
    the state from them.
    """
    match parsed:
        case Start():
            return (Began(t, host, attempt),)
        case Step(step, loss):
            return (Stepped(t, host, attempt, step, loss),)
        case Restore(step, tier, size, slice_id):
            own = slice_id is None or slice_id == host.slice_index
            return (Restored(t, host, attempt, step, tier if own else "peer", size),)
        case Signal(step, saved):
            seen = SignalSeen(t, host, attempt, step)
            said = Said(t, host, attempt, f"caught SIGTERM at step {step}, not saved")
            return (seen, said) if saved is False else (seen,)
        case Trouble(text=text) | Note(text=text):
            return (Said(t, host, attempt, text),)
        case _:
            assert_never(parsed)


def _safe(char: str) -> str:
    if char in "\t\u00a0":
        return " "
    return char if char.isprintable() else "?"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


def _progress(line: str) -> Parsed | None:
    if _pattern(rf"{_START}rehearsal trainer: process {_NUMBER} of {_NUMBER}\b").search(line):
        return Start()
    if _pattern(rf"{_START}[Jj]ax distributed system initialized\b").search(line):
        return Start()
    step = _pattern(rf"{_START}completed step: {_NUMBER}, (?:.*?, )?loss: ([^\s,]{{1,40}})(?:,|$)").search(
        line
    )
    return Step(int(step[1]), step[2]) if step else None


def _restore(line: str) -> Parsed | None:
    if _pattern(rf"{_START}restored nothing\b|\bFound MTC no-checkpoint restore marker ").search(line):
        return Restore(-1, "nothing")
    own = _pattern(rf"{_START}restored step {_NUMBER} from (ramdisk|peer|bucket), {_NUMBER} bytes\b").search(
        line
    )
    if own:
        return Restore(int(own[1]), cast(Tier, own[2]), int(own[3]))
    local = rf"\brestoring step={_NUMBER} from local checkpoint using slice_id: {_NUMBER}\b"
    if found := _pattern(local).search(line):
        return Restore(int(found[1]), "ramdisk", slice_id=int(found[2]))
    if found := _pattern(rf"\brestoring step={_NUMBER} from persistent checkpoint\b").search(line):
        return Restore(int(found[1]), "bucket")
    # Multi-tier: the driver put it there; whether it had come from afar is the driver's to say.
    if found := _pattern(rf"\bFound a restore directory at step {_NUMBER} and renamed it to\b").search(line):
        return Restore(int(found[1]), "ramdisk")
    return None


def _signal(line: str) -> Parsed | None:
    own = _pattern(rf"{_START}caught SIGTERM at step {_NUMBER}, (not )?saved\b").search(line)
    if own:
        return Signal(int(own[1]), own[2] is None)
    if found := _pattern(rf"\bReached preemption sync point, step={_NUMBER}\b").search(line):
        return Signal(int(found[1]), None)
    return Signal(-1, None) if "SIGTERM caught at " in line else None


_LOGGED: Final = r"^[IWEF][0-9]{4} [0-9:.]{8,20} +[0-9]+ [\w.-]+:[0-9]+\] "
"""absl's prefix: letter and date, time, thread, file and line."""

_STACK: Final = r"^\s*(?:@ +0x[0-9a-f]|\*\*\* |$)"
_FOLLOWS: Final = (
    r"\b[Gg]loo\b.*\b(?:[Ff]ailed|[Cc]losed|[Rr]eset|[Tt]imed out)\b"
    r"|Connection (?:closed|reset) by peer|Connection refused"
    r"|because the JAX distributed service\b"
    r"|\b(?:UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED|CANCELLED): "
    r"|[Cc]oordination ?[Ss]ervice|coordination_service|heartbeat timeout|[Bb]arrier (?:timed out|failed)"
    r"|^Fatal Python error: Aborted|^terminate called|core dumped"
)
_TROUBLE: Final = (
    r"\bCheckpoint for step [0-9]+ already exists"
    r"|\bNo space left on device|Cannot allocate memory|\bOut of memory\b|RESOURCE_EXHAUSTED"
    r"|^(?:[A-Za-z_][\w.]*\.)?[A-Za-z_]\w*(?:Error|Exception|Interrupt|Exit)(?::|$)"
    r"|^error: |^Fatal Python error:|\bCheck failed: |\bSegmentation fault\b"
    r"|[Rr]eplicator fatal errors|command not found$|No such file or directory$"
)
_NOTE: Final = (
    r"Configured emergency\.CheckpointManager with replica_axis_index="
    r"|\brestoring from this run's directory step "
)


def telling(text: str) -> bool:
    """Whether a line of a pod that failed is worth showing: frames of a native stack say nothing."""
    return not _pattern(_STACK).search(text)


def _notable(line: str) -> Parsed | None:
    line = _pattern(_LOGGED).sub("", line)
    if _pattern(_FOLLOWS).search(line) and "already exists" not in line:
        return Trouble(clean(line), True)
    if _pattern(_TROUBLE).search(line):
        return Trouble(clean(line), False)
    return Note(clean(line)) if _pattern(_NOTE).search(line) else None
