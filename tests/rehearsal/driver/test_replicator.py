from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.rehearsal.driver.rig import Rig
from xpk.rehearsal.record.events import Host


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_first_start_gets_an_empty_marker_of_step_0(rig: Rig) -> None:
    rig.publish()
    for host in rig.hosts:
        rig.ask(host)
    rig.driver.poll()
    assert [rig.marker(host) for host in rig.hosts] == [f"reh-s0-n{rank}-w0.restore" for rank in range(4)]
    assert {rig.take_marker(host) for host in rig.hosts} == {None}
    assert [rig.driver.tier(host) for host in rig.hosts] == ["nothing"] * 4


def test_a_request_is_taken_at_once_and_answered_when_all_have_asked(rig: Rig) -> None:
    rig.publish()
    for host in rig.hosts[:3]:
        rig.ask(host)
    rig.driver.poll()
    assert not any((rig.ramdisk(host) / "replicator.yaml").exists() for host in rig.hosts)
    assert all(rig.marker(host) is None for host in rig.hosts)
    rig.ask(rig.hosts[3])
    rig.driver.poll()
    assert all(rig.marker(host) is not None for host in rig.hosts)


def test_all_killed_all_go_on_from_their_own_ramdisks(rig: Rig) -> None:
    assert rig.start(0) == {None}
    rig.train(5, 10, 15)
    assert rig.start(1) == {15}
    assert [rig.restored(host, 15) for host in rig.hosts] == [rig.content(host, 15) for host in rig.hosts]
    assert [rig.driver.tier(host) for host in rig.hosts] == ["ramdisk"] * 4
    assert rig.moves() == []


def test_the_marker_is_a_relative_link_to_the_data(rig: Rig) -> None:
    rig.start(0)
    rig.train(5)
    rig.publish(1)
    for host in rig.hosts:
        rig.ask(host)
    rig.driver.poll()
    marker = rig.ramdisk(Host(1, 0)) / "reh-s5-n2-w0.restore"
    assert marker.readlink() == Path("reh-s5-n2-w0.data")
    assert text(rig.ramdisk(Host(1, 0)) / "replicator.prerestore") == "restore-step: 5\n"


def test_a_lost_host_is_served_by_its_peer_in_the_other_slice(rig: Rig) -> None:
    rig.start(0)
    rig.train(5, 10, 15)
    rig.lose(Host(1, 1))
    assert rig.start(1) == {15}
    assert rig.restored(Host(1, 1), 15) == "step 15 position 1"
    assert rig.driver.tier(Host(1, 1)) == "peer"
    (move,) = rig.moves()
    assert (move.source, move.target) == ("slice 0 host 1", "slice 1 host 1")
    assert move.bytes == len("step 15 position 1") + len("{}")


@pytest.mark.parametrize("lost", [(0,), (1,)])
def test_a_lost_slice_is_served_by_the_other(rig: Rig, lost: tuple[int]) -> None:
    rig.start(0)
    rig.train(5, 10)
    for host in rig.hosts:
        if host.slice_index in lost:
            rig.lose(host)
    assert rig.start(1) == {10}
    assert [rig.restored(host, 10) for host in rig.hosts] == [rig.content(host, 10) for host in rig.hosts]


def test_a_step_that_only_some_have_finished_does_not_count(rig: Rig) -> None:
    rig.start(0)
    rig.train(5, 10)
    for host in rig.hosts:
        rig.save(host, 15, finish=host.host_index == 0)
    rig.driver.poll()
    assert rig.start(1) == {10}
    assert not any("15" in path.name for host in rig.hosts for path in rig.ramdisk(host).iterdir())


def test_a_step_finished_between_two_looks_is_not_lost(rig: Rig) -> None:
    """The published replicator sees it by inotify; here the next request finds it."""
    rig.start(0)
    rig.train(5)
    for host in rig.hosts:
        rig.save(host, 10)
    assert rig.start(1) == {10}


def test_a_leftover_that_no_request_explains_is_removed(rig: Rig) -> None:
    rig.publish()
    rig.save(Host(0, 0), 99)
    rig.save(Host(0, 1), 99, finish=False)
    (rig.ramdisk(Host(1, 0)) / "99").symlink_to("nowhere")
    for host in rig.hosts:
        rig.ask(host)
    rig.driver.poll()
    assert {rig.take_marker(host) for host in rig.hosts} == {None}
    kept = {"jax-init-info.txt", "rank-data", "replicator.prerestore"}
    assert [{path.name for path in rig.ramdisk(host).iterdir()} for host in rig.hosts] == [kept] * 4


def test_two_restarts_without_a_save_between_them_lose_nothing(rig: Rig) -> None:
    rig.start(0)
    rig.train(5)
    assert rig.start(1) == {5}
    assert rig.start(2) == {5}
    rig.lose(Host(0, 0))
    assert rig.start(3) == {5}
    assert rig.restored(Host(0, 0), 5) == "step 5 position 0"


def test_another_job_starts_afresh_and_the_old_data_goes(rig: Rig) -> None:
    rig.start(0)
    rig.train(5)
    rig.job = "other"
    assert rig.start(1) == {None}
    assert not any(path.suffix == ".data" for host in rig.hosts for path in rig.ramdisk(host).iterdir())


def test_a_request_of_a_pod_that_died_is_void(rig: Rig) -> None:
    rig.publish(0)
    rig.ask(rig.hosts[0])
    rig.driver.poll()
    rig.ask(rig.hosts[1])
    rig.publish(1)
    assert not (rig.ramdisk(rig.hosts[1]) / "replicator.yaml").exists()
    for host in rig.hosts[2:]:
        rig.ask(host)
    rig.driver.poll()
    assert all(rig.marker(host) is None for host in rig.hosts), "two pods of attempt 1 have not asked"


def test_requests_of_two_attempts_make_no_job(rig: Rig) -> None:
    rig.publish(0)
    for host in rig.hosts[:3]:
        rig.ask(host)
    rig.driver.poll()
    rig.publish(1)
    rig.ask(rig.hosts[3])
    rig.driver.poll()
    assert all(rig.marker(host) is None for host in rig.hosts)


def test_without_minutes_it_fails_as_the_published_one(rig: Rig) -> None:
    rig.publish()
    for host in rig.hosts:
        rig.ask(host, interval="backup-interval-steps: 100")
    rig.driver.poll()
    for name in ("replicator.failed", "replicator.errors"):
        assert "KeyError: 'backup-interval-minutes'" in text(rig.ramdisk(Host(0, 0)) / name)
        assert not (rig.ramdisk(Host(1, 0)) / name).exists(), "the coordinator runs beside rank 0"
    rig.driver.poll()
    assert len([one for one in rig.said() if "KeyError" in one]) == 1


@pytest.mark.parametrize("name", ["Upper", "under_score", "a/b", "-x", "x" * 254])
def test_a_job_name_that_no_configmap_can_have_fails(tmp_path: Path, name: str) -> None:
    rig = Rig(tmp_path, job=name)
    rig.publish()
    for host in rig.hosts:
        rig.ask(host)
    rig.driver.poll()
    assert "cannot be the name of a ConfigMap" in text(rig.ramdisk(Host(0, 0)) / "replicator.failed")
    assert all(rig.marker(host) is None for host in rig.hosts)


def test_a_request_that_cannot_be_read_fails_on_its_host(rig: Rig) -> None:
    rig.publish()
    rig.ask(rig.hosts[2], interval="colour: red")
    rig.driver.poll()
    assert "extra keys not allowed: 'colour'" in text(rig.ramdisk(rig.hosts[2]) / "replicator.failed")
    assert not (rig.ramdisk(rig.hosts[2]) / "replicator.yaml").exists()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda rig: rig.ask(rig.hosts[1], rank=0), "two hosts have the same node-rank"),
        (
            lambda rig: rig.ask(rig.hosts[1], interval="backup-interval-minutes: 5"),
            "do not agree on minutes: 30, 5",
        ),
    ],
)
def test_requests_that_do_not_belong_together_fail(rig: Rig, spoil: object, words: str) -> None:
    rig.publish()
    rig.ask(rig.hosts[0])
    assert callable(spoil)
    spoil(rig)
    rig.driver.poll()
    assert all(words in text(rig.ramdisk(host) / "replicator.failed") for host in rig.hosts[:2])


def test_errors_of_the_last_attempt_are_gone_in_the_next(rig: Rig) -> None:
    rig.publish()
    for host in rig.hosts:
        rig.ask(host, interval="")
    rig.driver.poll()
    rig.start(1)
    assert not (rig.ramdisk(Host(0, 0)) / "replicator.failed").exists()


def test_every_subset_of_lost_hosts_is_restored_or_starts_afresh(tmp_path: Path) -> None:
    """Without a backup: a position that is lost in both slices is lost."""
    hosts = [Host(0, 0), Host(0, 1), Host(1, 0), Host(1, 1)]
    subsets = itertools.chain.from_iterable(itertools.combinations(hosts, count) for count in range(5))
    for number, lost in enumerate(subsets):
        root = tmp_path / str(number)
        root.mkdir()
        rig = Rig(root)
        rig.start(0)
        rig.train(5, 10)
        for host in lost:
            rig.lose(host)
        whole = {host.host_index for host in hosts if host not in lost} == {0, 1}
        assert rig.start(1) == ({10} if whole else {None}), lost
        if whole:
            found = [rig.restored(host, 10) for host in hosts]
            assert found == [rig.content(host, 10) for host in hosts], lost
