"""Several reads at once, and what becomes of their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from xpk.engine.workers import Finished, ThreadWorkers
from xpk.errors import XpkError

T = TypeVar("T")
_AT_ONCE = 16


def together(reads: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all reads, made concurrently, in order.

    Raises the first read's error with the faults of all, so that a person sees them together.
    """
    workers = ThreadWorkers(kubernetes=_AT_ONCE)
    found: dict[int, Finished] = {}
    try:
        for index, read in enumerate(reads):
            workers.submit("kubernetes", index, read)
        while len(found) < len(reads):
            # Short waits: Ctrl-C must not have to wait for an answer.
            if (finished := workers.take(0.25)) is not None and isinstance(finished.key, int):
                found[finished.key] = finished
    finally:
        workers.close()
    errors = [error for index in range(len(reads)) if (error := found[index].error) is not None]
    ours = [error for error in errors if isinstance(error, XpkError)]
    if len(ours) < len(errors):
        raise next(error for error in errors if not isinstance(error, XpkError))
    if ours:
        raise type(ours[0])(*dict.fromkeys(fault for error in ours for fault in error.faults)) from ours[0]
    return [found[index].value for index in range(len(reads))]
