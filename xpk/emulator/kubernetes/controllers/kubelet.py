"""The kubelets: pods on nodes start, end and go away.

No container ever runs: who wants one to end says so. Some hosts may be served from outside, by an agent
that speaks the API as a kubelet does: of their pods only those of DaemonSets are run here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xpk.emulator.iam import Access, Account
from xpk.emulator.kubernetes.cluster import Cluster, controller_of, held
from xpk.emulator.kubernetes.controllers import mounts
from xpk.emulator.kubernetes.controllers.base import Controller
from xpk.emulator.kubernetes.controllers.mounts import is_driver, ready
from xpk.emulator.kubernetes.controllers.placement import TERMINAL, Placement
from xpk.emulator.kubernetes.store import Change, Key

Json = dict[str, Any]
START_SECONDS = 5.0
STOP_SECONDS = 1.0
MOUNT_RETRY_SECONDS = 30.0
KILLED = 143


class Kubelet(Controller):
    """Keys are keys of pods on a node."""

    watches = ("pods",)

    def __init__(self, cluster: Cluster, placement: Placement) -> None:
        super().__init__(cluster)
        self._placement = placement
        self._addresses = 0
        self._project = ""
        self._access: Access | None = None
        self.agents: list[dict[str, str]] = []
        """Labels of the hosts that are served from outside."""

    def serve_outside(self, labels: dict[str, str]) -> None:
        """Leave the pods on hosts with all these labels alone from now on, but for those of DaemonSets."""
        if labels not in self.agents:
            self.agents.append(labels)

    def is_outside(self, pod: Json) -> bool:
        """Whether a pod is run by an agent outside."""
        node = self.store.find("nodes", "", pod["spec"].get("nodeName") or "") if self.agents else None
        if node is None:
            return False
        there = (node["metadata"].get("labels") or {}).items()
        owner = controller_of(pod)
        return any(agent.items() <= there for agent in self.agents) and (
            owner is None or owner["kind"] != "DaemonSet"
        )

    def trust(self, project: str, access: Access) -> None:
        """Ask this for the right to a bucket; without it every pod has all rights."""
        self._project, self._access = project, access

    def keys(self, change: Change) -> Iterable[Key]:
        """The pod; and its neighbours when it is a driver that they may wait for."""
        node = change.new["spec"].get("nodeName")
        if not node or change.type == "DELETED":
            return
        yield change.key
        if is_driver(change.new) and ready(change.new):
            yield from self._placement.pods.get(node, ())

    def reconcile(self, key: Key) -> float | None:
        """Move one pod along its way."""
        pod = self.store.get(key)
        if pod is None or self.store.find("nodes", "", pod["spec"]["nodeName"]) is None:
            return None
        if self.is_outside(pod):
            return None
        if "deletionTimestamp" in pod["metadata"]:
            return self._stop(key, pod)
        if pod["status"].get("phase", "Pending") == "Pending":
            return self._start(key, pod)
        return None

    def _start(self, key: Key, pod: Json) -> float | None:
        scheduled = next(
            (c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled"), None
        )
        since = scheduled["lastTransitionTime"] if scheduled else pod["metadata"]["creationTimestamp"]
        left = self.cluster.seconds(since) + START_SECONDS - self.cluster.now()
        if left > 0:
            if "containerStatuses" not in pod["status"]:
                self.cluster.set_status(key, {**pod["status"], "containerStatuses": _waiting(pod)})
            return left
        message = mounts.fault(self.store, self._placement, pod, self._denied)
        if message:
            self.cluster.event(pod, "Warning", "FailedMount", message, "kubelet")
            return MOUNT_RETRY_SECONDS
        self._run(key, pod)
        return None

    def _run(self, key: Key, pod: Json) -> None:
        node = self.store.find("nodes", "", pod["spec"]["nodeName"]) or {}
        # a node that a user made by hand may have none
        host = next(iter(item["address"] for item in node.get("status", {}).get("addresses") or ()), "")
        self._addresses += 1
        address = (
            host
            if pod["spec"].get("hostNetwork")
            else f"10.{8 + (self._addresses >> 16)}.{_two(self._addresses)}"
        )
        now = self.cluster.stamp()
        conditions = [
            {"type": name, "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
            for name in (
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled",
            )
        ]
        state = {"running": {"startedAt": now}}
        status = {
            "phase": "Running",
            "conditions": conditions,
            "containerStatuses": [_container(c, state, True, 0) for c in pod["spec"]["containers"]],
            "hostIP": host,
            "hostIPs": [{"ip": host}] if host else [],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": now,
        }
        self.cluster.set_status(key, status)

    def _denied(self, pod: Json, bucket: str, write: bool) -> str:
        """Why a pod may not use a bucket's objects; empty when it may."""
        if self._access is None:
            return ""
        namespace = pod["metadata"]["namespace"]
        name = pod["spec"].get("serviceAccountName") or "default"
        found = self.store.find("serviceaccounts", namespace, name) or {"metadata": {}}
        email = (found["metadata"].get("annotations") or {}).get("iam.gke.io/gcp-service-account", "")
        return self._access(bucket, Account(self._project, namespace, name, email), write)

    def _stop(self, key: Key, pod: Json) -> float | None:
        passed = self.cluster.now() - self.cluster.seconds(pod["metadata"]["deletionTimestamp"])
        if pod["status"].get("phase") not in TERMINAL:
            if passed < STOP_SECONDS:
                return STOP_SECONDS - passed
            self.end(key, KILLED)
            return STOP_SECONDS
        if passed < 2 * STOP_SECONDS:
            return 2 * STOP_SECONDS - passed
        if pod["status"].get("startTime") and (message := mounts.stays(self.store, self._placement, pod)):
            self.cluster.event(pod, "Warning", "FailedUnMount", message, "kubelet")
            return MOUNT_RETRY_SECONDS
        release(self.cluster, key)
        return None

    def exit_pod(self, namespace: str, name: str, code: int, evicted: bool) -> None:
        """End a pod's containers with a code; evicted: by the Eviction API.

        Raises KeyError, also for a pod whose containers an agent runs: only evict that.
        """
        key = Key("pods", namespace, name)
        pod = self.store.get(key)
        if pod is None or not pod["spec"].get("nodeName"):
            raise KeyError(name)
        outside = self.is_outside(pod)
        if evicted:
            disrupt(self.cluster, key, "EvictionByEvictionAPI", "Eviction API: evicting")
            if not outside:
                self.end(key, KILLED)
            self.cluster.delete(key)
        elif outside:
            raise KeyError(f"{name} is run by an agent")
        elif (code and pod["spec"].get("restartPolicy") != "Never") or pod["spec"].get(
            "restartPolicy"
        ) == "Always":
            self._restart(key, pod, code)
        else:
            self.end(key, code)

    def finish(self, namespace: str, jobset: str, code: int) -> None:
        """End all pods of a JobSet. Raises KeyError when none runs."""
        running = [
            pod["metadata"]["name"]
            for pod in self.store.all("pods", namespace)
            if (pod["metadata"].get("labels") or {}).get("jobset.sigs.k8s.io/jobset-name") == jobset
            and pod["status"].get("phase") == "Running"
        ]
        if not running:
            raise KeyError(jobset)
        for name in running:
            self.exit_pod(namespace, name, code, False)

    def _restart(self, key: Key, pod: Json, code: int) -> None:
        count = (pod["status"].get("containerStatuses") or [{}])[0].get("restartCount", 0) + 1
        now = self.cluster.stamp()
        last = {
            "terminated": {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": now}
        }
        statuses = [
            {**_container(c, {"running": {"startedAt": now}}, True, count), "lastState": last}
            for c in pod["spec"]["containers"]
        ]
        self.cluster.set_status(key, {**pod["status"], "containerStatuses": statuses})

    def end(self, key: Key, code: int) -> None:
        """The pod's containers have ended."""
        pod = self.store.get(key)
        if pod is None or pod["status"].get("phase") in TERMINAL:
            return
        now = self.cluster.stamp()
        reason = "Completed" if code == 0 else "Error"
        started = pod["status"].get("startTime", now)
        state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now}}
        conditions = [
            {**item, "status": "False", "reason": "PodCompleted" if code == 0 else "PodFailed"}
            if item["type"] in ("Ready", "ContainersReady")
            else item
            for item in pod["status"].get("conditions", ())
        ]
        status = {
            **pod["status"],
            "phase": "Succeeded" if code == 0 else "Failed",
            "conditions": conditions,
            "containerStatuses": [_container(c, state, False, 0) for c in pod["spec"]["containers"]],
        }
        self.cluster.set_status(key, status)


def disrupt(cluster: Cluster, key: Key, reason: str, message: str) -> None:
    """Mark a pod as about to be ended by a disruption."""
    pod = cluster.store.get(key)
    if pod is None:
        return
    times = {"lastProbeTime": None, "lastTransitionTime": cluster.stamp()}
    added = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message, **times}
    kept = [item for item in pod["status"].get("conditions", ()) if item["type"] != "DisruptionTarget"]
    cluster.set_status(key, {**pod["status"], "conditions": [*kept, added]})


def release(cluster: Cluster, key: Key) -> None:
    """Nothing of a deleted pod runs any more: it goes away as soon as no finalizer holds it."""
    pod = cluster.store.get(key)
    if pod is None:
        return
    meta = {**pod["metadata"], "deletionGracePeriodSeconds": 0}
    if held({**pod, "metadata": meta}):
        cluster.update(key, {**pod, "metadata": meta})
    else:
        cluster.store.remove(key)


def _waiting(pod: Json) -> list[Json]:
    state = {"waiting": {"reason": "ContainerCreating"}}
    return [_container(container, state, False, 0) for container in pod["spec"]["containers"]]


def _container(container: Json, state: Json, is_ready: bool, restarts: int) -> Json:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": is_ready,
        "started": is_ready,
        "restartCount": restarts,
        "state": state,
        "lastState": {},
    }


def _two(number: int) -> str:
    return f"{number >> 8 & 255}.{number & 255}"
