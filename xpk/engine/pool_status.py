"""A cluster's node pools as slices: what each should be, and what of it is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xpk.catalog.slices import SliceType, slice_types
from xpk.cloud.errors import clean
from xpk.engine.conditions import true
from xpk.engine.kube_reads import POOL_LABEL
from xpk.engine.wire import Json
from xpk.plan.slices import by_number


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """One node pool. `hosts` is how many machines it should have, None where GKE scales it.

    `slice_type` is empty for pools without TPUs. `status` is GKE's; `message` says what is wrong.
    """

    name: str
    machine: str
    slice_type: str
    topology: str
    capacity: str
    status: str
    message: str
    hosts: int | None
    hosts_joined: int
    hosts_ready: int
    running: tuple[str, ...] = ()

    @property
    def is_tpu(self) -> bool:
        """Whether the pool is a slice."""
        return bool(self.slice_type or self.topology)

    @property
    def whole(self) -> bool:
        """Whether every host that should be there is ready."""
        return self.hosts_ready >= (self.hosts or 0) and self.hosts_joined == self.hosts_ready

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "name": self.name,
            "machineType": self.machine,
            "sliceType": self.slice_type,
            "topology": self.topology,
            "capacity": self.capacity,
            "status": self.status,
            "message": self.message,
            "hosts": self.hosts,
            "hostsJoined": self.hosts_joined,
            "hostsReady": self.hosts_ready,
            "running": list(self.running),
        }


def slice_type_of(pool: Json) -> SliceType | None:
    """The slice that a pool is, by its machine type and topology; None for a pool without TPUs."""
    machine = str(pool.get("config", {}).get("machineType", ""))
    topology = str(pool.get("placementPolicy", {}).get("tpuTopology", ""))
    if not machine.startswith("ct"):
        return None
    for shape in slice_types():
        if shape.machine.name == machine and (
            shape.topology_text == topology or (not topology and not shape.multi_host)
        ):
            return shape
    return None


def capacity_of(pool: Json) -> str:
    """How a pool's machines are paid for, in the words of the flags."""
    config = pool.get("config", {})
    affinity = config.get("reservationAffinity", {})
    if config.get("spot"):
        return "spot"
    if config.get("flexStart"):
        return "flex start"
    if affinity.get("consumeReservationType") == "SPECIFIC_RESERVATION":
        return f"reservation {', '.join(map(str, affinity.get('values', [])))}"
    return "on demand"


def pools_of(
    cluster: Json, nodes: Iterable[Json], running: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[PoolStatus, ...]:
    """All pools of a cluster, a pool without a single node too, in the order of their numbers."""
    joined: dict[str, int] = {}
    up: dict[str, int] = {}
    for node in nodes:
        pool = str(node["metadata"].get("labels", {}).get(POOL_LABEL, ""))
        joined[pool] = joined.get(pool, 0) + 1
        up[pool] = up.get(pool, 0) + (true(node, "Ready") is not None)
    found = [
        _pool(p, joined, up, (running or {}).get(str(p["name"]), ())) for p in cluster.get("nodePools", [])
    ]
    return tuple(sorted(found, key=lambda p: by_number(p.name)))


def _pool(pool: Json, joined: dict[str, int], up: dict[str, int], running: tuple[str, ...]) -> PoolStatus:
    shape, name = slice_type_of(pool), str(pool["name"])
    conditions = [str(c["message"]) for c in pool.get("conditions", []) if c.get("message")]
    topology = str(pool.get("placementPolicy", {}).get("tpuTopology", ""))
    scaled = bool(pool.get("autoscaling", {}).get("enabled"))
    initial = int(pool.get("initialNodeCount") or 0) * max(1, len(pool.get("locations", [])))
    return PoolStatus(
        name=name,
        machine=str(pool.get("config", {}).get("machineType", "")),
        slice_type=shape.name if shape else "",
        topology=shape.topology_text if shape else topology,
        capacity=capacity_of(pool),
        status=str(pool.get("status", "")),
        message=clean("; ".join(conditions) or str(pool.get("statusMessage") or "")),
        hosts=None if scaled else shape.hosts if shape and shape.multi_host else initial,
        hosts_joined=joined.get(name, 0),
        hosts_ready=up.get(name, 0),
        running=running,
    )
