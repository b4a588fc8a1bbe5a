"""Where the pods are: an index that the scheduler, the kubelets and the driver share, kept up by each
change.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from xpk.emulator.kubernetes.controllers import rules
from xpk.emulator.kubernetes.controllers.hosts import POOL
from xpk.emulator.kubernetes.store import Change, Key, Store

Json = dict[str, Any]
JOB_KEY = "jobset.sigs.k8s.io/job-key"
TERMINAL = ("Failed", "Succeeded")


class Placement:
    """``pods``: keys by node.

    ``used``: what running pods take of a node. ``keys``: job keys present in a pool.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.pods: dict[str, dict[Key, None]] = {}
        self.used: dict[str, Counter[str]] = {}
        self.ports: dict[str, Counter[tuple[str, int]]] = {}
        self.keys: dict[str, Counter[str]] = {}
        self.pools: dict[str, dict[str, None]] = {}
        """Names of the nodes of a pool; those without one under the empty name."""
        self.capacity: dict[str, dict[str, Decimal]] = {}
        self._pool: dict[str, str] = {}

    def observe(self, change: Change) -> None:
        """One change of the store."""
        if change.key.resource == "nodes":
            self._node(change)
        elif change.key.resource == "pods":
            if (
                change.old is not None
                and change.type != "DELETED"
                and _place(change.old) == _place(change.new)
            ):
                return
            if change.old is not None:
                self._account(change.key, change.old, -1)
            if change.type != "DELETED":
                self._account(change.key, change.new, 1)

    def reload(self) -> None:
        """Count all again."""
        self.__init__(self._store)  # type: ignore[misc]
        for resource in ("nodes", "pods"):
            for item in self._store.each(resource):
                meta = item["metadata"]
                self.observe(
                    Change("ADDED", Key(resource, meta.get("namespace", ""), meta["name"]), None, item, 0)
                )

    def _node(self, change: Change) -> None:
        name = change.key.name
        if change.old is not None:
            self.pools.get(self.pool_of(change.old), {}).pop(name, None)
            self.capacity.pop(name, None)
        if change.type != "DELETED":
            self._pool[name] = self.pool_of(change.new)
            self.pools.setdefault(self._pool[name], {})[name] = None
            self.capacity[name] = rules.allocatable(change.new)

    def left(self, node: str, resource: str) -> Decimal:
        """What of a resource no running pod of a node takes."""
        used = self.used.get(node)
        return self.capacity[node].get(resource, Decimal(0)) - (used[resource] if used else 0)

    def pool_of(self, node: Json) -> str:
        """The node pool's name."""
        return str((node["metadata"].get("labels") or {}).get(POOL, ""))

    def _account(self, key: Key, pod: Json, sign: int) -> None:
        node = pod["spec"].get("nodeName")
        if not node:
            return
        here = self.pods.setdefault(node, {})
        if sign > 0:
            here[key] = None
        else:
            here.pop(key, None)
        if pod["status"].get("phase") in TERMINAL:
            return
        used = self.used.setdefault(node, Counter())
        for resource, amount in rules.requests(pod["spec"]).items():
            used[resource] += sign * amount  # type: ignore[assignment]
        ports = self.ports.setdefault(node, Counter())
        for port in rules.host_ports(pod["spec"]):
            ports[port] += sign
        job_key = (pod["metadata"].get("labels") or {}).get(JOB_KEY)
        if job_key and node in self._pool:
            self.keys.setdefault(self._pool[node], Counter())[job_key] += sign


def _place(pod: Json) -> tuple[str, bool]:
    """All that can change of what a pod takes: where it is, and whether it has ended."""
    return pod["spec"].get("nodeName", ""), pod["status"].get("phase") in TERMINAL
