"""What `xpk rehearse` shows, in order: create, create again, run, lose a host, come back.

The commands run as a person would type them, as processes of their own, on an emulator. The story
yields what happens and prints nothing; the commands write to this process's stdout and
stderr by themselves.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from xpk.errors import Fault, NotReady, StateError
from xpk.rehearsal.children import XPK
from xpk.rehearsal.conduct.world import ask

CLUSTER, WORKLOAD, BUCKET = "rehearsal", "llama-1", "rehearsal-checkpoints"
GKE_VERSION = "1.32.4-gke.1415000"
_DEADLINE = 120.0


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as a person types it; it runs next."""

    line: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A command is over. `seconds` of this machine's time."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """Something to know about what comes next."""

    text: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The workload's state changed, `seconds` after the host was taken away."""

    words: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HostLost:
    """A host of a slice was taken away."""

    node: str
    slice_index: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """All pods run again. Both in seconds since the host was taken away; `noticed`: the state had changed."""

    noticed: float
    running: float
    restarts: int


Beat: TypeAlias = Typed | Ran | Told | Changed | HostLost | Recovered


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The workload now: its state in words, whether all hosts run, how often it was restarted."""

    words: str
    running: bool
    restarts: int
    ended: bool


class Eyes(Protocol):
    """Looks at the workload; built on the engine, which this module may not use."""

    def workload(self) -> Glimpse: ...

    def node(self, slice_index: int) -> str:
        """The name of the node that a pod of the slice runs on."""
        ...


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One rehearsal: on which emulator, with what slices, under which environment."""

    url: str
    slice_name: str
    num_slices: int
    environ: Mapping[str, str]
    eyes: Eyes
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def beats(self) -> Iterator[Beat]:
        """The whole story. Raises StateError when a command fails, NotReady when the deadline passes."""
        yield Told("1. The cluster: planned, then made, as in the guide to emergency checkpointing.")
        create = self._cluster_create()
        yield from self._run("cluster create", [*create, "--yes"])
        yield Told("2. The same command again: there is nothing left to do.")
        yield from self._run("the same again", [*create, "--yes"])
        yield Told(
            "3. The workload: it would save to the hosts' memory every 10 steps, every 100 to the bucket."
        )
        yield from self._run("workload create", self._workload_create())
        yield from self._until_running()
        yield from self._run("workload list", ["workload", "list", "--cluster", CLUSTER])
        yield Told("4. A host is taken away, as a failing machine or a preemption does it.")
        yield from self._lose_host()
        yield from self._run("workload list", ["workload", "list", "--cluster", CLUSTER])

    def _cluster_create(self) -> list[str]:
        return [
            "cluster",
            "create",
            "--cluster",
            CLUSTER,
            "--cluster-cpu-machine-type=n2-standard-8",
            f"--num-slices={self.num_slices}",
            f"--tpu-type={self.slice_name}",
            "--enable-mtc",
            "--enable-gcsfuse-csi-driver",
            "--mtc-ramdisk-size=60000Mi",
            f"--mtc-gcs-bucket=gs://{BUCKET}",
            f"--gke-version={GKE_VERSION}",
        ]

    def _workload_create(self) -> list[str]:
        trainer = (
            "python3 src/maxtext/trainers/pre_train/train.py src/maxtext/configs/base.yml "
            f"base_output_directory=gs://{BUCKET} dataset_path=gs://{BUCKET}/data steps=120 "
            "per_device_batch_size=6 "
            "enable_checkpoint_cloud_logger=True checkpoint_period=100 enable_emergency_checkpoint=True "
            f"local_checkpoint_period=10 local_checkpoint_directory=/ramdisk run_name={WORKLOAD}"
        )
        return [
            "workload",
            "create",
            "--cluster",
            CLUSTER,
            "--docker-image",
            "gcr.io/rehearsal-1/mtc_runner:latest",
            "--workload",
            WORKLOAD,
            f"--tpu-type={self.slice_name}",
            f"--num-slices={self.num_slices}",
            "--ramdisk-directory=ramdisk",
            "--mtc-enabled",
            "--command",
            trainer,
        ]

    def _run(self, name: str, words: Sequence[str]) -> Iterator[Beat]:
        line = shlex.join(["xpk", *words])
        yield Typed(line)
        start = self.clock()
        done = subprocess.run([*XPK, *words], env=dict(self.environ), stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise StateError(Fault(line[:70], f"ended with {done.returncode}", "see its own words above"))
        yield Ran(name, self.clock() - start)

    def _until_running(self) -> Iterator[Beat]:
        start = self.clock()
        last = ""
        while True:
            seen = self.eyes.workload()
            if seen.words != last:
                last = seen.words
                yield Changed(seen.words, self.clock() - start)
            if seen.running:
                return
            self._pause(start, seen, "running")

    def _lose_host(self) -> Iterator[Beat]:
        slice_index = self.num_slices - 1
        node = self.eyes.node(slice_index)
        before = self.eyes.workload()
        inject(self.url, {"world": "host-lost", "cluster": CLUSTER, "node": node})
        start = self.clock()
        yield HostLost(node, slice_index)
        noticed: float | None = None
        last = before.words
        while True:
            seen = self.eyes.workload()
            if noticed is None and (seen.restarts > before.restarts or not seen.running):
                noticed = self.clock() - start
            if seen.words != last:
                last = seen.words
                yield Changed(seen.words, self.clock() - start)
            if seen.running and seen.restarts > before.restarts and noticed is not None:
                yield Recovered(noticed, self.clock() - start, seen.restarts)
                return
            self._pause(start, seen, "running again")

    def _pause(self, start: float, seen: Glimpse, wanted: str) -> None:
        if seen.ended or self.clock() - start > _DEADLINE:
            what = f"workload {WORKLOAD}"
            why = f"is not {wanted} after {self.clock() - start:.0f} s: {seen.words}"
            raise NotReady(Fault(what, why, "run again with --time-scale 0.01"))
        self.sleep(0.05)


def inject(url: str, fault: Mapping[str, object]) -> None:
    """Make something happen in the emulated world. Raises StateError when the emulator refuses."""
    ask(url, "faults", fault)
