"""2 x 2 real processes: saved, killed, resumed from the right tier, and no loss differs by a digit."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.rehearsal.trainer.conftest import Job, Machine

pytestmark = pytest.mark.slow

EMERGENCY = (
    "enable_emergency_checkpoint=true",
    "local_checkpoint_directory=RAMDISK",
    "local_checkpoint_period=10",
    "base_output_directory=BUCKET",
    "checkpoint_period=100",
    "rehearsal_step_seconds=0.2",
)
BUCKET = ("base_output_directory=BUCKET", "checkpoint_period=10", "rehearsal_step_seconds=0.1")
ROOT = Path(__file__).resolve().parents[3]
BYTES = 12_000 + 16


def restored(job: Job) -> list[str]:
    return [line for rank in job.ranks for line in job.lines(rank, "restored ")]


def finish(job: Job, unbroken: dict[int, str], start: int) -> None:
    """The job ends with exit code 0 and with the losses of an unbroken run from `start` on."""
    assert job.codes() == [0, 0, 0, 0], job.log(0)[-3000:]
    for rank in job.ranks:
        found = job.losses(rank)
        assert min(found) == start
        assert found == {step: unbroken[step] for step in found}


def test_emergency_resumes_from_the_ramdisk_of_the_last_slice(
    machine: Machine, unbroken: dict[int, str]
) -> None:
    job = machine.start(*EMERGENCY, "steps=200")
    job.wait_until(lambda: {10} == machine.ramdisk_steps(2) == machine.ramdisk_steps(3))
    job.wait_until(lambda: all(12 in job.losses(rank) for rank in job.ranks))
    assert job.lines(3, "rehearsal trainer: ") == ["rehearsal trainer: process 3 of 4, slice 1 host 1"]
    nothing_listens_beyond_this_machine(job)
    job.kill()
    assert restored(job) == ["restored nothing"] * 4
    assert machine.bucket_steps() == {0}
    assert [machine.ramdisk_steps(rank) for rank in job.ranks] == [set(), set(), {10}, {10}]

    again = machine.start(*EMERGENCY, "steps=16", "save_checkpoint_on_completion=false")
    finish(again, unbroken, 11)
    assert restored(again) == [
        f"restored step 10 from {tier}, {BYTES} bytes" for tier in ("peer", "peer", "ramdisk", "ramdisk")
    ]
    assert "restoring step=10 from local checkpoint using slice_id: 1" in again.log(0)

    # The last slice's second host is replaced: no slice has step 10 whole, its first host still has it.
    shutil.rmtree(machine.ramdisk(3))
    looping = machine.start(
        *EMERGENCY, "steps=16", "rehearsal_step_seconds=0", "rehearsal_shutdown_seconds=1"
    )
    assert 0 not in looping.codes()
    assert restored(looping) == [f"restored step 0 from bucket, {BYTES} bytes"] * 4
    assert "RuntimeError: Checkpointing failed. Checkpoint for step 10 already exists." in looping.log(2)
    assert [machine.ramdisk_steps(rank) for rank in job.ranks] == [set(), set(), {10}, set()]


def test_bucket_resumes_from_the_bucket(machine: Machine, unbroken: dict[int, str]) -> None:
    job = machine.start(*BUCKET, "steps=200")
    job.wait_until(lambda: 10 in machine.bucket_steps())
    job.wait_until(lambda: all(12 in job.losses(rank) for rank in job.ranks))
    nothing_listens_beyond_this_machine(job)
    job.kill()
    latest = max(machine.bucket_steps())

    again = machine.start(*BUCKET, f"steps={latest + 5}")
    finish(again, unbroken, latest + 1)
    assert restored(again) == [f"restored step {latest} from bucket, {BYTES} bytes"] * 4
    assert max(machine.bucket_steps()) == latest + 4  # save_checkpoint_on_completion


def test_maxtexts_first_mesh_axis_leaves_the_ramdisk_empty(
    machine: Machine, unbroken: dict[int, str]
) -> None:
    axes = "mesh_axes=['diloco','data','stage','fsdp']"
    job = machine.start(*EMERGENCY, axes, "steps=12", "rehearsal_step_seconds=0", "checkpoint_period=4")
    finish(job, unbroken, 0)
    assert [machine.ramdisk_steps(rank) for rank in job.ranks] == [set()] * 4
    assert machine.bucket_steps() == {0, 4, 8, 11}
    assert not any("Configured emergency.CheckpointManager" in job.log(rank) for rank in job.ranks)

    again = machine.start(*EMERGENCY, axes, "steps=14", "rehearsal_step_seconds=0")
    finish(again, unbroken, 12)
    assert restored(again) == [f"restored step 11 from bucket, {BYTES} bytes"] * 4


@pytest.mark.parametrize("autocheckpoint", [False, True])
def test_sigterm_to_one_process_stops_all_at_one_step(
    machine: Machine, unbroken: dict[int, str], autocheckpoint: bool
) -> None:
    flags = (*EMERGENCY, f"enable_autocheckpoint={autocheckpoint}")
    job = machine.start(*flags, "steps=200")
    job.wait_until(lambda: 2 in job.losses(1))
    job.signal(1, signal.SIGTERM)
    finish(job, unbroken, 0)
    last = max(job.losses(0))
    word = "saved" if autocheckpoint or last == 10 else "not saved"
    for rank in job.ranks:
        assert job.lines(rank, "caught ") == [f"caught SIGTERM at step {last}, {word}"]
        assert job.lines(rank, "Training stopped: ")
    if autocheckpoint:
        assert [machine.ramdisk_steps(rank) for rank in job.ranks] == [set(), set(), {last}, {last}]
        assert machine.bucket_steps() == {0, last}


def test_wrong_flags_are_refused_before_jax_is_loaded() -> None:
    told = [sys.executable, "-X", "importtime", "-m", "xpk.rehearsal.trainer"]
    words = ["enable_emergency_checkpoint=true", "steps=x"]
    done = subprocess.run([*told, *words], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert done.stdout == "error: steps=x: not a whole number; steps=150001\n"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "xpk.rehearsal.trainer.main" in imported
    assert "jax" not in imported


def test_without_the_drivers_file_it_gives_up(machine: Machine) -> None:
    job = machine.start(*EMERGENCY, "local_checkpoint_directory=BUCKET", "rehearsal_init_seconds=0", slices=1)
    assert job.codes() == [1, 1]
    assert "no jax-init-info.txt after 0 s" in job.log(0)


def nothing_listens_beyond_this_machine(job: Job) -> None:
    addresses = {address for rank in job.ranks for address in listening(job.processes[rank].pid)}
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def listening(pid: int) -> set[str]:
    """The addresses at which a process listens, from /proc."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            sockets.add(target.removeprefix("socket:[").removesuffix("]"))
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                raw = bytes.fromhex(words[1].partition(":")[0])
                little = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
                found.add(socket.inet_ntop(family, little))
    return found
