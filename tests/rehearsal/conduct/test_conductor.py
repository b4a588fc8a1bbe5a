"""The conductor on a run that is written down: what it breaks when, and when it gives up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from xpk.catalog.slices import resolve
from xpk.rehearsal.conduct.conductor import Conductor, Patience
from xpk.rehearsal.conduct.moments import Moment, fixed
from xpk.rehearsal.conduct.recorder import Recorder
from xpk.rehearsal.conduct.scenario import Periods, Scenario
from xpk.rehearsal.record.events import (
    Broke,
    Ended,
    Event,
    FaultKind,
    Host,
    PodStarted,
    Stepped,
)

HOSTS = [Host(s, h) for s in range(2) for h in range(2)]


def scenario(fault: FaultKind | None, moments: tuple[Moment, ...]) -> Scenario:
    return Scenario(
        slice_type=resolve("v6e-8"),
        num_slices=2,
        trainer="orbax",
        mode="emergency",
        periods=Periods(5, 20),
        steps=50,
        fault=fault,
        moments=moments,
        seed=0,
        command="python3 train.py",
        environ=(),
        python=Path("/usr/bin/python3"),
        ramdisk_bytes=1 << 20,
        ramdisk_text="1Mi",
        mount_path="/ramdisk",
        bucket="b",
        grace_seconds=30,
        overrides=(),
    )


@dataclass
class Run:
    """A workload that computes a step a call, restarts when it is struck, and can be out of order."""

    recorder: Recorder
    last: int
    resumes_at: Callable[[int], int | None] = lambda step: step - step % 5
    struck: list[tuple[FaultKind, tuple[Host, ...], int]] = field(default_factory=list)
    step: int = 0
    attempt: int = 0

    def tell(self, event: Event) -> None:
        self.recorder.tell(event)

    def begin(self) -> None:
        for host in HOSTS:
            self.tell(PodStarted(self.recorder.now(), host, f"p{self.attempt}-{host}", self.attempt))

    def strike(self, kind: FaultKind, hosts: tuple[Host, ...]) -> None:
        self.struck.append((kind, hosts, self.step))
        resumed = self.resumes_at(self.step)
        for _ in range(1 if resumed is not None else 4):
            self.attempt += 1
            self.begin()
        if resumed is not None:
            self.step = resumed

    def go_on(self) -> None:
        if self.step >= self.last:
            self.tell(Ended(self.recorder.now(), "succeeded", "done"))
            return
        self.step += 1
        for host in HOSTS:
            self.tell(Stepped(self.recorder.now(), host, self.attempt, self.step, f"{1 / self.step:.6f}"))


class Stepping(Recorder):
    """A recorder whose waits let the run go on: no thread, no second of this machine's is needed."""

    go_on: Callable[[], None] = staticmethod(lambda: None)
    seconds = 0.0

    def __init__(self) -> None:
        super().__init__(lambda: self.seconds)

    def wait(self, seconds: float, seen: int) -> bool:
        self.seconds += seconds
        self.go_on()
        return True


@pytest.fixture
def recorder() -> Stepping:
    return Stepping()


def conduct(recorder: Stepping, run: Run, wanted: Scenario, patience: Patience | None = None) -> Ended:
    run.begin()
    recorder.go_on = run.go_on
    return Conductor(wanted, recorder, run, patience=patience).run(threading.Event())


def test_breaks_at_the_step_and_sees_the_end(recorder: Stepping) -> None:
    run = Run(recorder, 30)
    end = conduct(recorder, run, scenario("process", fixed(13, 1)))
    assert end.state == "succeeded"
    assert [(kind, step) for kind, _, step in run.struck] == [("process", 13)]
    (broke,) = [event for event in recorder.events if isinstance(event, Broke)]
    assert (broke.step, broke.fault, broke.hosts) == (13, "process", run.struck[0][1])


def test_breaks_again_so_many_steps_after_each_recovery(recorder: Stepping) -> None:
    run = Run(recorder, 60)
    end = conduct(recorder, run, scenario("host", fixed(13, 3)))
    assert end.state == "succeeded"
    # First new steps: 11, then 21.
    assert [step for _, _, step in run.struck] == [13, 11 + 13, 21 + 13]


def test_breaks_nothing(recorder: Stepping) -> None:
    run = Run(recorder, 12)
    assert conduct(recorder, run, scenario(None, ())).state == "succeeded"
    assert run.struck == []


def test_gives_up_on_a_crash_loop(recorder: Stepping) -> None:
    run = Run(recorder, 60, resumes_at=lambda step: None)
    run_go_on, run.go_on = run.go_on, lambda: None if run.struck else run_go_on()  # type: ignore[method-assign]
    end = conduct(recorder, run, scenario("last-slice-host", fixed(13, 1)))
    assert (end.state, end.words) == ("failed", "3 restarts without a new step")
    assert recorder.events[-1] == end


def test_steps_that_were_computed_before_are_no_way_out(recorder: Stepping) -> None:
    """Each restart goes on for a few steps and dies, as with a step that is already in the ramdisk."""
    run = Run(recorder, 60, resumes_at=lambda step: step - 10)
    plain = run.go_on

    def go_on() -> None:
        plain()
        if run.struck and run.step == 8:
            run.attempt, run.step = run.attempt + 1, 3
            run.begin()

    run.go_on = go_on  # type: ignore[method-assign]
    end = conduct(recorder, run, scenario("last-slice-host", fixed(13, 1)))
    assert (end.state, end.words, run.attempt) == ("failed", "2 restarts without a new step", 3)


def test_gives_up_when_nothing_happens(recorder: Stepping) -> None:
    run = Run(recorder, 60)
    run.begin()
    recorder.go_on = lambda: None
    told: list[str] = []
    end = Conductor(
        scenario(None, ()),
        recorder,
        run,
        patience=Patience(quiet=10),
        last_words=lambda: told.append("last words"),
    ).run(threading.Event())
    assert end.state == "failed"
    assert end.words == "nothing happened for 10 s"
    assert told == ["last words"]


def test_ends_before_the_fault(recorder: Stepping) -> None:
    run = Run(recorder, 8)
    assert conduct(recorder, run, scenario("process", fixed(13, 1))).state == "succeeded"
    assert run.struck == []


def test_told_to_stop(recorder: Stepping) -> None:
    run = Run(recorder, 60)
    run.begin()
    stop = threading.Event()
    stop.set()
    end = Conductor(scenario(None, ()), recorder, run).run(stop)
    assert (end.state, end.words) == ("stopped", "interrupted")


def test_a_broken_watch_ends_it(recorder: Stepping) -> None:
    run = Run(recorder, 60)
    run.begin()
    found = Conductor(scenario(None, ()), recorder, run, failure=lambda: "Kubernetes is gone")
    assert found.run(threading.Event()).words == "Kubernetes is gone"
