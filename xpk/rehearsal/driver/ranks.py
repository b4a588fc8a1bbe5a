"""Which host gets which rank: pure, from what every host remembers and where its pod belongs.

The order of trying is the published one (`assigner.go`, `ranks_server.go: computeAssignment` of
GoogleCloudPlatform/high-scale-checkpointing-controller): the remembered ranks if they are whole, the
JobSet's own order, the remembered ranks filled up, any order that keeps slices together. Where the
published code takes hosts in the order of a hash map, this one takes them in their own order.
Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xpk.rehearsal.record.events import Host


@dataclass(frozen=True, slots=True)
class Seat:
    """A host with a pod on it. Its slice is its node pool.

    `cached`: the rank it remembers, None when it remembers none. `initial`: the rank that the
    JobSet's own indices give to its pod.
    """

    host: Host
    cached: int | None
    initial: int


def shape_text(slices: int, hosts: int) -> str:
    """The shape as the driver remembers it: `2x4`."""
    return f"{slices}x{hosts}"


def assign(seats: Sequence[Seat], slices: int, hosts: int) -> tuple[Host, ...]:
    """The hosts in the order of their ranks. Raises ValueError when slices cannot be kept together."""
    if len(seats) != slices * hosts or len({seat.host for seat in seats}) != len(seats):
        raise ValueError(f"{len(seats)} seats for {slices} x {hosts} hosts")
    known = [_in_range(seat, slices * hosts) for seat in sorted(seats, key=lambda one: one.initial)]
    forgotten = [Seat(seat.host, None, seat.initial) for seat in known]
    found = (
        _remembered(known, hosts)
        or _initial(known, hosts)
        or _filled(known, slices, hosts)
        or _filled(forgotten, slices, hosts)
    )
    if found is None:
        raise ValueError("no order keeps every slice in one node pool")
    return found


def _in_range(seat: Seat, count: int) -> Seat:
    if seat.cached is not None and not 0 <= seat.cached < count:
        return Seat(seat.host, None, seat.initial)
    return seat


def _remembered(seats: Sequence[Seat], hosts: int) -> tuple[Host, ...] | None:
    return _whole({seat.cached: seat.host for seat in seats if seat.cached is not None}, len(seats), hosts)


def _initial(seats: Sequence[Seat], hosts: int) -> tuple[Host, ...] | None:
    if any(seat.cached not in (None, seat.initial) for seat in seats):
        return None
    return _whole({seat.initial: seat.host for seat in seats}, len(seats), hosts)


def _filled(seats: Sequence[Seat], slices: int, hosts: int) -> tuple[Host, ...] | None:
    """Remembered ranks stay; the others of a slice go to the hosts of its pool that have none."""
    taken = {seat.cached: seat.host for seat in seats if seat.cached is not None}
    pools: dict[int, int] = {}
    for rank, host in taken.items():
        if pools.setdefault(rank // hosts, host.slice_index) != host.slice_index:
            return None
    free = [seat.host for seat in seats if seat.cached is None]
    unused = [
        pool for pool in dict.fromkeys(seat.host.slice_index for seat in seats) if pool not in pools.values()
    ]
    for rank in range(slices * hosts):
        if rank in taken:
            continue
        if rank // hosts not in pools:
            if not unused:
                return None
            pools[rank // hosts] = unused.pop(0)
        fitting = [one for one in free if one.slice_index == pools[rank // hosts]]
        if not fitting:
            return None
        free.remove(fitting[0])
        taken[rank] = fitting[0]
    return _whole(taken, len(seats), hosts)


def _whole(ranks: dict[int, Host], count: int, hosts: int) -> tuple[Host, ...] | None:
    """The hosts by rank when every rank is given and every slice's ranks lie in one pool."""
    if len(ranks) != count or set(ranks) != set(range(count)):
        return None
    found = tuple(ranks[rank] for rank in range(count))
    together = all(
        len({host.slice_index for host in found[at : at + hosts]}) == 1 for at in range(0, count, hosts)
    )
    return found if together else None
