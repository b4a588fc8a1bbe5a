"""The rehearsal's agent as the kubelet of a real control plane: JobSet's own controller restarts what it
runs, counts what failed and does not count a disruption."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane import nodes
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import AGENT, KUBELET
from tests.controlplane.nodes import TpuPool
from tests.controlplane.world import JOBSETS, PODS, World
from xpk.catalog.slices import resolve
from xpk.cloud.kube import Kube
from xpk.rehearsal.agent.agent import Agent
from xpk.rehearsal.agent.recipe import Given
from xpk.rehearsal.agent.surface import Setting
from xpk.rehearsal.agent.volumes import Directories
from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation import choose_isolation
from xpk.rehearsal.hosts.space import Space
from xpk.rehearsal.record.events import Event, Host, PodEnded, PodStarted
from xpk.render.workload import render_workload
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import restart_policy
from xpk.spec.workload import WorkloadSpec

pytestmark = [pytest.mark.xdist_group("controlplane-rehearsal"), pytest.mark.slow]

Json = dict[str, Any]
SHAPE = resolve("v5p-16")
SLICES, HOSTS = 2, SHAPE.hosts
ALL = [Host(index, number) for index in range(SLICES) for number in range(HOSTS)]
COMMAND = (
    'echo "this is $JOBSET_NAME $JOB_INDEX $JOB_COMPLETION_INDEX of $MEGASCALE_NUM_SLICES"; '
    "while sleep 0.05; do if [ -e /ramdisk/fail ]; then rm /ramdisk/fail; exit 1; fi; done"
)
PATIENCE = 120.0


@dataclass(slots=True)
class Machines:
    """The agent, what it told, and its hosts' directories."""

    agent: Agent
    world: World
    space: Space
    events: list[Event] = field(default_factory=list)

    def codes(self, attempt: int) -> dict[Host, int]:
        """How the pods of an attempt ended."""
        return {e.host: e.code for e in self.events if isinstance(e, PodEnded) and e.attempt == attempt}

    def started(self, attempt: int) -> list[Host]:
        """The hosts on which pods of an attempt were started."""
        return sorted(e.host for e in self.events if isinstance(e, PodStarted) and e.attempt == attempt)

    def processes(self) -> list[int]:
        """The first process of each container that runs."""
        return [pid for host in ALL for pid in self.agent.pids(host)]


@pytest.fixture(scope="module")
def machines(control_plane: ControlPlane, kube: Kube) -> Iterator[Machines]:
    """Four hosts that the agent serves; KWOK leaves them alone."""
    events: list[Event] = []
    stop = threading.Event()
    with Space() as space:

        def read(plural: str, namespace: str, name: str) -> Json | None:
            return kube.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")

        def given(pod: Json, host: Host) -> Given:
            return Given(image={"PATH": "/usr/bin:/bin", "HOME": str(space.home(host))})

        setting = Setting(
            kube=kube,
            launcher=Launcher(choose_isolation()),
            volumes=Directories(space, None, read, lambda _: None),
            logs=space.logs,
            on_event=events.append,
            given=given,
        )
        agent = Agent(setting, {KUBELET: AGENT}, heartbeats=True)
        thread = threading.Thread(target=agent.run, args=(stop,))
        thread.start()
        world = World(control_plane, kube)
        world.add_pools(_pool(index) for index in range(SLICES))
        try:
            yield Machines(agent, world, space, events)
        finally:
            world.remove([])
            stop.set()
            thread.join()
            assert agent.failure == ""


def _pool(index: int) -> TpuPool:
    return TpuPool(
        name=f"agent-np-{index}",
        machine=SHAPE.machine.name,
        accelerator=SHAPE.accelerator,
        topology=SHAPE.topology_text,
        hosts=HOSTS,
        chips=SHAPE.chips_per_host,
        memory_gb=SHAPE.machine.ram_gb,
        labels={KUBELET: AGENT},
    )


def _jobset(namespace: str) -> Json:
    """As `workload create` renders it, but in no queue and of no priority: neither exists here."""
    spec = WorkloadSpec(
        name="w1",
        cluster="agent",
        namespace=namespace,
        slice_type=SHAPE,
        num_slices=SLICES,
        priority="medium",
        image="i:1",
        command=COMMAND,
        ramdisk=Ramdisk("/ramdisk"),
        restarts=restart_policy(3, None, mtc=True),
        command_checks=False,
    )
    jobset = render_workload(spec, fuse_host_network=True)
    del jobset["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    pod = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    del pod["priorityClassName"]
    return jobset


def _wait_attempt(machines: Machines, namespace: str, attempt: int, counted: int) -> None:
    """Wait until all pods of an attempt run, as Kubernetes has it; and what JobSet has counted by then."""
    world = machines.world

    def running() -> bool:
        pods = world.pods(namespace, "w1")
        label = "jobset.sigs.k8s.io/restart-attempt"
        return len(pods) == len(ALL) and all(
            pod["metadata"]["labels"][label] == str(attempt) and pod["status"].get("phase") == "Running"
            for pod in pods
        )

    world.plane.wait(running, f"all pods of attempt {attempt} running", PATIENCE)
    status = world.status(namespace, "w1")
    assert status.get("restarts", 0) == attempt
    assert status.get("restartsCountTowardsMax", 0) == counted
    assert machines.started(attempt) == ALL


@pytest.fixture
def namespace(machines: Machines, control_plane: ControlPlane) -> Iterator[str]:
    """Where the JobSet `w1` runs, which is deleted at the end."""
    machines.events.clear()
    name = control_plane.new_namespace("agent")
    machines.world.kube.apply(_jobset(name))
    yield name
    last = machines.processes()
    machines.world.kube.delete(f"{JOBSETS.format(name)}/w1")
    control_plane.wait(lambda: not machines.world.kube.list(PODS.format(name)), "no pods", PATIENCE)
    assert not any(map(_runs, last))
    assert machines.processes() == []


def test_jobset_restarts_what_the_agent_runs(
    machines: Machines, control_plane: ControlPlane, namespace: str
) -> None:
    world = machines.world
    _wait_attempt(machines, namespace, 0, counted=0)
    first = machines.processes()
    assert len(set(first)) == len(ALL)

    (machines.space.ramdisk(ALL[1]) / "fail").touch()
    _wait_attempt(machines, namespace, 1, counted=1)
    codes = machines.codes(0)
    assert codes.pop(ALL[1]) == 1
    assert set(codes.values()) == {143}, "SIGTERM reached the command of each other pod"
    assert not any(map(_runs, first))

    victim = world.pods(namespace, "w1")[0]
    nodes.evict_pod(control_plane.api, namespace, victim["metadata"]["name"])
    _wait_attempt(machines, namespace, 2, counted=1)
    assert set(machines.codes(1).values()) == {143}

    pod = world.pods(namespace, "w1")[0]
    index = pod["metadata"]["labels"]["jobset.sigs.k8s.io/job-index"]
    log = machines.agent.tail(pod["metadata"]["name"], namespace)
    assert log[0].startswith(f"this is w1 {index} ")
    assert log[0].endswith(" of 2")


def test_a_host_that_is_lost_costs_no_restart(
    machines: Machines, control_plane: ControlPlane, namespace: str
) -> None:
    """Its pods die with it; Kubernetes takes 40 seconds to say so, as a disruption."""
    world, lost = machines.world, ALL[1]
    _wait_attempt(machines, namespace, 0, counted=0)
    for host in ALL:
        (machines.space.ramdisk(host) / "kept").touch()
    node, pids = machines.agent.node(lost), machines.agent.pids(lost)
    assert node is not None
    nodes.remove_node(control_plane.api, node)
    control_plane.wait(lambda: not any(map(_runs, pids)), "its processes are gone", PATIENCE)
    control_plane.wait(lambda: world.status(namespace, "w1").get("restarts") == 1, "restarted", PATIENCE)
    assert world.status(namespace, "w1").get("restartsCountTowardsMax", 0) == 0
    (pool,) = [pool for pool in world.pools if node in pool.node_names()]
    world.add_nodes([host for host in pool.nodes() if host["metadata"]["name"] == node])
    _wait_attempt(machines, namespace, 1, counted=0)
    assert machines.codes(0)[lost] == 137
    assert [host for host in ALL if (machines.space.ramdisk(host) / "kept").exists()] == [
        host for host in ALL if host != lost
    ]


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
