"""The rehearsal on the real control plane: JobSet's own controller restarts what breaks, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.rehearsal import Rehearsed, Told, rehearsed
from xpk.cli.rehearse_request import EXTRA, trainer_is_here
from xpk.cloud.kube import Kube
from xpk.rehearsal.record.events import AllRunning, BucketHolds, Host, PodEnded, PodStarted
from xpk.rehearsal.record.outcome import Recovery

pytestmark = [pytest.mark.xdist_group("controlplane-rehearsal"), pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(
    control_plane: ControlPlane, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsed]:
    if not trainer_is_here():
        pytest.skip(f"JAX and Orbax are not installed: {EXTRA}")
    with rehearsed(control_plane, kube, tmp_path_factory.mktemp("home")) as made:
        yield made


HOSTS = [Host(index, number) for index in range(2) for number in range(2)]
PERIOD = 5
WORDS = ("--at-step", "13", "--local-checkpoint-period", str(PERIOD), "--checkpoint-period", "100")
Figures = Callable[[str, object], None]


def codes(told: Told, attempt: int) -> dict[Host, int]:
    return {e.host: e.code for e in told.events if isinstance(e, PodEnded) and e.attempt == attempt}


def conditions(told: Told) -> dict[str, str]:
    """The messages of the JobSet's conditions that are True."""
    found = told.jobset["status"]["conditions"]
    return {one["type"]: one["message"] for one in found if one["status"] == "True"}


def check_is_what_kubernetes_says(told: Told) -> None:
    """The outcome beside the JobSet and the program's own word on it."""
    found, status = told.outcome, told.jobset["status"]
    assert conditions(told) == {"Completed": found.words}
    assert (found.state, status["terminalState"]) == ("succeeded", "Completed")
    assert told.counts[-1] == (found.totals.restarts, status.get("restartsCountTowardsMax", 0))
    assert (told.listed["restarts"], told.listed["restartsCounted"]) == told.counts[-1]
    assert told.listed["status"] == "Succeeded"
    for attempt in range(found.totals.restarts + 1):
        started = [e.host for e in told.events if isinstance(e, PodStarted) and e.attempt == attempt]
        assert sorted(started) == HOSTS
        assert sorted(codes(told, attempt)) == HOSTS
    running = [event.attempt for event in told.events if isinstance(event, AllRunning)]
    assert running == list(range(found.totals.restarts + 1))


def check_came_back_from_ramdisks(found: Recovery) -> None:
    assert {tier for tier, _ in found.tiers} == {"ramdisk", "peer"}
    assert (found.step_restored, found.bucket_step) == (found.ramdisk_step, 0)
    assert found.steps_lost is not None
    assert found.steps_lost <= PERIOD * (1 + found.interrupted_save)


def test_a_failure_is_counted_and_a_disruption_is_free(
    cluster: Rehearsed, record_testsuite_property: Figures
) -> None:
    """A host that is lost is a disruption, but Kubernetes says so after 40 seconds only, and by then the
    trainers that it left alone have failed: that counts. When all hosts go at once nobody is left to fail."""
    told = cluster.run(("process", "host", "all-ramdisks"), *WORDS, "-tgps", "10")
    for found in told.outcome.recoveries:
        for phase in ("noticed", "running", "restored", "first_step"):
            record_testsuite_property(f"{found.fault} to {phase}, seconds", getattr(found, phase))
    check_is_what_kubernetes_says(told)
    assert told.counts == [(0, 0), (1, 1), (2, 2), (3, 2)]
    assert told.outcome.findings == ()
    assert told.outcome.totals.losses_equal
    process, host, everything = told.outcome.recoveries
    assert [(one.ended, one.losses_equal) for one in told.outcome.recoveries] == [("recovered", True)] * 3

    check_came_back_from_ramdisks(process)
    assert codes(told, 0)[process.hosts[0]] == 137

    check_came_back_from_ramdisks(host)
    assert host.from_words == f"the ramdisk of slice {1 - host.hosts[0].slice_index}"
    ended = codes(told, 1)
    assert ended.pop(host.hosts[0]) == 137
    assert set(ended.values()) - {0, 137, 143}, "a trainer that was left alone failed by itself"

    assert everything.tiers == (("bucket", len(HOSTS)),)
    assert everything.step_restored == everything.bucket_step == 0
    assert set(codes(told, 2).values()) == {137}
    assert set(codes(told, 3).values()) == {0}


def test_trainers_that_leave_with_0_after_sigterm_are_a_success(cluster: Rehearsed) -> None:
    """The evicted one, too: it is marked as disrupted, but it has done its part, and nothing restarts it."""
    told = cluster.run(("sigterm",), *WORDS)
    check_is_what_kubernetes_says(told)
    assert told.counts == [(0, 0), (0, 0)]
    assert told.phases == ["Succeeded"] * 3, "the evicted pod is gone"
    assert set(codes(told, 0).values()) == {0}
    (sigterm,) = told.outcome.recoveries
    assert (sigterm.ended, sigterm.restarts) == ("failed", 0)
    (finding,) = told.outcome.findings
    assert (finding.id, told.outcome.exit_code) == ("done-too-early", 125)
    last = told.outcome.totals.highest_step
    assert last < told.outcome.setup.steps - 1
    saved = [event.steps for event in told.events if isinstance(event, BucketHolds)]
    assert last in saved[-1]
