"""What the emulated GKE holds: clusters with pools, operations, a Kubernetes world per running cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from xpk.emulator.clock import Clock
from xpk.emulator.errors import ApiError, not_found
from xpk.emulator.gke.operations import DEFAULT_QUOTA, Operations, Trouble
from xpk.emulator.http import Json
from xpk.emulator.iam import Access, Iam
from xpk.emulator.world import World, WorldFactory

Capacity = Callable[[str], str | None]


class Store:
    """The state of GKE.

    `capacity` tells for a node pool's name which condition (`GCE_STOCKOUT`, `GCE_QUOTA_EXCEEDED`)
    keeps its machines from being created, or None.
    """

    def __init__(
        self,
        clock: Clock,
        world_factory: WorldFactory,
        wake: Callable[[], None],
        capacity: Capacity,
        quota: int = DEFAULT_QUOTA,
        trouble: Trouble = lambda kind, target: None,
        iam: Iam | None = None,
        access: Access = lambda bucket, account, write: "",
    ) -> None:
        self.clock = clock
        self.iam = iam or Iam(clock)
        self._access = access
        self.wake = wake
        self.capacity = capacity
        self.operations = Operations(clock, quota, trouble)
        self.clusters: dict[str, Json] = {}
        self.worlds: dict[str, World] = {}
        self._world_factory = world_factory

    def cluster(self, name: str) -> Json:
        """A cluster by its full name. Raises 404."""
        if name not in self.clusters:
            raise not_found(name)
        return self.clusters[name]

    def pool(self, cluster_name: str, pool_name: str) -> Json:
        """A node pool of a cluster by its short name. Raises 404."""
        for pool in self.pools(cluster_name):
            if pool["name"] == pool_name:
                return pool
        raise not_found(f"{cluster_name}/nodePools/{pool_name}")

    def pools(self, cluster_name: str) -> list[Json]:
        """The node pools of a cluster, as they are kept inside it."""
        pools: list[Json] = self.cluster(cluster_name).setdefault("nodePools", [])
        return pools

    def check_free(self, cluster_name: str, pool: str = "") -> None:
        """Raise when the cluster, or a pool of it by its full name, cannot be changed now."""
        self.operations.check_free(cluster_name, pool)
        if self.cluster(cluster_name)["status"] == "ERROR":
            short = cluster_name.split("/")[-1]
            raise ApiError(
                "FAILED_PRECONDITION", f'Cluster "{short}" is in state ERROR: it can only be deleted.'
            )

    def open_world(self, cluster_name: str) -> World:
        """The Kubernetes world of a cluster; made when it is not there yet."""
        if cluster_name not in self.worlds:
            name = cluster_name.split("/")[-1]
            world = self._world_factory(self.clock, name, self.wake)
            world.trust(cluster_name.split("/")[1], self._access)
            self.worlds[cluster_name] = world
        return self.worlds[cluster_name]

    def close_world(self, cluster_name: str) -> None:
        """End the Kubernetes world of a cluster that is gone."""
        world = self.worlds.pop(cluster_name, None)
        if world is not None:
            world.close()

    def find_worlds(self, cluster: str) -> list[World]:
        """The worlds of a cluster given by its full or short name."""
        return [
            world for name, world in self.worlds.items() if name == cluster or name.split("/")[-1] == cluster
        ]

    def touch(self, resource: Json) -> None:
        """Give a cluster or pool the etag that follows from its content."""
        content = repr(sorted((name, value) for name, value in resource.items() if name != "etag"))
        resource["etag"] = hashlib.sha256(content.encode()).hexdigest()[:32]

    def dump(self) -> Json:
        """Everything, as JSON."""
        return {
            "clusters": self.clusters,
            "operations": self.operations.dump(),
            "iam": self.iam.dump(),
            "kubernetes": {name: world.dump() for name, world in self.worlds.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """The inverse of `dump`."""
        self.clusters = state["clusters"]
        self.operations.load(state["operations"])
        self.iam.load(state["iam"])
        for name, world in state["kubernetes"].items():
            self.open_world(name).load(world)


def world_pool(pool: Json) -> Json:
    """A pool as the Kubernetes half takes it: proto3's dropped counts are made explicit."""
    scaling = pool.get("autoscaling", {})
    initial = int(pool.get("initialNodeCount", 0))
    largest = int(scaling.get("maxNodeCount", scaling.get("totalMaxNodeCount", 0)))
    maximum = max(largest, initial) if scaling.get("enabled") else initial
    made = {**pool, "initialNodeCount": initial, "maxNodeCount": maximum}
    if scaling.get("enabled"):
        made["autoscaling"] = {**scaling, "maxNodeCount": maximum}
    return made
