"""What a workload is, by its objects alone and by no code of xpk's: the other side of every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.controlplane.world import PODS, WORKLOADS, World, true_conditions

Json = dict[str, Any]
_SLICE = "jobset.sigs.k8s.io/job-index"
_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"
_HOST = "batch.kubernetes.io/job-completion-index"
_POOL = "cloud.google.com/gke-nodepool"


def owned(item: Json, uid: str) -> bool:
    """Whether an object belongs to the one of this uid."""
    return any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", []))


def read(world: World, name: str) -> Facts:
    """All objects of a workload in the namespace `default`."""
    return Facts(
        name=name,
        jobset=world.jobset("default", name),
        workload=world.workload("default", name),
        others=world.kube.list(WORKLOADS.format("default")),
        pods=world.kube.list(PODS.format("default"), label_selector=f"jobset.sigs.k8s.io/jobset-name={name}"),
        nodes={node["metadata"]["name"]: node for node in world.kube.list("/api/v1/nodes")},
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """The JobSet, Kueue's Workload of it and of all others, all its pods, the nodes by name."""

    name: str
    jobset: Json
    workload: Json
    others: list[Json]
    pods: list[Json]
    nodes: dict[str, Json]

    @property
    def versions(self) -> tuple[object, ...]:
        """Equal for two looks between which nothing changed that anything is said about."""
        items = [self.jobset, *self.others, *self.pods]
        return (
            sorted((i["metadata"]["uid"], i["metadata"]["resourceVersion"]) for i in items),
            sorted((name, _is(node, "Ready")) for name, node in self.nodes.items()),
        )

    @property
    def number_of_slices(self) -> int:
        """Slices that the JobSet asks for."""
        return int(self._job["replicas"])

    @property
    def slice_hosts(self) -> int:
        """Hosts of each."""
        return int(self._job["template"]["spec"]["parallelism"])

    @property
    def hosts(self) -> int:
        """Hosts of all."""
        return self.number_of_slices * self.slice_hosts

    @property
    def current(self) -> list[Json]:
        """Pods of this attempt."""
        attempt = str(self._status.get("restarts", 0))
        return [pod for pod in self.pods if pod["metadata"]["labels"][_ATTEMPT] == attempt]

    @property
    def nodeless(self) -> list[Json]:
        """Pods that Kubernetes takes to be running on a node that is not there."""
        return [p for p in self.pods if p["spec"].get("nodeName", "") not in {"", *self.nodes} and _open(p)]

    @property
    def ready_on_nodes(self) -> int:
        """Hosts that are ready and there."""
        return sum(_up(pod) and pod not in self.nodeless for pod in self.current)

    def expected(self) -> Json:
        """What `workload list -o json` has to say, but for words that depend on a reason."""
        status, metadata = self._status, self.jobset["metadata"]
        pod = self._job["template"]["spec"]["template"]["spec"]
        ends = [c for kind in ("Completed", "Failed") for c in true_conditions(status, kind)]
        return {
            "name": self.name,
            "namespace": "default",
            "status": self._state(),
            "slices": self.number_of_slices,
            "hosts": self.hosts,
            "hostsReady": sum(_up(pod) for pod in self.current),
            "restarts": status.get("restarts", 0),
            "restartsCounted": status.get("restartsCountTowardsMax", 0),
            "maxRestarts": self.jobset["spec"]["failurePolicy"].get("maxRestarts", 0),
            "priority": pod["priorityClassName"],
            "created": metadata["creationTimestamp"],
            "finished": ends[0]["lastTransitionTime"] if ends else None,
            "queuePosition": self._position(),
        }

    def slices(self) -> list[Json]:
        """What `workload describe -o json` has to say of each slice."""
        return [self._slice(index) for index in range(self.number_of_slices)]

    def failed_pods(self) -> list[str]:
        """Pods in which something ended badly: first what failed by itself, each group by its time."""
        found = []
        for pod in self.pods:
            for container in pod["status"].get("containerStatuses", []):
                ended = container.get("state", {}).get("terminated")
                if ended and ended["exitCode"] != 0:
                    told = ended["exitCode"] in (137, 143)
                    labels = pod["metadata"]["labels"]
                    place = (int(labels[_SLICE]), int(labels[_HOST]))
                    found.append((told, ended["finishedAt"], *place, pod["metadata"]["name"]))
        return [entry[-1] for entry in sorted(found)]

    @property
    def _status(self) -> Json:
        status: Json = self.jobset.get("status", {})
        return status

    @property
    def _job(self) -> Json:
        (job,) = self.jobset["spec"]["replicatedJobs"]
        found: Json = job
        return found

    def _state(self) -> str:
        """JobSet's own word for the end; Kueue's for the wait; between them the pods'."""
        if "terminalState" in self._status:
            return {"Completed": "Succeeded", "Failed": "Failed"}[self._status["terminalState"]]
        if not _is(self.workload, "Admitted"):
            return "Queued"
        if sum(_up(pod) for pod in self.current) == self.hosts:
            return "Running"
        if _is(self.jobset, "RestartingJobSet"):
            return "Restarting"
        lost = [c for c in self.workload["status"]["conditions"] if c["type"] == "PodsReady"]
        ran = self._status.get("restarts", 0) > 0 or any(c["reason"] != "WaitForStart" for c in lost)
        ran = ran or any(_ending(p) for p in self.current)
        return "Running" if ran else "Starting"

    def _position(self) -> int | None:
        """Its place among those without quota; all have one priority here."""
        if _is(self.workload, "QuotaReserved") or "terminalState" in self._status or not self.workload:
            return None
        line = [w for w in self.others if not _is(w, "QuotaReserved") and not _is(w, "Finished")]
        line.sort(key=lambda w: (w["metadata"]["creationTimestamp"], w["metadata"]["uid"]))
        return 1 + [w["metadata"]["uid"] for w in line].index(self.workload["metadata"]["uid"])

    def _slice(self, index: int) -> Json:
        pods = [p for p in self.current if p["metadata"]["labels"][_SLICE] == str(index)]
        up = {_host(p) for p in pods if _up(p) and p not in self.nodeless}
        places = sorted({p["spec"]["nodeName"] for p in pods if p["spec"].get("nodeName")})
        labels = [self.nodes[name]["metadata"]["labels"] for name in places if name in self.nodes]
        (pool,) = {label[_POOL] for label in labels} or {""}
        alive = self._state() in ("Starting", "Running", "Restarting")
        missing = [h for h in range(self.slice_hosts) if h not in up] if alive else []
        return {
            "slice": index,
            "hosts": self.slice_hosts,
            "hostsReady": len(up),
            "restarts": self._status.get("restarts", 0),
            "nodePool": pool,
            "nodePoolReady": self.pool_nodes(pool) if pool else None,
            "nodes": places,
            "missing": [_missing(host, pods, self.nodeless) for host in missing],
        }

    def pool_nodes(self, pool: str) -> int:
        """Nodes of a pool that are Ready."""
        return sum(
            n["metadata"]["labels"].get(_POOL) == pool and _is(n, "Ready") for n in self.nodes.values()
        )


def _missing(host: int, pods: list[Json], nodeless: list[Json]) -> Json:
    found = [p for p in pods if _host(p) == host]
    if not found:
        return {"host": host, "pod": "", "reason": "NoPod", "message": ""}
    pod = max(found, key=lambda p: p["metadata"]["creationTimestamp"])
    reason, message = _why(pod, gone=pod in nodeless)
    return {"host": host, "pod": pod["metadata"]["name"], "reason": reason, "message": message}


def _why(pod: Json, *, gone: bool) -> tuple[str, str]:
    """Why a pod is not ready; of a pod that does not start, the scheduler's word is all there is here."""
    if gone:
        return "NodeGone", f"node {pod['spec']['nodeName']} is not there any more"
    if pod["status"]["phase"] == "Failed":
        for condition in true_conditions(pod["status"], "DisruptionTarget"):
            return "Failed", condition["message"]
        labels, status = pod["metadata"]["labels"], pod["status"].get("containerStatuses", [])
        codes = [s["state"]["terminated"]["exitCode"] for s in status]
        where = f"slice {labels[_SLICE]} host {labels[_HOST]}"
        return "Failed", f"exit {codes[0]}, {where}" if codes and codes[0] else ""
    if "deletionTimestamp" in pod["metadata"]:
        return "Stopping", ""
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return "Unschedulable", condition["message"]
    return "Starting", ""


def _host(pod: Json) -> int:
    return int(pod["metadata"]["labels"][_HOST])


def _up(pod: Json) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return pod["status"]["phase"] == "Succeeded" or (
        pod["status"]["phase"] == "Running" and _is(pod, "Ready")
    )


def _open(pod: Json) -> bool:
    return pod["status"]["phase"] not in ("Succeeded", "Failed")


def _is(item: Json, kind: str) -> bool:
    return any(true_conditions(item.get("status", {}), kind))


def _ending(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"] or pod["status"]["phase"] == "Failed"
