"""Objects as rows of a table, which kubectl asks the server for to show them to a person.

Not the objects themselves. The server makes the ages, since only it knows the emulated time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.kinds import Kind

Json = dict[str, Any]
Cell = Callable[[Json], object]
_NONE = "<none>"
# what each kind shows between NAME and AGE, as HEADER=.path; of kinds with cells of their own see below
_PATHS = {
    "namespaces": "Status=.status.phase",
    "nodes": "Status=node_status Version=.status.nodeInfo.kubeletVersion",
    "pods": "Ready=pod_ready Status=pod_status Restarts=pod_restarts Node=.spec.nodeName",
    "configmaps": "Data=data",
    "secrets": "Type=.type Data=data",
    "services": "Type=.spec.type Cluster-IP=.spec.clusterIP",
    "events": "Type=.type Reason=.reason Object=event_object Message=.message",
    "jobs.batch": "Status=job_status Completions=completions",
    "deployments.apps": "Desired=.spec.replicas Up-to-date=.status.updatedReplicas "
    "Available=.status.availableReplicas",
    "daemonsets.apps": "Desired=.status.desiredNumberScheduled Current=.status.currentNumberScheduled "
    "Ready=.status.numberReady Available=.status.numberAvailable",
    "jobsets.jobset.x-k8s.io": "TerminalState=.status.terminalState Restarts=.status.restarts "
    "Suspended=.spec.suspend",
    "workloads.kueue.x-k8s.io": "Queue=.spec.queueName Reserved-in=.status.admission.clusterQueue "
    "Admitted=admitted Finished=finished",
    "clusterqueues.kueue.x-k8s.io": "Pending-workloads=.status.pendingWorkloads",
    "localqueues.kueue.x-k8s.io": "ClusterQueue=.spec.clusterQueue "
    "Pending-workloads=.status.pendingWorkloads Admitted-workloads=.status.admittedWorkloads",
    "priorityclasses.scheduling.k8s.io": "Value=.value",
    "checkpointconfigurations.checkpointing.gke.io": "Bucket=.spec.cloudStorageBucketName "
    "Ramdisk=.spec.inMemoryVolumeSize",
}


def wanted(headers: Mapping[str, str]) -> bool:
    """Whether a client would rather have a table."""
    accept = next((value for name, value in headers.items() if name.lower() == "accept"), "")
    first = accept.partition(",")[0].replace(" ", "")
    return "as=Table" in first.split(";") and "v=v1" in first.split(";")


def table(cluster: Cluster, kind: Kind, meta: Json, items: Iterable[Json], include: str) -> Json:
    """The table of some objects. `include` says what of each object goes with its row: Metadata
    (also when empty), Object or None.
    """
    columns = [pair.split("=") for pair in _PATHS.get(kind.resource, "").split()]
    names = ["Name", *(name.replace("-", " ") for name, _ in columns), "Age"]
    cells = [_cell(source) for _, source in columns]
    rows = []
    for item in items:
        own = item["metadata"]
        values = [_shown(cell(item)) for cell in cells]
        row: Json = {"cells": [own["name"], *values, _age(cluster, own.get("creationTimestamp"))]}
        if include == "Object":
            row["object"] = item
        elif include != "None":
            row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": own}
        rows.append(row)
    definitions = [
        {"name": name, "type": "string", "format": "" if at else "name", "description": "", "priority": 0}
        for at, name in enumerate(names)
    ]
    head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    return head | {"columnDefinitions": definitions, "rows": rows}


def _cell(source: str) -> Cell:
    if source[0] != ".":
        return _CELLS[source]
    words = source[1:].split(".")
    return lambda item: _value(item, words)


def _value(item: Any, words: list[str]) -> object:
    for word in words:
        item = item.get(word) if isinstance(item, dict) else None
    return item


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _NONE if value is None or value == "" else str(value)


def _age(cluster: Cluster, stamp: object) -> str:
    if not isinstance(stamp, str):
        return "<unknown>"
    seconds = max(int(cluster.now() - cluster.seconds(stamp)), 0)
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def _condition(item: Json, name: str) -> str:
    conditions = item.get("status", {}).get("conditions") or ()
    return next((str(found.get("status")) for found in conditions if found.get("type") == name), "")


def _containers(item: Json) -> list[Json]:
    return list(item.get("status", {}).get("containerStatuses") or ())


def _pod_status(item: Json) -> object:
    if "deletionTimestamp" in item["metadata"]:
        return "Terminating"
    waiting = [state.get("state", {}).get("waiting", {}).get("reason") for state in _containers(item)]
    status = item.get("status", {})
    return next(filter(None, waiting), status.get("reason") or status.get("phase"))


def _node_status(item: Json) -> str:
    cordoned = ",SchedulingDisabled" if item.get("spec", {}).get("unschedulable") else ""
    return ("Ready" if _condition(item, "Ready") == "True" else "NotReady") + cordoned


def _job_status(item: Json) -> str:
    names = ("Complete", "Failed", "Suspended")
    return next((name for name in names if _condition(item, name) == "True"), "Running")


def _completions(item: Json) -> str:
    return f"{item.get('status', {}).get('succeeded', 0)}/{item['spec'].get('completions', 1)}"


_CELLS: dict[str, Cell] = {
    "pod_ready": lambda item: (
        f"{sum(bool(state.get('ready')) for state in _containers(item))}/{len(item['spec']['containers'])}"
    ),
    "pod_status": _pod_status,
    "pod_restarts": lambda item: sum(state.get("restartCount", 0) for state in _containers(item)),
    "node_status": _node_status,
    "job_status": _job_status,
    "completions": _completions,
    "data": lambda item: len(item.get("data") or {}),
    "event_object": lambda item: "{kind}/{name}".format_map(
        {"kind": "", "name": ""} | item["involvedObject"]
    ),
    "admitted": lambda item: _condition(item, "Admitted"),
    "finished": lambda item: _condition(item, "Finished"),
}
