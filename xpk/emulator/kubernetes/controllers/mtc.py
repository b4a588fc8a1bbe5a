"""GKE's multi-tier checkpointing add-on: its CustomResourceDefinition, and one driver DaemonSet per
configuration.

As the published controller (GoogleCloudPlatform/high-scale-checkpointing-controller) behaves: a
configuration is read once; later edits of its spec do nothing; a finalizer holds it until its driver is
gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.kubernetes import crds
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.controllers import driver, rules
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.daemonsets import DAEMONSETS
from xpk.emulator.kubernetes.controllers.definitions import CRDS
from xpk.emulator.kubernetes.controllers.driver import CONFIGURATIONS, NAMESPACE
from xpk.emulator.kubernetes.controllers.mounts import DRIVER_LABELS, FUSE_DRIVER, MTC_DRIVER
from xpk.emulator.kubernetes.store import Change, Key
from xpk.emulator.kubernetes.validation import is_quantity

Json = dict[str, Any]
ADDON = "HighScaleCheckpointing"
FUSE_ADDON = "GcsFuseCsiDriver"
FINALIZER = "checkpointing.gke.io/checkpoint-target-protection"
COMPONENT = "high-scale-checkpointing-controller"
INSTALL_SECONDS = 30.0
RETRY_SECONDS = 10.0


class Mtc(Controller):
    """Keys: names of configurations; ``+`` for the add-on itself."""

    watches = (CONFIGURATIONS, DAEMONSETS, "pods", "nodes")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.enabled_at: float | None = None

    def set_addon(self, name: str, enabled: bool) -> None:
        """The add-on's objects appear some time after it is turned on, and go when it is turned off."""
        if name == FUSE_ADDON:
            self._set_fuse(enabled)
        if name != ADDON:
            return
        if enabled and self.enabled_at is None:
            self.enabled_at = self.cluster.now()
            self.queue["+"] = None
        elif not enabled and self.enabled_at is not None:
            self.enabled_at = None
            self.cluster.delete(Key(CRDS, "", crds.checkpointing_crd()["metadata"]["name"]))
            self.cluster.delete(Key("csidrivers.storage.k8s.io", "", MTC_DRIVER))

    def _set_fuse(self, enabled: bool) -> None:
        """Cloud Storage FUSE, which the checkpointing driver needs too: its driver is there at once."""
        if enabled:
            spec = {"attachRequired": False, "podInfoOnMount": True}
            modes = {"volumeLifecycleModes": ["Persistent", "Ephemeral"]}
            body = {"metadata": {"name": FUSE_DRIVER}, "spec": {**spec, **modes}}
            self.cluster.create("csidrivers.storage.k8s.io", body)
        else:
            self.cluster.delete(Key("csidrivers.storage.k8s.io", "", FUSE_DRIVER))

    def keys(self, change: Change) -> Iterable[str]:
        """The configuration; the one whose driver it is."""
        if change.key.resource == CONFIGURATIONS:
            return (change.key.name,)
        if change.key.resource == "nodes" or change.key.namespace != NAMESPACE:
            return ()
        name = (change.new["metadata"].get("labels") or {}).get(driver.CONFIG_LABEL)
        return (name,) if name else ()

    def initial(self) -> Iterable[str]:
        """All configurations, and the add-on when it is still being installed."""
        yield from (item["metadata"]["name"] for item in self.store.each(CONFIGURATIONS))
        if self.enabled_at is not None:
            yield "+"

    def reconcile(self, key: str) -> float | None:
        """One step."""
        if key == "+":
            return self._install()
        item = self.store.find(CONFIGURATIONS, "", key)
        if item is None:
            return None
        here = Key(CONFIGURATIONS, "", key)
        daemon = Key(DAEMONSETS, NAMESPACE, driver.daemonset_name(item))
        if "deletionTimestamp" in item["metadata"]:
            return self._remove(here, daemon, key)
        if FINALIZER not in item["metadata"].get("finalizers", ()):
            finalizers = [*item["metadata"].get("finalizers", ()), FINALIZER]
            item = self.cluster.update(
                here, {**item, "metadata": {**item["metadata"], "finalizers": finalizers}}
            )
        if self.store.get(daemon) is None:
            fault = self._fault(item)
            if fault:
                self.cluster.event(item, "Warning", fault[0], fault[1], COMPONENT)
                return RETRY_SECONDS
            self.cluster.create(DAEMONSETS, driver.daemonset(item))
        self._count(here, daemon)
        return None

    def _install(self) -> float | None:
        if self.enabled_at is None:
            return None
        left = self.enabled_at + INSTALL_SECONDS - self.cluster.now()
        if left > 0:
            return left
        space = {"name": NAMESPACE, "labels": {"kubernetes.io/metadata.name": NAMESPACE}}
        self.cluster.create("namespaces", {"metadata": space, "spec": {"finalizers": ["kubernetes"]}})
        account = {"name": "gke-checkpointing-multitier-node", "namespace": NAMESPACE}
        self.cluster.create("serviceaccounts", {"metadata": account})
        spec = {"attachRequired": False, "podInfoOnMount": True, "volumeLifecycleModes": ["Ephemeral"]}
        self.cluster.create("csidrivers.storage.k8s.io", {"metadata": {"name": MTC_DRIVER}, "spec": spec})
        self.cluster.create(CRDS, crds.checkpointing_crd())
        return None

    def _fault(self, item: Json) -> tuple[str, str] | None:
        """(reason, message) of what keeps the driver from being made."""
        spec = item.get("spec") or {}
        if not spec.get("cloudStorageBucketName"):
            return "FailedCreate", "cloudStorageBucketName need to be specified"
        size = spec.get("inMemoryVolumeSize")
        if not size:
            return "FailedCreate", "inMemoryVolumeSize need to be specified"
        if not is_quantity(size):
            return (
                "FailedCreate",
                f"unable to parse inMemoryVolumeSize {size!r}: quantities must match the regular expression",
            )
        for option in spec.get("replicationOptions") or ():
            if option != "verbose-logs":
                return "FailedCreate", f"bad replicationOptions: {option}"
        if self._overlaps(item):
            name = item["metadata"]["name"]
            return "Conflict", f"CheckpointConfiguration {name} overlaps with existing configuration"
        return None

    def _overlaps(self, item: Json) -> bool:
        """Whether another configuration's driver is on a node that this one selects.

        Tolerations do not count.
        """
        selector = {"nodeSelector": driver.node_selector(item)}
        for pod in self.store.each("pods", NAMESPACE):
            labels = pod["metadata"].get("labels") or {}
            if (
                labels.get(driver.CONFIG_LABEL) == item["metadata"]["name"]
                or not DRIVER_LABELS.items() <= labels.items()
            ):
                continue
            node = self.store.find("nodes", "", pod["spec"].get("nodeName", ""))
            if node is not None and rules.selects(selector, node):
                return True
        return False

    def _remove(self, here: Key, daemon: Key, name: str) -> float | None:
        """Delete the driver, wait until its pods are gone, and let the configuration go."""
        there = self.store.get(daemon)
        if there is not None and "deletionTimestamp" not in there["metadata"]:
            self.cluster.delete(daemon, "Foreground")
        left = any(
            (pod["metadata"].get("labels") or {}).get(driver.CONFIG_LABEL) == name
            for pod in self.store.each("pods", NAMESPACE)
        )
        if there is None and not left:
            self.cluster.finalize(here, FINALIZER)
        return None

    def _count(self, here: Key, daemon: Key) -> None:
        status = (self.store.get(daemon) or {}).get("status", {})
        item = self.store.get(here)
        if item is not None and status:
            counters = {
                "currentDriverPods": status.get("currentNumberScheduled", 0),
                "misscheduledDriverPods": status.get("numberMisscheduled", 0),
                "desiredDriverPods": status.get("desiredNumberScheduled", 0),
                "readyDriverPods": status.get("numberReady", 0),
            }
            self.cluster.set_status(here, counters)
