"""A rehearsal on the real control plane: the same two commands, the same stage, another cloud below it.

KWOK runs the hosts until the cluster is made, so that the checkpointing driver's stand-in gets ready on
them; then they are handed over to the rehearsal's agent, as the embedded emulator does it.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.controlplane import nodes
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import AGENT, KUBELET
from tests.controlplane.processes import Deadline
from tests.controlplane.program import Program, program, remove, remove_workloads
from tests.controlplane.world import JOBSETS, PODS
from xpk.cli.rehearse import rehearse
from xpk.cli.rehearse_real import Rehearsal
from xpk.cli.rehearse_request import scenario
from xpk.cloud.kube import Kube
from xpk.rehearsal import commands
from xpk.rehearsal.agent.agent import Agent
from xpk.rehearsal.conduct.conductor import Conductor, Hand, Patience
from xpk.rehearsal.conduct.hand import HostsHand
from xpk.rehearsal.conduct.stage import NAMESPACE, Stage
from xpk.rehearsal.hosts.space import Space
from xpk.rehearsal.record.events import Event, FaultKind, Host
from xpk.rehearsal.record.outcome import Outcome
from xpk.rehearsal.record.reduce import outcome as outcome_of
from xpk.rehearsal.story import CLUSTER, WORKLOAD

Json = dict[str, Any]
Counts = tuple[int, int]
"""JobSet's `restarts` and `restartsCountTowardsMax`."""
PATIENCE = 240.0
_TPU = "cloud.google.com/gke-tpu-accelerator"
_LEFT = (
    "/apis/kueue.x-k8s.io/v1beta2/namespaces/default/localqueues/multislice-queue",
    "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/cluster-queue",
    "/apis/kueue.x-k8s.io/v1beta2/resourceflavors/v6e-2x4",
    *(
        f"/api/v1/namespaces/default/configmaps/{CLUSTER}-{name}-configmap"
        for name in ("resources", "metadata")
    ),
)
"""What `cluster create` makes under names of this cluster's own; a queue stands before what it refers to."""


class RealWorld:
    """The cloud below the control plane, as `conduct.world.World` wants it. `close` it."""

    def __init__(self, plane: ControlPlane, kube: Kube) -> None:
        self._plane = plane
        self._kube = kube
        self._stop = threading.Event()
        self._repairs: list[threading.Thread] = []
        self.broken: list[str] = []
        """What went wrong in a repair."""

    def hand_over(self) -> None:
        """KWOK leaves the TPU hosts alone from now on."""
        for node in self._kube.list("/api/v1/nodes"):
            if _TPU in node["metadata"]["labels"]:
                path = f"/api/v1/nodes/{node['metadata']['name']}"
                self._plane.api.merge(path, {"metadata": {"labels": {KUBELET: AGENT}}})

    def lose_host(self, node: str) -> None:
        """The machine is gone with its Node. A repair takes longer than Kubernetes takes to see that."""
        lost = self._plane.api.request("GET", f"/api/v1/nodes/{node}")
        nodes.remove_node(self._plane.api, node)
        repair = threading.Thread(target=self._repair, args=(lost,))
        self._repairs.append(repair)
        repair.start()

    def evict(self, namespace: str, pod: str) -> None:
        """By the Eviction API, as a drain does it."""
        nodes.evict_pod(self._plane.api, namespace, pod)

    def close(self) -> None:
        """Begin nothing any more."""
        self._stop.set()
        for repair in self._repairs:
            repair.join()

    def _repair(self, lost: Json) -> None:
        """A machine that comes up takes pods when the driver's stand-in, which is KWOK's, is ready on it."""
        name = lost["metadata"]["name"]
        fresh = again(lost)
        fresh["metadata"]["labels"].pop(KUBELET)
        fresh["spec"]["unschedulable"] = True
        if not self._until(lambda: not self._phases(name), f"{name} still has pods"):
            return
        nodes.add_nodes(self._plane.api, [fresh])
        if not self._until(lambda: self._phases(name) == ["Running"], f"{name} has no driver"):
            return
        patch = {"metadata": {"labels": {KUBELET: AGENT}}, "spec": {"unschedulable": None}}
        self._plane.api.merge(f"/api/v1/nodes/{name}", patch)

    def _phases(self, node: str) -> list[str]:
        pods = [one for one in self._kube.list("/api/v1/pods") if one["spec"].get("nodeName") == node]
        return [str(pod["status"].get("phase")) for pod in pods]

    def _until(self, so: Callable[[], bool], otherwise: str) -> bool:
        deadline = Deadline(PATIENCE)
        while not self._stop.is_set():
            if so():
                return True
            if not deadline.pause():
                self.broken.append(otherwise)
                return False
        return False


def again(node: Json) -> Json:
    """A node as its kubelet registers it when it starts again."""
    status = {key: node["status"][key] for key in ("capacity", "allocatable", "addresses")}
    metadata = {key: node["metadata"][key] for key in ("name", "labels")}
    taints = [taint for taint in node["spec"]["taints"] if taint["key"] == "google.com/tpu"]
    spec = {"taints": taints}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


class Faults(Conductor):
    """A conductor that puts in another kind of fault each time."""

    kinds: Sequence[FaultKind] = ()

    def _strike(self) -> Callable[[], bool]:
        self._scenario = replace(self._scenario, fault=self.kinds[0])
        self.kinds = self.kinds[1:]
        return super()._strike()


class CountingHand:
    """A hand that looks at the JobSet before it strikes, and strikes several hosts at one moment."""

    def __init__(self, hand: Hand, agent: Agent, status: Callable[[], Json]) -> None:
        self._hand = hand
        self._agent = agent
        self._status = status
        self.counts: list[Counts] = []

    def look(self) -> None:
        """Keep what JobSet has counted by now."""
        status = self._status()
        self.counts.append((status.get("restarts", 0), status.get("restartsCountTowardsMax", 0)))

    def strike(self, kind: FaultKind, hosts: tuple[Host, ...]) -> None:
        """As the hand does it, one host after the other: so what is about to go computes nothing meanwhile,
        or the last would fail by the loss of the first."""
        self.look()
        for pid in [pid for host in hosts for pid in self._agent.pids(host)] if len(hosts) > 1 else ():
            os.killpg(pid, signal.SIGSTOP)  # the first process of a container leads its session
        self._hand.strike(kind, hosts)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a run. `counts`: JobSet's own before each fault and at the end; `phases`: those of the
    pods at the end; `listed`: the program's entry of the workload."""

    outcome: Outcome
    events: tuple[Event, ...]
    jobset: Json
    counts: list[Counts]
    phases: list[str]
    listed: Json


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A cluster that `cluster create` made for rehearsals, its hosts handed over."""

    plane: ControlPlane
    kube: Kube
    xpk: Program
    world: RealWorld

    def run(self, kinds: Sequence[FaultKind], *words: str) -> Told:
        """Rehearse with faults of these kinds, one after the other."""
        asked = ["--fail", kinds[0], "--times", str(len(kinds)), *words]
        rehearsal = Rehearsal(scenario(rehearse.read(asked), "orbax"), "1", "json")
        wanted, recorder = rehearsal.scenario, rehearsal.recorder
        with Space(ramdisk_bytes=wanted.ramdisk_bytes * wanted.num_slices * wanted.hosts) as space:
            stage = self._stage(rehearsal, space)
            with stage.serving():
                self.xpk.works(*commands.workload_create(wanted))
                stage.judge()
                own = HostsHand(stage.agent, self.world, recorder.tell, recorder.now)
                hand = CountingHand(own, stage.agent, lambda: self._jobset()["status"])
                patience = Patience(quiet=PATIENCE)
                conductor = Faults(wanted, recorder, hand, patience=patience, failure=stage.failure)
                conductor.kinds = kinds
                conductor.run(threading.Event())
                assert (stage.failure(), self.world.broken) == ("", [])
                hand.look()
                jobset, phases, listed = self._jobset(), self._phases(), self._listed()
                self.xpk.works("workload", "delete", "--cluster", CLUSTER, "--yes")
                self.plane.wait(lambda: not self.kube.list(PODS.format(NAMESPACE)), "no pods", PATIENCE)
        events = recorder.events
        return Told(outcome_of(rehearsal.setup(), events), events, jobset, hand.counts, phases, listed)

    def _stage(self, rehearsal: Rehearsal, space: Space) -> Stage:
        return Stage(
            rehearsal.scenario,
            space,
            rehearsal.isolation,
            self.kube,
            rehearsal.recorder,
            lambda one: None,
            workload=WORKLOAD,
            selector={KUBELET: AGENT},
            heartbeats=True,
        )

    def _jobset(self) -> Json:
        return self.kube.get(f"{JOBSETS.format(NAMESPACE)}/{WORKLOAD}") or {}

    def _phases(self) -> list[str]:
        return [str(pod["status"]["phase"]) for pod in self.kube.list(PODS.format(NAMESPACE))]

    def _listed(self) -> Json:
        said = json.loads(self.xpk.works("workload", "list", "--cluster", CLUSTER, "-o", "json"))
        (found,) = said
        assert isinstance(found, dict)
        return found


@contextmanager
def rehearsed(plane: ControlPlane, kube: Kube, home: Path) -> Iterator[Rehearsed]:
    """The cluster of `xpk rehearse` on the control plane, for the length of a block."""
    wanted = scenario(rehearse.read([]), "orbax")
    world = RealWorld(plane, kube)
    with program(plane, home) as xpk:
        made = xpk(*commands.cluster_create(wanted))
        assert made.returncode == 0, made.stderr
        world.hand_over()
        try:
            yield Rehearsed(plane, kube, xpk, world)
        finally:
            world.close()
            remove_workloads(plane)
            remove(plane, _LEFT)
