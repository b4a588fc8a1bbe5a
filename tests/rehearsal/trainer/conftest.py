"""Jobs of real trainer processes on this machine, each host with a directory for its ramdisk."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.rehearsal.trainer.nursery import Child, Nursery, nursery

_ROOT = Path(__file__).resolve().parents[3]
_END_SECONDS = 240.0
_SMALL = ("rehearsal_state_bytes=12000", "run_name=r")


@dataclass
class Job:
    """One attempt: a process for each host, rank by rank, and what each has written."""

    directory: Path
    slices: int
    hosts: int
    processes: list[Child] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    @property
    def ranks(self) -> range:
        return range(self.slices * self.hosts)

    def log(self, rank: int) -> str:
        return self.logs[rank].read_text(errors="replace")

    def lines(self, rank: int, start: str) -> list[str]:
        return [line for line in self.log(rank).splitlines() if line.startswith(start)]

    def losses(self, rank: int) -> dict[int, str]:
        """Loss by step, as printed."""
        words = [line.split() for line in self.lines(rank, "completed step: ")]
        return {int(word[2].rstrip(",")): word[4] for word in words}

    def wait_until(self, what: Callable[[], bool]) -> None:
        """Until `what`; fails with the logs when a process ends first, or when it takes too long."""
        end = time.monotonic() + _END_SECONDS
        while not what():
            ended = [rank for rank in self.ranks if self.processes[rank].poll() is not None]
            if ended or time.monotonic() > end:
                pytest.fail(
                    "\n".join(f"rank {rank}:\n{self.log(rank)[-3000:]}" for rank in ended or self.ranks)
                )
            time.sleep(0.02)

    def codes(self) -> list[int]:
        """The exit codes, when all processes have ended."""
        return [process.wait(_END_SECONDS) for process in self.processes]

    def kill(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        self.codes()

    def signal(self, rank: int, number: signal.Signals) -> None:
        self.processes[rank].send_signal(number)


@dataclass
class Machine:
    """The hosts' ramdisks and the bucket, which outlive jobs."""

    path: Path
    nursery: Nursery
    jobs: list[Job] = field(default_factory=list)

    @property
    def bucket(self) -> Path:
        return self.path / "bucket"

    def ramdisk(self, rank: int) -> Path:
        found = self.path / f"ramdisk-{rank}"
        found.mkdir(exist_ok=True)
        return found

    def ramdisk_steps(self, rank: int) -> set[int]:
        return _steps(self.ramdisk(rank))

    def bucket_steps(self) -> set[int]:
        return _steps(self.bucket / "r" / "checkpoints")

    def start(self, *flags: str, slices: int = 2, hosts: int = 2, address: str = "") -> Job:
        """A job with these flags; RAMDISK and BUCKET stand for the directories.

        With `address` somebody else tells the ranks: no `jax-init-info.txt` is written here.
        """
        job = Job(self.path / f"job-{len(self.jobs)}", slices, hosts)
        job.directory.mkdir()
        self.jobs.append(job)
        told = bool(address)
        address = address or free_address()
        for rank in job.ranks:
            ramdisk = self.ramdisk(rank)
            if not told:
                (ramdisk / "jax-init-info.txt").write_text(f"{rank}\n{address}\n")
            words = [
                word.replace("RAMDISK", str(ramdisk)).replace("BUCKET", str(self.bucket))
                for word in (*_SMALL, *flags)
            ]
            log = job.directory / f"log-{rank}"
            env = _environment(rank, slices, hosts, address, job.directory)
            job.logs.append(log)
            job.processes.append(self.nursery.start(words, env, log))
        return job


@pytest.fixture(scope="session")
def trainers() -> Iterator[Nursery]:
    """Where trainer processes come from."""
    pytest.importorskip(
        "orbax.checkpoint", reason="JAX and Orbax are not installed: pip install '.[rehearse]'"
    )
    with nursery() as found:
        yield found


@pytest.fixture
def machine(tmp_path: Path, trainers: Nursery) -> Iterator[Machine]:
    found = Machine(tmp_path, trainers)
    yield found
    for job in found.jobs:
        job.kill()


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory, trainers: Nursery) -> dict[int, str]:
    """The losses of 2 x 2 processes that nothing disturbs and that save nothing."""
    job = Machine(tmp_path_factory.mktemp("unbroken"), trainers).start(
        "enable_checkpointing=false", "steps=60", "rehearsal_step_seconds=0"
    )
    try:
        assert job.codes() == [0, 0, 0, 0], job.log(0)[-3000:]
        return job.losses(0)
    finally:
        job.kill()


def _environment(rank: int, slices: int, hosts: int, address: str, home: Path) -> dict[str, str]:
    """What GKE gives a pod of a TPU slice, and nothing of this machine's own JAX settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "HOME": str(home),
        "TPU_WORKER_HOSTNAMES": ",".join(f"host-{index}" for index in range(hosts)),
        "TPU_WORKER_ID": str(rank % hosts),
        "MEGASCALE_NUM_SLICES": str(slices),
        "MEGASCALE_SLICE_ID": str(rank // hosts),
        "MEGASCALE_COORDINATOR_ADDRESS": address,
    }


def _steps(directory: Path) -> set[int]:
    found = directory.iterdir() if directory.is_dir() else ()
    return {int(path.name) for path in found if path.name.isdecimal()}


def free_address() -> str:
    """An address for a coordinator on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return f"127.0.0.1:{port}"
