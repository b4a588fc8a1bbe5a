"""What the steps of one run share: the clients, the clock, and the cluster's Kubernetes once it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

from xpk.engine.tasks import Pause, Task, call
from xpk.engine.timing import Timing
from xpk.engine.wire import CloudApi, KubeApi
from xpk.errors import Fault, StateError, XpkError

Work: TypeAlias = Mapping[str, tuple[str, ...]]
"""Names of workloads by the node pool on which they run."""


class Context:
    """`cluster` is the full name projects/P/locations/L/clusters/C."""

    def __init__(self, cloud: CloudApi, cluster: str, timing: Timing) -> None:
        self.cloud = cloud
        self.cluster = cluster
        self.timing = timing
        self._kube: KubeApi | None = None
        self._refused: tuple[float, XpkError] | None = None
        self._lock = threading.Lock()
        self._work: tuple[float, Work] | None = None
        self._working = threading.Lock()

    @property
    def short_name(self) -> str:
        """The cluster's name alone."""
        return self.cluster.rpartition("/")[2]

    @property
    def location(self) -> str:
        """projects/P/locations/L."""
        return self.cluster.partition("/clusters/")[0]

    def kube(self) -> Task[KubeApi]:
        """The cluster's Kubernetes API. Raises StateError when there is no such cluster."""
        if self._kube is not None:
            return self._kube
        asked = self.timing.now()
        return (yield from call("gke", lambda: self.connect(asked)))

    def connect(self, asked: float) -> KubeApi:
        """The same, blocking; the cluster is read once for all steps that `asked` before there was an answer.

        Also an error is that of all of them: eight steps are no reason to ask eight times as often.
        """
        with self._lock:
            if self._kube is None:
                if self._refused is not None and asked <= self._refused[0]:
                    raise self._refused[1]
                self._kube = self._read()
            return self._kube

    def _read(self) -> KubeApi:
        try:
            cluster = self.cloud.gke.get_cluster(self.cluster)
        except XpkError as error:
            self._refused = (self.timing.now(), error)
            raise
        if cluster is None:
            fix = f"xpk cluster create --cluster {self.short_name} ..."
            raise StateError(Fault(f"cluster {self.short_name}", "no such cluster", fix))
        return self.cloud.kube(self.cluster, cluster)

    def work(self, asked: float, read: Callable[[], Work]) -> Work:
        """What runs on which pool, blocking; read once for all steps that `asked` before the read began."""
        with self._working:
            if self._work is None or self._work[0] < asked:
                began = self.timing.now()
                self._work = began, read()
            return self._work[1]

    def pause(self, since: float) -> Task[None]:
        """Wait one poll interval; `since` is when the wait as a whole began."""
        yield Pause(since)
