"""What a rehearsal can do to the hosts' world, and the embedded emulator's way to do it.

How a machine is taken away is the cloud's own matter, so each kind of cloud has a `World`.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Protocol

from xpk.errors import Fault, StateError


class World(Protocol):
    """The cloud below a cluster."""

    def lose_host(self, node: str) -> None:
        """Take a machine away. Another one comes in its place by itself."""
        ...

    def evict(self, namespace: str, pod: str) -> None:
        """Have a pod leave as for maintenance: SIGTERM first, and a mark that it was a disruption."""
        ...


class EmulatorWorld:
    """The embedded emulator's cloud."""

    def __init__(self, url: str, cluster: str) -> None:
        self._url = url
        self._cluster = cluster

    def lose_host(self, node: str) -> None:
        """Take a machine away; the emulator brings another after three of its minutes."""
        ask(self._url, "faults", {"world": "host-lost", "cluster": self._cluster, "node": node})

    def evict(self, namespace: str, pod: str) -> None:
        """Evict a pod by the Eviction API."""
        fault = {"world": "pod-evicted", "cluster": self._cluster, "namespace": namespace, "pod": pod}
        ask(self._url, "faults", fault)

    def hand_over(self, selector: Mapping[str, str]) -> None:
        """Pods on the hosts with these labels are somebody else's from now on."""
        ask(self._url, "agents", {"cluster": self._cluster, "selector": dict(selector)})


def ask(url: str, what: str, body: Mapping[str, object]) -> None:
    """Send something to the emulator's control routes. Raises StateError when it refuses."""
    request = urllib.request.Request(
        f"{url}/_emulator/{what}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    # No proxy: the emulator is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30):
            return
    except (urllib.error.URLError, OSError) as error:
        raise StateError(Fault("emulator", f"refused {what}: {error}", "run again")) from None
