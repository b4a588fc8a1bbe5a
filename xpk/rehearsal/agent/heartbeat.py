"""Keeps served nodes Ready, as their kubelets would: the condition, and the lease that says so again."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from xpk.errors import XpkError
from xpk.rehearsal.agent.status import ready_node
from xpk.rehearsal.agent.surface import Setting

Json = dict[str, Any]
BEAT_SECONDS = 10.0
LEASE_SECONDS = 40
LEASES = "kube-node-lease"
"""The namespace of kubelets' leases (https://kubernetes.io/docs/concepts/architecture/leases/)."""


class Heartbeat:
    """Beats for the nodes that `nodes` gives. A node that goes away meanwhile is no error."""

    def __init__(self, setting: Setting, nodes: Callable[[], list[Json]]) -> None:
        self._setting = setting
        self._nodes = nodes
        self._new = threading.Event()
        self._ready: set[str] = set()

    def wake(self) -> None:
        """A node joined: beat for it now."""
        self._new.set()

    def run(self, stop: threading.Event) -> None:
        """Beat until `stop` is set; `wake` after that."""
        while not stop.is_set():
            self._new.clear()
            for node in self._nodes():
                with contextlib.suppress(XpkError):
                    self._beat(node)
            self._new.wait(BEAT_SECONDS)

    def _beat(self, node: Json) -> None:
        name, uid = str(node["metadata"]["name"]), str(node["metadata"]["uid"])
        if uid not in self._ready:
            status = {"conditions": [ready_node(self._setting.stamp())]}
            self._setting.kube.patch_status(f"/api/v1/nodes/{name}", status, uid=uid)
            self._ready.add(uid)
        self._setting.kube.apply(_lease(name, uid), force=True, field_manager="kubelet")


def _lease(name: str, uid: str) -> Json:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": LEASES, "ownerReferences": [owner]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now},
    }
