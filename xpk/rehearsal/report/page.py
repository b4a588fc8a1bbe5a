"""A rehearsal as one self-contained HTML page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import xpk
from xpk.rehearsal.record.events import Event
from xpk.rehearsal.record.lines import clean
from xpk.rehearsal.record.outcome import Finding, Outcome, Override
from xpk.rehearsal.report import tables
from xpk.rehearsal.report.curves import PHASES, Curves, curves
from xpk.rehearsal.report.lanes import Lanes, lanes
from xpk.rehearsal.report.text import count, seconds
from xpk.rehearsal.report.timeline import NARROW, WIDE, Timeline, timeline
from xpk.render.html import render_page

_TEMPLATE = "rehearsal/report.html"
_MOST_LANES = 32


@dataclass(frozen=True, slots=True)
class Legend:
    """Which signs of the timeline need an explanation."""

    ramdisk: bool
    bucket: bool
    faults: bool
    phases: tuple[str, ...] = PHASES


@dataclass(frozen=True, slots=True)
class Alternative:
    """A drawing in words, for whoever cannot see it."""

    title: str
    desc: str


@dataclass(frozen=True, slots=True)
class View:
    """All that the template shows. It decides nothing by itself."""

    title: str
    lead: tuple[str, ...]
    facts: tuple[tables.Fact, ...]
    findings_title: str
    findings: tuple[Finding, ...]
    no_findings: str
    modes: Legend
    timelines: tuple[Timeline, ...]
    timeline_words: Alternative
    columns: tuple[tables.Column, ...]
    recoveries: tuple[tables.Row, ...]
    losses: tables.Cell
    differences: tuple[str, ...]
    lanes: tuple[Lanes, ...]
    lanes_words: Alternative
    lanes_note: str
    setup: tuple[tuple[str, str], ...]
    overrides: tuple[Override, ...]
    rows: tuple[tuple[str, str], ...]
    rows_title: str
    footer: str


def page(outcome: Outcome, events: Iterable[Event]) -> str:
    """The page of a rehearsal, over or not. Pure: the same record gives the same text."""
    return render_page(_TEMPLATE, view(outcome, tuple(events)))


def view(outcome: Outcome, events: tuple[Event, ...]) -> View:
    """What the page shows."""
    setup, found = outcome.setup, outcome.recoveries
    drawn = curves(setup, found, events)
    words = {number: tables.short(one) for number, one in enumerate(found, 1)}
    hosts, at = setup.all_hosts(), [one.t for one in found]
    losses, differences = tables.losses(outcome)
    rows = tables.event_rows(setup, events)
    return View(
        title=tables.title(setup),
        lead=tables.lead(outcome),
        facts=tables.facts(outcome),
        findings_title=count(len(outcome.findings), "finding") if outcome.findings else "No findings",
        findings=tuple(_clean(one) for one in outcome.findings),
        no_findings=tables.nothing_found(outcome),
        modes=Legend(bool(drawn.ramdisk), bool(drawn.bucket), bool(found)),
        timelines=tuple(timeline(drawn, words, size) for size in (WIDE, NARROW)),
        timeline_words=Alternative("Steps over time", _described(outcome, drawn)),
        columns=tables.COLUMNS,
        recoveries=tables.rows(outcome),
        losses=losses,
        differences=differences,
        lanes=tuple(lanes(hosts[:_MOST_LANES], events, at, size) for size in (WIDE, NARROW)),
        lanes_words=Alternative("Each host's pod over time", "The list of events below says the same."),
        lanes_note=tables.lanes_note(setup, len(hosts) - _MOST_LANES),
        setup=tables.setup_pairs(setup),
        overrides=tables.overrides(setup),
        rows=rows,
        rows_title=f"All {len(rows)} lines, the same that the drawings show",
        footer=f"Made by xpk {xpk.__version__}. Times are those of the machine that the rehearsal ran on.",
    )


def _clean(one: Finding) -> Finding:
    fix = "\n".join(clean(line) for line in one.fix.splitlines())
    return Finding(one.id, clean(one.words), clean(one.why), fix)


def _described(outcome: Outcome, drawn: Curves) -> str:
    """The timeline in words."""
    parts = [f"In {seconds(drawn.end)} the run came to step {outcome.totals.highest_step}."]
    for number, one in enumerate(outcome.recoveries, 1):
        parts.append(f"Fault {number} after {seconds(one.t)}: {tables.short(one)}.")
    return " ".join(parts)
