"""The end of a rehearsal, the only words on stdout: what a person wanted to know, or all for a machine."""

from __future__ import annotations

from xpk.cli import output
from xpk.rehearsal.record.outcome import Outcome, to_json
from xpk.rehearsal.record.words import finding_words, words
from xpk.rehearsal.report.text import count, seconds


def result(outcome: Outcome, form: output.Format) -> None:
    """Print the outcome in the form asked for."""
    if form == "table":
        output.result(summary(outcome))
    else:
        output.structured(to_json(outcome), form)


def summary(outcome: Outcome) -> str:
    """Each fault, each finding, and the whole in a line; none wider than 80 columns."""
    lines = [line for one in outcome.recoveries for line in words(one, outcome.setup)]
    for finding in outcome.findings:
        lines += finding_words(finding)
    return output.clean("\n".join([*lines, *_whole(outcome)])) + "\n"


def _whole(outcome: Outcome) -> list[str]:
    total, found = outcome.totals, len(outcome.findings)
    lines: list[str] = []
    if len(outcome.recoveries) > 1:
        lost = f"{count(total.steps_lost, 'step')} lost instead of {total.steps_lost_without}"
        lines.append(f"{len(outcome.recoveries)} faults, {count(total.restarts, 'restart')}: {lost}")
    if total.losses_equal:
        lines.append("losses after a restart are those of before, digit by digit")
    ended = "interrupted" if outcome.words == "interrupted" else outcome.state or "not over"
    findings = count(found, "finding") if found else "no findings"
    at = f"at step {total.highest_step}" if total.highest_step >= 0 else "before the first step"
    lines.append(f"{ended} {at} after {seconds(total.seconds)}, {findings}")
    return lines
