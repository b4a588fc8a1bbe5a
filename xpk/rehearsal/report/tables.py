"""What the page says in words and tables. The words of servers and trainers are made harmless here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xpk.rehearsal.record.events import Event
from xpk.rehearsal.record.lines import clean
from xpk.rehearsal.record.outcome import Outcome, Override, Recovery, Setup
from xpk.rehearsal.record.words import words
from xpk.rehearsal.report.telling import told
from xpk.rehearsal.report.text import count, fault_words, memory, seconds, size, where

MODES = {
    "emergency": "emergency checkpointing",
    "multi-tier": "multi-tier checkpointing",
    "bucket": "saves to the bucket only",
    "none": "no checkpoints",
}
_TRAINERS = {
    "orbax": "own small trainer, JAX and Orbax, in the place of the command",
    "maxtext": "MaxText",
    "command": "the command as given",
}
MOST_ROWS = 2000
_MOST_DIFFERENCES = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure at the top, and what it is."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of recoveries."""

    name: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell; `bad` is shown in the colour of faults, which its words say too."""

    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A recovery: as a story and as cells of the table, one per column."""

    number: int
    story: tuple[str, ...]
    cells: tuple[Cell, ...]


COLUMNS = (
    Column("Fault", False),
    Column("Step", True),
    Column("Restored from", False),
    Column("Lost", True),
    Column("Without", True),
    Column("Moved", True),
    Column("Noticed", True),
    Column("Pods running", True),
    Column("Restored", True),
    Column("First step", True),
    Column("Losses", False),
)
_LOSSES = {True: "equal", False: "differ", None: "not compared"}


def rows(outcome: Outcome) -> tuple[Row, ...]:
    """The recoveries in order."""
    every = outcome.setup
    return tuple(
        Row(number, _story(words(one, outcome.setup)), _cells(one, every))
        for number, one in enumerate(outcome.recoveries, 1)
    )


def _story(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines of a recovery without their indents; those that were cut for a terminal are one again."""
    found: list[str] = []
    for line in lines:
        if line.startswith("    ") and found:
            found[-1] += f" {clean(line.strip())}"
        else:
            found.append(clean(line.strip()))
    return tuple(found)


def _cells(one: Recovery, setup: Setup) -> tuple[Cell, ...]:
    to = "start" if one.step_restored is None else str(one.step_restored)
    unknown = one.step_restored is None and one.first_step is None
    lost = "unknown" if one.steps_lost is None else count(one.steps_lost, "step")
    return (
        Cell(f"{fault_words(one.fault)}: {where(one.hosts, setup.all_hosts())}"),
        Cell(f"{one.step_failed} to {'?' if unknown else to}"),
        Cell(clean(one.from_words) or "nothing", one.ended == "failed"),
        Cell(lost),
        Cell(count(one.steps_lost_without, "step")),
        Cell(size(one.bytes_moved)),
        *(
            Cell(seconds(one_time), one_time is None)
            for one_time in (one.noticed, one.running, one.restored, one.first_step)
        ),
        Cell(_LOSSES[one.losses_equal], one.losses_equal is False),
    )


def short(one: Recovery) -> str:
    """A fault beside its mark on the timeline: "host lost: 17 to 15"."""
    if one.step_restored is None:
        to = " to the start" if one.first_step is not None else ", not recovered"
        return f"{fault_words(one.fault)}: {one.step_failed}{to}"
    return f"{fault_words(one.fault)}: {one.step_failed} to {one.step_restored}"


def title(setup: Setup) -> str:
    """The heading of the page."""
    shape = f"{count(setup.slices, 'slice')} of {count(setup.hosts, 'host')}"
    return f"Rehearsal: {shape}, {MODES[setup.mode]}"


def lead(outcome: Outcome) -> tuple[str, ...]:
    """What came of it, in a sentence or two."""
    many = count(len(outcome.findings), "finding")
    wrong = (f"{many}, told below. The exit code is {outcome.exit_code}.",) if outcome.findings else ()
    return (_survived(outcome), _state(outcome), *wrong)


def _survived(outcome: Outcome) -> str:
    found = outcome.recoveries
    dead = [str(number) for number, one in enumerate(found, 1) if one.ended == "failed"]
    if not found:
        return "Nothing was broken."
    if dead:
        return f"Training did not come back after fault {' and '.join(dead)} of {len(found)}."
    if any(one.ended == "unfinished" for one in found):
        return "The way back from the last fault was not over."
    many = {1: "The fault was", 2: "Both faults were"}.get(len(found), f"All {len(found)} faults were")
    return f"{many} survived. {_lost(outcome)}."


def _lost(outcome: Outcome) -> str:
    """What all faults cost, against a run without ramdisks where there are any."""
    lost, without = outcome.totals.steps_lost, outcome.totals.steps_lost_without
    if outcome.setup.mode not in ("emergency", "multi-tier"):
        return f"{count(lost, 'step')} lost"
    if lost >= without:
        return f"{count(lost, 'step')} lost, as many as from the bucket alone"
    return f"{count(lost, 'step')} lost instead of {without} from the bucket alone"


def _state(outcome: Outcome) -> str:
    said = clean(outcome.words)
    if outcome.state is None:
        return "The rehearsal was not over when this page was made."
    return f"The rehearsal {outcome.state}{f': {said}' if said else ''}."


def facts(outcome: Outcome) -> tuple[Fact, ...]:
    """The figures at the top."""
    total, found = outcome.totals, outcome.recoveries
    in_all = seconds(total.seconds).replace(" ", "\u00a0")
    of = f" of {outcome.setup.steps}" if outcome.setup.steps > 0 else ""
    last = Fact(str(max(total.highest_step, 0)), f"highest step{of}, {in_all}")
    if not found:
        return (last, Fact(size(total.bytes_moved), "moved"), Fact(str(total.restarts), "restarts"))
    first = [one.first_step for one in found if one.first_step is not None]
    near = sum(bool({"ramdisk", "peer"} & {tier for tier, hosts in one.tiers if hosts}) for one in found)
    back = sum(one.ended in ("recovered", "overtaken") for one in found)
    lost = f"lost in {count(len(found), 'fault')}; from the bucket alone {total.steps_lost_without}"
    return (
        Fact(count(total.steps_lost, "step"), lost)
        if back == len(found)
        else Fact(f"{back} of {len(found)}", "faults survived"),
        Fact(seconds(max(first, default=None)), "longest way from a fault to the first new step"),
        Fact(f"{near} of {len(found)}", "restarts served by the hosts' ramdisks"),
        last,
    )


def nothing_found(outcome: Outcome) -> str:
    """What it means that there is no finding."""
    if not outcome.recoveries:
        return "Nothing was broken, and saves came as they should."
    if outcome.state is None:
        return "Nothing so far: the rehearsal was not over."
    return "Each restart came from where it should, as far back as it should."


def losses(outcome: Outcome) -> tuple[Cell, tuple[str, ...]]:
    """Whether the loss curve is the same, and where it is not."""
    equal = outcome.totals.losses_equal
    if equal is None:
        return Cell("Nothing to compare: no step was computed a second time."), ()
    if equal:
        return Cell("Yes: each step computed again after a restart has the same loss, digit by digit."), ()
    found = [each for one in outcome.recoveries for each in one.differences]
    lines = [
        f"step {each.step}, {each.host}: {clean(each.before)} before, {clean(each.after)} after"
        for each in found
    ]
    more = len(lines) - _MOST_DIFFERENCES
    shown = (*lines[:_MOST_DIFFERENCES], *((f"and {more} more",) if more > 0 else ()))
    return Cell("No: losses after a restart differ from those before.", bad=True), shown


def setup_pairs(setup: Setup) -> tuple[tuple[str, str], ...]:
    """The setup as names and values."""
    minutes = setup.mode == "multi-tier"
    period = (
        f"every {count(setup.bucket_period, 'minute' if minutes else 'step')}"
        if setup.bucket_period
        else "never"
    )
    local = f"every {count(setup.local_period, 'step')}" if setup.local_period else "never"
    return (
        ("slices", f"{setup.slices}, of {count(setup.hosts, 'host')} each"),
        ("checkpoints", MODES[setup.mode]),
        ("trainer", _TRAINERS[setup.trainer]),
        ("steps", str(setup.steps) if setup.steps > 0 else "as the command says"),
        ("saved to ramdisk", f"{local}, at {clean(setup.mount_path)}"),
        ("saved to bucket", period),
        ("ramdisk", f"{memory(setup.ramdisk_bytes)} per host"),
        ("save on SIGTERM", "yes" if setup.autocheckpoint else "no"),
        ("paths by", setup.isolation),
        ("seed", str(setup.seed)),
    )


def lanes_note(setup: Setup, not_drawn: int) -> str:
    """What the drawing of hosts does not show by itself."""
    parts = []
    if setup.mode == "emergency" and setup.slices > 1:
        parts.append("The first slice writes the bucket, and by design keeps nothing in its ramdisks.")
    if not_drawn > 0:
        parts.append(f"{not_drawn} more hosts are not drawn.")
    return " ".join(parts)


def overrides(setup: Setup) -> tuple[Override, ...]:
    """What was changed, every one."""
    return tuple(
        Override(clean(one.what), clean(one.was) or "not set", clean(one.now), clean(one.why))
        for one in setup.overrides
    )


def event_rows(setup: Setup, events: Iterable[Event]) -> tuple[tuple[str, str], ...]:
    """Each event that says something, as seconds and words; those of a very long run only at first."""
    found: list[tuple[str, str]] = []
    for line in told(setup, events):
        if len(found) == MOST_ROWS:
            return (*found, ("", f"and more: only the first {MOST_ROWS} are here"))
        found.append((f"{line.t:.1f}", clean(line.words)))
    return tuple(found)
