"""A Kubernetes API and containers that only take notes, for the agent's parts."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xpk.cloud.errors import NotFound
from xpk.cloud.kube import Listing, Opened, Propagation
from xpk.errors import Fault, XpkError
from xpk.rehearsal.agent.surface import Setting, Times
from xpk.rehearsal.agent.volumes import NotMounted, Source
from xpk.rehearsal.hosts.launch import Launch, StartError
from xpk.rehearsal.record.events import Event, Host

Json = dict[str, Any]
SOON = Times(mount=0.01, backoff=0.01, longest=0.02, again=0.01)
_PATIENCE = 30.0


def wait(true: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < end, f"not so: {what}"
        time.sleep(0.002)


def make_pod(name: str = "p1", *, node: str = "n1", **spec: Any) -> Json:
    """A pod of one container on a node, as the API has it."""
    container = {"name": "c", "image": "i:1", "command": ["run"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": "1",
        },
        "spec": {"nodeName": node, "restartPolicy": "Never", "containers": [container], **spec},
        "status": {"phase": "Pending"},
    }


def being_deleted(pod: Json, grace: int) -> Json:
    """The pod once its deletion was asked for."""
    more = {"deletionTimestamp": "2026-01-01T00:00:01Z", "deletionGracePeriodSeconds": grace}
    return {**pod, "metadata": {**pod["metadata"], **more}}


@dataclass
class FakeKube:
    """Keeps the statuses that are written, and answers watches from queues."""

    objects: dict[str, Json] = field(default_factory=dict)
    written: list[tuple[str, Json]] = field(default_factory=list)
    deleted: list[tuple[str, int | None, str]] = field(default_factory=list)
    created: list[Json] = field(default_factory=list)
    applied: list[Json] = field(default_factory=list)
    refusals: list[XpkError] = field(default_factory=list)
    lists: dict[str, list[Json]] = field(default_factory=dict)
    streams: dict[str, queue.SimpleQueue[tuple[str, Json] | XpkError | None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """Statuses are taken while it is set."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set once a status waits at the gate."""

    def __post_init__(self) -> None:
        self.gate.set()

    def get(self, path: str) -> Json | None:
        return self.objects.get(path)

    def list_versioned(self, path: str) -> Listing:
        self.asked.append(f"list {path}")
        return Listing(list(self.lists.get(path, [])), "10")

    def watch(
        self, path: str, *, resource_version: str, timeout_seconds: int, opened: Opened | None = None
    ) -> Generator[tuple[str, Json], None, None]:
        self.asked.append(f"watch {path} {resource_version}")
        stream = self.stream(path)
        if opened is not None:
            opened(lambda: stream.put(None))
        while (item := stream.get()) is not None:
            if isinstance(item, XpkError):
                raise item
            yield item

    def stream(self, path: str) -> queue.SimpleQueue[tuple[str, Json] | XpkError | None]:
        """What the watch of a collection will say; None ends it."""
        return self.streams.setdefault(path, queue.SimpleQueue())

    def create(self, manifest: Json) -> Json:
        self.created.append(manifest)
        return manifest

    def apply(self, manifest: Json, *, force: bool = False, field_manager: str = "xpk") -> Json:
        self.applied.append(manifest)
        return manifest

    def patch_status(self, path: str, status: Json, *, uid: str = "") -> Json:
        if not self.gate.is_set():
            self.held.set()
            self.gate.wait(_PATIENCE)
        if self.refusals:
            raise self.refusals.pop(0)
        self.written.append((path, status))
        return {"status": status}

    def delete(
        self,
        path: str,
        *,
        propagation: Propagation = "Foreground",
        grace_seconds: int | None = None,
        uid: str = "",
    ) -> bool:
        self.deleted.append((path, grace_seconds, uid))
        return True

    @property
    def phases(self) -> list[str]:
        """The phases of pods as written."""
        return [str(status["phase"]) for path, status in list(self.written) if "/pods/" in path]

    @property
    def last(self) -> Json:
        """The status that was written last."""
        return self.written[-1][1]

    def state(self) -> Json:
        """The state of the first container as written last."""
        found: Json = self.last["containerStatuses"][0]["state"]
        return found


def gone(what: str = "pod") -> NotFound:
    """What the API says of something that is not there."""
    return NotFound(Fault(what, "not found", "none"))


_PIDS = itertools.count(1_000_000_000)


class FakeProcess:
    """A container that ends when the test says so; `deaf`: SIGTERM does nothing to it."""

    def __init__(self, launch: Launch, *, deaf: bool) -> None:
        self.launch = launch
        self.pid = next(_PIDS)
        self.signals: list[str] = []
        self._deaf = deaf
        self._code: int | None = None
        self._over = threading.Event()

    def exit(self, code: int) -> None:
        """It ends by itself."""
        if self._code is None:
            self._code = code
        self._over.set()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int | None:
        self._over.wait(timeout)
        return self._code

    def terminate(self) -> None:
        self.signals.append("SIGTERM")
        if not self._deaf:
            self.exit(143)

    def kill(self) -> None:
        self.signals.append("SIGKILL")
        self.exit(137)


@dataclass
class FakeLauncher:
    """Starts `FakeProcess`es; `failing` start errors come first."""

    deaf: bool = False
    failing: list[str] = field(default_factory=list)
    started: list[FakeProcess] = field(default_factory=list)

    def start(self, launch: Launch) -> FakeProcess:
        if self.failing:
            raise StartError(self.failing.pop(0))
        self.started.append(FakeProcess(launch, deaf=self.deaf))
        return self.started[-1]

    @property
    def latest(self) -> FakeProcess:
        """The container that was started last."""
        return self.started[-1]


@dataclass
class FakeVolumes:
    """Notes what is mounted and unmounted."""

    folder: Path
    failing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def mount(self, pod: Json, host: Host) -> dict[str, Source]:
        if self.failing:
            raise NotMounted(self.failing.pop(0))
        self.notes.append(f"mount {pod['metadata']['name']}")
        return {}

    def unmount(self, pod: Json, host: Host) -> None:
        self.notes.append(f"unmount {pod['metadata']['name']}")

    def own(self, pod: Json, name: str, *, memory: bool = False) -> Path:
        path = self.folder / str(pod["metadata"]["uid"]) / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def host_lost(self, host: Host) -> None:
        self.notes.append(f"lost {host}")

    def bucket(self, name: str) -> Path:
        return self.folder / name


@dataclass
class Bench:
    """All of them, and the setting that is made of them."""

    folder: Path
    kube: FakeKube = field(default_factory=FakeKube)
    launcher: FakeLauncher = field(default_factory=FakeLauncher)
    events: list[Event] = field(default_factory=list)
    volumes: FakeVolumes = field(init=False)
    setting: Setting = field(init=False)

    def __post_init__(self) -> None:
        self.volumes = FakeVolumes(self.folder)
        self.setting = Setting(
            kube=self.kube,
            launcher=self.launcher,
            volumes=self.volumes,
            logs=self.folder,
            on_event=self.events.append,
            clock=lambda: 1.5,
            times=SOON,
        )
