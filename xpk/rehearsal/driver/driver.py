"""The driver of all hosts: ranks when pods start, the replicator, and the look at what is held.

One thread looks every 50 ms: a step of a rehearsal takes a few hundred, a look at idle ramdisks one
or two, and a watch of the file system would need another library or ctypes. Nothing here raises for
a fault of the file system: it is told as an event, and to the trainer where the real driver does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from xpk.rehearsal.driver.rank_files import remember_rank, remembered_rank, remove_init_info, write_init_info
from xpk.rehearsal.driver.ranks import Seat, assign, shape_text
from xpk.rehearsal.driver.replicator import Replicator
from xpk.rehearsal.driver.scan import Scanner
from xpk.rehearsal.driver.site import Site
from xpk.rehearsal.record.events import Event, Host, Tier

_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Mount:
    """A pod that has the ramdisk of a host."""

    jobset: str
    attempt: int
    pod_uid: str
    initial: int


class Driver:
    """`ramdisk`: the directory of a host. `bucket`: the directory of the add-on's bucket.

    `outputs`: further directories of buckets, where steps are looked for. `new_address`: a free
    `ip:port` for an attempt, asked for once. `ramdisk_bytes`: the size asked for, 0 for unchecked.
    `minute`: seconds that stand for one of a backup interval. Thread-safe.
    """

    def __init__(
        self,
        ramdisk: Callable[[Host], Path],
        *,
        slices: int,
        hosts: int,
        bucket: Path | None,
        outputs: Sequence[Path] = (),
        on_event: Callable[[Event], None],
        clock: Callable[[], float],
        new_address: Callable[[int], str],
        ramdisk_bytes: int = 0,
        minute: float = 60.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._slices, self._hosts_per_slice = slices, hosts
        self._hosts = tuple(Host(at, host) for at in range(slices) for host in range(hosts))
        self._new_address = new_address
        self._lock = threading.RLock()
        self._mounts: dict[Host, _Mount] = {}
        self._ranks: dict[Host, int] = {}
        self._refused: dict[str, str] = {}
        self._site = Site(ramdisk, ramdisk_bytes, on_event, clock)
        self._replicator = Replicator(self._site, self._hosts, bucket, minute=minute, now=now)
        self.scanner = Scanner(
            ramdisk,
            self._hosts,
            buckets=(*([bucket] if bucket is not None else []), *outputs),
            capacity=ramdisk_bytes,
            on_event=on_event,
            on_fault=self._site.say,
            clock=clock,
        )

    def publish(
        self,
        host: Host,
        jobset: str,
        attempt: int,
        *,
        pod_uid: str = "",
        index: tuple[int, int] | None = None,
    ) -> None:
        """A pod that mounts the host's ramdisk is about to start: call before its command runs.

        `jobset` is `namespace/name`; `index` the pod's job index and completion index, by default
        those of the host. The old `jax-init-info.txt` goes at once; the new one appears on all hosts
        when the last pod of the attempt is published.
        """
        job, completion = index if index is not None else (host.slice_index, host.host_index)
        with self._lock:
            self._site.begin_attempt(host, attempt)
            self._mounts[host] = _Mount(jobset, attempt, pod_uid, job * self._hosts_per_slice + completion)
            self._ranks.pop(host, None)
            self._replicator.forget_request(host)
            try:
                remove_init_info(self._site.ramdisk(host))
                if jobset in self._refused:
                    self._site.say(host, f"no ranks for {jobset}: {self._refused[jobset]}")
                else:
                    self._give_ranks(jobset, attempt)
            except (OSError, ValueError) as error:
                self._site.say(host, f"no ranks: {error}")

    def unpublish(self, host: Host, *, pod_uid: str = "") -> None:
        """The pod is gone; its ramdisk stays. With `pod_uid`: only if that pod still has it."""
        with self._lock:
            mount = self._mounts.get(host)
            if mount is not None and pod_uid in ("", mount.pod_uid):
                del self._mounts[host]
                self._replicator.forget_request(host)

    def host_lost(self, host: Host) -> None:
        """The host is gone, with its pod and its ramdisk."""
        with self._lock:
            self._mounts.pop(host, None)
            self._ranks.pop(host, None)
            self._replicator.lose(host)

    def refuse(self, jobset: str, reason: str) -> None:
        """Give no ranks to pods of this JobSet (`eligible` said why): its trainers wait in vain."""
        with self._lock:
            self._refused[jobset] = reason

    def rank(self, host: Host) -> int | None:
        """The rank that the host's pod has been told, None as long as pods are missing."""
        with self._lock:
            return self._ranks.get(host)

    def tier(self, host: Host) -> Tier:
        """Multi-tier checkpointing: where the driver took the host's last restore from."""
        with self._lock:
            return self._replicator.tier(host)

    def poll(self) -> None:
        """One turn of the replicator and of the scanner."""
        with self._lock:
            self._replicator.tick()
            self.scanner.scan()

    def run(self, stop: threading.Event) -> None:
        """Turns until `stop` is set, and a last one after it."""
        try:
            while not stop.wait(_POLL_SECONDS):
                self.poll()
            self.poll()
        except Exception as error:
            # A mistake of this program. Nobody waits for this thread's end: the rehearsal must hear of it.
            self._site.say(self._hosts[0], f"the stand-in of the checkpointing driver failed: {error!r}")
            raise

    def _give_ranks(self, jobset: str, attempt: int) -> None:
        """When all pods of the attempt are there: ranks, remembered first and then told."""
        mounts = {
            host: mount
            for host, mount in self._mounts.items()
            if mount.jobset == jobset and mount.attempt == attempt
        }
        if len(mounts) < len(self._hosts):
            return
        shape = shape_text(self._slices, self._hosts_per_slice)
        seats = [
            Seat(host, remembered_rank(self._site.ramdisk(host), jobset, shape), mount.initial)
            for host, mount in mounts.items()
        ]
        order = assign(seats, self._slices, self._hosts_per_slice)
        address = self._new_address(attempt)
        for rank, host in enumerate(order):
            ramdisk = self._site.ramdisk(host)
            try:
                remember_rank(ramdisk, jobset, shape, rank, str(host), mounts[host].pod_uid)
                write_init_info(ramdisk, rank, address)
            except OSError as error:
                self._site.say(host, f"no rank: {error}")
            else:
                self._ranks[host] = rank
