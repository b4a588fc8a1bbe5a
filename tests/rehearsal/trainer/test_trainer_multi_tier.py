"""Orbax's multi-tier start and manager against the stand-in of the checkpointing driver."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from xpk.rehearsal.driver.driver import Driver
from xpk.rehearsal.record.events import Event, Host, RamdiskHolds

if TYPE_CHECKING:
    from tests.rehearsal.trainer.conftest import Job, Machine

pytestmark = pytest.mark.slow

FLAGS = (
    "enable_multi_tier_checkpointing=true",
    "local_checkpoint_directory=RAMDISK",
    "local_checkpoint_period=10",
    "multi_tier_checkpointing_backup_interval_minutes=30",
    "rehearsal_step_seconds=0.2",
    "save_checkpoint_on_completion=false",
)
HOSTS = [Host(slice_index, host_index) for slice_index in range(2) for host_index in range(2)]


class Watched:
    """The driver of four hosts, its thread, and which steps their ramdisks hold."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.bucket.mkdir()
        self.held: dict[Host, tuple[int, ...]] = {}
        self.driver = Driver(
            lambda host: machine.ramdisk(HOSTS.index(host)),
            slices=2,
            hosts=2,
            bucket=machine.bucket,
            on_event=self._hear,
            clock=time.monotonic,
            new_address=lambda attempt: self.address,
        )

    def start(self, attempt: int, *flags: str) -> Job:
        from tests.rehearsal.trainer.conftest import free_address

        self.address = free_address()
        for host in HOSTS:
            self.driver.publish(host, "default/r", attempt)
        return self.machine.start(*FLAGS, *flags, address=self.address)

    def _hear(self, event: Event) -> None:
        if isinstance(event, RamdiskHolds):
            self.held[event.host] = event.steps


@pytest.fixture
def watched(machine: Machine) -> Iterator[Watched]:
    found = Watched(machine)
    stop = threading.Event()
    thread = threading.Thread(target=found.driver.run, args=(stop,))
    thread.start()
    yield found
    for job in machine.jobs:
        job.kill()
    stop.set()
    thread.join()


def test_a_lost_last_slice_host_gets_its_part_from_its_peer(
    watched: Watched, unbroken: dict[int, str]
) -> None:
    job = watched.start(0, "steps=200")
    job.wait_until(lambda: all(10 in watched.held.get(host, ()) for host in HOSTS))
    job.wait_until(lambda: all(12 in job.losses(rank) for rank in job.ranks))
    job.kill()
    assert [job.lines(rank, "restored ") for rank in job.ranks] == [["restored nothing"]] * 4
    for host in HOSTS:
        watched.driver.unpublish(host)
    watched.driver.host_lost(HOSTS[3])
    shutil.rmtree(watched.machine.ramdisk(3))

    again = watched.start(1, "steps=16")
    assert again.codes() == [0, 0, 0, 0], again.log(3)[-3000:]
    for rank in again.ranks:
        assert again.lines(rank, "restored ") == ["restored step 10 from ramdisk, 12016 bytes"]
        assert again.losses(rank) == {step: unbroken[step] for step in range(11, 16)}
    assert [watched.driver.tier(host) for host in HOSTS] == ["ramdisk", "ramdisk", "ramdisk", "peer"]


def test_a_failed_replicator_ends_the_training(watched: Watched) -> None:
    job = watched.start(0, "steps=200", "rehearsal_shutdown_seconds=1")
    job.wait_until(lambda: 0 in job.losses(0))
    (watched.machine.ramdisk(2) / "replicator.failed").write_text("out of luck")
    assert 0 not in job.codes()
    assert "out of luck" in job.log(2)
    assert "RuntimeError: Checkpointing failed. Replicator fatal error found" in job.log(2)
