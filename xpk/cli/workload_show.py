"""`xpk workload list`, with its wait, and `xpk workload describe`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xpk.cli import output, run
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING, NAMESPACE, WHERE, decisions, listing
from xpk.cli.where import endpoints, place, say_where
from xpk.cli.words import Words
from xpk.cli.workload_request import cluster_name
from xpk.errors import Fault, WaitTimeout, WorkloadFailed

if TYPE_CHECKING:
    from xpk.engine.status import WorkloadStatus
    from xpk.engine.waiting import Outcome
    from xpk.engine.workload_description import WorkloadDescription

STATES = ("EVERYTHING", "FINISHED", "RUNNING", "QUEUED", "FAILED", "SUCCESSFUL")
_WAIT = "--wait-for-job-completion"
_FORMS = ("table", "json", "yaml")
_SHOWN = 10
"""Hosts of a description: a person reads no more."""
_COLUMNS = (
    ("name", "NAME"),
    ("slices", "SLICES"),
    ("hosts", "HOSTS"),
    ("priority", "PRIORITY"),
    ("age", "AGE"),
    ("state", "STATE"),
)
FILTERS = (
    Flag("--filter-by-status", metavar="S", help=f"{', '.join(STATES)}.", default_words="EVERYTHING"),
    Flag("--filter-by-job", metavar="RE", help="Names that this regular expression is found in."),
)


def _list(words: Words) -> None:
    target = endpoints(words)
    form = words.choice("-o", _FORMS, "table")
    cluster = cluster_name(words)
    where, _ = place(words)
    namespace = words.text("--namespace")
    status, job = filters(words)
    name = words.text(_WAIT)
    timeout = _timeout(words, name)
    if name is not None and not name.strip():
        words.faults.add(f"{_WAIT} ''", "the value is empty", f"write {_WAIT} WORKLOAD")
    with words.faults.gather():
        chosen = run.workload_filter(status, job, namespace)
    words.faults.raise_if_any()
    assert cluster is not None
    say_where(target)
    output.notes(words.notes)
    with run.connected(target) as cloud:
        if name is not None:
            outcome = run.wait_for_workload(
                cloud,
                where,
                cluster,
                name.strip(),
                timeout=timeout,
                namespace=namespace or "default",
                on_progress=lambda now: output.say(f"workload {now.name}: {now.words}"),
            )
            _print([outcome.status], form)
            _judge(outcome, f"--cluster {cluster} {where.flags}")
            return
        found = run.find_workloads(cloud, where, cluster, chosen)
    _print([one.status for one in found], form)


def filters(words: Words) -> tuple[str, str | None]:
    """The two filters as typed; a word that is no state is a fault with the nearest one."""
    text = words.text("--filter-by-status")
    if text is None or text.strip().upper() in STATES:
        return (text or "EVERYTHING").strip().upper(), words.text("--filter-by-job")
    return words.choice("--filter-by-status", STATES, "EVERYTHING"), words.text("--filter-by-job")


def _timeout(words: Words, waits: str | None) -> float | None:
    seconds = words.number("--timeout")
    if seconds is not None and seconds < 1:
        words.faults.add(f"--timeout {seconds}", "it counts seconds, 1 and up", "write --timeout 600")
    if seconds is not None and waits is None and not words.given(_WAIT):
        words.faults.add(f"--timeout {seconds}", f"means nothing without {_WAIT}", f"add {_WAIT} WORKLOAD")
    return None if seconds is None else float(seconds)


def _judge(outcome: Outcome, where: str) -> None:
    """The exit code of a wait: 0, 124 or 125."""
    status = outcome.status
    again = f"xpk workload list {where} {_WAIT} {status.name}"
    match outcome.result:
        case "timeout":
            raise WaitTimeout(Fault(f"workload {status.name}", f"not ended in time: {status.words}", again))
        case "failed":
            fix = f"xpk workload describe {where} --workload {status.name}"
            raise WorkloadFailed(Fault(f"workload {status.name}", status.words, fix))
        case _:
            return


def _print(found: list[WorkloadStatus], form: str) -> None:
    if form != "table":
        output.structured([one.as_json() for one in found], "json" if form == "json" else "yaml")
        return
    if not found:
        output.say("no workloads")
        return
    now = time.time()
    rows = [
        {
            "name": one.name if one.namespace == "default" else f"{one.namespace}/{one.name}",
            "slices": one.slices,
            "hosts": one.hosts,
            "priority": one.priority,
            "age": age_of(one.created, now),
            "state": one.words,
        }
        for one in found
    ]
    output.result(output.table(rows, _COLUMNS, width=output.width()))


def age_of(stamp: str, now: float) -> str:
    """How long ago an RFC 3339 time was, in short; empty where there is none."""
    try:
        then = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return ""
    return output.age(now - (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp())


def _describe(words: Words) -> None:
    target = endpoints(words)
    form = words.choice("-o", _FORMS, "table")
    cluster = cluster_name(words)
    name = words.required("write --workload NAME", "--workload")
    where, _ = place(words)
    words.faults.raise_if_any()
    assert cluster is not None
    assert name is not None
    say_where(target)
    output.notes(words.notes)
    with run.connected(target) as cloud:
        namespace = words.text("--namespace") or "default"
        found = run.describe_workload(cloud, where, cluster, name.strip(), namespace)
    if form != "table":
        output.structured(found.as_json(), "json" if form == "json" else "yaml")
        return
    output.result(_described(found))


def _described(found: WorkloadDescription) -> str:
    status, now = found.status, time.time()
    lines = [f"workload {status.name}: {output.clean(status.words)}"]
    restarts = f"{status.restarts}, {status.restarts_counted} of {status.max_restarts or 0} counted"
    lines.append(
        f"  created {age_of(status.created, now)} ago, priority {status.priority}, restarts {restarts}"
    )
    slices = [
        {
            "slice": one.index,
            "ready": f"{one.hosts_ready}/{one.hosts}",
            "restarts": one.restarts,
            "pool": one.pool or "-",
        }
        for one in found.slices
    ]
    columns = (("slice", "SLICE"), ("ready", "READY"), ("restarts", "RESTARTS"), ("pool", "NODE POOL"))
    lines.append(output.table(slices, columns).rstrip("\n"))
    lines += [f"short: {output.clean(one.short)}" for one in found.slices if one.short]
    lines += _missing_lines(found)
    lines += [f"failed: {output.clean(failure.words)}" for failure in found.failures[:10]]
    lines += [
        f"{age_of(event.time, now):>7} ago  {event.reason}: {output.clean(event.message)}"
        for event in found.events
    ]
    return "\n".join(lines)


def _missing_lines(found: WorkloadDescription) -> list[str]:
    """The hosts that are not ready; of many the first, and how many more."""
    missing = [host for one in found.slices for host in one.missing]
    lines = [f"missing: {output.clean(host.words)}" for host in missing[:_SHOWN]]
    return (
        lines if len(missing) <= _SHOWN else [*lines, f"missing: {len(missing) - _SHOWN} more, see -o json"]
    )


list_ = Leaf(
    "workload list",
    _list,
    sentence="List the workloads of a cluster, or wait until one of them has ended.",
    examples=(
        "xpk workload list --cluster c1 --project my-project --zone us-east5-b",
        (
            "xpk workload list --cluster c1 --project my-project --zone us-east5-b "
            "--wait-for-job-completion w1 --timeout 3600"
        ),
    ),
    flags=(
        *FILTERS,
        Flag(_WAIT, metavar="NAME", help="Wait for this workload; exit 0, 124 (time) or 125 (failed)."),
        Flag("--timeout", metavar="S", help="Seconds to wait at most.", default_words="no limit"),
        Flag("--cluster", metavar="NAME", group="where", help="The cluster. Required."),
        *WHERE,
        *NAMESPACE,
        *listing(),
        *ENDING,
    ),
    decide=decisions("workload list"),
)
describe = Leaf(
    "workload describe",
    _describe,
    sentence="Show one workload: its slices and hosts, restarts, failures and last events.",
    examples=(
        "xpk workload describe --cluster c1 --project my-project --zone us-east5-b --workload w1",
        "xpk workload describe --cluster c1 --project my-project --zone us-east5-b --workload w1 -o json",
    ),
    flags=(
        Flag("--workload", metavar="NAME", help="The workload. Required."),
        Flag("--cluster", metavar="NAME", group="where", help="The cluster. Required."),
        *WHERE,
        *NAMESPACE,
        *listing(),
        *ENDING,
    ),
    decide=decisions("workload list"),
)
