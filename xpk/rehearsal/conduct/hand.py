"""Puts faults in: on processes through the node agent, on machines and pods through the cloud below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, assert_never

from xpk.rehearsal.conduct.world import World
from xpk.rehearsal.record.events import Event, FaultKind, Host, Signalled

Json = dict[str, Any]


class Hosts(Protocol):
    """The part of the node agent that is needed here."""

    def node(self, host: Host) -> str | None: ...
    def pods(self, host: Host) -> list[Json]: ...
    def kill(self, host: Host) -> None: ...


class HostsHand:
    """Faults on one cluster's hosts."""

    def __init__(
        self, hosts: Hosts, world: World, tell: Callable[[Event], None], now: Callable[[], float]
    ) -> None:
        self._hosts = hosts
        self._world = world
        self._tell = tell
        self._now = now

    def strike(self, kind: FaultKind, hosts: tuple[Host, ...]) -> None:
        """Put a fault in. A host that has no pod or node just now is already struck."""
        match kind:
            case "process":
                for host in hosts:
                    self._hosts.kill(host)
            case "host" | "last-slice-host" | "slice" | "all-ramdisks":
                for node in [self._hosts.node(host) for host in hosts]:
                    if node is not None:
                        self._world.lose_host(node)
            case "sigterm":
                for host in hosts:
                    for pod in self._hosts.pods(host):
                        self._tell(Signalled(self._now(), host, "SIGTERM"))
                        self._world.evict(pod["metadata"]["namespace"], pod["metadata"]["name"])
            case _:
                assert_never(kind)
