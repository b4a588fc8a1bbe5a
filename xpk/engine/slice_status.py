"""The slices of a workload: how many hosts are ready, where they are, which are missing and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xpk.cloud.errors import clean
from xpk.engine.conditions import conditions_of, true
from xpk.engine.kube_reads import POOL_LABEL
from xpk.engine.pods import failures_of, host_of, of_attempt, ready, slice_of, trouble
from xpk.engine.wire import Json

_REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"


@dataclass(frozen=True, slots=True)
class MissingHost:
    """A host of a slice that is not ready. `pod` is empty where there is none yet.

    `reason` is Kubernetes' word (Unschedulable, ImagePullBackOff) or one of NoPod, NodeGone, Stopping,
    Failed and Starting; `message` is the scheduler's or the kubelet's, and may be empty.
    """

    slice: int
    host: int
    pod: str
    reason: str
    message: str

    @property
    def words(self) -> str:
        """In one line: "slice 1 host 3, Unschedulable: 0/7 nodes are available: ..."."""
        text = f"slice {self.slice} host {self.host}, {self.reason}"
        return f"{text}: {self.message}" if self.message else text

    def as_json(self) -> Json:
        """As JSON; the slice is that of the object that holds it."""
        return {"host": self.host, "pod": self.pod, "reason": self.reason, "message": self.message}


@dataclass(frozen=True, slots=True)
class SliceStatus:
    """One slice of a workload: hosts that are ready, of how many, where its pods are, what is missing.

    `restarts` counts those of the whole workload and those of this slice alone. `pool_nodes` is how many
    nodes of `pool` are Ready, None where the slice is on no pool or on several.
    """

    index: int
    hosts: int
    hosts_ready: int
    restarts: int
    nodes: tuple[str, ...]
    pool: str
    pool_nodes: int | None = None
    missing: tuple[MissingHost, ...] = ()

    @property
    def short(self) -> str:
        """What its pool lacks: "node pool c1-np-0 has 3 of 4 nodes"; empty where it lacks none."""
        if self.pool_nodes is None or self.pool_nodes >= self.hosts or not self.missing:
            return ""
        return f"slice {self.index}: node pool {self.pool} has {self.pool_nodes} of {self.hosts} nodes ready"

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "slice": self.index,
            "hosts": self.hosts,
            "hostsReady": self.hosts_ready,
            "restarts": self.restarts,
            "nodePool": self.pool,
            "nodePoolReady": self.pool_nodes,
            "nodes": list(self.nodes),
            "missing": [host.as_json() for host in self.missing],
        }


def on_nodes(pods: Sequence[Json], nodes: Iterable[Json]) -> list[Json]:
    """The pods, those of a node that is gone no longer running.

    Kubernetes itself goes on calling them Running and Ready until its garbage collector comes round,
    which takes 40 to 60 seconds (pkg/controller/podgc).
    """
    there = {node["metadata"]["name"] for node in nodes}
    return [pod if _node(pod) in there or not _node(pod) or _ended(pod) else _orphan(pod) for pod in pods]


def _orphan(pod: Json) -> Json:
    return {**pod, "status": {**pod.get("status", {}), "phase": "Unknown", "reason": "NodeGone"}}


def slices_of(
    jobset: Json, pods: Sequence[Json], nodes: Iterable[Json], *, alive: bool
) -> tuple[SliceStatus, ...]:
    """The slices in order, also those without pods. `alive`: hosts that are not ready are missing."""
    by_name = {node["metadata"]["name"]: node for node in nodes}
    up = Counter(_pool(node) for node in by_name.values() if true(node, "Ready") is not None)
    restarts = int(jobset.get("status", {}).get("restarts") or 0)
    by_slice: dict[int, list[Json]] = {}
    for pod in of_attempt(pods, restarts):
        by_slice.setdefault(slice_of(pod), []).append(pod)
    found: list[SliceStatus] = []
    for job in jobset.get("spec", {}).get("replicatedJobs", []):
        rows = jobset.get("status", {}).get("replicatedJobsStatus", []) or []
        row: Json = next((r for r in rows if r.get("name") == job.get("name")), {})
        own = row.get("jobRestarts", []) or []
        hosts = int(job.get("template", {}).get("spec", {}).get("parallelism", 1))
        for index in range(int(job.get("replicas", 1))):
            mine = [p for p in by_slice.get(index, ()) if _job(p) in ("", job.get("name"))]
            total = restarts + (int(own[index]) if index < len(own) else 0)
            found.append(_slice(index, hosts, total, mine, by_name, up, alive=alive))
    return tuple(found)


def _slice(
    index: int,
    hosts: int,
    restarts: int,
    pods: Sequence[Json],
    nodes: Mapping[str, Json],
    ready_nodes: Mapping[str, int],
    *,
    alive: bool,
) -> SliceStatus:
    places = {_node(p) for p in pods if _node(p)}
    pools = sorted({pool for p in places if p in nodes and (pool := _pool(nodes[p]))})
    up = {host_of(p) for p in pods if ready(p)}
    return SliceStatus(
        index=index,
        hosts=hosts,
        hosts_ready=sum(ready(p) for p in pods),
        restarts=restarts,
        nodes=tuple(sorted(places)),
        pool=", ".join(pools),
        pool_nodes=ready_nodes.get(pools[0], 0) if len(pools) == 1 else None,
        missing=tuple(_missing(index, h, pods) for h in range(hosts) if h not in up) if alive else (),
    )


def _missing(index: int, host: int, pods: Sequence[Json]) -> MissingHost:
    """Why one host is not ready, by the newest of its pods."""
    mine = [pod for pod in pods if host_of(pod) == host]
    if not mine:
        return MissingHost(index, host, "", "NoPod", "")
    pod = max(mine, key=lambda p: str(p["metadata"].get("creationTimestamp", "")))
    reason, message = _why(pod)
    return MissingHost(index, host, str(pod["metadata"]["name"]), reason, clean(message, limit=1000))


def _why(pod: Json) -> tuple[str, str]:
    status = pod.get("status", {})
    if status.get("reason") == "NodeGone":
        return "NodeGone", f"node {_node(pod)} is not there any more"
    if status.get("phase") == "Failed":
        disrupted = true(pod, "DisruptionTarget")
        words = next((failure.words for failure in failures_of([pod])), "")
        return "Failed", disrupted.message if disrupted else words
    if pod["metadata"].get("deletionTimestamp"):
        return "Stopping", ""
    word = trouble(pod)
    if word is None:
        return "Starting", ""
    placed = [c for c in conditions_of(pod) if c.type == "PodScheduled" and c.status == "False"]
    if placed:
        return word, placed[0].message
    states = [c.get("state", {}).get("waiting", {}) for c in status.get("containerStatuses", [])]
    return word, next((str(s.get("message") or "") for s in states if s.get("reason") == word), "")


def _pool(node: Json) -> str:
    return str(node["metadata"].get("labels", {}).get(POOL_LABEL, ""))


def _node(pod: Json) -> str:
    return str(pod.get("spec", {}).get("nodeName") or "")


def _ended(pod: Json) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _job(pod: Json) -> str:
    return str(pod["metadata"].get("labels", {}).get(_REPLICATED_JOB, ""))
