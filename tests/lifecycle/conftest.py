"""The embedded Google Cloud in this process behind the real client libraries, and a hand on it."""

from __future__ import annotations

import json
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from xpk.catalog.slices import resolve
from xpk.cloud.endpoints import emulated
from xpk.cloud.retry import Retrier
from xpk.cloud.session import Cloud
from xpk.emulator import control
from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator
from xpk.engine.apply import apply
from xpk.engine.events import Event, StepDone, StepProgress
from xpk.engine.observe import Waiting, observe_cluster, observe_deletion
from xpk.engine.report import Report
from xpk.engine.timing import Timing
from xpk.engine.workers import Finished
from xpk.engine.workers import run as run_call
from xpk.engine.workloads import find_workloads
from xpk.plan.cluster import plan_cluster
from xpk.plan.deletion import plan_cluster_delete, plan_workload_delete
from xpk.plan.steps import Plan
from xpk.spec.capacity import OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mtc import MtcFlags, check_mtc

PLACE = parse_place("my-project", "us-east5-b")
BUCKET = "my-bucket"


@pytest.fixture(scope="session", autouse=True)
def known_files(release_files_once: None) -> None:
    """Each release file is read once."""


class SpecMaker(Protocol):
    def __call__(
        self, slices: int = ..., tpu: str = ..., *, ramdisk: str | None = ..., **fields: Any
    ) -> ClusterSpec: ...


def make_spec(
    slices: int = 2, tpu: str = "v6e-16", *, ramdisk: str | None = "10Gi", **fields: Any
) -> ClusterSpec:
    shape = resolve(tpu)
    mtc = check_mtc(MtcFlags(True, ramdisk, None, BUCKET, None), shape) if ramdisk else None
    given = {"name": "c1", "place": PLACE, "capacity": OnDemand(), "mtc": mtc, **fields}
    return ClusterSpec(slice_type=shape, num_slices=slices, **given)


_STATES: dict[ClusterSpec, str] = {}


def _state_of(spec: ClusterSpec) -> str:
    """The state of an emulated Google Cloud in which the cluster was made: once for each spec."""
    if spec not in _STATES:
        with _running() as world:
            world.create(spec)
            _STATES[spec] = json.dumps(world.emulator.cloud.dump())
    return _STATES[spec]


@dataclass
class World:
    """One emulated Google Cloud and the clients that talk to it."""

    emulator: Emulator
    cloud: Cloud
    events: list[Event] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.emulator.url

    def made(self, spec: ClusterSpec) -> None:
        """Begin with what `create` leaves behind, where the creation itself is not what a test looks at."""
        self.emulator.cloud.load(json.loads(_state_of(spec)))

    def plan(self, spec: ClusterSpec) -> Plan:
        return plan_cluster(spec, observe_cluster(self.cloud, spec))

    def apply(self, plan: Plan, **options: Any) -> Report:
        listen: Callable[[Event], None] = options.pop("on_event", self.events.append)
        return apply(plan, self.cloud, PLACE.cluster("c1"), on_event=listen, **options)

    def create(self, spec: ClusterSpec) -> Report:
        return self.apply(self.plan(spec))

    def plan_delete(self) -> Plan:
        return plan_cluster_delete(PLACE, "c1", observe_deletion(self.cloud, PLACE, "c1"))

    def control(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def fault(self, **fault: object) -> None:
        self.control("POST", "faults", fault)

    def heal(self) -> None:
        self.control("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "requests"))

    def forget(self) -> None:
        self.control("DELETE", "requests")

    def objects(self) -> dict[str, Any]:
        return dict(self.control("GET", "objects"))


@contextmanager
def _running() -> Iterator[World]:
    with Emulator(port=0, time_scale=0.0003) as emulator:
        retrier = Retrier(sleep=lambda seconds: None)
        with Cloud(emulated(emulator.url), environ={}, retrier=retrier) as cloud:
            yield World(emulator, cloud)


@pytest.fixture
def world() -> Iterator[World]:
    with _running() as world:
        yield world


@pytest.fixture(scope="module")
def built() -> Iterator[World]:
    """A world with the cluster c1 of two slices in it, for all tests of a module."""
    with _running() as world:
        world.made(make_spec(2))
        yield world


@pytest.fixture
def cluster(built: World) -> Iterator[World]:
    """The same, without the workloads of the test before."""
    yield built
    built.heal()
    left = find_workloads(built.cloud, PLACE, "c1")
    built.apply(plan_workload_delete("c1", [found.jobset for found in left]))


@pytest.fixture
def spec() -> SpecMaker:
    return make_spec


class Inline:
    """Calls at once, on this thread."""

    def __init__(self) -> None:
        self._results: deque[Finished] = deque()

    @property
    def outstanding(self) -> int:
        return len(self._results)

    def submit(self, lane: object, key: object, function: Callable[[], Any]) -> None:
        self._results.append(run_call(key, function))

    def take(self, timeout: float) -> Finished | None:
        return self._results.popleft() if self._results else None

    def close(self) -> None:
        self._results.clear()


class Hand(ManualClock):
    """Does what was asked for when its time comes.

    Sleeps of less than a second last one, as on a busy machine: most looks at what takes minutes are in its
    first seconds.
    """

    def __init__(self) -> None:
        self.later: list[tuple[float, Callable[[], None]]] = []
        super().__init__()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.later.append((self.now() + seconds, action))

    def sleep(self, seconds: float) -> None:
        self.jump(max(seconds, 1.0))

    def jump(self, seconds: float) -> None:
        super().jump(seconds)
        due = [pair for pair in self.later if pair[0] <= self.now()]
        self.later = [pair for pair in self.later if pair not in due]
        for _, action in due:
            action()


@dataclass
class Google:
    """One emulated Google Cloud whose clock moves only when the engine sleeps."""

    emulator: Emulator
    cloud: Cloud
    clock: Hand
    events: list[tuple[float, Event]] = field(default_factory=list)

    @property
    def timing(self) -> Timing:
        return Timing(self.clock.now, self.clock.sleep)

    def plan(self, spec: ClusterSpec) -> Plan:
        return plan_cluster(spec, observe_cluster(self.cloud, spec, Waiting(timing=self.timing)))

    def apply(self, plan: Plan, listen: Callable[[Event], None] = lambda event: None) -> Report:
        def note(event: Event) -> None:
            self.events.append((self.clock.now(), event))
            listen(event)

        return apply(
            plan, self.cloud, PLACE.cluster("c1"), on_event=note, timing=self.timing, workers=Inline()
        )

    def create(self, spec: ClusterSpec) -> Report:
        return self.apply(self.plan(spec))

    def made(self, spec: ClusterSpec) -> None:
        """As that of `World`."""
        self.emulator.cloud.load(json.loads(_state_of(spec)))

    def delete(self) -> Report:
        observed = observe_deletion(self.cloud, PLACE, "c1", Waiting(timing=self.timing))
        return self.apply(plan_cluster_delete(PLACE, "c1", observed))

    def fault(self, **fault: object) -> None:
        control.add_fault(self.emulator.cloud, fault)

    def heal(self) -> None:
        control.heal(self.emulator.cloud)

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.emulator.cloud.requests

    def refusals(self, status: int) -> list[dict[str, Any]]:
        return [r for r in self.requests if r["status"] == status and r["path"].startswith("/v1/projects")]

    def operations(self, kind: str) -> list[Any]:
        return [o for o in self.emulator.cloud.store.operations.all if o.type == kind]

    def pools(self) -> dict[str, str]:
        cluster = self.cloud.gke.get_cluster(PLACE.cluster("c1")) or {}
        return {pool["name"]: pool["status"] for pool in cluster["nodePools"]}

    def ended(self) -> dict[str, float]:
        """The moment at which each step was done."""
        return {event.step_id: at for at, event in self.events if isinstance(event, StepDone)}

    def words(self, step: str = "") -> set[str]:
        found = [event for _, event in self.events if isinstance(event, StepProgress)]
        return {event.words for event in found if step in event.step_id}


@contextmanager
def _emulated(quota: int = 20) -> Iterator[Google]:
    clock = Hand()
    retrier = Retrier(sleep=clock.sleep, clock=clock.now)
    with (
        Emulator(clock=clock, operation_quota=quota) as emulator,
        Cloud(emulated(emulator.url), environ={}, retrier=retrier) as cloud,
    ):
        yield Google(emulator, cloud, clock)


@pytest.fixture
def google_with() -> Callable[[int], AbstractContextManager[Google]]:
    """An emulated Google Cloud under emulated time that allows so many operations at once."""
    return _emulated


@pytest.fixture
def google() -> Iterator[Google]:
    with _emulated() as made:
        yield made
