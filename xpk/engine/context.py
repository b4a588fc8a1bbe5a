"""What the steps of one run share: the clients, the clock, and the cluster's Kubernetes once it is there."""

from __future__ import annotations

import threading

from xpk.engine.tasks import Pause, Task, call
from xpk.engine.timing import Timing
from xpk.engine.wire import CloudApi, KubeApi
from xpk.errors import Fault, StateError


class Context:
    """`cluster` is the full name projects/P/locations/L/clusters/C."""

    def __init__(self, cloud: CloudApi, cluster: str, timing: Timing) -> None:
        self.cloud = cloud
        self.cluster = cluster
        self.timing = timing
        self._kube: KubeApi | None = None
        self._lock = threading.Lock()

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
        return (yield from call("gke", self.connect))

    def connect(self) -> KubeApi:
        """The same, blocking; the cluster is read once for all steps."""
        with self._lock:
            if self._kube is None:
                cluster = self.cloud.gke.get_cluster(self.cluster)
                if cluster is None:
                    fix = f"xpk cluster create --cluster {self.short_name} ..."
                    raise StateError(Fault(f"cluster {self.short_name}", "no such cluster", fix))
                self._kube = self.cloud.kube(self.cluster, cluster)
            return self._kube

    def pause(self, since: float) -> Task[None]:
        """Wait one poll interval; `since` is when the wait as a whole began."""
        yield Pause(since)
