"""One cluster's Kubernetes, as the server and the emulated GKE see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xpk.emulator.http import Request, Response
from xpk.emulator.iam import Access
from xpk.emulator.kubernetes.api import Api
from xpk.emulator.kubernetes.bootstrap import bootstrap
from xpk.emulator.kubernetes.cluster import Clock, Cluster
from xpk.emulator.kubernetes.controllers.assembly import Controllers
from xpk.emulator.kubernetes.controllers.definitions import CRDS
from xpk.emulator.kubernetes.store import Change

Json = dict[str, Any]


class KubernetesWorld:
    """Call every method with the server's lock held; only the stream of a watch is read without it.

    ``wake`` is called when a request has given the controllers work to do.
    """

    def __init__(self, clock: Clock, name: str, wake: Callable[[], None]) -> None:
        self.name = name
        self._wake = wake
        self._cluster = Cluster(clock, name)
        self._controllers = Controllers(self._cluster)
        self._api = Api(self._cluster)
        self._cluster.store.observers.insert(0, self._see)
        self._cluster.store.observers.append(self._controllers.observe)
        self.changes = 0
        bootstrap(self._cluster)

    def handle(self, request: Request) -> Response:
        """Answer one request to the API server; the path starts at ``/api``, ``/apis`` or ``/version``."""
        self._cluster.events.expire()
        before = self._cluster.store.version
        response = self._api.handle(request)
        if self._cluster.store.version != before:
            self._wake()
        return response

    def tick(self) -> float | None:
        """Run the controllers until they are stable at the present time.

        Returns emulated seconds until something is due next, None when nothing is.
        """
        self._cluster.events.expire()
        return self._controllers.run()

    def close(self) -> None:
        """End all watches."""
        self._api.close()

    def trust(self, project: str, access: Access) -> None:
        """From now on pods mount only the buckets on which their accounts have a role."""
        self._controllers.kubelet.trust(project, access)

    def add_pool(self, pool: Json) -> None:
        """Let the hosts of a node pool (GKE's NodePool, camelCase) join."""
        self._controllers.nodes.add_pool(pool)
        self._wake()

    def remove_pool(self, name: str) -> None:
        """Take a node pool's hosts away."""
        self._controllers.nodes.remove_pool(name)
        self._wake()

    def set_addon(self, name: str, enabled: bool) -> None:
        """Turn a GKE add-on on or off; ``HighScaleCheckpointing`` is the one that shows in Kubernetes."""
        self._controllers.mtc.set_addon(name, enabled)
        self._wake()

    def lose_host(self, node: str) -> None:
        """A host dies; another one takes its place some minutes later, with nothing in its memory.

        Raises KeyError.
        """
        self._controllers.nodes.lose_host(node)
        self._wake()

    def exit_pod(self, namespace: str, pod: str, code: int, evicted: bool = False) -> None:
        """A running pod's containers end, with a code; or it is evicted (DisruptionTarget).

        Raises KeyError.
        """
        self._controllers.kubelet.exit_pod(namespace, pod, code, evicted)
        self._wake()

    def finish(self, namespace: str, jobset: str, code: int) -> None:
        """All running pods of a JobSet end with a code. Raises KeyError when it has none."""
        self._controllers.kubelet.finish(namespace, jobset, code)
        self._wake()

    def serve_outside(self, labels: dict[str, str]) -> None:
        """Leave the pods of hosts with these labels to an agent that speaks the API."""
        self._controllers.kubelet.serve_outside(labels)
        self._wake()

    def objects(self) -> dict[str, list[Json]]:
        """All objects, by ``plural.group``."""
        store = self._cluster.store
        return {resource: store.all(resource) for resource in store.resources()}

    def dump(self) -> Json:
        """The whole state as JSON, for `load`."""
        store = self._cluster.store
        return {
            "objects": self.objects(),
            "version": store.version,
            "counter": self._cluster.counter,
            **self._controllers.dump(),
        }

    def load(self, state: Json) -> None:
        """Take over a state that `dump` gave, into a new world."""
        for crd in state["objects"].get(CRDS, ()):
            self._cluster.kinds.declare(crd)
        self._cluster.store.clear()
        self._cluster.store.restore(state["objects"], state["version"])
        self._cluster.counter = state["counter"]
        self._cluster.events.reload()
        self._controllers.load(state)
        self._wake()

    def _see(self, change: Change) -> None:
        self.changes += change.key.resource != "events"
        if change.key.resource == CRDS:
            if change.type == "DELETED":
                self._cluster.kinds.withdraw(change.key.name)
            elif change.old is None or change.old["spec"] != change.new["spec"]:
                self._cluster.kinds.declare(change.new)
