"""What the agent needs of others: the cluster's API, a launcher of processes, clocks and places."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from xpk.cloud.kube import Listing, Opened, Propagation
from xpk.rehearsal.agent.recipe import Given
from xpk.rehearsal.agent.substitution import Once, Substitution
from xpk.rehearsal.agent.volumes import Volumes
from xpk.rehearsal.hosts.launch import Launch
from xpk.rehearsal.record.events import Event, Host

Json = dict[str, Any]
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class KubeApi(Protocol):
    """The part of `xpk.cloud.kube.Kube` that a kubelet needs."""

    def get(self, path: str) -> Json | None: ...
    def list_versioned(self, path: str) -> Listing: ...
    def watch(
        self, path: str, *, resource_version: str, timeout_seconds: int, opened: Opened | None = None
    ) -> Generator[tuple[str, Json], None, None]: ...
    def create(self, manifest: Json) -> Json: ...
    def apply(self, manifest: Json, *, force: bool = False, field_manager: str = ...) -> Json: ...
    def patch_status(self, path: str, status: Json, *, uid: str = "") -> Json: ...
    def delete(
        self,
        path: str,
        *,
        propagation: Propagation = ...,
        grace_seconds: int | None = None,
        uid: str = "",
    ) -> bool: ...


class Process(Protocol):
    """A container that was started, as `xpk.rehearsal.hosts.container.Running`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Starter(Protocol):
    """Starts containers, as `xpk.rehearsal.hosts.container.Launcher`. Raises StartError."""

    def start(self, launch: Launch, /) -> Process: ...


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that a kubelet waits; the defaults are a kubelet's own.

    `mount`: before a volume or a configuration is tried again. `backoff`: before the second restart of a
    container, twice as long each time up to `longest`. `again`: before a refused write is tried again.
    """

    mount: float = 10.0
    backoff: float = 10.0
    longest: float = 300.0
    again: float = 1.0


class Stamps:
    """Times as Kubernetes writes them, never behind those that were seen in the cluster.

    An emulated cluster's clock may be far ahead of this machine's: what happens after something else
    shall be seen to.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._ahead = timedelta(0)

    def __call__(self) -> str:
        """The time now."""
        return (self._now() + self._ahead).strftime(_STAMP)

    def hear(self, pod: Mapping[str, Any]) -> None:
        """Take note of a pod's times."""
        texts = [pod["metadata"].get("creationTimestamp")]
        texts += [one.get("lastTransitionTime") for one in (pod.get("status") or {}).get("conditions") or ()]
        for text in filter(None, texts):
            seen = datetime.strptime(str(text), _STAMP).replace(tzinfo=UTC)
            self._ahead = max(self._ahead, seen - self._now())


@dataclass(frozen=True, slots=True)
class Setting:
    """What all pods of an agent share.

    `given` says what a host gives to its containers; `clock` gives the `t` of events, `stamp` the times
    that are written to Kubernetes. `address` is every host's and pod's: this machine's own.
    """

    kube: KubeApi
    launcher: Starter
    volumes: Volumes
    logs: Path
    on_event: Callable[[Event], None]
    given: Callable[[Json, Host], Given] = lambda pod, host: Given()
    tell: Callable[[Substitution], None] = field(default_factory=lambda: Once(lambda _: None))
    clock: Callable[[], float] = time.monotonic
    stamp: Stamps = field(default_factory=Stamps)
    address: str = "127.0.0.1"
    times: Times = field(default_factory=Times)
    failures: list[str] = field(default_factory=list)
    """What went wrong in the agent itself, in its own words."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def emit(self, event: Event) -> None:
        """Tell an event; one at a time."""
        with self._lock:
            self.on_event(event)

    def read(self, plural: str, namespace: str, name: str) -> Json | None:
        """A ConfigMap or a Secret."""
        return self.kube.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")

    def job_size(self, pod: Mapping[str, Any]) -> int:
        """How many pods the pod's Job runs at once: 1 for a pod of no Job."""
        metadata = pod["metadata"]
        for owner in metadata.get("ownerReferences") or ():
            if owner.get("kind") == "Job":
                path = f"/apis/batch/v1/namespaces/{metadata['namespace']}/jobs/{owner['name']}"
                return int(((self.kube.get(path) or {}).get("spec") or {}).get("parallelism") or 1)
        return 1
