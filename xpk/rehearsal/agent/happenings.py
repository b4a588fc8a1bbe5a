"""What an agent tells of a pod: events of the rehearsal, and Events of Kubernetes."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

from xpk.errors import XpkError
from xpk.rehearsal.agent import injected
from xpk.rehearsal.agent.surface import Setting
from xpk.rehearsal.record.events import Host, PodEnded, PodStarted

Json = dict[str, Any]


class PodReports:
    """Tells the start and the end of one pod's processes, each once a life."""

    def __init__(self, pod: Json, host: Host, setting: Setting) -> None:
        meta = pod["metadata"]
        self._pod = pod
        self._host = host
        self._setting = setting
        self._attempt = injected.attempt(pod)
        self._running = False
        self._name = str(meta["name"])
        self._namespace = str(meta.get("namespace", "default"))
        self.uid = str(meta["uid"])
        self.path = f"/api/v1/namespaces/{self._namespace}/pods/{self._name}"
        self._said: set[str] = set()

    def full_name(self) -> str:
        """The pod in a kubelet's words."""
        return f"{self._name}_{self._namespace}({self.uid})"

    def started(self) -> None:
        """The pod's command runs."""
        if not self._running:
            self._running = True
            clock = self._setting.clock()
            self._setting.emit(PodStarted(clock, self._host, self._name, self._attempt))

    def ended(self, code: int) -> None:
        """The pod's command is over."""
        if self._running:
            self._running = False
            clock = self._setting.clock()
            self._setting.emit(PodEnded(clock, self._host, self._name, self._attempt, code))

    def event(self, kind: str, reason: str, message: str) -> None:
        """Record an Event on the pod, each sentence once. It is no harm when that fails."""
        if message in self._said:
            return
        self._said.add(message)
        stamp = self._setting.stamp()
        manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{self._name[:230]}.{uuid.uuid4().hex[:16]}", "namespace": self._namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": self._name,
                "namespace": self._namespace,
                "uid": self.uid,
            },
            "type": kind,
            "reason": reason,
            "message": message[:1000],
            "count": 1,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "source": {"component": "kubelet", "host": self._pod["spec"].get("nodeName", "")},
            "reportingComponent": "kubelet",
            "reportingInstance": self._pod["spec"].get("nodeName", ""),
        }
        with contextlib.suppress(XpkError):
            self._setting.kube.create(manifest)
