"""A plan as a result: text for people, YAML for kubectl, JSON for programs; and the report of a real run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpk.cli import output
from xpk.cli.words import Words
from xpk.plan.document import json_document, yaml_stream
from xpk.plan.steps import Plan
from xpk.plan.text import text

if TYPE_CHECKING:
    from xpk.engine.report import Report


def dry_run_form(words: Words, default: str = "yaml") -> str:
    """`-o` of a dry run. YAML unless asked otherwise: it is what kubectl and other tools take."""
    return words.choice("-o", ("yaml", "text", "json"), default)


def report_form(words: Words) -> str:
    """`-o` of a real run; `text` prints nothing on stdout, for what is true is said on stderr.

    `--observe` is a fault without `--dry-run`: a real run looks at the project in any case.
    """
    if words.on("--observe"):
        fix = "add --dry-run, or leave it out: a real run always looks"
        words.faults.add("--observe", "goes with --dry-run", fix)
    return words.choice("-o", ("text", "json", "yaml"), "text")


def print_plan(plan: Plan, form: str) -> None:
    """The plan on stdout, its notes on stderr."""
    output.notes(plan.notes)
    match form:
        case "text":
            output.result(output.clean(text(plan)))
        case "json":
            output.result(json_document(plan))
        case _:
            output.result(yaml_stream(plan))


def print_report(plan: Plan, report: Report | None, form: str) -> None:
    """What was done, on stdout: nothing as text, since stderr has said it, else one document."""
    if form == "text":
        return
    done: dict[str, object] = {"done": [], "failed": [], "left": [], "startedInCloud": [], "seconds": 0}
    if report is not None:
        done = dict(report.as_json())
    output.structured(
        {"title": plan.title, "changed": report is not None, **done}, "yaml" if form == "yaml" else "json"
    )
