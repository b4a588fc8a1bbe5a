"""`python -m tests.rehearsal.proof`: many faults on the own trainer, each held against an unbroken run.

Not part of a test run: it takes minutes. For each mode one long run is broken at random moments, and each
kind of fault is put in once; then other shapes. Printed: what was lost, what the bucket would have cost,
seconds by phase, and the trainers' peak memory. It exits 1 when a run is not as it must be.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from xpk.cli.rehearse import rehearse
from xpk.cli.rehearse_real import Rehearsal
from xpk.cli.rehearse_request import scenario
from xpk.rehearsal.record.events import Event, Stepped
from xpk.rehearsal.record.outcome import Outcome, Recovery
from xpk.rehearsal.record.reduce import outcome as outcome_of

TRAINER = b"xpk.rehearsal.trainer"
FAST = ("--step-seconds", "0.1", "-tgps", "3")
"""A short grace period: peers of a lost process hang in a collective and never save within it."""


@dataclass(slots=True)
class Memory:
    """The most resident memory that any trainer process had, in bytes, and the most of all at once."""

    one: int = 0
    all: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.wait(0.3):
            peaks, now = [0], 0
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if TRAINER not in (process / "cmdline").read_bytes().split(b"\0"):
                        continue
                    lines = (process / "status").read_text().splitlines()
                except OSError:
                    continue
                sizes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
                peaks.append(int(sizes.get("VmHWM", 0)) << 10)
                now += int(sizes.get("VmRSS", 0)) << 10
            self.one, self.all = max(self.one, *peaks), max(self.all, now)


@contextmanager
def watched() -> Iterator[Memory]:
    """Memory of the trainers while the block runs."""
    memory = Memory()
    thread = threading.Thread(target=memory.run, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.stop.set()
        thread.join()


def curve(events: Iterable[Event]) -> dict[int, str]:
    """The loss of each step."""
    return {event.step: event.loss for event in events if isinstance(event, Stepped)}


def one(name: str, arguments: list[str], unbroken: dict[int, str] | None) -> tuple[Outcome, dict[int, str]]:
    """One rehearsal, held against the unbroken curve."""
    print(f"\n== {name}: xpk rehearse {' '.join(arguments)}", flush=True)
    words = rehearse.read([*FAST, *arguments])
    run = Rehearsal(scenario(words, "orbax"), "0.003", "json")
    with watched() as memory:
        run.run()
    events = run.recorder.events
    found = outcome_of(run.setup(), events, unbroken)
    figures(found, memory)
    return found, curve(events)


def figures(found: Outcome, memory: Memory) -> None:
    """What was lost and how long things took."""
    for recovery in found.recoveries:
        print(
            f"  {recovery.fault} {', '.join(map(str, recovery.hosts))} at {recovery.step_failed}: "
            f"{recovery.from_words}, {recovery.steps_lost} lost (bucket {recovery.steps_lost_without}), "
            f"{recovery.ended}{', inside a save' if recovery.interrupted_save else ''}, "
            f"equal {recovery.losses_equal}"
        )
    for phase in ("noticed", "running", "restored", "first_step"):
        seconds = [value for one in found.recoveries if (value := getattr(one, phase)) is not None]
        if seconds:
            print(f"  {phase}: median {median(seconds):.1f} s, {min(seconds):.1f} to {max(seconds):.1f}")
    print(f"  peak memory: {memory.one / 2**20:.0f} MiB a process, {memory.all / 2**20:.0f} MiB all")
    for finding in found.findings:
        print(f"  finding {finding.id}: {finding.words}")
    print(f"  {found.state}: {found.words}", flush=True)


KINDS = ("host", "slice", "last-slice-host", "all-ramdisks", "sigterm")
FINDINGS = {
    # Orbax comes back from the bucket and dies at the step that is still in the ramdisk beside the new one.
    ("emergency", "last-slice-host"): {"crash-loop"},
    # Trainers that are stopped end with 0, as MaxText does, so JobSet counts the job as done.
    ("emergency", "sigterm"): {"done-too-early"},
    ("multi-tier", "sigterm"): {"done-too-early"},
}
"""What a rehearsal must find; nothing in all other cases."""


def unexpected(mode: str, kind: str, found: Outcome) -> Iterator[str]:
    """What is not as it must be after one fault of a kind, bucket and ramdisks being at different steps."""
    wanted, seen = FINDINGS.get((mode, kind), set()), {finding.id for finding in found.findings}
    if wanted != seen:
        yield f"{mode} {kind}: found {sorted(seen)}, wanted {sorted(wanted)}"
    for one in found.recoveries if not wanted else ():
        tiers = {tier for tier, _ in one.tiers}
        if one.ended != "recovered" or one.losses_equal is False:
            yield f"{mode} {kind}: {one.ended}, losses equal {one.losses_equal}"
        if ("bucket" in tiers) != (kind == "all-ramdisks"):
            yield f"{mode} {kind}: {one.from_words}"


def wrong(found: Outcome, period: int, times: int) -> list[str]:
    """What is not as it must be with ramdisks that survived."""
    faults = [f"{finding.id}: {finding.words}" for finding in found.findings]
    if found.state != "succeeded" or len(found.recoveries) != times:
        faults.append(f"{found.state} after {len(found.recoveries)} of {times} faults")
    return [*faults, *(fault for one in found.recoveries for fault in _wrong(one, period))]


def _wrong(found: Recovery, period: int) -> Iterator[str]:
    where = f"{found.fault} at {found.step_failed}"
    if found.ended != "recovered" or found.losses_equal is False:
        yield f"{where}: {found.ended}, losses equal {found.losses_equal}"
    allowed = 2 * period if found.interrupted_save else period
    if found.steps_lost is None or found.steps_lost > allowed:
        yield f"{where}: {found.steps_lost} steps lost"
    tiers = {tier for tier, _ in found.tiers}
    # A save that was cut off can leave the bucket newer than what the ramdisks have in common.
    if "nothing" in tiers or ("bucket" in tiers and not found.interrupted_save):
        yield f"{where}: {found.from_words}"


def moments(mode: str, times: int, seed: int) -> Iterator[str]:
    """An unbroken run, and one as long that is broken at random moments; what was wrong."""
    base = ["--mode", mode]
    breaking = [*base, "--fail", "process", "--at-step", "random", "--times", str(times), "--seed", str(seed)]
    steps = ["--steps", str(scenario(rehearse.read(breaking), "orbax").steps)]
    _, whole = one(f"{mode}, unbroken", [*base, "--fail", "none", *steps], None)
    found, seen = one(f"{mode}, {times} random moments", [*breaking, *steps], whole)
    yield from wrong(found, 5, times)
    if seen != whole:
        yield "the curve is not the unbroken run's"


def kinds(mode: str, seed: int) -> Iterator[str]:
    """Each kind of fault once. In emergency mode the bucket holds 10, the ramdisks 15."""
    where = ["--at-step", "17", "--seed", str(seed)]
    where += ["--checkpoint-period", "10"] if mode == "emergency" else []
    for kind in KINDS:
        found, _ = one(f"{mode}, {kind}", ["--mode", mode, "--fail", kind, *where], None)
        yield from unexpected(mode, kind, found)


def shapes(mode: str) -> Iterator[str]:
    """More slices, and more hosts."""
    for slices, hosts in ((3, 2), (2, 4)):
        size = ["--num-slices", str(slices), "--hosts-per-slice", str(hosts)]
        found, _ = one(f"{mode}, {slices} x {hosts}", ["--mode", mode, *size, "--fail", "process"], None)
        yield from wrong(found, 5, 1)


def main() -> int:
    """Run it as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.proof", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="random moments in each mode")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", action="append", choices=["emergency", "multi-tier"])
    parser.add_argument("--part", action="append", choices=["moments", "kinds", "shapes"])
    asked = parser.parse_args()
    parts = asked.part or ["moments", "kinds", "shapes"]
    faults: list[str] = []
    for mode in asked.mode or ["emergency", "multi-tier"]:
        if "moments" in parts:
            faults += [f"{mode}: {fault}" for fault in moments(mode, asked.times, asked.seed)]
        if "kinds" in parts:
            faults += [f"{mode}: {fault}" for fault in kinds(mode, asked.seed)]
        if "shapes" in parts:
            faults += [f"{mode}: {fault}" for fault in shapes(mode)]
    print("\n" + ("\n".join(faults) if faults else "all as it must be"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
