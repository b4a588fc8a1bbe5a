"""Objects as rows of a table, which kubectl asks the server for to show them to a person.

Not the objects themselves. The server makes the ages, since only it knows the emulated time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from xpk.emulator.kubernetes import bodies
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.kinds import Kind

Json = dict[str, Any]
Cell = Callable[[Json], object]
_PATH_WORD = re.compile(r"""\.(\w+)|\[\?\(@\.type==["'](\w+)["']\)\]""")
_NONE = "<none>"
_PODS = "*Containers=containers *Images=images *Selector=selector"
# what kubectl shows of each built-in kind behind NAME: Header=.path or Header=cell; `*` only with -o wide,
# `_` a blank. The columns of a custom kind are those of its definition.
_PATHS = {
    "namespaces": "Status=.status.phase Age=age",
    "nodes": "Status=node_status Roles=none Age=age Version=.status.nodeInfo.kubeletVersion "
    "*Internal-IP=internal_ip *External-IP=none *OS-Image=unknown *Kernel-Version=unknown "
    "*Container-Runtime=unknown",
    "pods": "Ready=pod_ready Status=pod_status Restarts=pod_restarts Age=age *IP=.status.podIP "
    "*Node=.spec.nodeName *Nominated_Node=none *Readiness_Gates=none",
    "configmaps": "Data=data Age=age",
    "secrets": "Type=.type Data=data Age=age",
    "services": "Type=.spec.type Cluster-IP=.spec.clusterIP External-IP=none Port(s)=ports Age=age "
    "*Selector=pairs",
    "events": "Type=.type Reason=.reason Object=event_object *Subobject=.involvedObject.fieldPath "
    "*Source=.source.component Message=.message *First_Seen=first_seen *Count=.count *Name=.metadata.name",
    "jobs.batch": "Status=job_status Completions=completions Duration=duration Age=age " + _PODS,
    "deployments.apps": "Ready=deployment_ready Up-to-date=.status.updatedReplicas "
    "Available=.status.availableReplicas Age=age " + _PODS,
    "daemonsets.apps": "Desired=.status.desiredNumberScheduled Current=.status.currentNumberScheduled "
    "Ready=.status.numberReady Up-to-date=.status.updatedNumberScheduled Available=.status.numberAvailable "
    "Node_Selector=node_selector Age=age " + _PODS,
    "priorityclasses.scheduling.k8s.io": "Value=.value Global-Default=default Age=age "
    "PreemptionPolicy=preemption",
    "customresourcedefinitions.apiextensions.k8s.io": "Created_At=.metadata.creationTimestamp",
}
_NUMBERS = ("Desired", "Current", "Up-to-date", "Available", "Count", "Data", "Value")


def table(cluster: Cluster, kind: Kind, meta: Json, items: Iterable[Json], include: str) -> Json:
    """The table of some objects. `include` says what of each object goes with its row: Metadata
    (also when empty), Object or None.
    """
    columns = _custom(kind, cluster) if kind.custom else _built_in(kind, cluster)
    rows = []
    for item in items:
        row: Json = {"cells": [cell(item) for _, cell in columns]}
        if include == "Object":
            row["object"] = item
        elif include != "None":
            row["object"] = bodies.partial(item)
        rows.append(row)
    head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    return head | {"columnDefinitions": [definition for definition, _ in columns], "rows": rows}


def _built_in(kind: Kind, cluster: Cluster) -> list[tuple[Json, Cell]]:
    found: list[tuple[Json, Cell]] = []
    if kind.resource == "events":
        found.append((_definition("Last Seen", "string"), lambda item: _since(cluster, _last(item))))
    else:
        found.append((_definition("Name", "string", "name"), lambda item: item["metadata"]["name"]))
    for pair in _PATHS.get(kind.resource, "Age=age").split():
        header, _, source = pair.partition("=")
        name = header.lstrip("*").replace("_", " ")
        definition = _definition(name, "string", "name" if name == "Name" else "", header[0] == "*")
        found.append((definition, _cell(source, cluster, name in _NUMBERS)))
    return found


def _custom(kind: Kind, cluster: Cluster) -> list[tuple[Json, Cell]]:
    """As the definition's additionalPrinterColumns have it; without any there is the age."""
    age: Json = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    found: list[tuple[Json, Cell]] = [
        (_definition("Name", "string", "name"), lambda item: item["metadata"]["name"])
    ]
    for column in [age] if kind.columns is None else kind.columns:
        definition = _definition(
            column["name"], column["type"], column.get("format", ""), bool(column.get("priority"))
        )
        found.append((definition, _printed(column, cluster)))
    return found


def _definition(name: str, type_: str, format_: str = "", wide: bool = False) -> Json:
    return {"name": name, "type": type_, "format": format_, "description": "", "priority": int(wide)}


def _printed(column: Json, cluster: Cluster) -> Cell:
    words = _PATH_WORD.findall(column["jsonPath"])

    def cell(item: Json) -> object:
        value: Any = item
        for name, wanted in words:
            if wanted and isinstance(value, list):
                value = next((entry for entry in value if entry.get("type") == wanted), None)
            elif not wanted:
                value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return None
        if column["type"] == "date":
            return _since(cluster, value)
        return value if column["type"] != "string" or isinstance(value, str) else json.dumps(value)

    return cell


def _cell(source: str, cluster: Cluster, number: bool) -> Cell:
    if source == "age":
        return lambda item: _since(cluster, item["metadata"].get("creationTimestamp"))
    if source == "first_seen":
        return lambda item: _since(cluster, item.get("firstTimestamp"))
    if source == "duration":
        return lambda item: _duration(cluster, item.get("status", {}))
    if source[0] != ".":
        return _CELLS[source]
    words = source[1:].split(".")
    if number:
        return lambda item: _value(item, words) or 0
    if source.endswith("fieldPath"):
        return lambda item: _value(item, words) or ""
    return lambda item: _value(item, words) or _NONE


def _value(item: Any, words: list[str]) -> object:
    for word in words:
        item = item.get(word) if isinstance(item, dict) else None
    return item


def _since(cluster: Cluster, stamp: object) -> str:
    if not isinstance(stamp, str):
        return "<unknown>"
    return _span(cluster.now() - cluster.seconds(stamp))


def _span(seconds: float) -> str:
    whole = max(int(seconds), 0)
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole >= 2 * size:
            return f"{whole // size}{letter}"
    return f"{whole}s"


def _last(item: Json) -> object:
    return item.get("lastTimestamp") or item.get("firstTimestamp")


def _duration(cluster: Cluster, status: Json) -> str:
    if "startTime" not in status:
        return ""
    end = cluster.seconds(status["completionTime"]) if "completionTime" in status else cluster.now()
    return _span(end - cluster.seconds(status["startTime"]))


def _condition(item: Json, name: str) -> str:
    conditions = item.get("status", {}).get("conditions") or ()
    return next((str(found.get("status")) for found in conditions if found.get("type") == name), "")


def _pairs(found: Json | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or _NONE


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
    "pod_restarts": lambda item: str(sum(state.get("restartCount", 0) for state in _containers(item))),
    "node_status": _node_status,
    "job_status": _job_status,
    "completions": _completions,
    "data": lambda item: len(item.get("data") or {}),
    "event_object": lambda item: (
        f"{item['involvedObject'].get('kind', '').lower()}/{item['involvedObject'].get('name', '')}"
    ),
    "none": lambda item: _NONE,
    "unknown": lambda item: "<unknown>",
    "internal_ip": lambda item: next(
        (
            row["address"]
            for row in item.get("status", {}).get("addresses") or ()
            if row["type"] == "InternalIP"
        ),
        _NONE,
    ),
    "ports": lambda item: (
        ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in item["spec"].get("ports") or ())
        or _NONE
    ),
    "pairs": lambda item: _pairs(item["spec"].get("selector")),
    "selector": lambda item: _pairs((item["spec"].get("selector") or {}).get("matchLabels")),
    "node_selector": lambda item: _pairs(item["spec"]["template"]["spec"].get("nodeSelector")),
    "containers": lambda item: ",".join(
        row["name"] for row in item["spec"]["template"]["spec"]["containers"]
    ),
    "images": lambda item: ",".join(
        row.get("image", "") for row in item["spec"]["template"]["spec"]["containers"]
    ),
    "deployment_ready": lambda item: (
        f"{item.get('status', {}).get('readyReplicas', 0)}/{item['spec'].get('replicas', 1)}"
    ),
    "default": lambda item: bool(item.get("globalDefault")),
    "preemption": lambda item: item.get("preemptionPolicy", "PreemptLowerPriority"),
}
