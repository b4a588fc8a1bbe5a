"""A stand-in for the part of GKE that joins its two halves: node pools become nodes, and the checkpointing
add-on follows its configurations. GKE's own API is the emulator's, Kubernetes is real."""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import Any

from tests.controlplane import nodes, standins
from tests.controlplane.api import Refused
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.nodes import TpuPool
from xpk.catalog.machines import MACHINES

Json = dict[str, Any]
_CONFIGURATIONS = "/apis/checkpointing.gke.io/v1/checkpointconfigurations"
_DRIVERS = f"/apis/apps/v1/namespaces/{standins.NAMESPACE}/daemonsets"


class GkeHalves:
    """Follows the node pools of one project in the emulator: `with GkeHalves(plane, url, "p1"):`.

    `broken` is what went wrong in its last round, for the test to look at.
    """

    def __init__(self, plane: ControlPlane, emulator: str, project: str) -> None:
        self._plane = plane
        self._clusters = f"{emulator}/v1/projects/{project}/locations/-/clusters"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._pools: dict[str, TpuPool] = {}
        self.broken: Exception | None = None

    def __enter__(self) -> GkeHalves:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for pool in list(self._pools.values()):
            self._remove(pool)
        self._follow_configurations(there=False)

    def _follow(self) -> None:
        while not self._stop.wait(0.2):
            try:
                self._follow_pools()
                self._follow_configurations(there=True)
                self.broken = None
            except (OSError, Refused, KeyError) as error:
                self.broken = error

    def _follow_pools(self) -> None:
        with urllib.request.urlopen(self._clusters) as answer:
            clusters = json.load(answer).get("clusters", [])
        wanted = {
            pool["name"]: tpu_pool(pool)
            for cluster in clusters
            for pool in cluster.get("nodePools", [])
            if pool.get("status") == "RUNNING" and pool["config"].get("machineType") in MACHINES
        }
        # Emulated pools are made in no time: one may be gone, and another there, between two looks.
        for name in [name for name, pool in self._pools.items() if wanted.get(name) != pool]:
            self._remove(self._pools[name])
        for name in wanted.keys() - self._pools.keys():
            nodes.add_nodes(self._plane.api, wanted[name].nodes())
            self._pools[name] = wanted[name]

    def _remove(self, pool: TpuPool) -> None:
        for name in pool.node_names():
            if self._plane.api.get(f"/api/v1/nodes/{name}") is not None:
                nodes.remove_node(self._plane.api, name)
        del self._pools[pool.name]

    def _follow_configurations(self, *, there: bool) -> None:
        """The add-on's controller makes one driver for each configuration, and never changes it."""
        api = self._plane.api
        found = {item["metadata"]["uid"]: item for item in api.items(_CONFIGURATIONS)} if there else {}
        drivers = {item["metadata"]["name"] for item in api.items(_DRIVERS)}
        for uid, configuration in found.items():
            if f"multitier-driver-{uid}" not in drivers:
                standins.start_driver(api, configuration["metadata"]["name"])
        for name in drivers - {f"multitier-driver-{uid}" for uid in found}:
            api.request("DELETE", f"{_DRIVERS}/{name}")


def tpu_pool(pool: Json) -> TpuPool:
    """The nodes of a pool of GKE's API."""
    config = pool["config"]
    machine = MACHINES[config["machineType"]]
    labels = {}
    if config.get("spot"):
        labels["cloud.google.com/gke-spot"] = "true"
    return TpuPool(
        name=pool["name"],
        machine=machine.name,
        accelerator=machine.accelerator,
        topology=pool.get("placementPolicy", {}).get("tpuTopology", ""),
        hosts=int(pool.get("initialNodeCount", 0)),
        chips=machine.chips,
        memory_gb=machine.ram_gb,
        labels=labels,
    )
