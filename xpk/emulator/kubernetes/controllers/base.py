"""What a controller is, and the queue that runs all of them until nothing is left to do."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable, Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster, controller_of
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
DEPLOYMENTS = "deployments.apps"
JOBSETS = "jobsets.jobset.x-k8s.io"
ROUNDS = 10_000
"""More rounds than any settled world takes: a guard against two controllers that undo each other's work."""


class Controller:
    """Reconciles keys. A subclass names what it watches, and which of its keys a change concerns."""

    watches: tuple[str, ...] = ()

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.queue: dict[Hashable, None] = {}

    def keys(self, change: Change) -> Iterable[Hashable]:
        """The keys to look at again after a change of a watched kind."""
        return (change.key,)

    def reconcile(self, key: Any) -> float | None:
        """Bring one key nearer to what it should be.

        Returns emulated seconds until it is due again, if it is.
        """
        raise NotImplementedError

    def initial(self) -> Iterable[Hashable]:
        """The keys to look at after the world was loaded."""
        for resource in self.watches:
            for item in list(self.store.each(resource)):
                yield from self.keys(_as_found(self.cluster, resource, item))


def keys_of_jobsets(cluster: Cluster, change: Change, controller: str) -> Iterable[Key]:
    """The JobSets to look at after a change: of itself, of what it owns, or of the controller's Deployment.

    `controller` is the namespace of that Deployment; when it comes up, all JobSets are looked at.
    """
    if change.key.resource == JOBSETS:
        return (change.key,)
    if change.key.resource == DEPLOYMENTS:
        if change.key.namespace != controller:
            return ()
        return [cluster.key(JOBSETS, item) for item in cluster.store.each(JOBSETS)]
    reference = controller_of(change.new)
    if reference is not None and reference["kind"] == "JobSet":
        return (Key(JOBSETS, change.key.namespace, reference["name"]),)
    return ()


def _as_found(cluster: Cluster, resource: str, item: Json) -> Change:
    return Change("ADDED", cluster.key(resource, item), None, item, cluster.store.version)


class Manager:
    """Runs controllers: first all that changes ask for, in the order of the controllers, then what is due
    by time.
    """

    def __init__(self, cluster: Cluster, controllers: list[Controller]) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._watching: dict[str, list[Controller]] = {}
        for controller in controllers:
            for resource in controller.watches:
                self._watching.setdefault(resource, []).append(controller)
        self._due: dict[tuple[int, Hashable], float] = {}
        self._heap: list[tuple[float, int, int, Hashable]] = []
        self._order = itertools.count()

    def observe(self, change: Change) -> None:
        """One change of the store: note who has to look at what."""
        for controller in self._watching.get(change.key.resource, ()):
            for key in controller.keys(change):
                controller.queue[key] = None

    def reload(self) -> None:
        """Look at everything."""
        for controller in self._controllers:
            controller.queue.update(dict.fromkeys(controller.initial()))

    def run(self) -> float | None:
        """Work until stable at the present time.

        Returns emulated seconds until the next due work, None if there is none.
        """
        for _ in range(ROUNDS):
            if not self._drain() and not self._wake():
                break
        while self._heap:
            moment, _, index, key = self._heap[0]
            if self._due.get((index, key)) == moment:
                return max(0.0, moment - self._cluster.now())
            heapq.heappop(self._heap)
        return None

    def _drain(self) -> bool:
        worked = False
        for index, controller in enumerate(self._controllers):
            batch, controller.queue = controller.queue, {}
            for key in batch:
                worked = True
                self._due.pop((index, key), None)
                delay = controller.reconcile(key)
                if delay is not None:
                    self._later(index, key, self._cluster.now() + delay)
        return worked

    def _later(self, index: int, key: Hashable, moment: float) -> None:
        self._due[index, key] = moment
        heapq.heappush(self._heap, (moment, next(self._order), index, key))

    def _wake(self) -> bool:
        """Queue what is due by now."""
        now = self._cluster.now()
        woken = False
        while self._heap and self._heap[0][0] <= now:
            moment, _, index, key = heapq.heappop(self._heap)
            if self._due.get((index, key)) == moment:
                del self._due[index, key]
                self._controllers[index].queue[key] = None
                woken = True
        return woken
