"""Every row of docs/changing.md on the emulator: done, then nothing is left to do and nothing lies about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.lifecycle.running import pods, start, things
from xpk.catalog.versions import GkeVersion
from xpk.engine.events import Event, StepProgress
from xpk.engine.observe import observe_cluster
from xpk.engine.status import State
from xpk.engine.workloads import list_workloads
from xpk.errors import AccessError, Interrupted, StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.deletion import plan_workload_delete
from xpk.plan.steps import DeleteNodePool, Plan, ReplaceObject
from xpk.spec.capacity import Reservation, Spot
from xpk.spec.cluster import ClusterSpec, parse_place

PLACE = parse_place("my-project", "us-east5-b")
CONFIGURATION = ("checkpointing.gke.io/v1", "CheckpointConfiguration", "my-checkpointconfiguration")
QUEUE = ("kueue.x-k8s.io/v1beta2", "ClusterQueue", "cluster-queue")
FLAVOR = ("kueue.x-k8s.io/v1beta2", "ResourceFlavor", "v6e-4x4")
LOCAL = ("kueue.x-k8s.io/v1beta2", "LocalQueue", "multislice-queue")
MapSpec = Callable[[ClusterSpec], ClusterSpec]


def stop(world: Any) -> None:
    (jobset,) = [o for o in things(world) if o["kind"] == "JobSet"]
    world.apply(plan_workload_delete("c1", [jobset]))


def names(world: Any, kind: str) -> list[str]:
    return sorted(o["metadata"]["name"] for o in things(world) if o["kind"] == kind)


def kube(world: Any) -> Any:
    name = PLACE.cluster("c1")
    return world.cloud.kube(name, world.cloud.gke.get_cluster(name))


def reference(ref: tuple[str, str, str]) -> dict[str, Any]:
    api, kind, name = ref
    metadata = {"name": name} | ({"namespace": "default"} if kind == "LocalQueue" else {})
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def hold(world: Any, ref: tuple[str, str, str]) -> None:
    """Keep an object from going away."""
    held = reference(ref)
    held["metadata"]["finalizers"] = ["test.example/hold"]
    kube(world).apply(held, field_manager="test")


def release(world: Any, ref: tuple[str, str, str]) -> None:
    kube(world).apply(reference(ref), field_manager="test")


def delete(world: Any, ref: tuple[str, str, str]) -> None:
    client = kube(world)
    client.delete(client.path_of(reference(ref)))


def installed(world: Any, component: str, tag: str) -> None:
    """As if somebody had installed another release."""
    container = {"name": "manager", "image": f"registry.k8s.io/{component}/{component}:{tag}"}
    namespace = f"{component}-system"
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{component}-controller-manager", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    kube(world).apply(deployment, force=True, field_manager="kubectl")


def version(world: Any, component: str) -> str:
    name = f"{component}-controller-manager"
    (found,) = [o for o in things(world) if o["kind"] == "Deployment" and o["metadata"]["name"] == name]
    containers = found["spec"]["template"]["spec"]["containers"]
    return str(next(c["image"] for c in containers if c["name"] == "manager")).rpartition(":")[2]


def check_nothing_left(world: Any, wanted: ClusterSpec) -> None:
    """The plan is empty, and there are the wanted slices and their flavor, and no others."""
    plan = world.plan(wanted)
    assert [planned.id for planned in plan.steps] == []
    assert {one.why for one in plan.kept if one.noun == "flavor"} == {"as asked for"}
    (cluster,) = world.objects()["clusters"]
    slices = [pool for pool in cluster["nodePools"] if pool["name"] != "default-pool"]
    assert len(slices) == wanted.num_slices
    assert {pool["status"] for pool in slices} == {"RUNNING"}
    assert names(world, "ResourceFlavor") == [f"v6e-{wanted.slice_type.topology_text}"]
    hosts = [o for o in things(world) if o["kind"] == "Node" and "google.com/tpu" in o["status"]["capacity"]]
    assert len(hosts) == wanted.hosts
    (queue,) = [o for o in things(world) if o["kind"] == "ClusterQueue"]
    ((flavor,),) = [group["flavors"] for group in queue["spec"]["resourceGroups"]]
    assert flavor["name"] == names(world, "ResourceFlavor")[0]
    assert flavor["resources"][0]["nominalQuota"] == str(wanted.num_slices * wanted.slice_type.chips)


def sized(ramdisk: str) -> dict[str, Any]:
    return {"ramdisk": ramdisk}


# name: slices before, flags before, slices after, flags after
REPLACED: dict[str, tuple[tuple[int, dict[str, Any]], tuple[int, dict[str, Any]]]] = {
    "other topology": ((2, {}), (2, {"tpu": "v6e-32"})),
    "other capacity": ((2, {}), (2, {"capacity": Spot()})),
    "other reservation": ((2, {"capacity": Reservation("r1")}), (2, {"capacity": Reservation("r2")})),
    "more and other": ((1, {}), (3, {"tpu": "v6e-8"})),
    "fewer and other": ((3, {}), (1, {"tpu": "v6e-64"})),
    "mtc added": ((2, {"ramdisk": None}), (2, {})),
    "mtc added and more": ((1, {"ramdisk": None}), (2, {})),
    "ramdisk resized": ((2, {}), (2, {"ramdisk": "20Gi"})),
}


@pytest.mark.parametrize("change", REPLACED)
def test_after_a_change_nothing_is_left_to_do(world: Any, spec: Any, change: str) -> None:
    (before, flags), (after, others) = REPLACED[change]
    world.made(spec(before, **flags))
    wanted = spec(after, **others)
    report = world.create(wanted)
    assert (report.failed, report.left) == ((), ())
    check_nothing_left(world, wanted)


def test_another_type_takes_its_ramdisk_along(world: Any, spec: Any) -> None:
    world.made(spec(2))
    wanted = spec(2, "v5p-16")
    plan = world.plan(wanted)
    assert sum(isinstance(planned.step, ReplaceObject) for planned in plan.steps) == 1
    world.apply(plan)
    assert world.plan(wanted).empty
    assert names(world, "ResourceFlavor") == ["v5p-2x2x2"]
    (configuration,) = [o for o in things(world) if o["kind"] == "CheckpointConfiguration"]
    assert configuration["spec"]["nodeSelector"] == {"node.kubernetes.io/instance-type": "ct5p-hightpu-4t"}


def test_another_bucket(world: Any, spec: Any) -> None:
    first = spec(2)
    world.made(first)
    wanted = replace(first, mtc=replace(first.mtc, bucket="second-bucket"))
    world.create(wanted)
    check_nothing_left(world, wanted)
    (configuration,) = [o for o in things(world) if o["kind"] == "CheckpointConfiguration"]
    assert configuration["spec"]["cloudStorageBucketName"] == "second-bucket"


def more_slices(world: Any, spec: Any) -> ClusterSpec:
    return spec(5)  # type: ignore[no-any-return]


def fewer_slices(world: Any, spec: Any) -> ClusterSpec:
    return spec(2)  # type: ignore[no-any-return]


def failed_slice(world: Any, spec: Any) -> ClusterSpec:
    world.fault(world="stockout", pool="c1-np-3$", times=1)
    world.apply(world.plan(spec(4)), ignore_failed_slices=True)
    return spec(4)  # type: ignore[no-any-return]


def newer_gke(world: Any, spec: Any) -> ClusterSpec:
    channels = world.cloud.gke.server_config(PLACE.parent)["channels"]
    offered = {one["channel"]: [GkeVersion.parse(text) for text in one["validVersions"]] for one in channels}
    with pytest.raises(
        StateError, match="release channel REGULAR, in which the cluster is, does not offer it"
    ):
        world.plan(spec(3, gke_version=max(offered["RAPID"])))
    return spec(3, gke_version=max(offered["REGULAR"]))  # type: ignore[no-any-return]


def older_jobset(world: Any, spec: Any) -> ClusterSpec:
    installed(world, "jobset", "v0.10.1")
    return spec(3)  # type: ignore[no-any-return]


def older_kueue(world: Any, spec: Any) -> ClusterSpec:
    installed(world, "kueue", "v0.12.2")
    return spec(3)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "change", [more_slices, fewer_slices, failed_slice, newer_gke, older_jobset, older_kueue]
)
def test_what_runs_on_a_kept_slice_is_untouched(
    world: Any, spec: Any, change: Callable[[Any, Any], ClusterSpec]
) -> None:
    world.made(spec(3))
    start(world, 2, mtc=True)
    before = pods(world)
    wanted = change(world, spec)
    plan = world.plan(wanted)
    assert not plan.empty
    world.apply(plan)
    assert pods(world) == before
    assert list_workloads(world.cloud, PLACE, "c1")[0].state is State.RUNNING
    check_nothing_left(world, wanted)
    assert version(world, "jobset") == "v0.12.0"
    assert version(world, "kueue") == "v0.19.2"


@pytest.mark.parametrize("component", ["jobset", "kueue"])
def test_a_newer_controller_stays(world: Any, spec: Any, component: str) -> None:
    world.made(spec(1))
    installed(world, component, "v0.99.0")
    plan = world.plan(spec(2))
    (kept,) = [one for one in plan.kept if one.id == f"install/{component}"]
    assert kept.why.startswith("newer than ours, ")
    world.apply(plan)
    check_nothing_left(world, spec(2))
    assert version(world, component) == "v0.99.0"


def forced(world: Any, wanted: ClusterSpec) -> Plan:
    return plan_cluster(wanted, observe_cluster(world.cloud, wanted), force=True)


def test_busy_slices_go_by_force_and_the_idle_ones_before_them(world: Any, spec: Any) -> None:
    world.made(spec(3))
    start(world, 2)
    with pytest.raises(StateError, match="too few slices are idle: w1 on c1-np-"):
        world.plan(spec(1))
    plan = forced(world, spec(1))
    gone = [planned.step for planned in plan.steps if isinstance(planned.step, DeleteNodePool)]
    assert sorted(step.busy for step in gone) == [(), ("w1",)]
    world.apply(plan)
    check_nothing_left(world, spec(1))


def test_a_mounted_ramdisk_is_not_changed(world: Any, spec: Any) -> None:
    world.made(spec(2))
    start(world, 2, mtc=True)
    for wanted in (spec(2, ramdisk="20Gi"), spec(2, "v5p-16")):
        with pytest.raises(StateError, match="w1 mounts it, and a change takes it away"):
            forced(world, wanted)
    delete(world, CONFIGURATION)  # by somebody else: without the driver, w1 could not even be deleted
    world.create(spec(2))
    check_nothing_left(world, spec(2))
    stop(world)
    world.create(spec(2, ramdisk="20Gi"))
    check_nothing_left(world, spec(2, ramdisk="20Gi"))


@pytest.mark.parametrize("ref", [CONFIGURATION, QUEUE, LOCAL], ids=lambda ref: str(ref[1]))
def test_what_is_being_deleted_is_waited_for_and_made_anew(
    world: Any, spec: Any, ref: tuple[str, str, str]
) -> None:
    world.made(spec(2))
    hold(world, ref)
    delete(world, ref)
    old = next(o["metadata"]["uid"] for o in things(world) if o["kind"] == ref[1])
    plan = world.plan(spec(3))
    assert f"gone/{ref[1]}/{ref[2]}" in [planned.id for planned in plan.steps]
    released: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, StepProgress) and event.words == "waiting until it is gone" and not released:
            released.append(event)
            release(world, ref)

    world.apply(plan, on_event=listen)
    assert released
    (new,) = [o for o in things(world) if o["kind"] == ref[1]]
    assert new["metadata"]["uid"] != old
    check_nothing_left(world, spec(3))


def test_a_flavor_that_is_being_deleted_is_let_go_of(world: Any, spec: Any) -> None:
    """The queue holds it: to wait for it alone would be to wait for ever."""
    world.made(spec(2))
    delete(world, FLAVOR)
    assert names(world, "ResourceFlavor") == ["v6e-4x4"]
    world.create(spec(2))
    (flavor,) = [o for o in things(world) if o["kind"] == "ResourceFlavor"]
    assert "deletionTimestamp" not in flavor["metadata"]
    check_nothing_left(world, spec(2))


def test_a_run_that_was_interrupted_while_it_replaced_the_ramdisk(world: Any, spec: Any) -> None:
    import threading

    world.made(spec(2))
    hold(world, CONFIGURATION)
    stopping = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, StepProgress) and event.words == "waiting until it is gone":
            stopping.set()

    larger = spec(2, ramdisk="20Gi")
    with pytest.raises(Interrupted):
        world.apply(world.plan(larger), on_event=listen, stop=stopping)
    plan = world.plan(larger)
    assert [planned.id.partition("/")[0] for planned in plan.steps] == ["gone", "apply", "wait"]
    release(world, CONFIGURATION)
    world.apply(plan)
    check_nothing_left(world, larger)


def test_a_run_that_ended_before_the_old_flavor_was_gone(world: Any, spec: Any) -> None:
    world.made(spec(2))
    world.fault(match={"method": "DELETE", "path": "/resourceflavors/v6e-4x4$"}, times=1, status=403)
    wanted = spec(2, "v6e-32")
    with pytest.raises(AccessError):
        world.create(wanted)
    assert names(world, "ResourceFlavor") == ["v6e-4x4", "v6e-4x8"]
    plan = world.plan(wanted)
    assert [planned.id for planned in plan.steps] == ["delete/ResourceFlavor/v6e-4x4"]
    world.apply(plan)
    check_nothing_left(world, wanted)
