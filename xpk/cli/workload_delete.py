"""`xpk workload delete`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpk.cli import output, run
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import CONSENT, ENDING, NAMESPACE, WHERE, consented, decisions, dry_run
from xpk.cli.plan_output import dry_run_form, print_plan, print_report, report_form
from xpk.cli.where import endpoints, place, say_where
from xpk.cli.words import Words
from xpk.cli.workload_request import cluster_name
from xpk.cli.workload_show import FILTERS, filters
from xpk.errors import Fault, StateError
from xpk.plan.deletion import plan_workload_delete

if TYPE_CHECKING:
    from xpk.engine.workloads import Found


def _run(words: Words) -> None:
    target = endpoints(words)
    dry = words.on("--dry-run")
    form = dry_run_form(words, "text") if dry else report_form(words)
    cluster = cluster_name(words)
    where, _ = place(words)
    name = _name(words)
    status, job = filters(words)
    pattern = f"^{re.escape(name)}$" if name is not None else job
    namespace = words.text("--namespace") or ("default" if name is not None else None)
    with words.faults.gather():
        chosen = run.workload_filter(status, pattern, namespace)
    words.faults.raise_if_any()
    assert cluster is not None
    say_where(target)
    output.notes(words.notes)
    with run.connected(target) as cloud:
        found = run.find_workloads(cloud, where, cluster, chosen, looks=dry)
        if not found and name is not None:
            fix = f"xpk workload list --cluster {cluster}"
            raise StateError(Fault(f"--workload {name}", f"no such workload in cluster {cluster}", fix))
        if not found:
            output.say(f"Nothing to do: no workload of cluster {cluster} is meant.")
        plan = plan_workload_delete(cluster, [one.jobset for one in found])
        if dry and form == "text":
            output.result(output.clean(_names(found, cluster)))
            return
        if dry:
            print_plan(plan, form)
            return
        report = None
        if found:
            report = run.carry_out(
                cloud,
                plan,
                where.cluster(cluster),
                consented=consented(words),
                question=_question(len(found), everything=pattern is None and status == "EVERYTHING"),
                deletes=True,
                shown=_names(found, cluster),
            )
            output.say(f"{len(found)} workload{'s' if len(found) > 1 else ''} deleted")
    print_report(plan, report, form)


def _names(found: Sequence[Found], cluster: str) -> str:
    """Every workload by its name, with what it is doing: none may go unnamed."""
    if not found:
        return ""
    rows = [(f"{one.status.namespace}/{one.status.name}", one.status.words) for one in found]
    width = max(len(name) for name, _ in rows)
    lines = [f"  - {name:<{width}}  {words}" for name, words in sorted(rows)]
    return "\n".join([f"Plan: delete workloads of cluster {cluster}", *lines]) + "\n"


def _name(words: Words) -> str | None:
    name = words.text("--workload")
    if name is None:
        return None
    if not name.strip():
        fix = "write --workload NAME, or --filter-by-job; nothing would mean all of them"
        words.faults.add("--workload ''", "the value is empty", fix)
    for flag in ("--filter-by-job", "--filter-by-status"):
        if words.given(flag):
            words.faults.add(f"--workload {name} {flag}", "one name needs no filter", "keep one of them")
    return name.strip()


def _question(count: int, *, everything: bool) -> str:
    if everything:
        return f"Delete ALL {count} workloads?" if count > 1 else "Delete the only workload?"
    return f"Delete {count} workloads?" if count > 1 else "Delete this workload?"


delete = Leaf(
    "workload delete",
    _run,
    sentence="Delete one workload, or those that the filters leave; names them before it asks.",
    examples=(
        "xpk workload delete --cluster c1 --project my-project --zone us-east5-b --workload w1",
        (
            "xpk workload delete --cluster c1 --project my-project --zone us-east5-b "
            "--filter-by-status FINISHED --yes"
        ),
    ),
    flags=(
        Flag("--workload", metavar="NAME", help="The workload; without it all that the filters leave."),
        *FILTERS,
        Flag("--cluster", metavar="NAME", group="where", help="The cluster. Required."),
        *WHERE,
        *NAMESPACE,
        *dry_run("text|yaml|json", "text", observe=False),
        *CONSENT,
        *ENDING,
    ),
    decide=decisions("workload delete"),
)
