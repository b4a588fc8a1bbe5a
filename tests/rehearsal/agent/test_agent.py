"""Which pods an agent runs, and what becomes of hosts that go and come; the API is a note-taker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.rehearsal.agent.fakes import Bench, make_pod, wait
from xpk.rehearsal.agent.agent import Agent
from xpk.rehearsal.agent.surface import Stamps
from xpk.rehearsal.record.events import Host, HostBack, HostLost, PodEnded, PodStarted

Json = dict[str, Any]
NODES, PODS = "/api/v1/nodes", "/api/v1/pods"


def node(name: str, uid: str = "u", **labels: str) -> Json:
    pool = {"cloud.google.com/gke-nodepool": "c1-np-1", "served": "yes"}
    return {
        "metadata": {
            "name": name,
            "uid": f"{name}-{uid}",
            "resourceVersion": "1",
            "labels": {**pool, **labels},
        },
        "status": {"allocatable": {"cpu": "4"}},
    }


@pytest.fixture
def agent(bench: Bench) -> Iterator[Agent]:
    bench.kube.lists[NODES] = [node("n1"), node("n2"), node("other", served="no")]
    found, stop = Agent(bench.setting, {"served": "yes"}, heartbeats=True), threading.Event()
    thread = threading.Thread(target=found.run, args=(stop,))
    thread.start()
    assert found.wait_ready(30)
    yield found
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert found.failure == ""
    assert all(process.poll() is not None for process in bench.launcher.started)


def say(bench: Bench, path: str, kind: str, found: Json) -> None:
    bench.kube.stream(path).put((kind, found))


def _owner(lease: Json) -> str:
    return str(lease["metadata"]["ownerReferences"][0]["uid"])


def started(bench: Bench) -> list[str]:
    return [event.pod for event in bench.events if isinstance(event, PodStarted)]


def test_it_runs_pods_of_its_nodes_but_those_of_daemon_sets(bench: Bench, agent: Agent) -> None:
    daemon = make_pod("daemon")
    daemon["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "d"}]
    unbound = make_pod("unbound")
    del unbound["spec"]["nodeName"]
    for pod in (daemon, unbound, make_pod("elsewhere", node="other"), make_pod("mine")):
        say(bench, PODS, "ADDED", pod)
    wait(lambda: started(bench) == ["mine"], "mine runs")
    assert agent.node(Host(1, 0)) == "n1"
    assert agent.host("n1") == Host(1, 0)
    assert agent.pids(Host(1, 0)) == [bench.launcher.latest.pid]
    assert [pod["metadata"]["name"] for pod in agent.pods(Host(1, 0))] == ["mine"]


def test_a_pod_may_be_seen_before_its_node(bench: Bench, agent: Agent) -> None:
    say(bench, PODS, "ADDED", make_pod("early", node="n3"))
    say(bench, PODS, "ADDED", make_pod("late"))
    wait(lambda: started(bench) == ["late"], "late runs")
    say(bench, NODES, "ADDED", node("n3"))
    wait(lambda: started(bench) == ["late", "early"], "early runs")


def test_signals_for_a_host(bench: Bench, agent: Agent) -> None:
    say(bench, PODS, "ADDED", make_pod("a"))
    say(bench, PODS, "ADDED", make_pod("b", node="n2"))
    wait(lambda: len(bench.launcher.started) == 2, "both run")
    wait(lambda: agent.pids(Host(1, 0)) and agent.pids(Host(1, 1)), "both known")
    agent.terminate(Host(1, 0))
    agent.kill(Host(1, 1))
    wait(lambda: len([e for e in bench.events if isinstance(e, PodEnded)]) == 2, "both ended")
    codes = {event.host: event.code for event in bench.events if isinstance(event, PodEnded)}
    assert codes == {Host(1, 0): 143, Host(1, 1): 137}


def test_a_host_that_goes_takes_its_pods_and_its_ramdisk(bench: Bench, agent: Agent) -> None:
    bench.launcher.deaf = True
    say(bench, PODS, "ADDED", make_pod("a"))
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "a runs")
    say(bench, NODES, "DELETED", node("n1"))
    wait(lambda: "lost slice 1 host 0" in bench.volumes.notes, "wiped")
    assert bench.launcher.latest.signals[0] == "SIGKILL"
    assert bench.volumes.notes.index("unmount a") < bench.volumes.notes.index("lost slice 1 host 0")
    assert bench.events[1] == HostLost(1.5, Host(1, 0), "n1")
    assert bench.events[2] == PodEnded(1.5, Host(1, 0), "a", 0, 137)
    assert bench.kube.phases == ["Pending", "Running"]
    assert agent.node(Host(1, 0)) is None

    say(bench, PODS, "DELETED", make_pod("a"))
    say(bench, NODES, "ADDED", node("n1", "second"))
    wait(lambda: HostBack(1.5, Host(1, 0), "n1") in bench.events, "back")
    say(bench, PODS, "ADDED", make_pod("a2"))
    wait(lambda: started(bench) == ["a", "a2"], "a2 runs")
    assert len(bench.kube.deleted) == 0


def test_a_host_under_another_name_takes_the_place(bench: Bench, agent: Agent) -> None:
    say(bench, PODS, "ADDED", make_pod("a"))
    wait(lambda: started(bench) == ["a"], "a runs")
    say(bench, NODES, "DELETED", node("n1"))
    say(bench, NODES, "ADDED", node("n9"))
    wait(lambda: "lost slice 1 host 0" in bench.volumes.notes, "wiped")
    say(bench, PODS, "ADDED", make_pod("b", node="n9"))
    wait(lambda: started(bench) == ["a", "b"], "b runs")
    assert bench.events[-2] == HostBack(1.5, Host(1, 0), "n9")


def test_a_host_without_pods_goes_without_a_word(bench: Bench, agent: Agent) -> None:
    say(bench, NODES, "DELETED", node("n2"))
    say(bench, NODES, "ADDED", node("n2", "second"))
    wait(lambda: "n2-second" in [_owner(lease) for lease in list(bench.kube.applied)], "the new one is seen")
    say(bench, PODS, "ADDED", make_pod("a", node="n2"))
    wait(lambda: started(bench) == ["a"], "a runs")
    assert len(bench.events) == 1


def test_a_removed_pod_leaves_nothing(bench: Bench, agent: Agent) -> None:
    bench.launcher.deaf = True
    say(bench, PODS, "ADDED", make_pod("a"))
    wait(lambda: agent.pids(Host(1, 0)), "a runs")
    say(bench, PODS, "DELETED", make_pod("a"))
    wait(lambda: bench.volumes.notes == ["mount a", "unmount a"], "unmounted")
    assert bench.launcher.latest.signals[0] == "SIGKILL"
    assert agent.pids(Host(1, 0)) == []


def test_the_log_of_a_pod(bench: Bench, agent: Agent) -> None:
    say(bench, PODS, "ADDED", make_pod("a"))
    wait(lambda: started(bench) == ["a"], "a runs")
    path = agent.log("a", "ns")
    assert path is not None
    path.write_text("one\ntwo\n")
    assert agent.tail("a", "ns", 1) == ["two"]
    assert agent.log("a", "other") is None
    assert agent.tail("a", "other") == []


def test_its_nodes_are_kept_ready(bench: Bench, agent: Agent) -> None:
    say(bench, NODES, "ADDED", node("n3"))
    wait(lambda: len({path for path, _ in list(bench.kube.written)}) == 3, "three are Ready")
    assert {path for path, _ in bench.kube.written} == {f"{NODES}/{name}" for name in ("n1", "n2", "n3")}
    (condition,) = bench.kube.written[0][1]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "True", "KubeletReady")
    wait(
        lambda: {one["spec"]["holderIdentity"] for one in list(bench.kube.applied)} == {"n1", "n2", "n3"},
        "leases",
    )
    assert {one["metadata"]["namespace"] for one in bench.kube.applied} == {"kube-node-lease"}


def test_times_are_never_behind_the_clusters() -> None:
    stamps = Stamps(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert stamps() == "2026-01-01T00:00:00Z"
    stamps.hear(make_pod())
    assert stamps() == "2026-01-01T00:00:00Z"
    pod = make_pod()
    pod["status"]["conditions"] = [{"type": "PodScheduled", "lastTransitionTime": "2026-01-01T01:00:00Z"}]
    stamps.hear(pod)
    stamps.hear(make_pod())
    assert stamps() == "2026-01-01T01:00:00Z"
