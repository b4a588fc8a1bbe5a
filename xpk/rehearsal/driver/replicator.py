"""The replicator of all hosts as one: accepts `replicator.yaml`, restores, then serves the job.

The published one (GoogleCloudPlatform/checkpoint-replicator) is a process on every node that begins
anew with each `replicator.yaml`, and a coordinator beside rank 0. Here one object does it for all
hosts, in the order that they would: clean up, take the file away, wait for all nodes, restore, serve.
Deviations, each told in `replicator.failed` where the trainer would otherwise wait for minutes: a
request that cannot be read, and requests that do not belong together. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from xpk.rehearsal.driver.backups import Backups
from xpk.rehearsal.driver.choice import Plan, choose, choose_from_backup
from xpk.rehearsal.driver.job import Job, take_over
from xpk.rehearsal.driver.names import DATA, REQUEST, Part, data_part, is_job_name
from xpk.rehearsal.driver.rank_files import JAX_INIT_INFO, RANK_DATA
from xpk.rehearsal.driver.request import Request, parse_request
from xpk.rehearsal.driver.restore import restore
from xpk.rehearsal.driver.site import Site
from xpk.rehearsal.driver.trees import entries, remove
from xpk.rehearsal.record.events import Host, Tier

_KEPT = (JAX_INIT_INFO, RANK_DATA, REQUEST)


class Replicator:
    """`minute`: seconds that stand for one minute of a backup interval. `now`: UTC, for names of backups."""

    def __init__(
        self,
        site: Site,
        hosts: Sequence[Host],
        bucket: Path | None,
        *,
        minute: float,
        now: Callable[[], datetime],
    ) -> None:
        self._site = site
        self._hosts = tuple(hosts)
        self._bucket = bucket
        self._minute = minute
        self._now = now
        self._asked: dict[Host, Request] = {}
        self._served: dict[Host, Request] = {}
        self._tiers: dict[Host, Tier] = {}
        self._job: Job | None = None

    def tier(self, host: Host) -> Tier:
        """Where the host's last restore came from; `nothing` after a fresh start or before any."""
        return self._tiers.get(host, "nothing")

    def tick(self) -> None:
        """One turn: look for requests, restore when all nodes have asked, serve the job."""
        for host in self._hosts:
            try:
                self._accept(host)
            except OSError as error:
                self._site.error(host, f"{REQUEST} could not be accepted: {error}")
        if self._job is None and self._asked:
            self._begin_if_all()
        if self._job is not None:
            self._job.tick()

    def forget_request(self, host: Host) -> None:
        """The pod that asked is gone, or another begins: what it asked for is void.

        The job is served on until a new request comes: steps that were finished are still collected.
        """
        self._asked.pop(host, None)
        try:
            remove(self._site.ramdisk(host) / REQUEST)
        except OSError as error:
            self._site.say(host, f"an old {REQUEST} could not be removed: {error}")

    def lose(self, host: Host) -> None:
        """The host's ramdisk is gone."""
        self._asked.pop(host, None)
        self._served.pop(host, None)
        self._tiers.pop(host, None)
        if self._job is not None:
            self._job.leave(host)

    def _accept(self, host: Host) -> None:
        path = self._site.ramdisk(host) / REQUEST
        try:
            text = path.read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return
        if self._job is not None:
            self._job.stop()
            self._job = None
        try:
            request = parse_request(text)
        except ValueError as error:
            self._clean(host, None)
            remove(path)
            self._site.error(host, f"{REQUEST}: {error}", fatal=True)
            return
        self._clean(host, request)
        self._asked[host] = self._served[host] = request
        remove(path)

    def _clean(self, host: Host, request: Request | None) -> None:
        """Remove what the last attempt left, but data, as `common_main.py: cleanup_storage`.

        A step that was finished since the last turn is taken over first: the published replicator
        sees it at once, this one looks every few milliseconds only.
        """
        before = self._served.get(host)
        if request is not None and before is not None and before.job == request.job:
            take_over(self._site, host, before.job, before.node_rank)
        ramdisk = self._site.ramdisk(host)
        for entry in entries(ramdisk):
            if entry.name not in _KEPT and not entry.name.endswith(DATA):
                remove(ramdisk / entry.name)

    def _begin_if_all(self) -> None:
        wrong = _disagreement(self._asked.values(), len(self._hosts))
        if wrong is not None:
            for host in self._asked:
                self._site.error(host, f"{REQUEST}: {wrong}", fatal=True)
            self._asked.clear()
        elif len(self._asked) == len(self._hosts):
            members = {request.node_rank: host for host, request in self._asked.items()}
            request = self._asked[members[0]]
            self._asked.clear()
            self._begin(request, members)

    def _begin(self, request: Request, members: dict[int, Host]) -> None:
        if not is_job_name(request.job):
            words = f"Coordinator failed: job-name {request.job!r} cannot be the name of a ConfigMap"
            self._site.error(members[0], words, fatal=True)
            return
        backups = self._open_backups(request, members[0])
        plan = self._choose(request, members, backups)
        self._tiers = restore(self._site, request.job, members, plan, backups)
        if request.minutes is None:
            words = (
                "Coordinator failed: Traceback (most recent call last): KeyError: 'backup-interval-minutes'"
            )
            self._site.error(members[0], words, fatal=True)
        interval = request.minutes * self._minute if request.minutes is not None else None
        self._job = Job(
            self._site,
            request,
            dict(members),
            backups,
            interval,
            self._now,
            last_backup=self._site.clock(),
            replicated=plan.step if plan is not None else None,
        )

    def _open_backups(self, request: Request, first: Host) -> Backups | None:
        if self._bucket is None:
            self._site.error(first, "Backup volume is not there: no bucket was given", fatal=True)
            return None
        backups = Backups(self._bucket, request.job)
        try:
            backups.test_rename()
        except OSError as error:
            words = f"Backup volume does NOT support atomic renames (GCS bucket is NOT HNS-enabled): {error}"
            self._site.error(first, words, fatal=True)
        return backups

    def _choose(self, request: Request, members: Mapping[int, Host], backups: Backups | None) -> Plan | None:
        """Forced, else the newest in the ramdisks, else the newest in the bucket, else nothing."""
        forced: str | None = None
        names: tuple[str, ...] = ()
        try:
            if backups is not None:
                forced, names = backups.forced(), backups.names()
        except (OSError, ValueError) as error:
            self._site.error(members[0], f"backups could not be listed: {error}")
        if forced is None:
            held = {rank: self._parts(host, request.job) for rank, host in members.items()}
            plan = choose(held, request.nodes, request.partition)
            if plan is not None:
                return plan
        for name in names if forced is None else (forced,):
            assert backups is not None
            try:
                plan = choose_from_backup(name, backups.parts(name), request.nodes, request.partition)
            except OSError as error:
                self._site.error(members[0], f"backup {name} could not be read: {error}")
                continue
            if plan is not None:
                return plan
        if forced is not None:
            self._site.error(
                members[0], f"restore.version names {forced[:60]!r}, which is no complete backup"
            )
        return None

    def _parts(self, host: Host, job: str) -> frozenset[Part]:
        try:
            found = [data_part(entry.name) for entry in entries(self._site.ramdisk(host))]
        except OSError as error:
            self._site.error(host, f"the ramdisk could not be read: {error}")
            return frozenset()
        return frozenset(one[1] for one in found if one is not None and one[0] == job)


def _disagreement(requests: Collection[Request], hosts: int) -> str | None:
    """Why these requests cannot become one job; None when they can, or more are still to come."""
    first = next(iter(requests))
    if first.nodes != hosts:
        return f"nodes is {first.nodes}, and the JobSet has {hosts} hosts"
    for name in ("job", "nodes", "parallelism", "minutes"):
        values = sorted({str(getattr(request, name)) for request in requests})
        if len(values) > 1:
            return f"the hosts do not agree on {name}: {', '.join(values)}"
    ranks = sorted(request.node_rank for request in requests)
    if len(set(ranks)) < len(ranks):
        return f"two hosts have the same node-rank: {ranks}"
    return None
