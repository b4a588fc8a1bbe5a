"""Progress of a thousand pools: few lines, none of them wider than a terminal of 80 columns."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from xpk.catalog.slices import resolve
from xpk.cli.live import Live
from xpk.cli.progress import Plain, Tracker
from xpk.engine.events import Event, StepDone, StepFailed, StepProgress, StepStarted
from xpk.errors import Fault, StockoutError
from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import Observed
from xpk.plan.steps import DeleteNodePool, Plan, PlannedStep
from xpk.spec.capacity import OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place

LONGEST = "a-name-as-long-as-gke-takes-33-ch"
AT_ONCE = 20
WAVE = 139.0
"""Seconds from a wave's start to its end; a wave is as many pools as GKE's quota takes at once."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def plan_of(pools: int, name: str) -> Plan:
    place = parse_place("p1", "us-east5-b")
    spec = ClusterSpec(name, place, resolve("v6e-256"), pools, OnDemand())
    return plan_cluster(spec, Observed(live=False))


def stream(plan: Plan, clock: Clock, *, fails: int = 0) -> Iterator[Event]:
    """What the engine tells of the pools of a plan, written down here: all steps begin at
    once, GKE works on so many, each says how far it is, each 35th of the first waves has no machines.
    """
    pools = [planned.id for planned in plan.steps if planned.id.startswith("pool/")]
    yield from (StepStarted(pool) for pool in pools)
    for start in range(0, len(pools), AT_ONCE):
        wave = pools[start : start + AT_ONCE]
        for share in (0, 16, 41, 62):
            for pool in wave:
                yield StepProgress(pool, f"creating: {share} of 64 hosts")
            clock.now += WAVE / 4
        for pool in wave:
            clock.now += 0.01
            if fails:
                fails -= 1
                why = (
                    "The zone does not have enough resources available to fulfill the request: " + "a " * 200
                )
                yield StepFailed(pool, StockoutError(Fault(f"node pool {pool}", why, "try again later")))
            else:
                yield StepDone(pool, WAVE)


@pytest.mark.parametrize(("pools", "fails"), [(256, 0), (1000, 0), (1000, 400)])
def test_plain_lines_are_few_and_fit(pools: int, fails: int, capsys: pytest.CaptureFixture[str]) -> None:
    plan, clock = plan_of(pools, LONGEST), Clock()
    plain = Plain(plan)
    plain._tracker = Tracker(plan, clock)
    for event in stream(plan, clock, fails=fails):
        plain.show(event)
    lines = capsys.readouterr().err.splitlines()
    failures = [line for line in lines if "failed: " in line]
    assert len(failures) == min(fails, 6)
    others = [line for line in lines if line not in failures]
    assert 10 <= len(others) <= 60
    assert max(map(len, others)) <= 80
    failed = f", {fails} failed" if fails else ""
    assert others[-1].endswith(f"done {pools - fails} of {pools}{failed}")


def test_a_few_pools_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    plan, clock = plan_of(3, "c1"), Clock()
    plain = Plain(plan)
    plain._tracker = Tracker(plan, clock)
    for event in stream(plan, clock):
        plain.show(event)
    ends = [line for line in capsys.readouterr().err.splitlines() if "done after" in line]
    assert [line.split()[3] for line in ends] == ["c1-np-0", "c1-np-1", "c1-np-2"]


def test_deletion_and_creation_of_the_same_pools_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Each slice is replaced: two lines of a different sign, and not one for each of 40 pools."""
    made, clock = plan_of(20, "c1"), Clock()
    steps: list[PlannedStep] = []
    for planned in (planned for planned in made.steps if planned.id.startswith("pool/")):
        name = planned.id.removeprefix("pool/")
        steps += [PlannedStep(f"delete/{name}", DeleteNodePool("c1", name, "another kind")), planned]
    plan = Plan("cluster c1", tuple(steps))
    plain = Plain(plan)
    plain._tracker = Tracker(plan, clock)
    for kind in ("delete/", "pool/"):
        clock.now += 4
        for planned in steps:
            if planned.id.startswith(kind):
                plain.show(StepStarted(planned.id))
                plain.show(StepDone(planned.id, 5))
    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == [f"{sign} pools  c1-np-0 .. 19  done 20 of 20" for sign in "-+"]


MOMENT = """\
done  240 of {total}   28m59s
  + pools     c1-np-240             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-241             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-242             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-243             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-244             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-245             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-246             creating: 41 of 64 hosts              1m09s
  + pools     c1-np-247             creating: 41 of 64 hosts              1m09s
  + pools     and 752 more
"""


def test_one_moment_on_a_terminal() -> None:
    live, clock = screen("c1", 1000)
    seen = 0
    for event in stream(live._tracker.plan, clock):
        live.show(event)
        seen += isinstance(event, StepProgress) and event.words.startswith("creating: 41")
        if seen == 260:
            break
    assert rendered(live) == MOMENT.format(total=len(live._tracker.plan.steps))


@pytest.mark.parametrize(("pools", "fails"), [(256, 0), (1000, 400)])
def test_a_terminal_never_wraps_nor_scrolls(pools: int, fails: int) -> None:
    live, clock = screen(LONGEST, pools)
    for number, event in enumerate(stream(live._tracker.plan, clock, fails=fails)):
        live.show(event)
        if number % 97 == 0:
            lines = rendered(live).splitlines()
            assert len(lines) <= 12
            assert max(map(len, lines)) <= 80
    printed = output_of(live).splitlines()
    assert len(printed) == min(fails, 6)
    assert all(len(line) <= 80 for line in printed)


def screen(name: str, pools: int) -> tuple[Live, Clock]:
    plan, clock = plan_of(pools, name), Clock()
    live = Live(plan, Console(file=io.StringIO(), width=80, force_terminal=True, no_color=True))
    live._tracker = Tracker(plan, clock)
    return live, clock


def rendered(live: Live) -> str:
    """The lines as rich lays them out in 80 columns."""
    console = Console(file=io.StringIO(), width=80, no_color=True, highlight=False)
    console.print(live._lines())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def output_of(live: Live) -> str:
    assert isinstance(live._console.file, io.StringIO)
    return live._console.file.getvalue()
