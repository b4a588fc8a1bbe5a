"""Rehearsals made up for tests: a clock, hosts in lock-step, ramdisks that fill as Orbax fills them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

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
    Noticed,
    PodEnded,
    PodStarted,
    RamdiskHolds,
    Restored,
    Said,
    Signalled,
    SignalSeen,
    State,
    Stepped,
    Tier,
)
from xpk.rehearsal.record.outcome import Mode, Setup

SETUP = Setup(
    slices=2,
    hosts=2,
    mode="emergency",
    trainer="orbax",
    local_period=5,
    bucket_period=10,
    ramdisk_bytes=1_000_000,
    mount_path="/local",
    isolation="mount namespace",
    overrides=(),
    seed=1,
    steps=40,
    autocheckpoint=False,
)


def setup(mode: Mode = "emergency", **other: object) -> Setup:
    """`SETUP` with another mode and other fields."""
    minutes = {"bucket_period": 30} if mode == "multi-tier" else {}
    return replace(SETUP, mode=mode, **minutes, **other)  # type: ignore[arg-type]


def loss(step: int) -> str:
    """An unbroken run's loss at a step."""
    return f"{10 / (step + 1):.6f}"


class Story:
    """Events in order; each call goes on from the last one's time."""

    def __init__(self, setup: Setup = SETUP, *, size: int = 100) -> None:
        self.setup, self.size = setup, size
        self.t, self.attempt, self.highest = 0.0, 0, -1
        self.events: list[Event] = []

    @property
    def hosts(self) -> tuple[Host, ...]:
        return self.setup.all_hosts()

    @property
    def savers(self) -> tuple[Host, ...]:
        """The hosts that save to their ramdisks: in emergency mode all but the first slice's."""
        every = self.setup.mode == "multi-tier"
        return tuple(host for host in self.hosts if every or host.slice_index > 0)

    def add(self, *events: Event) -> Story:
        self.events += events
        return self

    def tick(self, seconds: float = 0.5) -> float:
        self.t += seconds
        return self.t

    def start(self, attempt: int = 0) -> Story:
        """Pods run and the trainer is up."""
        self.attempt = attempt
        for host in self.hosts:
            self.add(PodStarted(self.tick(0.01), host, f"pod-{host.slice_index}-{host.host_index}", attempt))
        self.add(AllRunning(self.tick(), attempt))
        for host in self.hosts:
            self.add(Began(self.tick(0.01), host, attempt))
        return self

    def steps(self, first: int, last: int, *, save: bool = True, shift: str = "") -> Story:
        """All hosts compute `first` to `last`, saving at the periods."""
        for step in range(first, last + 1):
            for host in self.hosts:
                self.add(Stepped(self.tick(0.01), host, self.attempt, step, loss(step) + shift))
            if (
                save
                and self.setup.mode in ("emergency", "multi-tier")
                and step % self.setup.local_period == 0
            ):
                self.hold(self.savers, step)
            if self.setup.mode in ("emergency", "bucket") and step % self.setup.bucket_period == 0:
                self.bucket(step)
            self.highest = max(self.highest, step)
        return self

    def hold(self, hosts: Iterable[Host], *steps: int, used: int | None = None) -> Story:
        size = self.size * len(steps) if used is None else used
        return self.add(*(RamdiskHolds(self.tick(0.01), host, steps, size) for host in hosts))

    def bucket(self, *steps: int) -> Story:
        return self.add(BucketHolds(self.tick(0.01), steps))

    def breaks(self, fault: FaultKind = "process", hosts: Iterable[Host] | None = None) -> Story:
        """The fault, the end of all pods, and what Kubernetes says."""
        hit = tuple(hosts) if hosts is not None else (self.hosts[-1],)
        self.add(Broke(self.tick(), fault, hit, self.highest))
        if fault in ("host", "last-slice-host", "slice"):
            for host in hit:
                self.add(HostLost(self.tick(0.01), host, "node"), RamdiskHolds(self.t, host, (), 0))
                self.add(HostBack(self.tick(0.01), host, "node"))
        if fault == "all-ramdisks":
            self.hold(hit)
        self.add(Noticed(self.tick(), "restarts 0 -> 1"))
        return self.pods_end(137)

    def pods_end(self, code: int) -> Story:
        return self.add(*(PodEnded(self.tick(0.01), host, "pod", self.attempt, code) for host in self.hosts))

    def restore(self, step: int, tiers: Iterable[Tier], size: int = 100) -> Story:
        return self.add(
            *(
                Restored(self.tick(0.01), host, self.attempt, step, tier, size)
                for host, tier in zip(self.hosts, tiers, strict=True)
            )
        )

    def from_slice_1(self, step: int) -> Story:
        """Orbax's emergency restore: slice 1 reads its ramdisks and sends to slice 0."""
        return self.restore(step, ("peer", "peer", "ramdisk", "ramdisk"))

    def says(self, host: Host, text: str) -> Story:
        return self.add(Said(self.tick(0.01), host, self.attempt, text))

    def ends(self, state: State = "succeeded") -> Story:
        return self.add(Ended(self.tick(), state, ""))


def recovered(mode: Mode = "emergency") -> Story:
    """One killed process at step 17, back from 15, on to 39: nothing is wrong with it."""
    story = Story(setup(mode)).start().steps(0, 17).breaks().start(1)
    story = story.restore(15, ("ramdisk",) * 4) if mode == "multi-tier" else story.from_slice_1(15)
    return story.steps(16, 39).ends()


EXISTS = "RuntimeError: Checkpointing failed. Checkpoint for step 15 already exists."
GLOO = "RuntimeError: Gloo AllReduce failed: Connection closed by peer [127.0.0.1]:4242"
ALL: tuple[Host, ...] = Story().hosts


def signalled(*seen: int, saved: int | None, trainer: str = "orbax", autocheckpoint: bool = True) -> Story:
    """SIGTERM at step 17 to all hosts; `seen` notice it; `saved` is the step that was saved then."""
    around = setup("bucket", trainer=trainer, autocheckpoint=autocheckpoint)
    story = Story(around).start().steps(0, 17)
    story.breaks("sigterm", ALL)
    for host in ALL:
        story.add(Signalled(story.tick(0.01), host, "SIGTERM"))
    for index in seen:
        story.add(SignalSeen(story.tick(0.01), ALL[index], 0, 17))
    if saved is not None:
        story.bucket(10, saved)
    step = 10 if saved is None else saved
    return story.start(1).restore(step, ("bucket",) * 4).steps(step + 1, 39).ends()


def last_slice_host_lost(restarts: int) -> Story:
    """Emergency mode: the bucket's step 10 serves, and host 2 refuses to save its step 15 again."""
    story = Story().start().steps(0, 17).breaks("last-slice-host", [ALL[3]])
    for attempt in range(1, restarts + 1):
        story.start(attempt).restore(10, ("bucket",) * 4).steps(11, 14)
        story.says(ALL[0], GLOO).says(ALL[2], EXISTS).pods_end(134)
    return story
