"""What the Google half asks of one cluster's Kubernetes half (`kubernetes/world.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from xpk.emulator.clock import Clock
from xpk.emulator.http import Json, Request, Response
from xpk.emulator.iam import Access

Addon = Literal["HighScaleCheckpointing", "GcsFuseCsiDriver"]


class World(Protocol):
    """The Kubernetes API, nodes and controllers of one cluster.

    Every method is called with the cloud's lock held; only a watch's stream is read without it.
    `wake` says that a tick has work to do.
    """

    @property
    def changes(self) -> int:
        """How often something but an event was written: what is tried in vain does not count."""

    def handle(self, request: Request, /) -> Response:
        """Answer one request; its path starts at the API server's root (`/api/v1/nodes`)."""

    def tick(self) -> float | None:
        """Do what is due; emulated seconds until more is due, None when idle."""

    def trust(self, project: str, access: Access, /) -> None:
        """From now on this says which of the project's Kubernetes accounts may use which bucket."""

    def add_pool(self, pool: Json, /) -> None:
        """Nodes of a node pool join. `initialNodeCount` and `maxNodeCount` are always there."""

    def remove_pool(self, name: str, /) -> None:
        """Nodes of a node pool leave; a pool without nodes is no error."""

    def set_addon(self, name: Addon, enabled: bool, /) -> None:
        """An add-on was switched."""

    def lose_host(self, node: str, /) -> None:
        """A host dies with everything on it. Raises KeyError for an unknown node."""

    def exit_pod(self, namespace: str, pod: str, code: int, evicted: bool = False, /) -> None:
        """A pod's containers end, or it is evicted. Raises KeyError for an unknown pod."""

    def finish(self, namespace: str, jobset: str, code: int, /) -> None:
        """All pods of a JobSet end. Raises KeyError when it has none."""

    def serve_outside(self, labels: dict[str, str], /) -> None:
        """Pods on the hosts with these labels are run by somebody else, but for those of DaemonSets."""

    def close(self) -> None:
        """End all watches."""

    def dump(self) -> Json:
        """Everything, as JSON."""

    def load(self, state: Json, /) -> None:
        """The inverse of `dump`."""


WorldFactory = Callable[[Clock, str, Callable[[], None]], World]
