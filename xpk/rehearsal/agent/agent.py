"""A very small kubelet for several nodes at once: their pods' containers run as processes of this machine.

It speaks the Kubernetes API only, so that it serves the embedded emulator and a real control plane alike.
It runs every pod that is bound to a node with given labels, but those of DaemonSets, which belong to
whoever runs the rest of the cluster. It pulls no image, has no network of pods, no probes and no init
containers. Its stand-ins, each told as a `Substitution`: directories for volumes and buckets
(`volumes`), GKE's TPU_WORKER_* and MEGASCALE_* (`injected`), this machine's address for all pods and
their names (`names`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xpk.rehearsal.agent import injected
from xpk.rehearsal.agent.heartbeat import Heartbeat
from xpk.rehearsal.agent.logs import paths_of, tail
from xpk.rehearsal.agent.messages import Back, Changed, Gone, Lost
from xpk.rehearsal.agent.places import POOL_LABEL, Places
from xpk.rehearsal.agent.podrun import PodRun
from xpk.rehearsal.agent.surface import Setting
from xpk.rehearsal.agent.watching import Follower
from xpk.rehearsal.record.events import Host, HostBack, HostLost

Json = dict[str, Any]
_END_SECONDS = 30.0


class Agent:
    """Serves the nodes that have all of `labels`. `run` it in a thread; the rest is for others' threads.

    `heartbeats`: also keep the nodes Ready, where nobody else does. When `run` ends, or this process
    dies, no process of a pod is left; nothing is written about it, as when all machines lose power.
    """

    def __init__(self, setting: Setting, labels: Mapping[str, str], *, heartbeats: bool = False) -> None:
        self._setting = setting
        self._labels = dict(labels)
        self._lock = threading.Lock()
        self._places = Places()
        self._nodes: dict[str, Json] = {}
        self._pods: dict[str, Json] = {}
        self._runs: dict[str, PodRun] = {}
        self._ended = False
        self._watches = (
            Follower(setting.kube, "/api/v1/nodes", self._node_seen, self._node_gone),
            Follower(setting.kube, "/api/v1/pods", self._pod_seen, self._pod_gone),
        )
        self._heart = Heartbeat(setting, self._served) if heartbeats else None

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; then kill what runs and return when all of it is gone."""
        works = [watch.run for watch in self._watches]
        if self._heart is not None:
            works.append(self._heart.run)

        def guarded(work: Callable[[threading.Event], None]) -> None:
            try:
                work(stop)
            except Exception as error:
                self._setting.failures.append(f"agent: {error!r}")

        threads = [
            threading.Thread(target=guarded, args=(work,), name="agent", daemon=True) for work in works
        ]
        for thread in threads:
            thread.start()
        try:
            stop.wait()
        finally:
            stop.set()
            for watch in self._watches:
                watch.end()
            if self._heart is not None:
                self._heart.wake()
            for thread in threads:
                thread.join(_END_SECONDS)
            self._stop()

    @property
    def failure(self) -> str:
        """What went wrong in the agent itself; empty while nothing has."""
        return next(iter(self._setting.failures), "")

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the nodes and pods that are there have been seen; whether that came in time."""
        return all(watch.listed.wait(timeout) for watch in self._watches)

    def node(self, host: Host) -> str | None:
        """The node that stands at a place; None while there is none."""
        with self._lock:
            return self._places.node(host)

    def host(self, node: str) -> Host | None:
        """The place of a node; None before its first pod."""
        with self._lock:
            return self._places.of(node)

    def pods(self, host: Host) -> list[Json]:
        """The pods on a host, as seen last."""
        return [run.pod for run in self._at(host)]

    def pids(self, host: Host) -> list[int]:
        """The first process of each container on a host."""
        return [process.pid for run in self._at(host) for process in run.processes]

    def kill(self, host: Host) -> None:
        """SIGKILL to all processes on a host; the machine stays."""
        for run in self._at(host):
            for process in run.processes:
                process.kill()

    def terminate(self, host: Host) -> None:
        """SIGTERM to the first process of each container on a host."""
        for run in self._at(host):
            for process in run.processes:
                process.terminate()

    def log(self, pod: str, namespace: str = "default") -> Path | None:
        """The log of a pod's first container; None for a pod that was never seen here."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            if (run.name, run.pod["metadata"].get("namespace", "default")) == (pod, namespace):
                return next(iter(paths_of(self._setting.logs, run.pod).values()))
        return None

    def tail(self, pod: str, namespace: str = "default", lines: int = 20) -> list[str]:
        """The last lines of a pod's first container."""
        path = self.log(pod, namespace)
        return [] if path is None else tail(path, lines)

    def _at(self, host: Host) -> list[PodRun]:
        with self._lock:
            return [run for run in self._runs.values() if run.host == host]

    def _served(self) -> list[Json]:
        with self._lock:
            return list(self._nodes.values())

    def _node_seen(self, node: Json) -> None:
        name, labels = str(node["metadata"]["name"]), node["metadata"].get("labels") or {}
        if any(labels.get(key) != value for key, value in self._labels.items()):
            return
        with self._lock:
            new = name not in self._nodes
            self._nodes[name] = node
            if not new or self._ended:
                return
            host = self._places.back(name)
            pods = [pod for pod in self._pods.values() if pod["spec"]["nodeName"] == name]
            runs = [run for run in self._runs.values() if run.node == name]
        if host is not None:
            self._setting.emit(HostBack(self._setting.clock(), host, name))
        for run in runs:
            if run.dead.is_set():
                run.put(Back())
        for pod in pods:
            self._consider(pod)
        if self._heart is not None:
            self._heart.wake()

    def _node_gone(self, node: Json) -> None:
        name = str(node["metadata"]["name"])
        with self._lock:
            if self._nodes.pop(name, None) is None:
                return
            host = self._places.lose(name, _pool(node))
            runs = [run for run in self._runs.values() if run.node == name]
        if host is not None:
            self._setting.emit(HostLost(self._setting.clock(), host, name))
        for run in runs:
            run.put(Lost())
        for run in runs:
            run.dead.wait(_END_SECONDS)
        if host is not None:
            self._setting.volumes.host_lost(host)

    def _pod_seen(self, pod: Json) -> None:
        if not pod["spec"].get("nodeName") or _is_of_daemon_set(pod):
            return
        self._setting.stamp.hear(pod)
        with self._lock:
            self._pods[str(pod["metadata"]["uid"])] = pod
        self._consider(pod)

    def _pod_gone(self, pod: Json) -> None:
        uid = str(pod["metadata"]["uid"])
        with self._lock:
            self._pods.pop(uid, None)
            run = self._runs.pop(uid, None)
        if run is not None:
            run.put(Gone())

    def _consider(self, pod: Json) -> None:
        """Run a pod that is new on a served node, or tell its run what is new."""
        uid, name = str(pod["metadata"]["uid"]), str(pod["spec"]["nodeName"])
        with self._lock:
            known, node = self._runs.get(uid), self._nodes.get(name)
            if known is not None:
                known.put(Changed(pod))
            if known is not None or node is None or self._ended:
                return
            job = injected.number(pod, injected.JOB_INDEX)
            host, again = self._places.take(name, _pool(node), injected.index(pod)[1], job)
            allocatable = (node.get("status") or {}).get("allocatable") or {}
            run = self._runs[uid] = PodRun(pod, host, allocatable, self._setting)
        # Told without the lock: who hears it may ask the agent something.
        if again:
            self._setting.emit(HostBack(self._setting.clock(), run.host, name))
        run.start()

    def _stop(self) -> None:
        with self._lock:
            self._ended = True
            runs = list(self._runs.values())
            self._runs.clear()
        for run in runs:
            run.put(Gone())
        for run in runs:
            run.join(_END_SECONDS)


def _pool(node: Json) -> str:
    return str((node["metadata"].get("labels") or {}).get(POOL_LABEL, ""))


def _is_of_daemon_set(pod: Json) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == "DaemonSet" for owner in owners)
