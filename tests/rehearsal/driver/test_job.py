from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rehearsal.driver.rig import Rig
from xpk.rehearsal.driver.names import data_part
from xpk.rehearsal.record.events import Host

MINUTE = 60.0


def data_steps(rig: Rig, host: Host) -> set[int]:
    found = (data_part(path.name) for path in rig.ramdisk(host).iterdir())
    return {one[1].step for one in found if one is not None}


def newest_complete(rig: Rig) -> int | None:
    """The newest step that every position has on some host, looked up without the driver."""
    by_position: list[set[int]] = [set() for _ in range(rig.per_slice)]
    for host in rig.hosts:
        for path in rig.ramdisk(host).glob("*.data"):
            found = data_part(path.name)
            assert found is not None
            by_position[found[1].rank % rig.per_slice].add(found[1].step)
    return max(set.intersection(*by_position), default=None)


def test_older_steps_go_when_all_hosts_have_a_newer_one(rig: Rig) -> None:
    rig.start()
    rig.train(5, 10)
    assert [data_steps(rig, host) for host in rig.hosts] == [{10}] * 4


def test_an_older_step_stays_as_long_as_one_host_has_no_newer_one(rig: Rig) -> None:
    rig.start()
    rig.train(5)
    for host in rig.hosts[:3]:
        rig.save(host, 10)
    rig.driver.poll()
    assert [data_steps(rig, host) for host in rig.hosts] == [{5, 10}] * 3 + [{5}]


def test_a_host_that_is_ahead_keeps_what_it_has(rig: Rig) -> None:
    rig.start()
    rig.train(5)
    for host in rig.hosts:
        rig.save(host, 10)
    rig.save(rig.hosts[0], 15)
    rig.driver.poll()
    assert [data_steps(rig, host) for host in rig.hosts] == [{10, 15}, {10}, {10}, {10}]


def test_after_a_loss_nothing_more_is_removed(rig: Rig) -> None:
    rig.start()
    rig.train(5)
    rig.lose(Host(1, 1))
    for host in rig.hosts[:3]:
        rig.save(host, 10)
    rig.driver.poll()
    assert [data_steps(rig, host) for host in rig.hosts] == [{5, 10}] * 3 + [set()]


def test_a_backup_is_made_by_the_last_slice_when_its_time_has_come(rig: Rig) -> None:
    rig.start()
    rig.train(5)
    rig.t = 30 * MINUTE
    rig.train(10)
    rig.driver.poll()
    assert rig.backup_names() == ["2026-11-24_06-30"]
    found = sorted(path.name for path in (rig.bucket / "reh" / "2026-11-24_06-30").iterdir())
    assert found == ["reh-s10-n2-w0.data", "reh-s10-n3-w0.data"]
    assert [(move.source, move.target) for move in rig.moves()] == [
        ("slice 1 host 0", "bucket"),
        ("slice 1 host 1", "bucket"),
    ]


def test_an_unfinished_backup_cannot_be_taken_for_one(rig: Rig) -> None:
    rig.start()
    rig.t = 30 * MINUTE
    rig.train(5)
    assert [name for name in rig.backup_names() if not name.startswith(".")] == []
    for host in rig.hosts:
        rig.lose(host)
    assert rig.start(1) == {None}
    assert rig.backup_names() == [], "what was gathered of it is removed"


def test_a_restart_gives_a_backup_under_way_up(rig: Rig) -> None:
    rig.start()
    rig.t = 30 * MINUTE
    rig.train(5)
    assert rig.backup_names() == [".2026-11-24_06-30.partial"]
    assert rig.start(1) == {5}
    assert rig.backup_names() == []


def test_a_host_lost_with_its_part_ends_the_backup_without_an_error(rig: Rig) -> None:
    rig.start()
    rig.t = 30 * MINUTE
    rig.train(5)
    rig.lose(Host(1, 1))
    assert rig.backup_names() == []
    rig.driver.poll()
    assert rig.said() == []


def test_a_host_lost_after_its_part_was_copied_changes_nothing(rig: Rig) -> None:
    rig.start()
    rig.t = 30 * MINUTE
    rig.train(5)
    rig.lose(Host(1, 0))
    rig.driver.poll()
    assert rig.backup_names() == ["2026-11-24_06-30"]


def test_what_is_being_backed_up_is_kept_and_its_hosts_keep_nothing_else(rig: Rig) -> None:
    rig.start()
    rig.t = 30 * MINUTE
    rig.train(5)
    rig.save(Host(0, 0), 10)
    rig.save(Host(0, 1), 10)
    rig.save(Host(1, 0), 10)
    rig.save(Host(1, 1), 10)
    rig.driver.poll()
    assert [data_steps(rig, host) for host in rig.hosts] == [{5, 10}, {5, 10}, {5}, {5}]
    rig.train(15)
    assert [data_steps(rig, host) for host in rig.hosts] == [{15}] * 4


def test_backups_are_an_interval_apart(rig: Rig) -> None:
    rig.start()
    for minute, step in ((29, 5), (31, 10), (50, 15), (62, 20)):
        rig.t = minute * MINUTE
        rig.train(step)
        rig.driver.poll()
    assert rig.backup_names() == ["2026-11-24_06-31", "2026-11-24_07-02"]


def test_two_backups_of_one_minute_have_two_names(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    (rig.bucket / "reh" / "2026-11-24_06-30").mkdir(parents=True)
    rig.start()
    rig.t = 30 * MINUTE
    rig.train(5)
    rig.driver.poll()
    assert rig.backup_names() == ["2026-11-24_06-30", "2026-11-24_06-31"]


def backed_up(rig: Rig, step: int, minute: int) -> None:
    rig.t = minute * MINUTE
    rig.train(step)
    rig.driver.poll()


def test_all_ramdisks_lost_restores_the_newest_backup(rig: Rig) -> None:
    rig.start()
    backed_up(rig, 5, 30)
    backed_up(rig, 10, 60)
    for host in rig.hosts:
        rig.lose(host)
    rig.events.clear()
    assert rig.start(1) == {10}
    assert [rig.restored(host, 10) for host in rig.hosts] == [rig.content(host, 10) for host in rig.hosts]
    assert [rig.driver.tier(host) for host in rig.hosts] == ["bucket"] * 4
    assert [move.source for move in rig.moves()] == ["bucket"] * 4


def test_a_backup_that_lost_a_part_is_passed_over(rig: Rig) -> None:
    rig.start()
    backed_up(rig, 5, 30)
    backed_up(rig, 10, 60)
    shutil.rmtree(rig.bucket / "reh" / "2026-11-24_07-00" / "reh-s10-n3-w0.data")
    for host in rig.hosts:
        rig.lose(host)
    assert rig.start(1) == {5}


def test_the_ramdisks_win_over_a_backup(rig: Rig) -> None:
    rig.start()
    backed_up(rig, 5, 30)
    rig.train(10)
    assert rig.start(1) == {10}


def test_restore_version_forces_an_older_backup_until_the_next_save(rig: Rig) -> None:
    rig.start()
    backed_up(rig, 5, 30)
    rig.train(10)
    forced = rig.bucket / "reh" / "restore.version"
    forced.write_text("2026-11-24_06-30\n")
    assert rig.start(1) == {5}
    assert [rig.restored(host, 5) for host in rig.hosts] == [rig.content(host, 5) for host in rig.hosts]
    assert forced.exists()
    assert rig.start(2) == {5}, "it stays in force as long as nothing newer was saved"
    rig.train(6)
    assert not forced.exists()


@pytest.mark.parametrize("name", ["2026-01-01_00-00", "../../reh/2026-11-24_06-30", ""])
def test_restore_version_that_names_no_backup_starts_afresh_and_says_so(rig: Rig, name: str) -> None:
    rig.start()
    backed_up(rig, 5, 30)
    (rig.bucket / "reh" / "restore.version").write_text(name)
    assert rig.start(1) == {None}
    errors = (rig.ramdisk(Host(0, 0)) / "replicator.errors").read_text()
    assert "which is no complete backup" in errors


def test_a_bucket_that_cannot_be_written_fails_like_a_flat_one(rig: Rig) -> None:
    (rig.bucket / "reh").write_text("a file where the job's folder should be")
    assert rig.start() == {None}
    failed = (rig.ramdisk(Host(0, 0)) / "replicator.failed").read_text()
    assert "does NOT support atomic renames" in failed


def test_a_backup_that_fails_is_an_error_and_training_goes_on(rig: Rig) -> None:
    rig.start()
    rig.t = 30 * MINUTE
    shutil.rmtree(rig.bucket)
    rig.bucket.write_text("no directory any more")
    rig.train(5)
    errors = (rig.ramdisk(Host(1, 0)) / "replicator.errors").read_text()
    assert "backup of step 5 failed" in errors
    assert not any((rig.ramdisk(host) / "replicator.failed").exists() for host in rig.hosts)
    rig.train(10)
    assert newest_complete(rig) == 10


def test_a_copy_that_does_not_fit_is_no_space_left(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ramdisk_bytes=1000)
    rig.start()
    for host in rig.hosts:
        rig.save(host, 5, text="x" * 600)
    rig.driver.poll()
    rig.lose(Host(1, 1))
    (rig.ramdisk(Host(1, 1)) / "old.data").write_text("x" * 600)
    rig.publish(1)
    for host in rig.hosts:
        rig.ask(host)
    rig.driver.poll()
    failed = (rig.ramdisk(Host(1, 1)) / "replicator.failed").read_text()
    assert "[Errno 28] No space left on device" in failed
    assert [rig.marker(host) is None for host in rig.hosts] == [False, False, False, True]


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_the_newest_complete_step_is_never_removed_and_is_what_is_restored(
    data: st.DataObject,
) -> None:
    with tempfile.TemporaryDirectory() as root:
        rig = Rig(Path(root), *data.draw(st.sampled_from(((2, 2), (3, 1), (1, 2)))))
        rig.start(0)
        step = attempt = 0
        moves = st.sampled_from(("all", "some", "time", "poll", "restart", "lose"))
        for move in data.draw(st.lists(moves, max_size=9)):
            before = newest_complete(rig)
            if move in ("all", "some"):
                step += 5
                for host in rig.hosts:
                    rig.save(host, step, finish=move == "all" or data.draw(st.booleans()))
                rig.driver.poll()
            elif move == "time":
                rig.t += 40 * MINUTE
            elif move == "poll":
                rig.driver.poll()
            else:
                lost = data.draw(st.sets(st.sampled_from(rig.hosts))) if move == "lose" else set()
                for host in lost:
                    rig.lose(host)
                before = newest_complete(rig)
                attempt += 1
                found = rig.start(attempt)
                if before is not None:
                    assert found == {before}
                (restored,) = found
                if restored is not None:
                    texts = [rig.restored(host, restored) for host in rig.hosts]
                    assert texts == [rig.content(host, restored) for host in rig.hosts]
                step = restored or 0
            after = newest_complete(rig)
            if before is not None:
                assert after is not None
                assert after >= before or rig.slices == 1
