"""The errors that a person can meet, as one tree.

    XpkError                     1
     +- UsageError               2    the request cannot be right; nothing was contacted
     +- AccessError              3    no credentials, 401, 403
     +- StateError               4    the project is not as the command needs it
     +- CloudError               5    the API refused, or did not answer after retries
     |   +- QuotaError                no quota for what was asked
     |   +- StockoutError             Google has no such machines free now
     |   +- UnreachableError          no answer after retries
     +- NotReady                 6    accepted, not ready in time; the same command goes on
     +- WaitTimeout            124    a wait for a workload ran out of time
     +- WorkloadFailed         125    the workload that was waited for failed
     +- Interrupted            130    Ctrl-C: says what is done and what is left

Anything else that reaches `cli/main.py` is a bug and exits with 1. This module is not
where foreign exceptions are translated (`cloud/`) nor where anything is printed (`cli/`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: what was given, why that cannot be, what to type instead.

    `what` names the flag and the value as the user wrote them (`--num-slices 0`);
    `why` is one clause without a full stop; `fix` is a command, a flag or a value.
    """

    what: str
    why: str
    fix: str


class XpkError(Exception):
    """Base of all errors with a message for people. `faults` holds one or more."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *faults: Fault) -> None:
        if not faults:
            raise ValueError("an error needs at least one fault")
        self.faults: tuple[Fault, ...] = faults
        super().__init__("; ".join(f"{fault.what}: {fault.why}" for fault in faults))


class UsageError(XpkError):
    """The request cannot be right, whatever the state of the cloud. Exit code 2."""

    exit_code = 2


class AccessError(XpkError):
    """Credentials are missing, expired or not allowed to do this (401, 403). Exit code 3."""

    exit_code = 3


class StateError(XpkError):
    """The project is not as the command needs it (name taken, pool differs). Exit code 4."""

    exit_code = 4


class CloudError(XpkError):
    """The API refused or failed for a reason of its own. Exit code 5."""

    exit_code = 5


class QuotaError(CloudError):
    """The project has no quota left for what was asked."""


class StockoutError(CloudError):
    """Google has no such machines free in this zone now."""


class UnreachableError(CloudError):
    """No answer after the retries that `cloud/retry.py` allows."""


class NotReady(XpkError):
    """Accepted, but not ready in time; running the same command again goes on. Exit code 6."""

    exit_code = 6


class WaitTimeout(XpkError):
    """A wait for a workload ran out of time. Exit code 124, as Google's xpk has it."""

    exit_code = 124


class WorkloadFailed(XpkError):
    """The workload that was waited for failed. Exit code 125, as Google's xpk has it."""

    exit_code = 125


class Interrupted(XpkError):
    """Ctrl-C. The faults say what is done, what runs on in the cloud, what is left. Exit code 130."""

    exit_code = 130


class FaultCollector:
    """Gathers all faults of one request, so that a person sees them together.

    faults = FaultCollector()
    with faults.gather():
        bucket = parse_bucket(text)       # a UsageError here is kept, not raised
    faults.add("--num-slices 0", "a cluster needs at least one slice", "--num-slices 2")
    faults.raise_if_any()
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, what: str, why: str, fix: str) -> None:
        """Keep one fault."""
        self._faults.append(Fault(what, why, fix))

    def extend(self, faults: Sequence[Fault]) -> None:
        """Keep the faults of an error that was caught elsewhere."""
        self._faults.extend(faults)

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Keep the faults of a `UsageError` raised inside, and go on after the block."""
        try:
            yield
        except UsageError as error:
            self._faults.extend(error.faults)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def raise_if_any(self, kind: type[XpkError] = UsageError) -> None:
        """Raise `kind` with every fault kept so far; do nothing when there is none."""
        if self._faults:
            raise kind(*dict.fromkeys(self._faults))
