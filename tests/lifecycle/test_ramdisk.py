"""Another ramdisk: refused while a workload mounts the old one, then made anew, and what is lost is said."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.engine.observe import observe_cluster, observe_workload
from xpk.engine.status import State
from xpk.engine.workloads import find_workloads, list_workloads
from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.deletion import plan_workload_delete
from xpk.plan.question import question_of
from xpk.plan.steps import ReplaceObject
from xpk.plan.text import text
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

PLACE = parse_place("my-project", "us-east5-b")
PATH = "/apis/checkpointing.gke.io/v1/checkpointconfigurations/my-checkpointconfiguration"
WORKLOAD = WorkloadSpec(
    name="w1",
    cluster="c1",
    slice_type=resolve("v6e-16"),
    num_slices=2,
    image="i:1",
    command="sleep 1000",
    ramdisk=Ramdisk("/ramdisk"),
    restarts=RestartPolicy(max_restarts=5, codes=None, mtc=True),
)


def changed(spec: Any, what: str) -> ClusterSpec:
    """The cluster with another size, or another bucket, or both."""
    wanted: ClusterSpec = spec(2, ramdisk="20Gi" if "size" in what else "10Gi")
    assert wanted.mtc is not None
    return replace(wanted, mtc=replace(wanted.mtc, bucket="other-bucket")) if "bucket" in what else wanted


def configuration(world: Any) -> Any:
    name = PLACE.cluster("c1")
    return world.cloud.kube(name, world.cloud.gke.get_cluster(name)).get(PATH)


def running(world: Any) -> None:
    world.apply(plan_workload(WORKLOAD, PLACE, observe_workload(world.cloud, WORKLOAD, PLACE)))
    end = time.monotonic() + 120
    while list_workloads(world.cloud, PLACE, "c1")[0].state is not State.RUNNING:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("what", ["size", "bucket", "size and bucket"])
def test_another_ramdisk(world: Any, spec: Any, what: str) -> None:
    world.made(spec(2))
    running(world)
    before, wanted = configuration(world), changed(spec, what)
    world.forget()
    for force in (False, True):
        with pytest.raises(StateError) as caught:
            plan_cluster(wanted, observe_cluster(world.cloud, wanted), force=force)
        (fault,) = caught.value.faults
        assert "w1 mounts it" in fault.why
        assert "xpk workload delete --cluster c1 --workload w1" in fault.fix
    assert {request["method"] for request in world.requests()} == {"GET"}
    assert configuration(world) == before

    found = find_workloads(world.cloud, PLACE, "c1")
    world.apply(plan_workload_delete("c1", [one.jobset for one in found]))
    plan = world.plan(wanted)
    (_,) = [planned.step for planned in plan.steps if isinstance(planned.step, ReplaceObject)]
    assert "local checkpoints on 8 hosts are lost" in " ".join(text(plan).split())
    assert "recreate the ramdisk (local checkpoints are lost)" in question_of(plan).lower()
    world.apply(plan)
    after = configuration(world)
    assert after["metadata"]["uid"] != before["metadata"]["uid"], "its controller ignores edits"
    assert after["spec"]["inMemoryVolumeSize"] == ("20Gi" if "size" in what else "10Gi")
    assert after["spec"]["cloudStorageBucketName"] == ("other-bucket" if "bucket" in what else "my-bucket")
    assert after["status"]["readyDriverPods"] == 8
    assert world.plan(wanted).empty
    running(world)
