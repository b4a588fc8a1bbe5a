"""When a workload is started again: a budget, and exit codes that use it.

Three kinds of end are told apart (docs/decisions/0004-restart-policy.md): a disruption
(preemption, eviction, maintenance) costs nothing, an exit code that allows a restart costs one,
any other exit code ends the workload. How a JobSet says that is `templates/workload`'s matter.
"""

from __future__ import annotations

import re
from typing import Final

from xpk.errors import Fault, UsageError
from xpk.frozen import dataclass

MTC_MAX_RESTARTS: Final = 50
"""Budget with multi-tier checkpointing when none is given; Google's own tests of it use 15 to 50."""

SIGNAL_CODES: Final = (42, *range(127, 256))
"""Codes that always allow a restart, as in xpk: 42 by agreement, 127 and above for signals and the shell."""

_LAST_CODE: Final = 255
_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CodeRange:
    """Exit codes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def codes(self) -> range:
        """The codes one by one."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """`max_restarts` is the budget; `codes` the user's exit codes, None when none were named.

    `mtc` says that the workload restores from ramdisks, so that any failure is worth a restart
    unless the user narrows that with `codes`.
    """

    max_restarts: int
    codes: tuple[CodeRange, ...] | None = None
    mtc: bool = False

    @property
    def disruptions_free(self) -> bool:
        """Whether disruptions restart without using the budget. A budget of 0 means: run once."""
        return self.max_restarts > 0

    @property
    def restart_codes(self) -> tuple[int, ...] | None:
        """The exit codes that may restart, sorted; None means all but 0. Never more than the 255
        values that Kubernetes takes in one rule."""
        if self.max_restarts == 0 or (self.mtc and self.codes is None):
            return None
        named = {code for part in self.codes or () for code in part.codes}
        allowed = sorted(named | set(SIGNAL_CODES))
        return None if len(allowed) == _LAST_CODE else tuple(allowed)


def restart_policy(
    max_restarts: int | None, codes: tuple[CodeRange, ...] | None, *, mtc: bool
) -> RestartPolicy:
    """The policy with the default budget filled in: 0 as in xpk, `MTC_MAX_RESTARTS` with MTC."""
    default = MTC_MAX_RESTARTS if mtc else 0
    return RestartPolicy(default if max_restarts is None else max_restarts, codes, mtc)


def parse_max_restarts(text: str, flag: str = "--max-restarts") -> int:
    """Read a number of restarts, 0 and up. Raises `UsageError`."""
    if re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) is None or int(text) > _INT32:
        why = f"it counts restarts, from 0 to {_INT32}"
        raise UsageError(Fault(f"{flag} {text or repr('')}", why, f"write {flag} {MTC_MAX_RESTARTS}"))
    return int(text)


def parse_exit_codes(text: str, flag: str = "--restart-on-exit-codes") -> tuple[CodeRange, ...]:
    """Read `1,3-5,42`: codes and ranges from 1 to 255. Raises `UsageError` with all faults."""
    faults, ranges = [], []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?\s*", part, re.ASCII)
        first = int(match[1]) if match else 0
        last = int(match[2]) if match and match[2] else first
        why = _code_problem(part, match is not None, first, last)
        if why is None:
            ranges.append(CodeRange(first, last))
        else:
            faults.append(
                Fault(f"{flag} {text or repr('')}", why, f"write {flag} {_nearest(match, first, last)}")
            )
    if faults:
        raise UsageError(*faults)
    return tuple(dict.fromkeys(ranges))


def _code_problem(part: str, is_range: bool, first: int, last: int) -> str | None:
    if not is_range:
        return f"{part.strip() or repr(part)} is neither an exit code nor a range such as 3-5"
    if first == 0:
        return "exit code 0 is success, which never restarts"
    if max(first, last) > _LAST_CODE:
        return f"{max(first, last)} is no exit code: they end at {_LAST_CODE}"
    if first > last:
        return f"{part.strip()} runs backwards"
    return None


def _nearest(match: re.Match[str] | None, first: int, last: int) -> str:
    if match is None:
        return "1,3-5,42"
    low, high = sorted((min(max(first, 1), _LAST_CODE), min(max(last, 1), _LAST_CODE)))
    return f"{low}-{high}" if low != high else str(low)
