"""Where a restart got its state from, by what trainers and the driver tell."""

from __future__ import annotations

import pytest

from tests.rehearsal.record.stories import Story, recovered, setup
from xpk.rehearsal.record.events import Moved, Tier
from xpk.rehearsal.record.outcome import Outcome, Recovery
from xpk.rehearsal.record.reduce import outcome


def of(story: Story) -> Outcome:
    return outcome(story.setup, story.events)


def only(story: Story) -> Recovery:
    (recovery,) = of(story).recoveries
    return recovery


def test_multi_tier_restores_from_own_ramdisks() -> None:
    one = only(recovered("multi-tier"))
    assert one.tiers == (("ramdisk", 4),)
    assert one.from_words == "the hosts' own ramdisks"
    assert one.bytes_moved == 0


def test_what_the_driver_copied_is_not_the_hosts_own() -> None:
    story = Story(setup("multi-tier")).start().steps(0, 17).breaks("host")
    story.add(Moved(story.tick(), "slice 0 host 1", "slice 1 host 1", 100, "step 15 from a peer"))
    one = only(story.start(1).restore(15, ("ramdisk",) * 4, size=0).steps(16, 39).ends())
    assert one.tiers == (("ramdisk", 3), ("peer", 1))
    assert one.from_words == "the hosts' own ramdisks, and a peer's for slice-1/1"
    assert one.bytes_moved == 100


def test_a_backup_that_the_driver_fetched_is_the_bucket() -> None:
    story = Story(setup("multi-tier")).start().steps(0, 12).bucket(10).steps(13, 17)
    story.breaks("all-ramdisks", story.hosts)
    for host in story.hosts:
        story.add(Moved(story.tick(), "bucket", str(host), 100, "step 10 from backup"))
    result = of(story.start(1).restore(10, ("ramdisk",) * 4).steps(11, 39).ends())
    (one,) = result.recoveries
    assert (one.tiers, one.from_words, one.bytes_moved) == ((("bucket", 4),), "the bucket", 400)
    assert result.findings == ()


def test_a_backup_that_is_written_later_moves_nothing_for_the_restart() -> None:
    story = recovered("multi-tier")
    story.add(Moved(story.tick(), "slice 1 host 0", "bucket", 100, "step 35 into backup"))
    assert only(story).bytes_moved == 0


def test_a_silent_trainers_restore_is_told_from_its_first_step() -> None:
    story = Story(setup("bucket")).start().steps(0, 17).breaks().start(1).steps(11, 39).ends()
    one = only(story)
    assert (one.step_restored, one.steps_lost, one.from_words) == (10, 7, "the bucket")
    assert of(story).findings == ()


@pytest.mark.parametrize(
    ("slices", "tiers", "source"),
    [
        (2, "rr rr", "the hosts' own ramdisks"),
        (2, "bb pp", "the bucket"),
        (2, "bb rr", "the bucket on 2 of 4 hosts"),
        (2, "nn nn", "nothing"),
        (2, "rp pr", "the hosts' own ramdisks, and a peer's for 2 of 4 hosts"),
        (3, "pp rr rr", "the ramdisks of slices 1 and 2"),
        (7, "pp rr rr rr rr rr rr", "the ramdisks of slices 1 to 6"),
        (2, "pp pp", "the ramdisks of peers"),
    ],
)
def test_where_from_in_words(slices: int, tiers: str, source: str) -> None:
    names: dict[str, Tier] = {"r": "ramdisk", "p": "peer", "b": "bucket", "n": "nothing"}
    story = Story(setup(slices=slices)).start().steps(0, 17).breaks().start(1)
    story.restore(15, [names[letter] for letter in tiers.replace(" ", "")])
    assert only(story).from_words == source
