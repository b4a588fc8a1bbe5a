"""A driver on temporary directories, with a trainer that does what Orbax's initialization does to files."""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xpk.rehearsal.driver.driver import Driver
from xpk.rehearsal.driver.names import METADATA
from xpk.rehearsal.record.events import BucketHolds, Event, Host, Moved, RamdiskHolds, Said

JOBSET = "default/demo"
START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


class Rig:
    """`t` is the clock. A host's data of a step is the text that `content` gives for its position."""

    def __init__(
        self,
        root: Path,
        slices: int = 2,
        hosts: int = 2,
        *,
        job: str = "reh",
        ramdisk_bytes: int = 0,
        minutes: int = 30,
    ) -> None:
        self.slices, self.per_slice, self.job, self.minutes = slices, hosts, job, minutes
        self.root, self.bucket = root, root / "bucket"
        self.bucket.mkdir()
        self.hosts = [Host(at, host) for at in range(slices) for host in range(hosts)]
        for host in self.hosts:
            self.ramdisk(host).mkdir()
        self.t = 0.0
        self.ports = 0
        self.events: list[Event] = []
        self.driver = Driver(
            self.ramdisk,
            slices=slices,
            hosts=hosts,
            bucket=self.bucket,
            on_event=self.events.append,
            clock=lambda: self.t,
            new_address=self._address,
            ramdisk_bytes=ramdisk_bytes,
            now=lambda: START + timedelta(seconds=self.t),
        )

    def _address(self, attempt: int) -> str:
        self.ports += 1
        return f"127.0.0.1:{9000 + self.ports}"

    def ramdisk(self, host: Host) -> Path:
        return self.root / f"ramdisk-{host.slice_index}-{host.host_index}"

    def content(self, host: Host, step: int) -> str:
        rank = self.driver.rank(host)
        assert rank is not None
        return f"step {step} position {rank % self.per_slice}"

    # Pods

    def publish(self, attempt: int = 0, jobset: str = JOBSET) -> None:
        for host in self.hosts:
            self.driver.publish(host, jobset, attempt, pod_uid=f"{host}/{attempt}")

    def init_info(self, host: Host) -> list[str] | None:
        path = self.ramdisk(host) / "jax-init-info.txt"
        return path.read_text().split("\n") if path.exists() else None

    def lose(self, host: Host) -> None:
        """A node is replaced: the ramdisk is empty."""
        shutil.rmtree(self.ramdisk(host))
        self.ramdisk(host).mkdir()
        self.driver.host_lost(host)

    # The trainer

    def ask(self, host: Host, *, interval: str | None = None, rank: int | None = None) -> None:
        """`replicator.yaml` as orbax/.../multi_tier_checkpointing/initialization.py writes it."""
        rank = self.driver.rank(host) if rank is None else rank
        assert rank is not None
        nodes = len(self.hosts)
        peers = [one for one in range(nodes) if one != rank and one % self.per_slice == rank % self.per_slice]
        text = "\n".join(
            (
                f"job-name: {self.job}",
                "framework: orbax",
                f"assume-data-parallelism: {self.slices}",
                f"node-rank: {rank}",
                f"nodes: {nodes}",
                f"peer-ranks: {peers}",
                f"backup-interval-minutes: {self.minutes}" if interval is None else interval,
            )
        )
        temporary = self.ramdisk(host) / "replicator.yaml.tmp"
        temporary.write_text(text)
        os.replace(temporary, self.ramdisk(host) / "replicator.yaml")

    def marker(self, host: Host) -> str | None:
        found = [path.name for path in self.ramdisk(host).glob("*.restore")]
        assert len(found) <= 1
        return found[0] if found else None

    def take_marker(self, host: Host) -> int | None:
        """As Orbax: rename the link to the step, or remove the empty file. None for a fresh start."""
        name = self.marker(host)
        assert name is not None, f"{host} waits for a marker"
        match = re.fullmatch(r".+-s(?P<step>\d+)-n\d+-w\d+\.restore", name)
        assert match is not None
        path = self.ramdisk(host) / name
        if match["step"] == "0" and path.is_file():
            path.unlink()
            return None
        os.replace(path, self.ramdisk(host) / match["step"])
        return int(match["step"])

    def save(self, host: Host, step: int, *, finish: bool = True, text: str | None = None) -> None:
        """As Orbax: into a temporary directory, then by rename."""
        temporary = self.ramdisk(host) / f"{step}.orbax-checkpoint-tmp"
        (temporary / "state").mkdir(parents=True)
        (temporary / METADATA).write_text("{}")
        (temporary / "state" / "data").write_text(self.content(host, step) if text is None else text)
        if finish:
            temporary.rename(self.ramdisk(host) / str(step))

    def restored(self, host: Host, step: int) -> str:
        return (self.ramdisk(host) / str(step) / "state" / "data").read_text()

    def start(self, attempt: int = 0) -> set[int | None]:
        """All pods of an attempt start, ask and get their markers: the steps that they go on from."""
        self.publish(attempt)
        for host in self.hosts:
            self.ask(host)
        self.driver.poll()
        return {self.take_marker(host) for host in self.hosts}

    def train(self, *steps: int) -> None:
        """All hosts save these steps, and the driver looks after each."""
        for step in steps:
            for host in self.hosts:
                self.save(host, step)
            self.driver.poll()

    # What was seen

    def held(self, host: Host) -> tuple[int, ...]:
        return self.driver.scanner.holdings(host).steps

    def moves(self) -> list[Moved]:
        return [event for event in self.events if isinstance(event, Moved)]

    def said(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Said)]

    def bucket_held(self) -> list[tuple[int, ...]]:
        return [event.steps for event in self.events if isinstance(event, BucketHolds)]

    def ramdisk_held(self, host: Host) -> list[tuple[int, ...]]:
        return [
            event.steps for event in self.events if isinstance(event, RamdiskHolds) and event.host == host
        ]

    def backup_names(self) -> list[str]:
        folder = self.bucket / self.job
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
