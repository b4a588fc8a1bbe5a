"""Which machine of the rehearsal a node is: its slice and host number.

A ramdisk belongs to a machine, so a node keeps its place for as long as it stands, whichever pod runs
on it; a node that comes back under its name, or another one of its pool, takes the place that was left.
The slice is the job index of the first pod in the pool where no pool has that number yet: the first ranks
follow the JobSet's own order, whichever pools the scheduler chose. Else it is the number in the pool's name
(`<cluster>-np-<number>`), else the lowest number that no pool has. The host number is that of the first pod
on the node where it is free in the pool, else the lowest free one. All of it is a rehearsal's own
bookkeeping: GKE numbers no machines.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from xpk.rehearsal.record.events import Host

POOL_LABEL = "cloud.google.com/gke-nodepool"


class Places:
    """Not safe to use from several threads: its owner has a lock."""

    def __init__(self) -> None:
        self._slices: dict[str, int] = {}
        self._standing: dict[str, Host] = {}
        self._left: dict[str, tuple[str, Host]] = {}

    def of(self, node: str) -> Host | None:
        """The place of a node that stands; None for one that never had a pod."""
        return self._standing.get(node)

    def node(self, host: Host) -> str | None:
        """The node that stands at a place."""
        return next((name for name, place in self._standing.items() if place == host), None)

    def take(self, node: str, pool: str, wanted: int, job: int | None = None) -> tuple[Host, bool]:
        """The node's place, chosen now if it has none, and whether a machine that is gone had left it.

        `wanted`: the number of the pod that comes to it; `job`: its job's index in a JobSet.
        """
        if node in self._standing:
            return self._standing[node], False
        index = self._slice(pool, job)
        left = self._left.pop(node, None)
        if left is not None and left[1] not in self._standing.values():
            host = left[1]
        else:
            host = Host(index, self._free(index, wanted))
        again = left is not None or any(one[1] == host for one in self._left.values())
        self._left = {name: one for name, one in self._left.items() if one[1] != host}
        self._standing[node] = host
        return host, again

    def back(self, node: str) -> Host | None:
        """The place that a returning node takes again; None where it left none."""
        left = self._left.get(node)
        return self.take(node, left[0], left[1].host_index)[0] if left is not None else None

    def lose(self, node: str, pool: str) -> Host | None:
        """The node is gone; the place that it leaves."""
        host = self._standing.pop(node, None)
        if host is not None:
            self._left[node] = (pool, host)
        return host

    def _slice(self, pool: str, job: int | None) -> int:
        if pool not in self._slices:
            match = re.search(r"-np-(\d{1,6})$", pool)
            taken = self._slices.values()
            wanted = (job, int(match[1]) if match is not None else None)
            free = (number for number in wanted if number is not None and number not in taken)
            self._slices[pool] = next(free, lowest(taken))
        return self._slices[pool]

    def _free(self, index: int, wanted: int) -> int:
        taken = {host.host_index for host in self._standing.values() if host.slice_index == index}
        return wanted if wanted not in taken else lowest(taken)


def lowest(taken: Iterable[int]) -> int:
    """The lowest number from 0 that is not taken."""
    used = set(taken)
    return next(number for number in itertools.count() if number not in used)
