"""`xpk cluster delete`."""

from __future__ import annotations

from xpk.cli import output, run
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import CONSENT, ENDING, WHERE, consented, decisions, dry_run
from xpk.cli.plan_output import dry_run_form, print_plan, print_report, report_form
from xpk.cli.where import endpoints, place, say_where
from xpk.cli.words import Words
from xpk.cli.workload_request import cluster_name
from xpk.plan.deletion import plan_cluster_delete


def _run(words: Words) -> None:
    target = endpoints(words)
    dry = words.on("--dry-run")
    form = dry_run_form(words, "text") if dry else report_form(words)
    name = cluster_name(words)
    where, _ = place(words)
    words.faults.raise_if_any()
    assert name is not None
    say_where(target)
    output.notes(words.notes)
    with run.connected(target) as cloud:
        plan = plan_cluster_delete(where, name, run.observe_deletion(cloud, where, name))
        if dry:
            print_plan(plan, form)
            return
        question = f"Delete cluster {name}?"
        report = run.carry_out(
            cloud, plan, where.cluster(name), consented=consented(words), question=question, deletes=True
        )
    if report is not None:
        output.say(f"cluster {name} is deleted")
    print_report(plan, report, form)


delete = Leaf(
    "cluster delete",
    _run,
    sentence="Delete a cluster and what was made for it; says first what runs there.",
    examples=(
        "xpk cluster delete --cluster c1 --project my-project --zone us-east5-b --dry-run",
        "xpk cluster delete --cluster c1 --project my-project --zone us-east5-b --yes",
    ),
    flags=(
        Flag("--cluster", metavar="NAME", help="The cluster. Required."),
        *WHERE,
        *dry_run("text|yaml|json", "text", observe=False),
        *CONSENT,
        *ENDING,
    ),
    decide=decisions("cluster delete"),
)
