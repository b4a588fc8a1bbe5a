"""What a rehearsal came to, and its JSON form.

The JSON form is for machines and keeps its names:

    setup        slices, hosts, mode, trainer, local_period, bucket_period, ramdisk_bytes, mount_path,
                 isolation, seed, steps, autocheckpoint; overrides: [{what, was, now, why}]
    recoveries   one per fault, in order: fault, hosts [[slice, host]], seconds {at, noticed, running,
                 restored, first_step, caught_up} (at: since the start; the others: since the fault;
                 null: did not happen), step_failed, step_restored (null: from the start, or not known),
                 tiers {tier: hosts}, from, steps_lost (null: not known), bucket_step (null: empty),
                 ramdisk_step (null: none served), steps_lost_without, bytes_moved, restarts,
                 interrupted_save, losses_equal (null: nothing to compare),
                 differences [{step, host, before, after}], ended: recovered | overtaken | failed | unfinished
    findings     [{id, words, why, fix}]
    totals       seconds, faults, restarts, highest_step, steps_lost, steps_lost_without, bytes_moved,
                 losses_equal
    state, words, exit_code

`overtaken`: the next fault came before training went on. `unfinished`: the record stops before it
is known. Seconds are rounded to milliseconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from xpk.rehearsal.record.events import FaultKind, Host, State, Tier

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["emergency", "multi-tier", "bucket", "none"]
Trainer: TypeAlias = Literal["orbax", "maxtext", "command"]
Isolated: TypeAlias = Literal["mount namespace", "user namespace", "substitution"]
Ending: TypeAlias = Literal["recovered", "overtaken", "failed", "unfinished"]

FOUND: Final = 125
"""The exit code of a rehearsal with findings, as of a workload that failed."""


@dataclass(frozen=True, slots=True)
class Override:
    """Something that the rehearsal changed in what was asked for. `was` is empty for an addition."""

    what: str
    was: str
    now: str
    why: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What was rehearsed. `hosts` per slice; periods in steps, `bucket_period` in minutes with multi-tier."""

    slices: int
    hosts: int
    mode: Mode
    trainer: Trainer
    local_period: int
    bucket_period: int
    ramdisk_bytes: int
    mount_path: str
    isolation: Isolated
    overrides: tuple[Override, ...]
    seed: int
    steps: int
    autocheckpoint: bool

    def all_hosts(self) -> tuple[Host, ...]:
        """Every host, by slice and place."""
        return tuple(Host(index, host) for index in range(self.slices) for host in range(self.hosts))


@dataclass(frozen=True, slots=True)
class Difference:
    """A step that was computed twice and came out differently. Losses as printed."""

    step: int
    host: Host
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """One fault and what came of it.

    `t` is the fault's time; `noticed` to `caught_up` are seconds after it, None if it did not
    happen. `first_step`: the first step computed again; `caught_up`: the first one beyond
    `step_failed`. `steps_lost_without`: what a restart from the bucket would have lost.
    `restarts`: attempts that were started after the fault.
    """

    fault: FaultKind
    hosts: tuple[Host, ...]
    t: float
    step_failed: int
    step_restored: int | None
    tiers: tuple[tuple[Tier, int], ...]
    from_words: str
    steps_lost: int | None
    bucket_step: int | None
    steps_lost_without: int
    bytes_moved: int
    noticed: float | None
    running: float | None
    restored: float | None
    first_step: float | None
    caught_up: float | None
    restarts: int
    interrupted_save: bool
    losses_equal: bool | None
    differences: tuple[Difference, ...]
    ended: Ending
    ramdisk_step: int | None
    """The newest step that the ramdisks could have served when the hosts came back, None for none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. `id` is stable; `words` is what was seen, `fix` what to write or type."""

    id: str
    words: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole rehearsal in numbers. `highest_step` is -1 before the first."""

    seconds: float
    faults: int
    restarts: int
    highest_step: int
    steps_lost: int
    steps_lost_without: int
    bytes_moved: int
    losses_equal: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole rehearsal. `state` is None while it runs."""

    setup: Setup
    recoveries: tuple[Recovery, ...]
    findings: tuple[Finding, ...]
    totals: Totals
    state: State | None
    words: str

    @property
    def exit_code(self) -> int:
        """0, or 125 with findings or where the workload failed."""
        return FOUND if self.findings or self.state == "failed" else 0


def to_json(outcome: Outcome) -> Json:
    """The machine-readable form that the module's docstring describes."""
    return {
        "setup": asdict(outcome.setup) | {"overrides": [asdict(one) for one in outcome.setup.overrides]},
        "recoveries": [_recovery(one) for one in outcome.recoveries],
        "findings": [asdict(one) for one in outcome.findings],
        "totals": asdict(outcome.totals) | {"seconds": round(outcome.totals.seconds, 3)},
        "state": outcome.state,
        "words": outcome.words,
        "exit_code": outcome.exit_code,
    }


def _recovery(one: Recovery) -> Json:
    times = ("noticed", "running", "restored", "first_step", "caught_up")
    seconds = {"at": round(one.t, 3)} | {name: _rounded(getattr(one, name)) for name in times}
    differences = [asdict(each) | {"host": _place(each.host)} for each in one.differences]
    return {
        "fault": one.fault,
        "hosts": [_place(host) for host in one.hosts],
        "seconds": seconds,
        "step_failed": one.step_failed,
        "step_restored": one.step_restored,
        "tiers": dict(one.tiers),
        "from": one.from_words,
        "steps_lost": one.steps_lost,
        "bucket_step": one.bucket_step,
        "ramdisk_step": one.ramdisk_step,
        "steps_lost_without": one.steps_lost_without,
        "bytes_moved": one.bytes_moved,
        "restarts": one.restarts,
        "interrupted_save": one.interrupted_save,
        "losses_equal": one.losses_equal,
        "differences": differences,
        "ended": one.ended,
    }


def _place(host: Host) -> list[int]:
    return [host.slice_index, host.host_index]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
