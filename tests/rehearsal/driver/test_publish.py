from __future__ import annotations

import json
from pathlib import Path

from tests.rehearsal.driver.rig import JOBSET, Rig
from xpk.rehearsal.record.events import Host


def test_no_one_is_told_before_all_pods_are_there(rig: Rig) -> None:
    for host in rig.hosts[:-1]:
        rig.driver.publish(host, JOBSET, 0)
    assert [rig.init_info(host) for host in rig.hosts] == [None] * 4
    assert rig.driver.rank(rig.hosts[0]) is None
    rig.driver.publish(rig.hosts[-1], JOBSET, 0)
    assert [rig.init_info(host) for host in rig.hosts] == [
        [str(rank), "127.0.0.1:9001", ""] for rank in range(4)
    ]


def test_every_attempt_has_a_coordinator_of_its_own_and_the_same_ranks(rig: Rig) -> None:
    rig.publish(0)
    rig.publish(1)
    assert rig.init_info(rig.hosts[3]) == ["3", "127.0.0.1:9002", ""]
    assert rig.ports == 2


def test_the_old_file_is_gone_as_soon_as_a_pod_is_published(rig: Rig) -> None:
    rig.publish(0)
    rig.driver.publish(rig.hosts[1], JOBSET, 1)
    assert rig.init_info(rig.hosts[1]) is None
    assert rig.init_info(rig.hosts[0]) is not None, "its pod is still that of attempt 0"


def test_pods_of_two_attempts_are_never_mixed(rig: Rig) -> None:
    for host in rig.hosts[:2]:
        rig.driver.publish(host, JOBSET, 0)
    for host in rig.hosts[2:]:
        rig.driver.publish(host, JOBSET, 1)
    assert all(rig.init_info(host) is None for host in rig.hosts)
    for host in rig.hosts[:2]:
        rig.driver.publish(host, JOBSET, 1)
    assert all(rig.init_info(host) is not None for host in rig.hosts)


def test_ranks_stay_with_hosts_when_the_jobset_places_its_jobs_the_other_way_round(rig: Rig) -> None:
    rig.publish(0)
    for host in rig.hosts:
        rig.driver.publish(host, JOBSET, 1, index=(1 - host.slice_index, host.host_index))
    assert [rig.driver.rank(host) for host in rig.hosts] == [0, 1, 2, 3]


def test_at_first_the_pods_place_in_the_jobset_decides(rig: Rig) -> None:
    for host in rig.hosts:
        rig.driver.publish(host, JOBSET, 0, index=(1 - host.slice_index, host.host_index))
    assert [rig.driver.rank(host) for host in rig.hosts] == [2, 3, 0, 1]


def test_a_renamed_jobset_gets_new_ranks(rig: Rig) -> None:
    for host in rig.hosts:
        rig.driver.publish(host, JOBSET, 0, index=(1 - host.slice_index, host.host_index))
    rig.publish(0, jobset="default/other")
    assert [rig.driver.rank(host) for host in rig.hosts] == [0, 1, 2, 3]


def test_a_jobset_of_another_shape_gets_new_ranks(rig: Rig) -> None:
    for rank, host in zip((3, 2, 1, 0), rig.hosts, strict=True):
        data = {"Jobset": JOBSET, "JobsetShape": "4x1", "Rank": rank}
        (rig.ramdisk(host) / "rank-data").write_text(json.dumps(data))
    rig.publish(0)
    assert [rig.driver.rank(host) for host in rig.hosts] == [0, 1, 2, 3]


def test_a_replaced_host_gets_the_rank_that_is_free(rig: Rig) -> None:
    for host in rig.hosts:
        rig.driver.publish(host, JOBSET, 0, index=(1 - host.slice_index, 1 - host.host_index))
    assert rig.driver.rank(Host(0, 1)) == 2
    rig.lose(Host(0, 1))
    assert rig.driver.rank(Host(0, 1)) is None
    rig.publish(1)
    assert [rig.driver.rank(host) for host in rig.hosts] == [3, 2, 1, 0]


def test_unpublish_of_a_pod_that_is_followed_already_changes_nothing(rig: Rig) -> None:
    rig.publish(0)
    for host in rig.hosts:
        rig.driver.publish(host, JOBSET, 1, pod_uid=f"{host}/1")
        rig.driver.unpublish(host, pod_uid=f"{host}/0")
    assert all(rig.init_info(host) is not None for host in rig.hosts)


def test_a_pod_that_is_gone_is_waited_for_again(rig: Rig) -> None:
    for host in rig.hosts[:3]:
        rig.driver.publish(host, JOBSET, 0)
    rig.driver.unpublish(rig.hosts[0])
    rig.driver.publish(rig.hosts[3], JOBSET, 0)
    assert all(rig.init_info(host) is None for host in rig.hosts)


def test_what_a_ramdisk_remembers_is_the_published_drivers_data(rig: Rig) -> None:
    rig.publish(0)
    data = json.loads((rig.ramdisk(Host(1, 0)) / "rank-data").read_text())
    assert (data["Jobset"], data["JobsetShape"], data["Rank"]) == (JOBSET, "2x2", 2)


def test_a_cache_that_cannot_be_read_is_no_memory(rig: Rig) -> None:
    (rig.ramdisk(Host(0, 0)) / "rank-data").write_bytes(b"\xff{")
    (rig.ramdisk(Host(0, 1)) / "rank-data").write_text('{"Jobset": "default/demo", "Rank": true}')
    rig.publish(0)
    assert [rig.driver.rank(host) for host in rig.hosts] == [0, 1, 2, 3]


def test_a_ramdisk_that_cannot_be_written_is_told_and_the_others_go_on(rig: Rig, tmp_path: Path) -> None:
    rig.ramdisk(Host(1, 1)).rmdir()
    rig.publish(0)
    assert [rig.driver.rank(host) for host in rig.hosts] == [0, 1, 2, None]
    assert any("no rank: " in text for text in rig.said())


def test_a_fault_is_told_once_an_attempt(rig: Rig) -> None:
    rig.ramdisk(Host(1, 1)).rmdir()
    rig.publish(0)
    first = len(rig.said())
    assert first > 0
    rig.driver.publish(Host(0, 0), JOBSET, 0)
    assert len(rig.said()) == first
    rig.publish(1)
    assert len(rig.said()) == 2 * first


def test_a_jobset_that_gets_no_ranks_is_told_why(rig: Rig) -> None:
    rig.driver.refuse(JOBSET, "it has 2 replicatedJobs")
    rig.publish(0)
    assert all(rig.init_info(host) is None for host in rig.hosts)
    assert rig.said() == [f"no ranks for {JOBSET}: it has 2 replicatedJobs"] * 4
    rig.publish(0, jobset="default/other")
    assert all(rig.init_info(host) is not None for host in rig.hosts)
