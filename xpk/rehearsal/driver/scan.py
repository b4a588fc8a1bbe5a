"""Which finished steps every ramdisk and the bucket hold, and whether a save is under way.

Looks only: emergency checkpointing needs nothing more of the driver, and whoever breaks things picks
the moment by it. One turn lists one directory a host; sizes are added up again only when that listing
changed, while a save is under way, or after a second. The bucket is searched again once a second, and
its known checkpoint folders at every turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xpk.rehearsal.driver.names import METADATA, TEMPORARY, UNFINISHED, data_part, is_backup_name, step_of
from xpk.rehearsal.driver.trees import entries, tree_bytes
from xpk.rehearsal.record.events import BucketHolds, Event, Host, RamdiskHolds

_AGAIN_SECONDS: Final = 1.0
_DEPTH: Final = 6


@dataclass(frozen=True, slots=True)
class Holdings:
    """A ramdisk at one moment: finished steps ascending, all bytes in it, whether something is unfinished."""

    steps: tuple[int, ...] = ()
    used: int = 0
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    listing: tuple[tuple[str, int], ...]
    t: float
    holdings: Holdings


class Scanner:
    """`buckets`: directories that stand for buckets. `capacity`: a ramdisk's size in bytes, 0 for unknown.

    Events are sent on change only: of a host's finished steps, or when its bytes pass the size for
    the first time. Methods that look raise no OSError: a directory that cannot be read holds nothing,
    and `on_fault` is told.
    """

    def __init__(
        self,
        ramdisk: Callable[[Host], Path],
        hosts: Sequence[Host],
        *,
        buckets: Iterable[Path] = (),
        capacity: int = 0,
        on_event: Callable[[Event], None],
        on_fault: Callable[[Host, str], None] = lambda host, text: None,
        clock: Callable[[], float],
    ) -> None:
        self._ramdisk = ramdisk
        self._hosts = tuple(hosts)
        self._buckets = tuple(dict.fromkeys(buckets))
        self._capacity = capacity
        self._on_event = on_event
        self._on_fault = on_fault
        self._clock = clock
        self._looks: dict[Host, _Look] = {}
        self._peaks: dict[Host, int] = {}
        self._bucket_steps: tuple[int, ...] = ()
        self._folders: tuple[tuple[Path, ...], float] = ((), -_AGAIN_SECONDS)

    def scan(self) -> None:
        """Look at everything once and send what changed."""
        for host in self._hosts:
            try:
                self._scan_host(host)
            except OSError as error:
                self._on_fault(host, f"the ramdisk could not be read: {error}")
        try:
            steps = self._look_at_buckets()
        except OSError as error:
            self._on_fault(self._hosts[0], f"the bucket could not be read: {error}")
            return
        if steps != self._bucket_steps:
            self._bucket_steps = steps
            self._on_event(BucketHolds(self._clock(), steps))

    def holdings(self, host: Host) -> Holdings:
        """What the last turn saw in a host's ramdisk."""
        look = self._looks.get(host)
        return look.holdings if look is not None else Holdings()

    def bucket_steps(self) -> tuple[int, ...]:
        """Complete steps that the last turn saw in the buckets, ascending."""
        return self._bucket_steps

    def saving(self) -> bool:
        """Whether some host has an unfinished save, under way or interrupted."""
        return any(self.holdings(host).unfinished for host in self._hosts)

    def quiet_step(self, hosts: Iterable[Host]) -> int | None:
        """The newest step that all these hosts have finished, with nothing unfinished on them; else None."""
        found = [self.holdings(host) for host in hosts]
        if not found or any(one.unfinished for one in found):
            return None
        return max(set.intersection(*(set(one.steps) for one in found)), default=None)

    def peak(self, host: Host) -> int:
        """Most bytes that any turn saw in a host's ramdisk."""
        return self._peaks.get(host, 0)

    def _scan_host(self, host: Host) -> None:
        path, t = self._ramdisk(host), self._clock()
        found = [(entry, _changed(entry)) for entry in entries(path)]
        listing = tuple((entry.name, changed) for entry, changed in found)
        last = self._looks.get(host)
        fresh = last is not None and t - last.t < _AGAIN_SECONDS and not last.holdings.unfinished
        if fresh and last is not None and last.listing == listing:
            return
        steps, unfinished = _steps([entry for entry, _ in found])
        used = tree_bytes(path)
        now = Holdings(steps, used, unfinished)
        before = last.holdings if last is not None else Holdings()
        peak = self._peaks.get(host, 0)
        self._peaks[host] = max(peak, used)
        self._looks[host] = _Look(listing, t, now)
        overflows = self._capacity and peak <= self._capacity < used
        if now.steps != before.steps or overflows:
            self._on_event(RamdiskHolds(t, host, steps, used))

    def _look_at_buckets(self) -> tuple[int, ...]:
        folders, t = self._folders
        if self._clock() - t >= _AGAIN_SECONDS:
            folders = tuple(folder for bucket in self._buckets for folder in _step_folders(bucket, _DEPTH))
            self._folders = (folders, self._clock())
        found: set[int] = set()
        for folder in folders:
            for entry in entries(folder):
                part = data_part(entry.name)
                step = part[1].step if part is not None else _finished(entry)
                if step is not None:
                    found.add(step)
        return tuple(sorted(found))


def _step_folders(folder: Path, depth: int) -> list[Path]:
    """Folders below that hold steps: every `checkpoints` of a run, and every backup of the replicator."""
    found: list[Path] = []
    for entry in entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        path = Path(entry.path)
        if entry.name == "checkpoints" or is_backup_name(entry.name):
            found.append(path)
        elif depth > 1:
            found += _step_folders(path, depth - 1)
    return found


def _steps(found: Iterable[os.DirEntry[str]]) -> tuple[tuple[int, ...], bool]:
    steps: set[int] = set()
    unfinished = False
    for entry in found:
        part = data_part(entry.name)
        step = part[1].step if part is not None else _finished(entry)
        if step is not None:
            steps.add(step)
        elif UNFINISHED in entry.name or entry.name.endswith(f".data{TEMPORARY}"):
            unfinished = True
    return tuple(sorted(steps)), unfinished


def _finished(entry: os.DirEntry[str]) -> int | None:
    """The step of a directory that Orbax finished. A link is none: the data that it names is counted."""
    step = step_of(entry.name)
    if step is None or not entry.is_dir(follow_symlinks=False):
        return None
    return step if os.path.exists(os.path.join(entry.path, METADATA)) else None


def _changed(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return 0
