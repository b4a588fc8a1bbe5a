"""Events as lines for people."""

from __future__ import annotations

import pytest

from tests.rehearsal.report.sample import Run, crash_loop, setup, story
from xpk.rehearsal.record.events import (
    Broke,
    Ended,
    Event,
    Host,
    Moved,
    Noticed,
    PodEnded,
    PodStarted,
    Restored,
    Said,
    Signalled,
    SignalSeen,
    Tier,
)
from xpk.rehearsal.report.chatter import Message, message
from xpk.rehearsal.report.telling import Line, Teller, restored_words, told
from xpk.rehearsal.report.text import count, memory, seconds, size, where

A, B = Host(0, 0), Host(1, 1)
ALL = setup().all_hosts()


@pytest.mark.parametrize(
    ("event", "words", "loud"),
    [
        (Broke(1, "host", (B,), 17), "fault: host lost, slice 1 host 1, at step 17", True),
        (Broke(1, "slice", ALL[2:], 3), "fault: slice lost, slice 1, at step 3", True),
        (
            Broke(1, "all-ramdisks", ALL, -1),
            "fault: all ramdisks lost, all 4 hosts, before the first step",
            True,
        ),
        (Noticed(1, "JobSet: restart 1 of 3"), "noticed: JobSet: restart 1 of 3", True),
        (Ended(1, "failed", "no restart left"), "failed: no restart left", True),
        (Ended(1, "stopped", ""), "stopped", True),
        (PodEnded(1, A, "p", 0, 0), "slice 0 host 0: pod ended with 0", False),
        (PodEnded(1, A, "p", 0, 1), "slice 0 host 0: pod ended with 1", True),
        (PodEnded(1, A, "p", 0, 137), "slice 0 host 0: pod ended with 137 (SIGKILL)", True),
        (Moved(1, "slice 1 host 0", "bucket", 1_500_000, "backup"), None, False),
        (Signalled(1, A, "SIGTERM"), "slice 0 host 0: SIGTERM sent", False),
        (SignalSeen(1, A, 0, 23), "slice 0 host 0: the trainer caught SIGTERM at step 23", False),
        (Said(1, A, 0, "it broke"), "slice 0 host 0: it broke", True),
    ],
)
def test_one_event(event: Event, words: str | None, loud: bool) -> None:
    expected = "moved 1.5 MB from slice 1 host 0 to bucket: backup" if words is None else words
    assert Teller(setup()).take(event) == Line(1, expected, loud)


def test_what_all_hosts_do_is_said_once() -> None:
    loud = [line.words for line in told(setup(), Run(steps=12).go([(7, "host", Host(0, 1))])) if line.loud]
    assert loud == [
        "all 4 pods running, the first start",
        "nothing to restore: training begins at the start",
        "step 0, the first",
        "fault: host lost, slice 0 host 1, at step 7",
        "noticed: JobSet: restart 1 of 50",
        "all 4 pods running, restart 1",
        "restored step 5: 2 from own ramdisk, 2 from a peer",
        "step 6, the first after restart 1",
        "succeeded: all pods ended with 0",
    ]


def test_of_many_failures_the_first_is_loud() -> None:
    lines = [line for line in told(setup(), crash_loop()) if "pod ended with 1" in line.words]
    assert len(lines) == 12
    assert sum(line.loud for line in lines) == 3  # one a restart


def test_what_the_driver_copied_came_from_a_peer_whatever_the_trainer_says() -> None:
    teller = Teller(setup(1, 2))
    one, two = Host(0, 0), Host(0, 1)
    teller.take(Broke(1, "host", (one,), 17))
    teller.take(Moved(2, str(two), str(one), 900, "step 15"))
    teller.take(Restored(3, one, 1, 15, "ramdisk", 0))
    assert teller.take(Restored(4, two, 1, 15, "ramdisk", 0)) == Line(
        4, "restored step 15: 1 from own ramdisk, 1 from a peer", True
    )


def test_a_signal_that_is_told_at_each_look_is_one_line_a_host_and_one_that_is_loud() -> None:
    teller = Teller(setup())
    teller.take(Broke(1, "sigterm", (A,), 13))
    lines = [teller.take(SignalSeen(2, host, 0, 16)) for _ in range(5) for host in ALL]
    assert [line.loud for line in lines if line is not None] == [True, False, False, False]


def test_pods_that_are_killed_at_the_end_are_no_news() -> None:
    teller = Teller(setup())
    teller.take(Ended(1, "failed", "2 restarts without a new step"))
    line = teller.take(PodEnded(2, A, "p", 0, 137))
    assert line is not None
    assert not line.loud


def test_sigterm_is_news_where_it_is_the_fault() -> None:
    teller = Teller(setup())
    teller.take(Broke(1, "sigterm", (A,), 7))
    assert teller.take(SignalSeen(2, A, 0, -1)) == Line(2, "slice 0 host 0: the trainer caught SIGTERM", True)


def test_a_log_line_is_said_once_an_attempt_and_loud_only_in_pods_that_no_fault_has_met() -> None:
    teller = Teller(setup())
    line = "E1124 13:40:15.119790   21988 x/y.cc:159] barrier {} of host {} failed"
    first = teller.take(Said(1, A, 0, line.format(7, 1)))
    assert first == Line(1, "slice 0 host 0: barrier 7 of host 1 failed", True)
    assert teller.take(Said(2, B, 0, line.format(8, 3))) is None
    teller.take(Broke(3, "host", (A,), 7))
    assert teller.take(Said(4, B, 0, "Connection reset")) == Line(
        4, "slice 1 host 1: Connection reset", False
    )
    teller.take(PodStarted(5, A, "p", 1))
    assert teller.take(Said(6, B, 1, "Connection reset")) == Line(6, "slice 1 host 1: Connection reset", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RuntimeError: x", Message("RuntimeError: x", info=False)),
        (
            "I1124 13:40:54.457674 139715636 checkpoint_manager.py:494] Configured",
            Message("Configured", info=True),
        ),
        ("F1124 13:40:15.119937   21988 client.h:80] Terminating", Message("Terminating", info=False)),
        ("I think so", Message("I think so", info=False)),
        ("    @     0x7efd13f040ee  xla::CoordinationServiceAgent::SetError()", None),
        ("*** Check failure stack trace: ***", None),
        (":UNKNOWN:Error received from peer  {grpc_status:14}", None),
        ('  File "/x/y.py", line 3, in f', None),
        ("", None),
    ],
)
def test_a_log_line_loses_its_stamp(text: str, expected: Message | None) -> None:
    assert message(text) == expected


def test_lines_are_in_order_and_name_each_save() -> None:
    lines = list(told(setup(), story()))
    assert [line.t for line in lines] == sorted(line.t for line in lines)
    assert sum(line.words == "ramdisks hold step 15" for line in lines) == 1
    assert sum(line.words == "bucket holds step 20" for line in lines) == 1


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        (["nothing", "nothing"], "nothing to restore: training begins at the start"),
        (["ramdisk", "peer"], "restored step 15: 1 from own ramdisk, 1 from a peer"),
        (["bucket", "bucket"], "restored step 15: 2 from the bucket"),
        (["bucket", "nothing"], "restored step 15: 1 from the bucket, 1 from nothing"),
    ],
)
def test_what_was_restored(tiers: list[Tier], words: str) -> None:
    assert (
        restored_words([Restored(1, Host(0, at), 1, 15, tier, 9) for at, tier in enumerate(tiers)]) == words
    )


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ((A,), "slice 0 host 0"),
        (ALL, "all 4 hosts"),
        (ALL[:2], "slice 0"),
        ((A, B), "2 hosts of 2 slices"),
    ],
)
def test_hosts_in_few_words(hosts: tuple[Host, ...], words: str) -> None:
    assert where(hosts, ALL) == words


def test_numbers_have_units() -> None:
    assert [size(n) for n in (0, 999, 1000, 1_234_567, 99_960_000, 64_000_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.2 MB",
        "100 MB",
        "64.0 GB",
    ]
    assert [memory(n) for n in (64 << 20, 1_000_000, 0)] == ["64Mi", "1.0 MB", "0 B"]
    assert [seconds(t) for t in (None, 0.04, 9.25, 125.0)] == ["never", "0.0 s", "9.2 s", "2m05s"]
    assert [count(n, "step") for n in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]
