"""What can happen in a rehearsal, one frozen class each.

These are facts with a time, not conclusions: who restored what is here, whether that was right is
in `findings`. `t` is in seconds since the rehearsal's start.

The JSON form of an event is an object with `event` (the class's name in lower case with hyphens:
`pod-started`) and the class's fields under their own names; a host is `[slice, host]`. A list of
such objects replays a rehearsal: `from_json(to_json(event)) == event`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Tier: TypeAlias = Literal["ramdisk", "peer", "bucket", "nothing"]
"""Where a host's state came from: its own ramdisk, another host's, the bucket, or a fresh start."""

FaultKind: TypeAlias = Literal["process", "host", "last-slice-host", "slice", "all-ramdisks", "sigterm"]
State: TypeAlias = Literal["succeeded", "failed", "stopped"]


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """One TPU host: one pod of the JobSet. Both indices from 0."""

    slice_index: int
    host_index: int

    def __str__(self) -> str:
        return f"slice {self.slice_index} host {self.host_index}"


@dataclass(frozen=True, slots=True)
class PodStarted:
    """A pod's command runs. `attempt`: JobSet's restart-attempt, 0 first."""

    t: float
    host: Host
    pod: str
    attempt: int


@dataclass(frozen=True, slots=True)
class PodEnded:
    """A pod's command is over. `code` as Kubernetes says it: 137 for SIGKILL, 143 for SIGTERM."""

    t: float
    host: Host
    pod: str
    attempt: int
    code: int


@dataclass(frozen=True, slots=True)
class HostLost:
    """The host's node is gone, and its ramdisk with it."""

    t: float
    host: Host
    node: str


@dataclass(frozen=True, slots=True)
class HostBack:
    """A node stands at the host's place again, with an empty ramdisk."""

    t: float
    host: Host
    node: str


@dataclass(frozen=True, slots=True)
class Began:
    """The trainer's own first sign: its distributed system is up."""

    t: float
    host: Host
    attempt: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """A host has computed a step. `loss` exactly as printed."""

    t: float
    host: Host
    attempt: int
    step: int
    loss: str


@dataclass(frozen=True, slots=True)
class Restored:
    """A host goes on from `step`, taken from `tier`. With tier `nothing` the step means nothing."""

    t: float
    host: Host
    attempt: int
    step: int
    tier: Tier
    bytes: int


@dataclass(frozen=True, slots=True)
class RamdiskHolds:
    """The finished steps in a host's ramdisk changed. `used`: all bytes in it, unfinished ones too."""

    t: float
    host: Host
    steps: tuple[int, ...]
    used: int


@dataclass(frozen=True, slots=True)
class BucketHolds:
    """The complete steps in the bucket changed."""

    t: float
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """The checkpointing driver copied something: from a peer, to or from the bucket."""

    t: float
    source: str
    target: str
    bytes: int
    words: str


@dataclass(frozen=True, slots=True)
class Broke:
    """A fault was put in. `step`: the highest step that all hosts had completed, -1 for none."""

    t: float
    fault: FaultKind
    hosts: tuple[Host, ...]
    step: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Kubernetes' status shows a fault for the first time."""

    t: float
    words: str


@dataclass(frozen=True, slots=True)
class AllRunning:
    """All pods of an attempt are Running."""

    t: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal was sent to a host's container. `signal`: its name, as in SIGTERM."""

    t: float
    host: Host
    signal: str


@dataclass(frozen=True, slots=True)
class SignalSeen:
    """The trainer says that it got SIGTERM, at a step."""

    t: float
    host: Host
    attempt: int
    step: int


@dataclass(frozen=True, slots=True)
class Said:
    """A log line worth keeping: an error, or the last lines of a pod that failed."""

    t: float
    host: Host
    attempt: int
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The rehearsal is over."""

    t: float
    state: State
    words: str


Event: TypeAlias = (
    PodStarted
    | PodEnded
    | HostLost
    | HostBack
    | Began
    | Stepped
    | Restored
    | RamdiskHolds
    | BucketHolds
    | Moved
    | Broke
    | Noticed
    | AllRunning
    | Signalled
    | SignalSeen
    | Said
    | Ended
)
