"""The life of JobSets on both servers at once: at each moment every object is compared, field by field.

What may differ is listed in `differences.FIELDS`, each with its reason; anything else fails, and so does an
entry that nothing needs any more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.controlplane.both import opened_both
from tests.controlplane.both_moments import Couple
from tests.controlplane.capture import capture
from tests.controlplane.cluster import ControlPlane

pytestmark = [pytest.mark.xdist_group("controlplane"), pytest.mark.slow]


@pytest.fixture
def couple(control_plane: ControlPlane) -> Iterator[Couple]:
    """Both servers, each with the same empty cluster."""
    with opened_both(control_plane) as (real, emulator):
        made = Couple(real, emulator)
        yield made
        made.clear()


def test_both_say_the_same_at_every_moment(couple: Couple) -> None:
    couple.same("cluster", capture)
    _fails(couple)
    _completes(couple)
    _is_preempted(couple)
    assert couple.unused() == []


def _fails(couple: Couple) -> None:
    """Started, another one waits; evicted; restarted; failed."""
    couple.start("w1", max_restarts=1)
    couple.running("w1")
    couple.same("running", capture)
    couple.start("w2")
    couple.same("second", capture)
    couple.evict("w1-slice-job-0-2")
    couple.running("w1")
    couple.same("evicted", capture)
    couple.exit("w1-slice-job-1-3", 1)
    couple.running("w1")
    couple.same("exited", capture)
    couple.same_events("w1", "w2")
    couple.delete("w2")
    couple.exit("w1-slice-job-0-2", 1)
    couple.reaches("w1", "Failed")
    couple.same("failed", capture)
    couple.same_events("w1")
    couple.delete("w1")


def _completes(couple: Couple) -> None:
    couple.start("w3")
    couple.running("w3")
    couple.exit_all(0)
    couple.reaches("w3", "Completed")
    couple.same("done", capture)
    couple.same_events("w3")
    couple.delete("w3")


def _is_preempted(couple: Couple) -> None:
    """Its place is taken by a higher one, and given back."""
    couple.start("w4", priority="low")
    couple.running("w4")
    couple.start("w5", priority="high")
    couple.running("w5")
    couple.same("preempted", capture)
    couple.same_events("w4", "w5")
    couple.delete("w5")
    couple.running("w4")
    couple.same("again", capture)
    couple.same_events("w4")
    couple.delete("w4")
