from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.rehearsal.driver.rig import Rig
from xpk.rehearsal.driver.names import METADATA
from xpk.rehearsal.driver.scan import Holdings, Scanner
from xpk.rehearsal.record.events import Event, Host, RamdiskHolds


def save(folder: Path, step: int, size: int = 10) -> None:
    (folder / str(step)).mkdir(parents=True)
    (folder / str(step) / METADATA).touch()
    (folder / str(step) / "data").write_bytes(b"x" * size)


def scanner(root: Path, events: list[Event], clock: list[float], capacity: int = 0) -> Scanner:
    (root / "bucket").mkdir()
    return Scanner(
        lambda host: root / f"h{host.slice_index}",
        (Host(0, 0), Host(1, 0)),
        buckets=(root / "bucket",),
        capacity=capacity,
        on_event=events.append,
        clock=lambda: clock[0],
    )


def test_nothing_is_told_of_nothing(tmp_path: Path) -> None:
    events: list[Event] = []
    found = scanner(tmp_path, events, [0.0])
    found.scan()
    assert events == []
    assert found.holdings(Host(0, 0)) == Holdings()
    assert found.quiet_step([Host(0, 0)]) is None
    assert found.quiet_step([]) is None


def test_orbax_steps_are_told_when_they_are_finished_and_when_they_go(tmp_path: Path) -> None:
    events: list[Event] = []
    found = scanner(tmp_path, events, [0.0])
    unfinished = tmp_path / "h1" / "5.orbax-checkpoint-tmp"
    save(tmp_path / "h1", 5)
    (tmp_path / "h1" / "5").rename(unfinished)
    found.scan()
    assert events == []
    assert found.saving()
    assert found.holdings(Host(1, 0)) == Holdings((), 10, True)
    unfinished.rename(tmp_path / "h1" / "5")
    found.scan()
    assert events == [RamdiskHolds(0.0, Host(1, 0), (5,), 10)]
    assert not found.saving()
    (tmp_path / "h1" / "5").rename(unfinished)
    found.scan()
    assert events[1:] == [RamdiskHolds(0.0, Host(1, 0), (), 10)]


def test_the_replicators_data_counts_once_beside_the_link_to_it(tmp_path: Path) -> None:
    events: list[Event] = []
    found = scanner(tmp_path, events, [0.0])
    save(tmp_path / "h0", 5)
    (tmp_path / "h0" / "5").rename(tmp_path / "h0" / "reh-s5-n0-w0.data")
    (tmp_path / "h0" / "5").symlink_to("reh-s5-n0-w0.data")
    (tmp_path / "h0" / "3").symlink_to("reh-s5-n0-w0.data")
    (tmp_path / "h0" / "2").symlink_to("gone")
    (tmp_path / "h0" / "7").mkdir()
    found.scan()
    (event,) = events
    assert isinstance(event, RamdiskHolds)
    assert event.steps == (5,)
    assert not found.saving()


def test_the_quiet_step_is_the_newest_that_all_have(tmp_path: Path) -> None:
    found = scanner(tmp_path, [], [0.0])
    for host, steps in (("h0", (5, 10)), ("h1", (5,))):
        for step in steps:
            save(tmp_path / host, step)
    found.scan()
    assert found.quiet_step([Host(0, 0), Host(1, 0)]) == 5
    assert found.quiet_step([Host(0, 0)]) == 10
    (tmp_path / "h1" / "10.orbax-checkpoint-tmp").mkdir()
    found.scan()
    assert found.quiet_step([Host(0, 0), Host(1, 0)]) is None
    assert found.quiet_step([Host(0, 0)]) == 10


def test_the_bucket_holds_steps_of_runs_and_of_backups(tmp_path: Path) -> None:
    events: list[Event] = []
    clock = [0.0]
    found = scanner(tmp_path, events, clock)
    bucket = tmp_path / "bucket"
    save(bucket / "out" / "run" / "checkpoints", 10)
    (bucket / "out" / "run" / "checkpoints" / "20.orbax-checkpoint-tmp").mkdir()
    (bucket / "reh" / "2026-11-24_06-30" / "reh-s15-n2-w0.data").mkdir(parents=True)
    (bucket / "reh" / ".2026-11-24_06-45.partial" / "reh-s25-n2-w0.data").mkdir(parents=True)
    save(bucket / "out" / "elsewhere", 99)
    found.scan()
    assert found.bucket_steps() == (10, 15)
    save(bucket / "out" / "run" / "checkpoints", 30)
    found.scan()
    assert found.bucket_steps() == (10, 15, 30), "a folder that is known is looked at in every turn"
    save(bucket / "out" / "second" / "checkpoints", 40)
    found.scan()
    assert found.bucket_steps() == (10, 15, 30)
    clock[0] = 1.0
    found.scan()
    assert found.bucket_steps() == (10, 15, 30, 40), "a new folder is found within a second"


def test_an_overflow_is_told_once(tmp_path: Path) -> None:
    events: list[Event] = []
    clock = [0.0]
    found = scanner(tmp_path, events, clock, capacity=100)
    save(tmp_path / "h0", 5, size=80)
    found.scan()
    save(tmp_path / "h0", 10, size=60)
    (tmp_path / "h0" / "10").rename(tmp_path / "h0" / "10.orbax-checkpoint-tmp")
    found.scan()
    found.scan()
    assert [event.used for event in events if isinstance(event, RamdiskHolds)] == [80, 140]
    assert found.peak(Host(0, 0)) == 140


def test_sizes_are_looked_up_again_after_a_second(tmp_path: Path) -> None:
    """A file that grows deep in a directory changes no listing."""
    clock = [0.0]
    found = scanner(tmp_path, [], clock)
    save(tmp_path / "h0", 5, size=10)
    found.scan()
    (tmp_path / "h0" / "5" / "data").write_bytes(b"x" * 30)
    found.scan()
    assert found.holdings(Host(0, 0)).used == 10
    clock[0] = 1.0
    found.scan()
    assert found.holdings(Host(0, 0)).used == 30


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    faults: list[tuple[Host, str]] = []
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    found = Scanner(
        lambda host: loop,
        (Host(0, 0),),
        buckets=(loop,),
        on_event=lambda event: None,
        on_fault=lambda host, text: faults.append((host, text)),
        clock=lambda: 0.0,
    )
    found.scan()
    assert [text.split(":")[0] for _, text in faults] == [
        "the ramdisk could not be read",
        "the bucket could not be read",
    ]


def test_the_driver_tells_what_every_ramdisk_and_the_bucket_hold(rig: Rig) -> None:
    rig.start()
    rig.t = 1800.0
    rig.train(5)
    rig.t += 2
    rig.driver.poll()
    assert rig.ramdisk_held(Host(1, 1)) == [(5,)]
    assert rig.bucket_held() == [(5,)]
    rig.lose(Host(1, 1))
    rig.driver.poll()
    assert rig.ramdisk_held(Host(1, 1)) == [(5,), ()]


def test_the_thread_ends_with_a_last_turn(rig: Rig) -> None:
    rig.publish()
    for host in rig.hosts:
        rig.ask(host)
    stop = threading.Event()
    stop.set()
    thread = threading.Thread(target=rig.driver.run, args=(stop,))
    thread.start()
    thread.join(120)
    assert not thread.is_alive()
    assert {rig.take_marker(host) for host in rig.hosts} == {None}


def test_a_mistake_in_the_thread_is_heard_of(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(rig.driver, "poll", broken)
    stop = threading.Event()
    stop.set()
    with pytest.raises(ZeroDivisionError):
        rig.driver.run(stop)
    assert rig.said() == ["the stand-in of the checkpointing driver failed: ZeroDivisionError('no')"]
