"""GKE's operations: how long each takes, which exclude each other, what a poll sees.

An operation's effect is applied elsewhere (`effects.py`) when it is done; here is only its record.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from xpk.emulator.clock import Clock
from xpk.emulator.errors import ApiError
from xpk.emulator.gke.names import API
from xpk.emulator.http import Json

# Emulated seconds. Orders of magnitude of the real service, not measurements.
PENDING_SECONDS = 2.0
SECONDS = {
    "CREATE_CLUSTER": 300.0,
    "DELETE_CLUSTER": 200.0,
    "UPDATE_CLUSTER": 120.0,
    "UPGRADE_MASTER": 600.0,
    "CREATE_NODE_POOL": 120.0,
    "UPDATE_NODE_POOL": 180.0,
    "UPGRADE_NODES": 180.0,
    "DELETE_NODE_POOL": 90.0,
    "RESIZE_CLUSTER": 300.0,
}
SECONDS_PER_HOST = 0.2
# "Not all instances running in IGM after 35m"
NO_CAPACITY_SECONDS = 35 * 60.0
DEFAULT_QUOTA = 20
POOL_TYPES = ("CREATE_NODE_POOL", "UPDATE_NODE_POOL", "UPGRADE_NODES", "DELETE_NODE_POOL")
# the API has no type of its own for the update of a pool
WIRE_TYPES = {"UPDATE_NODE_POOL": "UPDATE_CLUSTER"}
VERBS = {
    "CREATE_CLUSTER": "creating",
    "DELETE_CLUSTER": "deleting",
    "UPGRADE_MASTER": "upgrading",
    "RESIZE_CLUSTER": "resizing",
    "CREATE_NODE_POOL": "creating a node pool of",
    "DELETE_NODE_POOL": "deleting a node pool of",
}


@dataclass(frozen=True, slots=True)
class Setback:
    """What a fault does to an operation: it ends in `error` after `seconds`, or as late as ever, or never."""

    error: Json | None = None
    seconds: float | None = None
    stuck: bool = False


Trouble = Callable[[str, str], Setback | None]
"""Asked with type and target of each operation that starts."""


@dataclass(slots=True)
class Operation:
    """One operation. `cluster` and `pool` are full resource names; `change` is what it applies when done."""

    name: str
    project: str
    location: str
    type: str
    cluster: str
    pool: str
    created: float
    seconds: float
    change: Json = field(default_factory=dict)
    error: Json | None = None
    done: bool = False
    stuck: bool = False

    @property
    def ends(self) -> float:
        """The emulated moment at which it is done; infinite while it is stuck."""
        return math.inf if self.stuck else self.created + self.seconds

    def json(self, clock: Clock) -> Json:
        """As the API shows it."""
        progress = 1.0 if self.done else min((clock.now() - self.created) / max(self.seconds, 1.0), 0.99)
        status = "DONE" if self.done else "PENDING"
        if not self.done and clock.now() >= self.created + PENDING_SECONDS:
            status = "RUNNING"
        parent = f"projects/{self.project}/locations/{self.location}"
        shown: Json = {
            "name": self.name,
            "operationType": WIRE_TYPES.get(self.type, self.type),
            "status": status,
            "location": self.location,
            "zone": self.location,
            "selfLink": f"{API}{parent}/operations/{self.name}",
            "targetLink": API + (self.pool or self.cluster),
            "startTime": clock.timestamp(self.created),
            "progress": {"status": status, "metrics": self._metrics(progress)},
        }
        if self.done:
            shown["endTime"] = clock.timestamp(self.ends)
            if self.error is not None:
                shown["error"] = self.error
                shown["statusMessage"] = self.error["message"]
        return shown

    def _metrics(self, progress: float) -> list[Json]:
        hosts = int(self.change.get("hosts", 0))
        if self.type != "CREATE_NODE_POOL":
            return [{"name": "PROGRESS_PERCENT", "intValue": str(int(progress * 100))}]
        ready = 0 if self.error is not None else int(hosts * progress)
        return [
            {"name": "NODES_TOTAL", "intValue": str(hosts)},
            {"name": "NODES_DONE", "intValue": str(ready)},
        ]


class Operations:
    """All operations of the emulated GKE, in the order of their start."""

    def __init__(
        self, clock: Clock, quota: int = DEFAULT_QUOTA, trouble: Trouble = lambda kind, target: None
    ) -> None:
        self.clock = clock
        self.quota = quota
        self.trouble = trouble
        self.all: list[Operation] = []

    def running(self, cluster: str) -> list[Operation]:
        """The unfinished operations of one cluster."""
        return [operation for operation in self.all if not operation.done and operation.cluster == cluster]

    def check_free(self, cluster: str, pool: str = "") -> None:
        """Raise what GKE answers when another operation or the quota is in the way.

        One cluster-level operation at a time, or one operation per node pool
        (docs.cloud.google.com, GKE, troubleshooting concurrent operations).
        """
        running = self.running(cluster)
        for other in sorted(running, key=lambda operation: operation.pool != ""):
            if not pool or not other.pool or other.pool == pool:
                verb, name = VERBS.get(other.type, "updating"), cluster.split("/")[-1]
                raise ApiError(
                    "FAILED_PRECONDITION",
                    f"Operation {other.name} is currently {verb} cluster {name}. "
                    "Please wait and try again once it is done.",
                )
        if len(running) >= self.quota:
            raise ApiError(
                "RESOURCE_EXHAUSTED",
                f'Too many operations: cluster "{cluster.split("/")[-1]}" hits the concurrent operations '
                f"quota {self.quota}, please try again later.",
            )

    def start(
        self,
        kind: str,
        cluster: str,
        pool: str = "",
        change: Json | None = None,
        error: Json | None = None,
        seconds: float | None = None,
    ) -> Operation:
        """Record a new operation. With `error` it fails, after the time that GKE waits for capacity."""
        change = change or {}
        _, project, _, location, *_ = cluster.split("/")
        now = self.clock.now()
        if seconds is None:
            seconds = SECONDS[kind] + SECONDS_PER_HOST * int(change.get("hosts", 0))
        setback = self.trouble(kind, pool or cluster) or Setback()
        if error is not None:
            seconds = NO_CAPACITY_SECONDS
        elif setback.error is not None:
            error, seconds = setback.error, seconds if setback.seconds is None else setback.seconds
        suffix = hashlib.sha256(f"{len(self.all)} {kind} {cluster} {pool}".encode()).hexdigest()[:16]
        operation = Operation(
            name=f"operation-{int(now * 1000)}-{suffix[:8]}-{suffix[8:]}",
            project=project,
            location=location,
            type=kind,
            cluster=cluster,
            pool=pool,
            created=now,
            seconds=seconds,
            change=change,
            error=error,
            stuck=setback.stuck,
        )
        self.all.append(operation)
        return operation

    def due(self) -> list[Operation]:
        """Unfinished operations whose time is over, earliest first."""
        now = self.clock.now()
        found = [operation for operation in self.all if not operation.done and operation.ends <= now]
        return sorted(found, key=lambda operation: operation.ends)

    def next_due(self) -> float | None:
        """Emulated seconds until the next one is done; None when none runs."""
        ends = [operation.ends for operation in self.all if not operation.done and not operation.stuck]
        return max(min(ends) - self.clock.now(), 0.0) if ends else None

    def release(self) -> None:
        """End those that are stuck now, and well."""
        for operation in self.all:
            if operation.stuck:
                # a little less than until now: a sum of floats may lie beyond it
                operation.stuck, operation.seconds = False, self.clock.now() - operation.created - 0.001

    def dump(self) -> list[Json]:
        """All, as JSON."""
        return [asdict(operation) for operation in self.all]

    def load(self, rows: list[dict[str, Any]]) -> None:
        """The inverse of `dump`."""
        self.all = [Operation(**row) for row in rows]
