"""A made-up run of any shape for the tests of the views: the events that a rehearsal would tell.

Times are those of a laptop. A run that is broken goes back to the newest saved step, as the real one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xpk.rehearsal.record.events import (
    AllRunning,
    Began,
    Broke,
    BucketHolds,
    Ended,
    Event,
    FaultKind,
    Host,
    HostBack,
    HostLost,
    Moved,
    Noticed,
    PodEnded,
    PodStarted,
    RamdiskHolds,
    Restored,
    Said,
    Signalled,
    SignalSeen,
    Stepped,
    Tier,
)
from xpk.rehearsal.record.outcome import Mode, Override, Setup

SIZE = 1_234_567


@dataclass
class Run:
    """One made-up run; `run.events` after `go`."""

    slices: int = 2
    hosts: int = 2
    steps: int = 60
    local: int = 5
    bucket: int = 20
    t: float = 0.0
    attempt: int = 0
    events: list[Event] = field(default_factory=list)
    ramdisks: dict[Host, tuple[int, ...]] = field(default_factory=dict)
    saved: tuple[int, ...] = ()

    @property
    def all(self) -> list[Host]:
        return [Host(s, h) for s in range(self.slices) for h in range(self.hosts)]

    def pod(self, host: Host) -> str:
        return f"llama-1-slice-job-{host.slice_index}-{host.host_index}-x{self.attempt}"

    def tell(self, *events: Event) -> None:
        self.events.extend(events)

    def start(self) -> None:
        """Pods start, then all run; the trainers find each other."""
        for host in self.all:
            self.t += 0.05
            self.tell(PodStarted(self.t, host, self.pod(host), self.attempt))
        self.t += 0.4
        self.tell(AllRunning(self.t, self.attempt))
        self.t += 2.1
        for host in self.all:
            said = f"I1124 13:39:21.85596{host.host_index} 1400 path.py:136] Found steps: set() in /local."
            self.tell(Began(self.t, host, self.attempt), Said(self.t, host, self.attempt, said))
        self.t += 0.9

    def go(self, faults: Sequence[tuple[int, FaultKind, Host]] = ()) -> list[Event]:
        """Run to the end, broken at these steps."""
        self.start()
        for host in self.all:
            self.tell(Restored(self.t, host, self.attempt, -1, "nothing", 0))
        at = self.train(0, faults[0][0] if faults else self.steps - 1)
        for index, (step, kind, host) in enumerate(faults):
            assert at == step
            at = self.broken(step, kind, host)
            to = faults[index + 1][0] if index + 1 < len(faults) else self.steps - 1
            at = self.train(at + 1, to)
        self.t += 0.5
        for host in self.all:
            self.tell(PodEnded(self.t, host, self.pod(host), self.attempt, 0))
        self.tell(Ended(self.t + 0.2, "succeeded", "all pods ended with 0"))
        return self.events

    def train(self, first: int, last: int) -> int:
        """Steps `first..last`, saved on the way."""
        self.t += 2.4
        for step in range(first, last + 1):
            self.t += 0.22
            for index, host in enumerate(self.all):
                loss = f"{2.0 / (1 + step / 9):.6f}"
                self.tell(Stepped(self.t + index * 0.004, host, self.attempt, step, loss))
            if step and step % self.local == 0 and self.local:
                self.save(step)
            if step and step % self.bucket == 0:
                self.saved = (*self.saved, step)
                self.tell(BucketHolds(self.t + 0.15, self.saved))
        return last

    def save(self, step: int) -> None:
        for host in self.all:
            if host.slice_index == 0 and self.slices > 1:
                continue  # emergency mode: the first slice writes the bucket
            self.ramdisks[host] = (step,)
            self.tell(RamdiskHolds(self.t + 0.09, host, (step,), SIZE))

    def broken(self, step: int, kind: FaultKind, host: Host) -> int:
        """A fault and the way back; the step restored."""
        gone = self.gone(kind, host)
        lost = kind in ("host", "last-slice-host", "slice", "all-ramdisks")
        self.t += 0.05
        self.tell(Broke(self.t, kind, gone, step))
        if kind == "sigterm":
            for one in gone:
                self.tell(
                    Signalled(self.t, one, "SIGTERM"), SignalSeen(self.t + 0.2, one, self.attempt, step)
                )
        for one in self.all:
            if one in gone and lost:
                self.tell(HostLost(self.t, one, f"gke-np-{one.slice_index}-w{one.host_index}"))
                self.ramdisks[one] = ()
                self.tell(RamdiskHolds(self.t, one, (), 0))
        for one in gone:
            self.tell(
                PodEnded(self.t + 0.02, one, self.pod(one), self.attempt, 143 if kind == "sigterm" else 137)
            )
        self.tell(Said(self.t + 0.1, gone[0], self.attempt, "lost <coordination> & gone"))
        self.tell(Said(self.t + 0.1, gone[0], self.attempt, "    @     0x7efd13f040ee  xla::SetError()"))
        self.t += 0.6
        self.tell(Noticed(self.t, "JobSet: restart 1 of 50"))
        for one in self.all:
            if one not in gone:
                self.tell(PodEnded(self.t + 0.3, one, self.pod(one), self.attempt, 143))
            elif lost:
                self.tell(HostBack(self.t + 1.5, one, f"gke-np-{one.slice_index}-w{one.host_index}"))
        self.attempt += 1
        self.t += 1.9
        self.start()
        return self.restore()

    def gone(self, kind: FaultKind, host: Host) -> tuple[Host, ...]:
        if kind == "slice":
            return tuple(one for one in self.all if one.slice_index == host.slice_index)
        if kind in ("all-ramdisks", "sigterm"):
            return tuple(self.all)
        return (host,)

    def restore(self) -> int:
        whole = [
            s for s in range(self.slices) if all(self.ramdisks.get(Host(s, h)) for h in range(self.hosts))
        ]
        held = [self.ramdisks[Host(whole[0], 0)][-1]] if whole else []
        step = max([*held, *self.saved[-1:]], default=-1)
        for one in self.all:
            own = bool(self.ramdisks.get(one))
            tier: Tier = (
                "ramdisk" if held and own else "peer" if held else "bucket" if self.saved else "nothing"
            )
            if tier == "peer":
                self.tell(Moved(self.t, f"slice {whole[0]}", f"slice {one.slice_index}", SIZE, "broadcast"))
            self.t += 0.03
            self.tell(Restored(self.t, one, self.attempt, step, tier, SIZE))
        return step


def story() -> list[Event]:
    """Four faults of different kinds in a run of 2 slices with 2 hosts."""
    faults: list[tuple[int, FaultKind, Host]] = [
        (17, "host", Host(0, 1)),
        (33, "slice", Host(0, 0)),
        (47, "process", Host(1, 0)),
        (56, "all-ramdisks", Host(0, 0)),
    ]
    return Run(steps=70).go(faults)


def crash_loop() -> list[Event]:
    """A host of the last slice is lost, and no restart gets to a step."""
    run = Run(steps=40)
    run.start()
    for host in run.all:
        run.tell(Restored(run.t, host, 0, -1, "nothing", 0))
    run.train(0, 17)
    lost = Host(1, 1)
    run.t += 0.05
    run.tell(Broke(run.t, "last-slice-host", (lost,), 17), HostLost(run.t, lost, "gke-np-1-w1"))
    run.tell(RamdiskHolds(run.t, lost, (), 0), Noticed(run.t + 0.6, "JobSet: restart 1 of 3"))
    for _ in range(3):
        run.t += 2.0
        run.attempt += 1
        run.start()
        for host in run.all:
            run.tell(Said(run.t, host, run.attempt, "RuntimeError: Checkpoint for step 15 already exists."))
            run.tell(PodEnded(run.t + 0.1, host, run.pod(host), run.attempt, 1))
    run.tell(Ended(run.t + 1, "failed", "JobSet: all restarts are used up"))
    return run.events


def setup(slices: int = 2, hosts: int = 2, steps: int = 70, mode: Mode = "emergency") -> Setup:
    """The setup of a made-up run."""
    overrides = (
        Override("--tpu-type", "v6e-256", "v6e-8", "2 hosts per slice fit this machine"),
        Override("base_output_directory", "gs://b1/llama-1", "/somewhere/bucket/b1/llama-1", "no cloud"),
        Override("steps", "", str(steps), "long enough for the faults"),
    )
    return Setup(
        slices=slices,
        hosts=hosts,
        mode=mode,
        trainer="orbax",
        local_period=5,
        bucket_period=20,
        ramdisk_bytes=64_000_000,
        mount_path="/local",
        isolation="mount namespace",
        overrides=overrides,
        seed=7,
        steps=steps,
        autocheckpoint=True,
    )
