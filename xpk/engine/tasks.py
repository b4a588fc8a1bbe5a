"""What a running step may wait for, and how its code asks for it.

A step is a generator: it yields one of the requests below and is resumed with the answer, so a
thousand slices that wait for Google cost no thread each, and a test needs no clock. The
loop that answers is `loop.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, cast

from xpk.engine.wire import Json
from xpk.errors import XpkError

T = TypeVar("T")
Lane: TypeAlias = Literal["gke", "operations", "kubernetes"]
"""GKE's writes, the reads of their operations (which must not queue behind them), and all else."""


@dataclass(frozen=True, slots=True)
class Call:
    """Run a blocking function on a thread of a lane; its result or its error comes back."""

    lane: Lane
    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class CallAll:
    """Run several at once; a list of results and XpkErrors comes back, in order."""

    lane: Lane
    functions: tuple[Callable[[], Any], ...]


@dataclass(frozen=True, slots=True)
class SendOperation:
    """Send a request that starts a GKE operation, as soon as GKE's limits allow another one.

    The Operation comes back. A refusal because others run is waited out here, not by the step.
    """

    function: Callable[[], Json]


@dataclass(frozen=True, slots=True)
class AwaitOperation:
    """Wait until an operation, of which the step knows the JSON, is DONE; its JSON comes back.

    Raises `Expired` in the step when that takes longer than `deadline` seconds.
    """

    operation: Json
    deadline: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How many of some steps are done, and how many have ended, well or badly."""

    done: int
    ended: int
    of: int

    @property
    def all(self) -> bool:
        """Whether none of them is still to come."""
        return self.ended >= self.of


@dataclass(frozen=True, slots=True)
class AwaitEnded:
    """Wait until more than `more_than` of some steps have ended; an `Ended` comes back.

    Not before `at_least` seconds have passed, unless all have ended.
    """

    step_ids: tuple[str, ...]
    more_than: int
    at_least: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Come back after a poll interval. `since` counts from when the step began to wait."""

    since: float


@dataclass(frozen=True, slots=True)
class Say:
    """Tell what a step waits for. Comes back at once."""

    words: str


Request: TypeAlias = Call | CallAll | SendOperation | AwaitOperation | AwaitEnded | Pause | Say
Task: TypeAlias = Generator[Request, Any, T]


class Expired(Exception):
    """Raised inside a step whose operation did not end in time."""


class Left(Exception):
    """Raised inside a step whose wait for another step became pointless."""


def call(lane: Lane, function: Callable[[], T]) -> Task[T]:
    """The result of a blocking function, with its type."""
    return cast(T, (yield Call(lane, function)))


def call_all(lane: Lane, functions: Sequence[Callable[[], T]]) -> Task[list[T | XpkError]]:
    """The results, or errors, of several blocking functions, in order."""
    return cast(list[T | XpkError], (yield CallAll(lane, tuple(functions))))


def send(function: Callable[[], Json]) -> Task[Json]:
    """The Operation that a request started."""
    return cast(Json, (yield SendOperation(function)))


def await_operation(operation: Json, deadline: float) -> Task[Json]:
    """The operation when it is DONE; DONE is not success. Raises `Expired`."""
    return cast(Json, (yield AwaitOperation(operation, deadline)))


def await_ended(step_ids: tuple[str, ...], *, more_than: int, at_least: float = 0.0) -> Task[Ended]:
    """How far some other steps are, as soon as more than `more_than` of them have ended."""
    return cast(Ended, (yield AwaitEnded(step_ids, more_than, at_least)))


def await_step(step_id: str) -> Task[None]:
    """Wait until another step is done. Raises `Left` when that one cannot be."""
    state = yield from await_ended((step_id,), more_than=0)
    if not state.done:
        raise Left
