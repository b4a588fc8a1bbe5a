"""JobSets whose pods run: the emulator's controllers above, the agent and real processes below."""

from __future__ import annotations

import os
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.agent.emulated import ALL, JOBSET, PODS, Hosts, served
from tests.rehearsal.agent.fakes import wait
from xpk.rehearsal.hosts.isolation import choose_isolation
from xpk.rehearsal.record.events import Host, HostBack, HostLost

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal-agent")]
Json = dict[str, Any]
LOOP = "while sleep 0.05; do if [ -e /ramdisk/fail ]; then rm /ramdisk/fail; exit 9; fi; done"


@pytest.fixture(scope="module")
def world() -> Iterator[Hosts]:
    with served() as found:
        yield found


@pytest.fixture
def hosts(world: Hosts) -> Iterator[Hosts]:
    """All hosts, with nothing in their ramdisks; what a test leaves goes away."""
    world.events.clear()
    for host in ALL:
        world.space.wipe_ramdisk(host)
    yield world
    world.kube.delete(JOBSET)
    wait(lambda: not world.pods(), "no pods")
    wait(lambda: len(_tpu_nodes(world)) == len(ALL), "all hosts")


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def clear(hosts: Hosts) -> None:
    """Delete the workload and wait for the end of its pods; no process is left."""
    pids = [pid for host in ALL for pid in hosts.agent.pids(host)]
    assert pids
    hosts.kube.delete(JOBSET)
    wait(lambda: not hosts.pods(), "no pods")
    assert not any(map(runs, pids))


def test_a_jobset_runs_fails_is_evicted_and_is_deleted(hosts: Hosts) -> None:
    words = 'echo "$JOB_INDEX/$JOB_COMPLETION_INDEX $TPU_WORKER_ID of $MEGASCALE_NUM_SLICES"; ls -d /ramdisk'
    hosts.create(f"{words}; touch /ramdisk/seen; echo on; {LOOP}")
    hosts.wait_attempt(0)
    (hosts.space.ramdisk(ALL[1]) / "fail").touch()
    hosts.wait_attempt(1)
    assert hosts.counted() == (1, 1)
    codes = hosts.codes(0)
    assert codes.pop(ALL[1]) == 9
    assert set(codes.values()) == {143}
    victim = hosts.pods()[0]["metadata"]["name"]
    hosts.control("faults", {"world": "pod-evicted", "cluster": "c1", "namespace": "default", "pod": victim})
    hosts.wait_attempt(2)
    assert hosts.counted() == (2, 1)
    for host in ALL:
        first, second, _ = hosts.log(host, 2, "on")
        assert first == f"{first[0]}/{first[2]} {first[2]} of 2"
        assert second == "/ramdisk"
        assert (hosts.space.ramdisk(host) / "seen").exists()
    told = [one.was for one in hosts.told]
    assert {"multitier-checkpoint.csi.storage.gke.io", "by GKE", "addresses"} <= set(told)
    assert len(set(told)) == len(told), "each once, though four hosts met it"
    clear(hosts)


def test_a_lost_host_dies_at_once_with_its_ramdisk_and_comes_back_empty(hosts: Hosts) -> None:
    hosts.create(f"touch /ramdisk/seen; trap '' TERM; {LOOP}", grace=1)
    hosts.wait_attempt(0)
    lost = Host(0, 1)
    node, pids = hosts.agent.node(lost), hosts.agent.pids(lost)
    assert node is not None
    hosts.control("faults", {"world": "host-lost", "cluster": "c1", "node": node})
    wait(lambda: not any(map(runs, pids)), "its processes are gone")
    hosts.wait_attempt(1)
    assert hosts.counted() == (1, 0)
    assert hosts.codes(0)[lost] == 137
    told = [e for e in hosts.events if isinstance(e, HostLost | HostBack)]
    assert [(type(e), e.host, e.node) for e in told] == [(HostLost, lost, node), (HostBack, lost, node)]
    wait(lambda: all((hosts.space.ramdisk(host) / "seen").exists() for host in ALL), "all write again")
    clear(hosts)


def test_a_wiped_ramdisk_is_only_the_lost_hosts(hosts: Hosts) -> None:
    hosts.create(f"ls /ramdisk; touch /ramdisk/old; echo on; {LOOP}")
    hosts.wait_attempt(0)
    for host in ALL:
        assert hosts.log(host, 0, "on") == ["on"]
    node = hosts.agent.node(Host(1, 0))
    hosts.control("faults", {"world": "host-lost", "cluster": "c1", "node": node})
    hosts.wait_attempt(1)
    for host in ALL:
        kept = [] if host == Host(1, 0) else ["old"]
        assert hosts.log(host, 1, "on") == [*kept, "on"]


def test_names_of_other_pods_are_this_machine(hosts: Hosts) -> None:
    if choose_isolation().kind == "substitution":
        pytest.skip("names need a mount of /etc/hosts, and nothing can be mounted here")
    ask = 'getent hosts "$MEGASCALE_COORDINATOR_ADDRESS" $(echo "$TPU_WORKER_HOSTNAMES" | tr , " ")'
    hosts.create(f"{ask} | sort -u | while read -r address rest; do echo $address; done; echo on; {LOOP}")
    hosts.wait_attempt(0)
    assert set(hosts.log(ALL[-1], 0, "on")) == {"127.0.0.1", "on"}
    assert len(hosts.log(ALL[-1], 0, "on")) in (3, 4)


def test_a_success_is_a_success(hosts: Hosts) -> None:
    hosts.create("exit 0")

    def completed() -> bool:
        found = (hosts.kube.get(JOBSET) or {}).get("status", {})
        return bool(found.get("terminalState") == "Completed")

    wait(completed, "completed")
    assert hosts.codes(0) == dict.fromkeys(ALL, 0)


def test_a_node_path_is_refused_and_said(hosts: Hosts) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "lone", "namespace": "default"},
        "spec": {
            "nodeName": next(iter(_tpu_nodes(hosts))),
            "containers": [{"name": "c", "image": "i", "command": ["true"]}],
            "volumes": [{"name": "v", "hostPath": {"path": "/etc"}}],
        },
    }
    hosts.kube.create(pod)

    def failed_mounts() -> list[str]:
        found = hosts.kube.list("/api/v1/namespaces/default/events")
        return [item["message"] for item in found if item["reason"] == "FailedMount"]

    wait(failed_mounts, "FailedMount")
    assert "no hostPath volume" in failed_mounts()[0]
    state = (hosts.kube.get(f"{PODS}/lone") or {})["status"]["containerStatuses"][0]["state"]
    assert state == {"waiting": {"reason": "ContainerCreating"}}
    hosts.kube.delete(f"{PODS}/lone", propagation="Background")
    wait(lambda: not hosts.pods(), "gone")


def test_the_emulator_ends_no_pod_of_an_agent(hosts: Hosts) -> None:
    hosts.create(LOOP)
    hosts.wait_attempt(0)
    pod = hosts.pods()[0]["metadata"]["name"]
    for fault in (
        {"world": "pod-exit", "namespace": "default", "pod": pod},
        {"world": "pod-finish", "namespace": "default", "jobset": "w1"},
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            hosts.control("faults", {"cluster": "c1", **fault})
        assert refused.value.code == 404
        refused.value.close()
    assert all(host_pid for host in ALL for host_pid in hosts.agent.pids(host))
    assert os.getpid() not in hosts.agent.pids(ALL[0])


def _tpu_nodes(hosts: Hosts) -> list[str]:
    label = "cloud.google.com/gke-tpu-accelerator"
    return [item["metadata"]["name"] for item in hosts.kube.list("/api/v1/nodes", label_selector=label)]
