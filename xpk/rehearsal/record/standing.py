"""What the ramdisks and the bucket hold at a moment of a rehearsal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xpk.rehearsal.record.events import Broke, BucketHolds, Event, Host, HostBack, HostLost, RamdiskHolds
from xpk.rehearsal.record.outcome import Setup

_WIPING: Final = frozenset({"host", "last-slice-host", "slice", "all-ramdisks"})
"""The faults that take the ramdisks of their hosts along."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`ramdisks`: the finished steps by host, ascending. `unfinished`: hosts with bytes and no such step."""

    ramdisks: Mapping[Host, tuple[int, ...]]
    bucket: tuple[int, ...]
    unfinished: frozenset[Host]

    @property
    def bucket_step(self) -> int | None:
        return max(self.bucket, default=None)


def standing(events: Iterable[Event]) -> Standing:
    """The state after `events`."""
    ramdisks: dict[Host, tuple[int, ...]] = {}
    used: dict[Host, int] = {}
    bucket: tuple[int, ...] = ()
    for event in events:
        match event:
            case RamdiskHolds(host=host, steps=steps, used=size):
                ramdisks[host], used[host] = tuple(sorted(steps)), size
            case BucketHolds(steps=steps):
                bucket = tuple(sorted(steps))
            case HostLost(host=host) | HostBack(host=host):
                ramdisks[host], used[host] = (), 0
            case Broke(fault=fault, hosts=hosts) if fault in _WIPING:
                ramdisks.update(dict.fromkeys(hosts, ()))
                used.update(dict.fromkeys(hosts, 0))
            case _:
                pass
    unfinished = frozenset(host for host, size in used.items() if size > 0 and not ramdisks[host])
    return Standing(ramdisks, bucket, unfinished)


def servable(setup: Setup, held: Standing) -> int | None:
    """The newest step that a restart can take from ramdisks, None for none.

    Emergency checkpointing wants one whole slice that holds the step (Orbax,
    `_find_slice_with_complete_local_checkpoint`); multi-tier checkpointing wants every place in a
    slice to have it on some slice (the replicator copies it to the others).
    """
    if setup.mode not in ("emergency", "multi-tier"):
        return None

    def steps(slice_index: int, host: int) -> set[int]:
        return set(held.ramdisks.get(Host(slice_index, host), ()))

    hosts, slices = range(setup.hosts), range(setup.slices)
    if setup.mode == "emergency":
        whole = [set.intersection(*(steps(index, host) for host in hosts)) for index in slices]
        return max(set().union(*whole), default=None)
    places = [set().union(*(steps(index, host) for index in slices)) for host in hosts]
    return max(set.intersection(*places), default=None)


def interrupted(setup: Setup, held: Standing, highest: int) -> bool:
    """Whether the ramdisks, as the fault found them, were in the middle of a save.

    `highest`: the highest step that any host had computed. Either the hosts that save disagree on
    their newest step, or the step that was due last is not there yet and the one before is.
    """
    if setup.mode == "none":
        return False
    newest = {max(steps) for steps in held.ramdisks.values() if steps}
    if held.unfinished or len(newest) > 1:
        return True
    if setup.local_period <= 0 or setup.mode not in ("emergency", "multi-tier"):
        return False
    due = highest - highest % setup.local_period
    return newest == {due - setup.local_period}
