"""What a person reads about a recovery: all of it, in 80 columns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rehearsal.record.stories import SETUP, Story, recovered, setup
from xpk.rehearsal.record.events import FaultKind, Host
from xpk.rehearsal.record.finding_saves import MESH_AXES
from xpk.rehearsal.record.outcome import Mode, Recovery
from xpk.rehearsal.record.reduce import outcome
from xpk.rehearsal.record.words import finding_words, words


def one() -> Recovery:
    story = recovered()
    return replace(
        outcome(story.setup, story.events).recoveries[0],
        fault="host",
        hosts=(Host(1, 3),),
        step_failed=47,
        step_restored=45,
        bucket_step=40,
        steps_lost_without=7,
        bytes_moved=0,
        from_words="the ramdisk of slice 0",
        noticed=0.61,
        running=3.9,
        restored=8.06,
        first_step=9.2,
    )


def test_a_lost_host() -> None:
    assert words(one(), SETUP) == [
        "host slice-1/3 killed at step 47",
        "  noticed after 0.6 s, pods back 3.9 s, restored 8.1 s, first new step 9.2 s",
        "  resumed from step 45 out of the ramdisk of slice 0 (bucket had 40): 2 steps",
        "    lost instead of 7",
    ]


@pytest.mark.parametrize(
    ("fault", "hosts", "subject"),
    [
        ("process", [(0, 1)], "process on slice-0/1 killed at step 47"),
        ("last-slice-host", [(1, 1)], "host slice-1/1 of the last slice killed at step 47"),
        ("slice", [(1, 0), (1, 1)], "slice 1 killed, 2 hosts, at step 47"),
        ("all-ramdisks", [(0, 0), (1, 0)], "all ramdisks of 2 hosts lost at step 47"),
        ("sigterm", [(0, 0), (1, 0)], "SIGTERM to 2 hosts at step 47"),
    ],
)
def test_what_broke(fault: FaultKind, hosts: list[tuple[int, int]], subject: str) -> None:
    assert words(replace(one(), fault=fault, hosts=tuple(Host(*host) for host in hosts)), SETUP)[0] == subject


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"step_restored": None, "steps_lost": 48, "tiers": (("nothing", 4),)},
            "  began anew: 48 steps lost",
        ),
        (
            {"step_restored": 40, "steps_lost": 7, "tiers": (("bucket", 4),), "from_words": "the bucket"},
            "  resumed from step 40 out of the bucket: 7 steps lost",
        ),
        (
            {"ended": "overtaken", "noticed": None, "running": None, "restored": None, "first_step": None},
            "  the next fault came first",
        ),
        (
            {"ended": "failed", "restarts": 1, "running": None, "restored": None, "first_step": None},
            "  noticed after 0.6 s, training did not go on",
        ),
        ({"interrupted_save": True, "restarts": 2}, "  the fault fell into a save, 2 restarts"),
        (
            {"steps_lost": 1, "bucket_step": None, "from_words": "ramdisks"},
            "  resumed from step 45 out of ramdisks (bucket was empty): 1 step lost instead",
        ),
    ],
)
def test_how_it_went_on(change: dict[str, object], line: str) -> None:
    assert line in words(replace(one(), **change), SETUP)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "change", "wanted"),
    [
        ("emergency", {}, "no ramdisks could serve: slice 0 saves to the bucket alone"),
        ("multi-tier", {}, "no ramdisks could serve: of some host's part"),
        ("emergency", {"fault": "all-ramdisks"}, "no ramdisk was left that could serve"),
        ("bucket", {}, ""),
        ("emergency", {"ramdisk_step": 45}, ""),
        ("emergency", {"tiers": (("ramdisk", 2), ("peer", 2))}, ""),
        ("emergency", {"tiers": ()}, ""),
    ],
)
def test_why_the_bucket_had_to_serve(mode: Mode, change: dict[str, object], wanted: str) -> None:
    given = {"tiers": (("bucket", 4),), "ramdisk_step": None, "from_words": "the bucket"} | change
    text = " ".join(words(replace(one(), **given), setup(mode)))  # type: ignore[arg-type]
    assert wanted in text
    assert ("could serve" in text) == bool(wanted)


def test_losses_that_differ_are_told() -> None:
    story = Story().start().steps(0, 17).breaks().start(1).from_slice_1(15).steps(16, 39, shift="9").ends()
    (recovery,) = outcome(story.setup, story.events).recoveries
    assert words(recovery, SETUP)[-1] == "  losses differ at step 16: 0.588235, then 0.5882359"


FAULTS: list[FaultKind] = ["process", "host", "last-slice-host", "slice", "all-ramdisks", "sigterm"]


@given(
    st.sampled_from(FAULTS),
    st.integers(1, 300),
    st.integers(0, 10**9),
    st.floats(0, 1e5),
    st.integers(0, 10**12),
    st.sampled_from(["recovered", "overtaken", "failed", "unfinished"]),
)
def test_no_line_is_wider_than_80_columns(
    fault: FaultKind, hosts: int, step: int, seconds: float, size: int, ended: str
) -> None:
    recovery = replace(
        one(),
        fault=fault,
        hosts=tuple(Host(1000 + index, 1000) for index in range(hosts)),
        step_failed=step,
        step_restored=step,
        noticed=seconds,
        first_step=seconds,
        bytes_moved=size,
        ended=ended,  # type: ignore[arg-type]
    )
    assert all(len(line) <= 80 for line in words(recovery, SETUP))


def test_a_finding_leaves_a_flag_in_one_piece() -> None:
    story = Story(setup()).start().steps(0, 11, save=False)
    (finding,) = outcome(story.setup, story.events).findings
    lines = finding_words(finding)
    assert lines[0].startswith("found: no ramdisk ever held a step")
    assert any(MESH_AXES in line for line in lines)
    assert all(len(line) <= 80 for line in lines if MESH_AXES not in line)
