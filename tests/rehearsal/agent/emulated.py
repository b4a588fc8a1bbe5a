"""A cluster of two slices of two hosts in the emulator, whose TPU hosts an agent serves."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.rehearsal.agent.fakes import wait
from xpk.catalog.slices import resolve
from xpk.cloud.credentials import anonymous
from xpk.cloud.endpoints import emulated
from xpk.cloud.kube import Kube
from xpk.cloud.retry import Retrier
from xpk.cloud.session import Cloud
from xpk.emulator.server import Emulator
from xpk.engine.apply import apply
from xpk.engine.observe import observe_cluster
from xpk.plan.cluster import plan_cluster
from xpk.rehearsal.agent.agent import Agent
from xpk.rehearsal.agent.recipe import Given
from xpk.rehearsal.agent.substitution import Once, Substitution
from xpk.rehearsal.agent.surface import Setting
from xpk.rehearsal.agent.volumes import Directories
from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation import choose_isolation
from xpk.rehearsal.hosts.space import Space
from xpk.rehearsal.record.events import Event, Host, PodEnded, PodStarted
from xpk.render.workload import render_workload
from xpk.spec.capacity import OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mtc import MtcFlags, check_mtc
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import restart_policy
from xpk.spec.workload import WorkloadSpec

Json = dict[str, Any]
SHAPE = resolve("v5p-16")
PLACE = parse_place("p1", "us-east5-a")
LABELS = {"cloud.google.com/gke-tpu-accelerator": SHAPE.accelerator}
ALL = [Host(index, number) for index in range(2) for number in range(SHAPE.hosts)]
JOBSET = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets/w1"
PODS = "/api/v1/namespaces/default/pods"
SCALE = 0.003
"""Real seconds of an emulated one: fast, but a lost host stays away for half a second."""


@dataclass(slots=True)
class Hosts:
    """The cluster, the agent that serves its hosts, and what both tell."""

    url: str
    kube: Kube
    space: Space
    agent: Agent
    events: list[Event]
    told: list[Substitution]

    def control(self, what: str, body: Json) -> None:
        """Ask something of the emulator itself."""
        request = urllib.request.Request(f"{self.url}/_emulator/{what}", json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=60).close()

    def create(self, command: str, *, grace: int = 30) -> None:
        """A workload on all hosts."""
        self.kube.apply(jobset(command, grace))

    def pods(self) -> list[Json]:
        """All pods of workloads, also those that are being deleted."""
        return self.kube.list(PODS)

    def counted(self) -> tuple[int, int]:
        """Restarts in all, and those that count."""
        status = (self.kube.get(JOBSET) or {}).get("status") or {}
        return status.get("restarts", 0), status.get("restartsCountTowardsMax", 0)

    def wait_attempt(self, attempt: int) -> None:
        """Wait until each host runs a pod of an attempt, and Kubernetes has it so."""
        label = "jobset.sigs.k8s.io/restart-attempt"

        def running() -> bool:
            found = [pod for pod in self.pods() if pod["status"].get("phase") == "Running"]
            return [pod["metadata"]["labels"][label] for pod in found] == [str(attempt)] * len(ALL)

        wait(running, f"attempt {attempt} runs")

    def codes(self, attempt: int) -> dict[Host, int]:
        """How the pods of an attempt ended."""
        found = list(self.events)
        return {e.host: e.code for e in found if isinstance(e, PodEnded) and e.attempt == attempt}

    def log(self, host: Host, attempt: int, last: str) -> list[str]:
        """What the pod of an attempt said on a host, once it has said `last`."""
        found = [e for e in self.events if isinstance(e, PodStarted)]
        (pod,) = [e.pod for e in found if e.host == host and e.attempt == attempt]
        wait(lambda: last in self.agent.tail(pod, lines=100), f"{pod} said {last}")
        return self.agent.tail(pod, lines=100)


def jobset(command: str, grace: int = 30) -> Json:
    """A workload on all hosts, as `workload create` renders it."""
    spec = WorkloadSpec(
        name="w1",
        cluster="c1",
        namespace="default",
        slice_type=SHAPE,
        num_slices=2,
        priority="medium",
        image="i:1",
        command=command,
        ramdisk=Ramdisk("/ramdisk"),
        restarts=restart_policy(3, None, mtc=True),
        grace_seconds=grace,
        command_checks=False,
    )
    return render_workload(spec, fuse_host_network=True)


@contextlib.contextmanager
def cluster() -> Iterator[tuple[str, Kube]]:
    """The emulator with the cluster, its hosts handed over: its address and a client."""
    mtc = check_mtc(MtcFlags(enabled=True, ramdisk_size="2Gi", bucket="gs://b1"), SHAPE)
    spec = ClusterSpec(name="c1", place=PLACE, slice_type=SHAPE, num_slices=2, capacity=OnDemand(), mtc=mtc)
    with (
        Emulator(port=0, time_scale=SCALE) as emulator,
        Cloud(emulated(emulator.url), environ={}, retrier=Retrier(sleep=lambda _: None)) as cloud,
    ):
        plan = plan_cluster(spec, observe_cluster(cloud, spec))
        apply(plan, cloud, PLACE.cluster("c1"), on_event=lambda _: None)
        body = json.dumps({"cluster": "c1", "selector": LABELS}).encode()
        urllib.request.urlopen(f"{emulator.url}/_emulator/agents", body, timeout=60).close()
        kube = client(emulator.url)
        try:
            yield emulator.url, kube
        finally:
            kube.close()


def make_agent(
    kube: Kube, space: Space, events: list[Event], told: list[Substitution], labels: dict[str, str]
) -> Agent:
    """An agent with real processes and directories."""
    tell = Once(told.append)

    def read(plural: str, namespace: str, name: str) -> Json | None:
        return kube.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")

    def given(pod: Json, host: Host) -> Given:
        home = space.home(host)
        return Given(image={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home)}, needed=(home,))

    setting = Setting(
        kube=kube,
        launcher=Launcher(choose_isolation()),
        volumes=Directories(space, None, read, tell),
        logs=space.logs,
        on_event=events.append,
        given=given,
        tell=tell,
    )
    return Agent(setting, labels)


def client(url: str) -> Kube:
    """A client of the emulated cluster."""
    return Kube(emulated(url), anonymous(), "projects/p1/locations/us-east5/clusters/c1", {})


@contextlib.contextmanager
def served() -> Iterator[Hosts]:
    """The cluster with its agent; nothing of either is left."""
    with cluster() as (url, kube), serving(url, kube) as hosts:
        yield hosts


@contextlib.contextmanager
def serving(url: str, kube: Kube) -> Iterator[Hosts]:
    """An agent for the cluster's hosts."""
    events, told, stop = list[Event](), list[Substitution](), threading.Event()
    with Space() as space:
        agent = make_agent(kube, space, events, told, LABELS)
        thread = threading.Thread(target=agent.run, args=(stop,))
        thread.start()
        try:
            yield Hosts(url, kube, space, agent, events, told)
        finally:
            stop.set()
            thread.join()
        assert agent.failure == ""
