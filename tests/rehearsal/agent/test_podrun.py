"""The life of one pod: what is written, signalled and told, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.rehearsal.agent.fakes import Bench, being_deleted, gone, make_pod, wait
from xpk.cloud.errors import Ambiguous
from xpk.errors import Fault
from xpk.rehearsal.agent.messages import Back, Changed, Gone, Lost
from xpk.rehearsal.agent.podrun import PodRun
from xpk.rehearsal.record.events import Host, PodEnded, PodStarted

Json = dict[str, Any]
Run = Callable[[Json], PodRun]
HOST = Host(1, 2)
PATH = "/api/v1/namespaces/ns/pods/p1"


@pytest.fixture
def run(bench: Bench) -> Iterator[Run]:
    """Starts pods; none is left."""
    made: list[PodRun] = []

    def start(pod: Json) -> PodRun:
        made.append(PodRun(pod, HOST, {"cpu": "4"}, bench.setting))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.put(Gone())
        assert one.join(30)
    assert bench.setting.failures == []


def started(bench: Bench, count: int = 1) -> None:
    wait(lambda: len(bench.launcher.started) == count, f"{count} started")


@pytest.mark.parametrize(
    ("code", "phase", "reason", "why"),
    [(0, "Succeeded", "Completed", "PodCompleted"), (7, "Failed", "Error", "PodFailed")],
)
def test_a_pod_runs_and_ends(bench: Bench, run: Run, code: int, phase: str, reason: str, why: str) -> None:
    run(make_pod())
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "Running")
    first = bench.kube.written[0][1]["containerStatuses"][0]["state"]
    assert first == {"waiting": {"reason": "ContainerCreating"}}
    assert bench.kube.last["podIP"] == bench.kube.last["hostIP"] == "127.0.0.1"
    bench.launcher.latest.exit(code)
    wait(lambda: bench.kube.phases == ["Pending", "Running", phase], phase)
    ended = bench.kube.state()["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (code, reason)
    ready = {one["type"]: (one["status"], one["reason"]) for one in bench.kube.last["conditions"]}
    assert ready["Ready"] == ready["ContainersReady"] == ("False", why)
    assert bench.events == [PodStarted(1.5, HOST, "p1", 0), PodEnded(1.5, HOST, "p1", 0, code)]
    wait(lambda: bench.volumes.notes == ["mount p1", "unmount p1"], "unmounted")
    assert bench.kube.deleted == []


def test_deletion_signals_then_writes_then_deletes(bench: Bench, run: Run) -> None:
    pod = make_pod()
    one = run(pod)
    started(bench)
    one.put(Changed(being_deleted(pod, 600)))
    wait(lambda: bench.kube.deleted, "deleted")
    assert bench.launcher.latest.signals == ["SIGTERM"]
    assert bench.kube.deleted == [(PATH, 0, "uid-p1")]
    assert bench.kube.phases[-1] == "Failed"
    assert bench.kube.state()["terminated"]["exitCode"] == 143
    assert bench.volumes.notes[-1] == "unmount p1"


def test_a_deaf_pod_is_killed_after_its_grace_and_not_before(bench: Bench, run: Run) -> None:
    bench.launcher.deaf = True
    pod = make_pod()
    one = run(pod)
    started(bench)
    one.put(Changed(being_deleted(pod, 600)))
    wait(lambda: bench.launcher.latest.signals == ["SIGTERM"], "SIGTERM")
    one.put(Changed(being_deleted(pod, 600)))
    assert bench.launcher.latest.poll() is None
    # a second, shorter deletion
    one.put(Changed(being_deleted(pod, 0)))
    wait(lambda: bench.kube.deleted, "deleted")
    assert bench.launcher.latest.signals == ["SIGTERM", "SIGKILL"]
    assert bench.kube.state()["terminated"]["exitCode"] == 137


def test_a_grace_that_passes_ends_in_sigkill(bench: Bench, run: Run) -> None:
    bench.launcher.deaf = True
    pod = make_pod()
    one = run(pod)
    started(bench)
    one.put(Changed(being_deleted(pod, 1)))
    wait(lambda: bench.kube.deleted, "deleted")
    assert bench.launcher.latest.signals == ["SIGTERM", "SIGKILL"]


def test_a_pod_deleted_before_it_ran_is_released(bench: Bench, run: Run) -> None:
    run(being_deleted(make_pod(), 30))
    wait(lambda: bench.kube.deleted, "deleted")
    assert bench.launcher.started == []
    assert bench.kube.phases == ["Failed"]
    assert bench.kube.state()["terminated"]["reason"] == "ContainerStatusUnknown"


def test_a_lost_machine_kills_at_once_and_writes_nothing(bench: Bench, run: Run) -> None:
    bench.launcher.deaf = True
    pod = make_pod()
    one = run(pod)
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "Running")
    one.put(Lost())
    assert one.dead.wait(30)
    assert bench.launcher.latest.signals[:1] == ["SIGKILL"]
    one.put(Changed(being_deleted(pod, 30)))
    one.put(Lost())
    assert bench.kube.phases == ["Pending", "Running"]
    assert bench.kube.deleted == []
    assert bench.events[-1] == PodEnded(1.5, HOST, "p1", 0, 137)
    assert bench.volumes.notes == ["mount p1", "unmount p1"]


def test_a_pod_that_is_removed_before_its_loss_is_heard_is_dead_too(bench: Bench, run: Run) -> None:
    one = run(make_pod())
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "Running")
    one.put(Gone())
    assert one.join(30)
    one.put(Lost())
    assert one.dead.is_set()


def test_a_machine_that_is_lost_during_a_write_asks_for_nothing_more(bench: Bench, run: Run) -> None:
    pod = make_pod()
    one = run(pod)
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "Running")
    bench.kube.gate.clear()
    one.put(Changed(being_deleted(pod, 600)))
    assert bench.kube.held.wait(30)
    one.put(Lost())
    bench.kube.gate.set()
    assert one.dead.wait(30)
    assert bench.kube.deleted == []


def test_a_machine_that_comes_back_finds_the_pod_dead(bench: Bench, run: Run) -> None:
    one = run(make_pod())
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "Running")
    one.put(Lost())
    assert one.dead.wait(30)
    one.put(Back())
    wait(lambda: bench.kube.phases[-1] == "Failed", "Failed")
    assert bench.kube.state()["terminated"]["exitCode"] == 137
    assert len(bench.launcher.started) == 1


def test_a_pod_that_another_agent_ran_is_found_dead(bench: Bench, run: Run) -> None:
    pod = make_pod()
    pod["status"] = {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}
    run(pod)
    wait(lambda: bench.kube.phases == ["Failed"], "Failed")
    assert bench.kube.state()["terminated"]["reason"] == "ContainerStatusUnknown"
    assert bench.launcher.started == []


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
def test_restarts_are_counted_and_back_off(bench: Bench, run: Run, policy: str) -> None:
    run(make_pod(restartPolicy=policy))
    for count in range(1, 4):
        started(bench, count)
        bench.launcher.latest.exit(3)
    started(bench, 4)
    wait(lambda: "running" in bench.kube.state(), "running again")
    found = bench.kube.last["containerStatuses"][0]
    assert found["restartCount"] == 3
    assert found["lastState"]["terminated"]["exitCode"] == 3
    assert {"Running"} == set(bench.kube.phases[1:])
    states = [status["containerStatuses"][0]["state"] for _, status in bench.kube.written]
    messages = [state["waiting"].get("message", "") for state in states if "waiting" in state]
    assert any(
        "back-off" in text and "restarting failed container=c pod=p1_ns(uid-p1)" in text for text in messages
    )


@pytest.mark.parametrize(("policy", "again"), [("Always", True), ("OnFailure", False)])
def test_a_good_end_restarts_only_always(bench: Bench, run: Run, policy: str, again: bool) -> None:
    run(make_pod(restartPolicy=policy))
    started(bench)
    bench.launcher.latest.exit(0)
    if again:
        started(bench, 2)
    else:
        wait(lambda: bench.kube.phases[-1] == "Succeeded", "Succeeded")


def test_what_cannot_start_is_a_failed_pod(bench: Bench, run: Run) -> None:
    bench.launcher.failing = ['exec: "run": executable file not found in $PATH']
    run(make_pod())
    wait(lambda: bench.kube.phases[-1:] == ["Failed"], "Failed")
    ended = bench.kube.state()["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert "not found in $PATH" in ended["message"]
    assert bench.events[-1] == PodEnded(1.5, HOST, "p1", 0, 128)


def test_a_volume_is_tried_again_and_its_event_told_once(bench: Bench, run: Run) -> None:
    bench.volumes.failing = ['MountVolume.SetUp failed for volume "v" : no'] * 3
    run(make_pod())
    started(bench)
    (event,) = bench.kube.created
    assert (event["reason"], event["involvedObject"]["uid"]) == ("FailedMount", "uid-p1")


def test_a_missing_config_waits_until_it_is_there(bench: Bench, run: Run) -> None:
    pod = make_pod()
    reference = {"configMapKeyRef": {"name": "m", "key": "k"}}
    pod["spec"]["containers"][0]["env"] = [{"name": "A", "valueFrom": reference}]
    run(pod)
    wait(
        lambda: (
            bench.kube.written
            and bench.kube.state().get("waiting", {}).get("reason") == "CreateContainerConfigError"
        ),
        "waiting",
    )
    bench.kube.objects["/api/v1/namespaces/ns/configmaps/m"] = {"data": {"k": "v"}}
    started(bench)
    assert bench.launcher.latest.launch.env["A"] == "v"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"initContainers": [{"name": "i"}]}, "init containers"),
        ({"containers": [{"name": "c", "image": "i", "args": ["x"]}]}, "has no command"),
    ],
)
def test_what_a_rehearsal_cannot_run_fails_with_its_reason(
    bench: Bench, run: Run, spec: Json, why: str
) -> None:
    run(make_pod(**{"restartPolicy": "Always", **spec}))
    wait(lambda: bench.kube.phases[-1:] == ["Failed"], "Failed")
    assert why in bench.kube.state()["terminated"]["message"]
    assert bench.launcher.started == []


def test_a_refused_write_is_made_again(bench: Bench, run: Run) -> None:
    bench.kube.refusals = [Ambiguous(Fault("patch", "no answer", "again"))] * 3
    run(make_pod())
    wait(lambda: bench.kube.phases[-1:] == ["Running"], "Running")


def test_a_pod_that_vanished_is_killed(bench: Bench, run: Run) -> None:
    bench.launcher.deaf = True
    one = run(make_pod())
    wait(lambda: bench.kube.phases == ["Pending", "Running"], "Running")
    bench.kube.refusals = [gone()] * 9
    bench.launcher.latest.exit(0)
    assert one.join(30)
    assert bench.volumes.notes[-1] == "unmount p1"


def test_a_pod_of_two_containers_ends_with_the_last_of_them(bench: Bench, run: Run) -> None:
    names = [{"name": name, "image": "i", "command": ["run"]} for name in ("a", "b")]
    run(make_pod(containers=names))
    started(bench, 2)
    bench.launcher.started[0].exit(5)
    wait(lambda: "terminated" in bench.kube.last["containerStatuses"][0]["state"], "a ended")
    assert bench.kube.phases[-1] == "Running"
    bench.launcher.started[1].exit(0)
    wait(lambda: bench.kube.phases[-1] == "Failed", "Failed")
    assert bench.events[-1] == PodEnded(1.5, HOST, "p1", 0, 5)
    assert len(bench.events) == 2
