"""GKE resizes a control plane on its own, when many nodes have joined.

The operation's type is RESIZE_CLUSTER ("This operation type is initiated by GKE. These operations are often
performed preemptively", google.container.v1.Operation.Type). Nobody asked, so it starts beside what runs;
what is asked for meanwhile is refused. A zonal control plane is one machine and away all the time; of a
regional one the replicas are replaced one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from xpk.emulator.gke.names import ZONE
from xpk.emulator.gke.operations import Operation
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json

KIND = "RESIZE_CLUSTER"
REGIONAL_AWAY_SECONDS = 30.0
"""How long a regional control plane does not answer: the emulator's choice, Google promises none at all."""


@dataclass(slots=True)
class Resize:
    """One resize to come, after so many more node pools of a cluster (full or short name) are made."""

    cluster: str
    after_pools: int = 1
    seconds: float = 300.0
    away_seconds: float | None = None

    def means(self, name: str) -> bool:
        """Whether it is for a cluster of this full name."""
        return self.cluster in (name, name.split("/")[-1])

    def json(self) -> Json:
        """As it was asked for."""
        asked: Json = {"cluster": self.cluster, "after_pools": self.after_pools, "seconds": self.seconds}
        return asked if self.away_seconds is None else {**asked, "away_seconds": self.away_seconds}


class Resizes:
    """Those to come."""

    def __init__(self) -> None:
        self.all: list[Resize] = []

    def pool_made(self, store: Store, name: str) -> None:
        """A pool of a cluster came up: start what was waiting for it."""
        for resize in [resize for resize in self.all if resize.means(name)]:
            resize.after_pools -= 1
            if resize.after_pools <= 0:
                self.all.remove(resize)
                start(store, name, resize)


def start(store: Store, name: str, resize: Resize) -> None:
    """Begin to resize the control plane of a running cluster."""
    cluster, zonal = store.cluster(name), ZONE.fullmatch(name.split("/")[3])
    away = resize.away_seconds
    if away is None:
        away = resize.seconds if zonal else min(resize.seconds, REGIONAL_AWAY_SECONDS)
    cluster["status"] = "RECONCILING"
    store.touch(cluster)
    store.operations.start(KIND, name, change={"away": away}, seconds=resize.seconds)
    if away:
        store.open_world(name).close()


def away(store: Store, name: str) -> bool:
    """Whether the control plane of a cluster does not answer at this moment."""
    return any(_hides(operation, store.clock.now()) for operation in store.operations.running(name))


def _hides(operation: Operation, now: float) -> bool:
    return operation.type == KIND and now < operation.created + float(operation.change["away"])
