"""All controllers of one cluster, in the order in which they run."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.controllers.base import Manager
from xpk.emulator.kubernetes.controllers.daemonsets import DaemonSets
from xpk.emulator.kubernetes.controllers.definitions import Definitions
from xpk.emulator.kubernetes.controllers.deployments import Deployments
from xpk.emulator.kubernetes.controllers.garbage import Garbage
from xpk.emulator.kubernetes.controllers.jobs import Jobs
from xpk.emulator.kubernetes.controllers.jobsets import JobSets
from xpk.emulator.kubernetes.controllers.kubelet import Kubelet
from xpk.emulator.kubernetes.controllers.mtc import Mtc
from xpk.emulator.kubernetes.controllers.namespaces import Namespaces
from xpk.emulator.kubernetes.controllers.nodes import Nodes
from xpk.emulator.kubernetes.controllers.placement import Placement
from xpk.emulator.kubernetes.controllers.podgc import PodGarbage
from xpk.emulator.kubernetes.controllers.queues import Queues
from xpk.emulator.kubernetes.controllers.scheduler import Scheduler
from xpk.emulator.kubernetes.controllers.workloads import Workloads
from xpk.emulator.kubernetes.store import Change

Json = dict[str, Any]


class Controllers:
    """Built once per cluster; the three that the outside talks to are attributes."""

    def __init__(self, cluster: Cluster) -> None:
        self._placement = Placement(cluster.store)
        self.kubelet = Kubelet(cluster, self._placement)
        self.nodes = Nodes(cluster)
        self.mtc = Mtc(cluster)
        self._garbage = Garbage(cluster)
        self._manager = Manager(
            cluster,
            [
                Namespaces(cluster),
                Definitions(cluster),
                self.nodes,
                Deployments(cluster),
                self.mtc,
                DaemonSets(cluster),
                Workloads(cluster),
                Queues(cluster),
                JobSets(cluster),
                Jobs(cluster),
                Scheduler(cluster, self._placement),
                self.kubelet,
                PodGarbage(cluster, self._placement, self.kubelet),
                self._garbage,
            ],
        )

    def observe(self, change: Change) -> None:
        """One change of the store."""
        self._placement.observe(change)
        self._manager.observe(change)
        for key in self._garbage.keys(change):
            self._garbage.queue[key] = None

    def run(self) -> float | None:
        """Work until stable; emulated seconds until the next due work."""
        return self._manager.run()

    def dump(self) -> Json:
        """State that is not in the store."""
        return {"nodes": self.nodes.dump(), "addon": self.mtc.enabled_at, "agents": self.kubelet.agents}

    def load(self, state: Json) -> None:
        """Take over the state of `dump`; the store is loaded already."""
        self.nodes.load(state["nodes"])
        self.mtc.enabled_at = state["addon"]
        self.kubelet.agents = [dict(labels) for labels in state.get("agents", ())]
        self._placement.reload()
        self._manager.reload()
