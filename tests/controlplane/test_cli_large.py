"""The story at 2 x 64 hosts, through the program; its seconds are recorded, nothing is asserted on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.figures import LARGE, cluster_of, restart_seconds, start_seconds
from tests.controlplane.saying import Teller
from xpk.cloud.kube import Kube

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]


@pytest.fixture(scope="module")
def teller(
    control_plane: ControlPlane, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Teller]:
    with cluster_of(control_plane, kube, tmp_path_factory.mktemp("home"), LARGE) as made:
        yield made


def test_two_slices_of_64_hosts_from_their_start_over_a_failure_to_their_end(
    teller: Teller, record_testsuite_property: Callable[[str, object], None]
) -> None:
    world = teller.world
    seconds, pods = start_seconds(teller, "w1", LARGE)
    record_testsuite_property("2 x 64 created to running, seconds", round(seconds, 1))
    said = teller.truth("w1", "Running")
    assert said.listed["hostsReady"] == LARGE.hosts
    places = [(s["nodePool"], s["nodePoolReady"]) for s in said.described["sliceStatus"]]
    assert sorted(places) == [("c1-np-0", 64), ("c1-np-1", 64)]

    seconds, pods = restart_seconds(teller, "w1", pods)
    record_testsuite_property("2 x 64 failure to running, seconds", round(seconds, 1))
    said = teller.truth("w1", "Running")
    assert (said.listed["restarts"], said.listed["restartsCounted"]) == (1, 1)
    assert {s["nodePool"] for s in said.described["sliceStatus"]} == {"c1-np-0", "c1-np-1"}

    world.evict(pods[100])
    states = teller.follow("w1", lambda: world.status("default", "w1").get("restarts", 0) == 2)
    assert set(states) <= {"Running", "Restarting"}
    world.plane.wait(lambda: teller.listed()["w1"]["hostsReady"] == LARGE.hosts, "all ready again", 180)
    said = teller.truth("w1", "Running")
    assert (said.listed["restarts"], said.listed["restartsCounted"]) == (2, 1)

    jobset = world.jobset("default", "w1")["metadata"]["uid"]
    assert "default/w1  Running" in teller.delete("w1")
    teller.gone("w1", jobset)


def test_the_controllers_are_sized_for_128_hosts(teller: Teller) -> None:
    """Kueue's gets what Google's xpk gives it from 100 hosts on; JobSet's least is enough for 1,000."""
    found = {}
    for name in ("jobset", "kueue"):
        path = f"/apis/apps/v1/namespaces/{name}-system/deployments/{name}-controller-manager"
        deployment = teller.world.kube.get(path) or {}
        (manager,) = deployment["spec"]["template"]["spec"]["containers"]
        found[name] = manager["resources"]["limits"]
    assert found == {"jobset": {"memory": "4Gi"}, "kueue": {"cpu": "4", "memory": "32Gi"}}
    queue = teller.world.kube.get("/apis/kueue.x-k8s.io/v1beta2/clusterqueues/cluster-queue") or {}
    (group,) = queue["spec"]["resourceGroups"]
    assert group["flavors"][0]["resources"] == [{"name": "google.com/tpu", "nominalQuota": "512"}]
