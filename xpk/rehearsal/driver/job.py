"""A job that the replicator serves, from its restore on: finished steps, garbage, backups.

What the published replicator does in `sync.py` and `coordinator.py: sync`: a step counts when all
nodes have it; then older ones go, and every interval the last data-parallel group copies it to the
bucket. Not thread-safe; nothing here waits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from xpk.rehearsal.driver.backups import Backups
from xpk.rehearsal.driver.names import METADATA, Part, data_part, step_of
from xpk.rehearsal.driver.request import Request
from xpk.rehearsal.driver.site import Site
from xpk.rehearsal.driver.trees import entries, remove
from xpk.rehearsal.record.events import Host


@dataclass(slots=True)
class _Run:
    """A backup under way. `todo`: ranks whose parts are still to be copied."""

    name: str
    step: int
    todo: list[int]


@dataclass(slots=True)
class Job:
    """`members`: hosts by node rank. `interval`: seconds between backups, None for none at all.

    `replicated`: the newest step that all nodes have, at first the one that was restored.
    """

    site: Site
    request: Request
    members: dict[int, Host]
    backups: Backups | None
    interval: float | None
    now: Callable[[], datetime]
    last_backup: float
    replicated: int | None = None
    run: _Run | None = None
    _saved: bool = False
    _held: dict[int, set[int]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether all nodes of the job are still there."""
        return len(self.members) == self.request.nodes

    def tick(self) -> None:
        """Take over what is finished, count it when all have it, copy one part of a backup."""
        for rank, host in self.members.items():
            try:
                take_over(self.site, host, self.request.job, rank)
                self._held[rank] = self._steps(rank)
            except OSError as error:
                self.site.error(host, f"a finished step could not be taken over: {error}")
        if self.whole and self.interval is not None:
            self._sync(self.interval)
        if self.run is not None:
            self._back_up_one(self.run)

    def leave(self, host: Host) -> None:
        """The host is lost: nothing is common to all any more, until the next restore."""
        for rank in [rank for rank, member in self.members.items() if member == host]:
            del self.members[rank]
            self._held.pop(rank, None)
            if self.run is not None and rank in self.run.todo:
                self.stop()

    def stop(self) -> None:
        """Give a backup under way up, as a replicator that starts again does."""
        if self.run is not None and self.backups is not None:
            run, self.run = self.run, None
            try:
                self.backups.abandon(run.name)
            except OSError as error:
                self._complain(f"the rest of backup {run.name} could not be removed: {error}")

    def _steps(self, rank: int) -> set[int]:
        found = (data_part(entry.name) for entry in entries(self.site.ramdisk(self.members[rank])))
        return {
            one[1].step
            for one in found
            if one is not None and one[0] == self.request.job and one[1].rank == rank
        }

    def _sync(self, interval: float) -> None:
        common = set.intersection(*(self._held.get(rank, set()) for rank in self.members))
        newest = max(common, default=None)
        if newest is None or (self.replicated is not None and newest <= self.replicated):
            return
        self._clear_forced()
        self.replicated, self._saved = newest, True
        if self.run is None and self.site.clock() - self.last_backup >= interval:
            self._begin_backup(newest)
        for rank in self.members:
            self._collect_garbage(rank, newest)

    def _clear_forced(self) -> None:
        """All nodes have saved since a forced restore: it has done its work."""
        if not self._saved and self.backups is not None:
            try:
                self.backups.clear_forced()
            except OSError as error:
                self._complain(f"restore.version could not be removed: {error}")

    def _collect_garbage(self, rank: int, newest: int) -> None:
        """Keep the newest common step, newer ones, and the one that is being backed up.

        Nodes that copy a backup keep that step alone, as published: their ramdisk is sized for it,
        and the other groups hold the same data.
        """
        backed_up = self.run.step if self.run is not None else None
        keep = {newest} if backed_up is None else {newest, backed_up}
        if backed_up is not None and self._copies(rank):
            keep = {backed_up}
        host = self.members[rank]
        try:
            for entry in entries(self.site.ramdisk(host)):
                found = data_part(entry.name)
                if found is not None and found[1].step <= newest and found[1].step not in keep:
                    remove(self.site.ramdisk(host) / entry.name)
        except OSError as error:
            self.site.error(host, f"an old step could not be removed: {error}")

    def _copies(self, rank: int) -> bool:
        return rank >= self.request.nodes - self.request.partition

    def _begin_backup(self, step: int) -> None:
        if self.backups is None:
            return
        self.last_backup = self.site.clock()
        try:
            name = self.backups.free_name(self.now())
        except OSError as error:
            self._complain(f"backup of step {step} failed: {error}")
            return
        self.run = _Run(name, step, [rank for rank in sorted(self.members) if self._copies(rank)])

    def _back_up_one(self, run: _Run) -> None:
        """Copy one part, so that a backup takes some time and can be interrupted, as it can in the cloud."""
        assert self.backups is not None
        rank = run.todo[0]
        host, part = self.members[rank], Part(run.step, rank)
        try:
            size = self.backups.add(
                run.name, part, self.site.ramdisk(host) / part.data_name(self.request.job)
            )
            run.todo.pop(0)
            self.site.moved(host, "bucket", size, f"step {run.step} into backup {run.name}")
            if not run.todo:
                self.backups.finish(run.name)
                self.run = None
        except OSError as error:
            self.site.error(host, f"backup of step {run.step} failed: {error}")
            self.stop()

    def _complain(self, text: str) -> None:
        """About something that belongs to all: the coordinator runs on the node of rank 0."""
        host = self.members.get(0)
        if host is not None:
            self.site.error(host, text)


def take_over(site: Site, host: Host, job: str, rank: int) -> None:
    """Give every step that the trainer finished the name of the replicator's part. Raises OSError."""
    ramdisk = site.ramdisk(host)
    for step, name in finished_steps(site, host).items():
        target = ramdisk / Part(step, rank).data_name(job)
        # Trained again after a restore of an older step: the new one counts.
        remove(target)
        # Orbax may remove a step of its own between the look and this.
        with contextlib.suppress(FileNotFoundError):
            (ramdisk / name).rename(target)


def finished_steps(site: Site, host: Host) -> Mapping[int, str]:
    """Directories of steps that Orbax has finished in this ramdisk: the step and the directory's name.

    Links are none: they are steps that were restored, and lie in the replicator's data. Raises OSError.
    """
    ramdisk = site.ramdisk(host)
    return {
        step: entry.name
        for entry in entries(ramdisk)
        if (step := step_of(entry.name)) is not None
        and entry.is_dir(follow_symlinks=False)
        and (ramdisk / entry.name / METADATA).exists()
    }
