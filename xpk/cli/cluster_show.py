"""`xpk cluster list` and `xpk cluster describe`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xpk.cli import output, run
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING, WHERE, decisions, listing
from xpk.cli.where import endpoints, place, project_only, say_where
from xpk.cli.words import Words
from xpk.cli.workload_request import cluster_name
from xpk.cli.workload_show import age_of

if TYPE_CHECKING:
    from xpk.engine.clusters import ClusterDescription, ClusterStatus

_FORMS = ("table", "json", "yaml")
_COLUMNS = (
    ("name", "NAME"),
    ("location", "LOCATION"),
    ("slices", "SLICES"),
    ("hosts", "HOSTS"),
    ("mtc", "MTC"),
    ("age", "AGE"),
    ("status", "STATUS"),
)


def _list(words: Words) -> None:
    target = endpoints(words)
    form = words.choice("-o", _FORMS, "table")
    project, region = project_only(words)
    words.faults.raise_if_any()
    say_where(target)
    output.notes(words.notes)
    with run.connected(target) as cloud:
        found = run.list_clusters(cloud, project, region)
    if form != "table":
        output.structured([one.as_json() for one in found], "json" if form == "json" else "yaml")
    elif found:
        now = time.time()
        rows = [_row(one, now) for one in found]
        output.result(output.table(rows, _COLUMNS, width=output.width()))
    else:
        output.say(f"no clusters in project {project}" + (f", {region}" if region else ""))


def _row(one: ClusterStatus, now: float) -> output.Row:
    failed = f", {one.pools_failed} pools failed" if one.pools_failed else ""
    return {
        "name": one.name,
        "location": one.location,
        "slices": ", ".join(f"{count} x {name}" for name, count in one.slices) or "-",
        "hosts": one.hosts,
        "mtc": "yes" if one.mtc else "no",
        "age": age_of(one.created, now),
        "status": one.status.capitalize() + failed,
    }


def _describe(words: Words) -> None:
    target = endpoints(words)
    form = words.choice("-o", _FORMS, "table")
    name = cluster_name(words)
    where, _ = place(words)
    words.faults.raise_if_any()
    assert name is not None
    say_where(target)
    output.notes(words.notes)
    with run.connected(target) as cloud:
        found = run.describe_cluster(cloud, where, name)
    if form != "table":
        output.structured(found.as_json(), "json" if form == "json" else "yaml")
        return
    output.result(_described(found))


def _described(found: ClusterDescription) -> str:
    """Slices, ramdisks, queue and workloads, one section each, empty ones left out."""
    status = found.status
    head = f"cluster {status.name}, {status.location}: {status.status.capitalize()}, GKE {status.version}"
    if found.message:
        head += f"\n  {output.clean(found.message)}"
    parts = [head, _pools(found), _ramdisks(found), _queues(found), _workloads(found)]
    return "\n\n".join(part.rstrip("\n") for part in parts if part)


def _pools(found: ClusterDescription) -> str:
    rows = [
        {
            "pool": one.name,
            "type": one.slice_type or one.machine,
            "hosts": str(one.hosts_ready) if one.hosts is None else f"{one.hosts_ready}/{one.hosts}",
            "status": one.status.capitalize(),
            "running": ", ".join(one.running) or "-",
        }
        for one in found.pools
    ]
    columns = (
        ("pool", "POOL"),
        ("type", "TYPE"),
        ("hosts", "READY"),
        ("status", "STATUS"),
        ("running", "RUNNING"),
    )
    why = "".join(f"{one.name}: {output.clean(one.message)}\n" for one in found.pools if one.message)
    return (output.table(rows, columns) + why) if rows else ""


def _ramdisks(found: ClusterDescription) -> str:
    rows = [
        {
            "size": one.size,
            "machine": one.machine,
            "hosts": f"{one.hosts_ready}/{one.hosts}",
            "bucket": f"gs://{one.bucket}",
        }
        for one in found.ramdisks
    ]
    columns = (("size", "RAMDISK"), ("machine", "MACHINE"), ("hosts", "READY"), ("bucket", "BUCKET"))
    return output.table(rows, columns) if rows else ""


def _queues(found: ClusterDescription) -> str:
    rows = [
        {
            "queue": one.queue,
            "flavor": one.flavor,
            "resource": one.resource,
            "used": f"{one.used} of {one.quota}",
            "waiting": one.pending,
        }
        for one in found.queues
    ]
    columns = (
        ("queue", "QUEUE"),
        ("flavor", "FLAVOR"),
        ("resource", "RESOURCE"),
        ("used", "USED"),
        ("waiting", "WAITING"),
    )
    return output.table(rows, columns) if rows else ""


def _workloads(found: ClusterDescription) -> str:
    rows = [{"name": one.name, "state": one.words} for one in found.workloads]
    return output.table(rows, (("name", "WORKLOAD"), ("state", "STATE"))) if rows else ""


list_ = Leaf(
    "cluster list",
    _list,
    sentence="List the clusters of a project, in all regions or in one.",
    examples=(
        "xpk cluster list --project my-project",
        "xpk cluster list --project my-project --zone us-east5 -o json",
    ),
    flags=(*WHERE, *listing(), *ENDING),
    decide=decisions("cluster list"),
)
describe = Leaf(
    "cluster describe",
    _describe,
    sentence="Show a cluster: its slices and hosts, ramdisks, queue and workloads.",
    examples=(
        "xpk cluster describe --cluster c1 --project my-project --zone us-east5-b",
        "xpk cluster describe --cluster c1 --project my-project --zone us-east5-b -o yaml",
    ),
    flags=(
        Flag("--cluster", metavar="NAME", help="The cluster. Required."),
        *WHERE,
        *listing(),
        *ENDING,
    ),
    decide=decisions("cluster describe"),
)
