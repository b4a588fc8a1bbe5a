"""Healthy rehearsals have no finding, at their end and at any moment before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.rehearsal.record.stories import ALL, GLOO, Story, last_slice_host_lost, recovered, setup, signalled
from xpk.rehearsal.record.events import Signalled
from xpk.rehearsal.record.reduce import outcome

HEALTHY: dict[str, Callable[[], Story]] = {
    "nothing yet": lambda: Story(),
    "no fault": lambda: Story().start().steps(0, 39).ends(),
    "before the first save": lambda: Story().start().steps(0, 4, save=False),
    "the first save takes long": lambda: Story().start().steps(0, 10, save=False),
    "a short run": lambda: Story(setup(steps=5)).start().steps(0, 4, save=False).ends(),
    "sigterm after the last step": lambda: Story().start().steps(0, 39).breaks("sigterm", ALL).ends(),
    "no ramdisks wanted": lambda: Story(setup("bucket")).start().steps(0, 39).ends(),
    "nothing saved": lambda: Story(setup("none")).start().steps(0, 39).ends(),
    "emergency": recovered,
    "multi-tier": lambda: recovered("multi-tier"),
    "minutes are no steps": lambda: Story(setup("multi-tier", local_period=50)).start().steps(0, 39).ends(),
    "stopped by the person": lambda: Story().start().steps(0, 17).breaks().start(1).ends("stopped"),
    "in the middle": lambda: Story().start().steps(0, 17).breaks(),
    "one crash after the fault": lambda: last_slice_host_lost(1),
    "killed in a save, so from the bucket": lambda: (
        Story()
        .start()
        .steps(0, 14)
        .steps(15, 15, save=False)
        .hold([ALL[2]], 10, 15)
        .hold([ALL[3]], 10, used=150)
        .breaks()
        .start(1)
        .restore(10, ("bucket",) * 4)
        .steps(11, 39)
        .ends()
    ),
    "killed in a save, so the one before": lambda: (
        Story(setup("multi-tier"))
        .start()
        .steps(0, 14)
        .steps(15, 19, save=False)
        .breaks()
        .start(1)
        .restore(10, ("ramdisk",) * 4)
        .steps(11, 39)
        .ends()
    ),
    "all ramdisks lost": lambda: (
        Story()
        .start()
        .steps(0, 17)
        .breaks("all-ramdisks", ALL)
        .start(1)
        .restore(10, ("bucket",) * 4)
        .steps(11, 39)
        .ends()
    ),
    "faults before any progress": lambda: (
        Story()
        .start()
        .steps(0, 17)
        .breaks()
        .start(1)
        .says(ALL[0], GLOO)
        .breaks()
        .start(2)
        .says(ALL[0], GLOO)
        .breaks()
        .start(3)
        .from_slice_1(15)
        .steps(16, 39)
        .ends()
    ),
    "sigterm seen and saved": lambda: signalled(0, 1, 2, 3, saved=17),
    "sigterm to a program of one's own": lambda: signalled(saved=17, trainer="command"),
    "pods are stopped with SIGTERM at a restart": lambda: recovered().add(Signalled(8.0, ALL[0], "SIGTERM")),
    "exactly full": lambda: recovered().hold([ALL[2]], 35, used=1_000_000),
    "ended on its last step": lambda: (
        Story().start().steps(0, 39).breaks().start(1).from_slice_1(35).steps(36, 39).ends()
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_no_false_alarm(name: str) -> None:
    story = HEALTHY[name]()
    result = outcome(story.setup, story.events)
    assert (result.findings, result.exit_code) == ((), 0)


@pytest.mark.parametrize("name", HEALTHY)
def test_no_false_alarm_at_any_moment_before(name: str) -> None:
    story = HEALTHY[name]()
    for end in range(0, len(story.events), 7):
        assert outcome(story.setup, story.events[:end]).findings == ()
