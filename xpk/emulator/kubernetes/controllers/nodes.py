"""Node pools: their hosts join, are lost and replaced; a flexible pool grows when a pending pod would fit
on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.controllers import hosts, rules
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
REPAIR_SECONDS = 180.0
"""How long GKE's auto-repair takes to bring a host back."""
SCALE_UP_SECONDS = 60.0


class Nodes(Controller):
    """Keys: a name of a lost host; or ``+pool`` for a pool that may have to grow."""

    watches = ("pods",)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.pools: dict[str, Json] = {}
        self.missing: dict[str, Json] = {}
        """Lost hosts: pool, index and the moment of return."""
        self._growing: dict[str, float] = {}
        self._addresses = 0
        self._hosts: dict[str, tuple[str, int]] = {}
        """Pool and index of every host that ever joined."""

    def keys(self, change: Change) -> Iterable[str]:
        """Pools that are empty, when a pod is found to fit nowhere."""
        if change.type == "DELETED" or change.new["spec"].get("nodeName"):
            return []
        if not any(
            item.get("reason") == "Unschedulable" for item in change.new["status"].get("conditions", ())
        ):
            return []
        return [f"+{name}" for name, pool in self.pools.items() if self._can_grow(pool)]

    def initial(self) -> Iterable[str]:
        """The lost hosts."""
        return list(self.missing)

    def add_pool(self, pool: Json) -> None:
        """The pool's first hosts join at once. A pool that is there gets its new labels, taints and size."""
        known = pool["name"] in self.pools
        self.pools[pool["name"]] = pool
        if known:
            self._refresh(pool)
        self._join(pool, range(self._initial(pool)))
        self.queue.update(
            dict.fromkeys(f"+{name}" for name in self.pools if self._can_grow(self.pools[name]))
        )

    def _refresh(self, pool: Json) -> None:
        for name in self._of_pool(pool["name"]):
            key = Key("nodes", "", name)
            node = self.store.get(key)
            if node is None:
                continue
            if self._hosts[name][1] >= max(self._initial(pool), int(pool.get("maxNodeCount") or 0)):
                self.cluster.delete(key)
                continue
            zone = node["metadata"]["labels"]["topology.kubernetes.io/zone"]
            address = node["status"]["addresses"][0]["address"]
            new = hosts.node(pool, name, zone, address, self.cluster.stamp())
            meta = {**node["metadata"], "labels": new["metadata"]["labels"]}
            self.cluster.update(key, {**node, "metadata": meta, "spec": new["spec"]})

    def remove_pool(self, name: str) -> None:
        """All hosts of the pool leave."""
        self.pools.pop(name, None)
        self.missing = {host: lost for host, lost in self.missing.items() if lost["pool"] != name}
        for node in self._of_pool(name):
            self.cluster.delete(Key("nodes", "", node))

    def lose_host(self, name: str) -> None:
        """The host is gone; its replacement is ordered. Raises KeyError."""
        node = self.store.find("nodes", "", name)
        if node is None:
            raise KeyError(name)
        pool, index = self._hosts[name]
        self.missing[name] = {"pool": pool, "index": index, "due": self.cluster.now() + REPAIR_SECONDS}
        self.cluster.delete(Key("nodes", "", name))
        self.queue[name] = None

    def reconcile(self, key: str) -> float | None:
        """Bring back a lost host whose time has come; grow a pool."""
        if key.startswith("+"):
            return self._grow(key[1:])
        lost = self.missing.get(key)
        if lost is None:
            return None
        left = float(lost["due"]) - self.cluster.now()
        if left > 0:
            return left
        del self.missing[key]
        if lost["pool"] in self.pools:
            self._join(self.pools[lost["pool"]], [int(lost["index"])])
        return None

    def _grow(self, name: str) -> float | None:
        pool = self.pools.get(name)
        if pool is None or not self._can_grow(pool) or not self._wanted(pool):
            self._growing.pop(name, None)
            return None
        since = self._growing.setdefault(name, self.cluster.now())
        left = since + SCALE_UP_SECONDS - self.cluster.now()
        if left > 0:
            return left
        del self._growing[name]
        self._join(pool, range(int(pool["autoscaling"]["maxNodeCount"])))
        return None

    def _wanted(self, pool: Json) -> bool:
        zone = (pool.get("locations") or ["us-central1-a"])[0]
        model = hosts.node(pool, "model", zone, "", self.cluster.stamp())
        for pod in self.store.each("pods"):
            spec = pod["spec"]
            if spec.get("nodeName") or "deletionTimestamp" in pod["metadata"]:
                continue
            if rules.selects(spec, model) and rules.tolerates(spec, model) and rules.asks(spec, hosts.TPU):
                return True
        return False

    def _can_grow(self, pool: Json) -> bool:
        most = int((pool.get("autoscaling") or {}).get("maxNodeCount") or 0)
        return most > 0 and not self._of_pool(pool["name"])

    def _initial(self, pool: Json) -> int:
        zones = max(1, len(pool.get("locations") or ())) if not hosts.is_tpu(pool) else 1
        return int(pool.get("initialNodeCount") or 0) * zones

    def _of_pool(self, name: str) -> list[str]:
        return [
            node["metadata"]["name"]
            for node in self.store.each("nodes")
            if (node["metadata"].get("labels") or {}).get(hosts.POOL) == name
        ]

    def _join(self, pool: Json, indexes: Iterable[int]) -> None:
        zones = pool.get("locations") or ["us-central1-a"]
        for index in indexes:
            self._addresses += 1
            number = self._addresses
            name = hosts.host_name(self.cluster.name, pool, index)
            address = f"10.128.{number >> 8 & 255}.{number & 255}"
            node = hosts.node(pool, name, zones[index % len(zones)], address, self.cluster.stamp())
            self._hosts[name] = (pool["name"], index)
            self.cluster.create("nodes", node)

    def dump(self) -> Json:
        """State that is not in the store."""
        return {
            "pools": self.pools,
            "missing": self.missing,
            "addresses": self._addresses,
            "hosts": self._hosts,
        }

    def load(self, state: Json) -> None:
        """Take that state over."""
        self.pools, self.missing, self._addresses = state["pools"], state["missing"], state["addresses"]
        self._hosts = {name: (pool, int(index)) for name, (pool, index) in state["hosts"].items()}
