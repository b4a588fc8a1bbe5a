"""A plain `cluster create` takes over a cluster of Google's xpk: what is right stays, as does what runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.adoption.made import KINDS, Made
from tests.adoption.world import Adopted, make
from xpk.catalog.slices import resolve
from xpk.engine.observe import observe_workload
from xpk.engine.workloads import find_workloads
from xpk.errors import StateError
from xpk.plan.deletion import plan_workload_delete
from xpk.plan.steps import Plan
from xpk.plan.text import text
from xpk.plan.workload import plan_workload
from xpk.spec.capacity import Capacity, FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import Addon, ClusterSpec, parse_place
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

CAPACITY: dict[str, Capacity] = {"ON_DEMAND": OnDemand(), "SPOT": Spot(), "FLEX_START": FlexStart()}
PLACE = parse_place("my-project", "us-east5-b")
RESOURCES = "c1-resources-configmap"
Golden = Callable[[str, str], None]
_STATES: dict[Made, str] = {}


def taken(world: Any, made: Made) -> Adopted:
    """Such a cluster in a world; its making, which is Google's, once for each kind."""
    if made in _STATES:
        world.emulator.cloud.load(json.loads(_STATES[made]))
        return Adopted(world.url, made)
    adopted = make(world.url, made)
    _STATES[made] = json.dumps(world.emulator.cloud.dump())
    return adopted


def asked(spec: Any, made: Made, **changes: Any) -> ClusterSpec:
    """The same words as those that xpk was given."""
    capacity = Reservation(made.reservation) if made.reservation else CAPACITY[made.capacity]
    addons = frozenset({Addon.GCS_FUSE} if made.gcsfuse else ())
    fields = {"ramdisk": "10Gi" if made.mtc else None, "capacity": capacity, "requested_addons": addons}
    slices, tpu = changes.pop("slices", len(made.pools)), changes.pop("tpu", made.shape.device_type)
    found: ClusterSpec = spec(slices, tpu, **fields | changes)
    return found


def data(adopted: Adopted, part: str) -> dict[str, str]:
    return dict(adopted.objects("ConfigMap")[f"c1-{part}-configmap"]["data"])


def pool_writes(world: Any) -> list[str]:
    return [r["path"] for r in world.requests() if r["method"] != "GET" and "/nodePools" in r["path"]]


def shown(plan: Plan) -> str:
    lines = text(plan) + "".join(f"note: {note}\n" for note in plan.notes)
    return re.sub(r"sha256-[0-9a-f.]+", "sha256-...", lines)  # of the emulator's stand-ins


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_words_keep_what_is_right(world: Any, spec: Any, golden: Golden, kind: str) -> None:
    made = KINDS[kind]
    adopted = taken(world, made)
    wanted = asked(spec, made)
    before = (adopted.pods(), adopted.objects("Node").keys())
    flavors, queue = adopted.objects("ResourceFlavor"), adopted.objects("ClusterQueue")
    configuration = adopted.objects("CheckpointConfiguration")
    world.forget()
    plan = world.plan(wanted)
    golden(f"cluster/adopt-{kind}.txt", shown(plan))
    world.apply(plan)
    assert world.plan(wanted).empty
    if made.half:
        assert [pool["status"] for pool in world.objects()["clusters"][0]["nodePools"]] == ["RUNNING"] * 3
        return
    assert pool_writes(world) == []
    assert (adopted.pods(), adopted.objects("Node").keys()) == before, "what runs is not touched"
    assert all(restarts == 0 for _, _, restarts in adopted.pods().values())
    assert adopted.objects("ResourceFlavor") == flavors
    assert adopted.objects("ClusterQueue")["cluster-queue"]["spec"] == queue["cluster-queue"]["spec"]
    assert adopted.objects("CheckpointConfiguration") == configuration
    assert adopted.objects("PriorityClass")["medium"]["description"] == "Medium", "xpk's own words stay"
    assert adopted.objects("CustomResourceDefinition").keys() >= {"storages.xpk.x-k8s.io"}


def test_the_record_keeps_what_xpk_wrote(world: Any, spec: Any) -> None:
    made = KINDS["plain"]
    adopted = taken(world, made)
    before = data(adopted, "metadata")
    assert before["tensorboard_id"] == "123"
    world.create(asked(spec, made))
    after = data(adopted, "metadata")
    assert {k: v for k, v in after.items() if k in before} == before | {"xpk_version": after["xpk_version"]}
    assert after["xpk_version"] != before["xpk_version"]
    assert after["slice_type"] == "v6e-16"


def test_controllers_go_up_and_never_down(world: Any, spec: Any) -> None:
    made = replace(KINDS["plain"], workload=False)
    adopted = taken(world, replace(made, jobset="v0.99.0", kueue="v0.98.1"))
    world.create(asked(spec, made))
    images = {
        name: found["spec"]["template"]["spec"]["containers"][0]["image"]
        for name, found in adopted.objects("Deployment").items()
        if name.endswith("-controller-manager")
    }
    assert images["jobset-controller-manager"].endswith(":v0.99.0")
    assert images["kueue-controller-manager"].endswith(":v0.98.1")
    assert world.plan(asked(spec, made)).empty


def test_a_controller_keeps_the_selector_that_kubernetes_never_changes(world: Any, spec: Any) -> None:
    """JobSet v0.10.1 of xpk's selects by one label, v0.12.0 by more: the API server refuses that."""
    made = replace(KINDS["plain"], workload=False)
    adopted = taken(world, made)
    before = adopted.objects("Deployment")["jobset-controller-manager"]
    assert before["spec"]["selector"] == {"matchLabels": {"control-plane": "controller-manager"}}
    world.create(asked(spec, made))
    after = adopted.objects("Deployment")["jobset-controller-manager"]
    assert after["spec"]["selector"] == before["spec"]["selector"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    labels = after["spec"]["template"]["metadata"]["labels"]
    assert labels.items() > before["spec"]["selector"]["matchLabels"].items(), "those of v0.12.0, too"


def test_more_slices_keep_the_flavor_that_jobs_are_booked_on(world: Any, spec: Any) -> None:
    """xpk would name it 3xv6e-16, and hand the chips of the running workload out again."""
    made = KINDS["plain"]
    adopted = taken(world, made)
    pods = adopted.pods()
    wanted = asked(spec, made, slices=3)
    world.create(wanted)
    assert list(adopted.objects("ResourceFlavor")) == ["2xv6e-16"]
    (group,) = adopted.objects("ClusterQueue")["cluster-queue"]["spec"]["resourceGroups"]
    (flavor,) = group["flavors"]
    assert (flavor["name"], flavor["resources"][0]["nominalQuota"]) == ("2xv6e-16", "48")
    assert data(adopted, "resources") == {"v6e-16": "12"}
    assert adopted.pods() == pods
    assert world.plan(wanted).empty


def test_a_kueue_that_serves_only_the_older_version_is_read_all_the_same(world: Any, spec: Any) -> None:
    """Google's xpk installed 0.12 for long; its objects are there, and are not to be made a second time."""
    made = replace(KINDS["plain"], workload=False)
    taken(world, made)
    wanted = asked(spec, made)
    plan = world.plan(wanted)
    older = {"method": "GET", "path": "/apis/kueue.x-k8s.io/v1beta2/"}
    world.fault(match=older, status=404, raw="404 page not found\n", times=3)
    world.forget()
    assert world.plan(wanted) == plan
    paths = [request["path"] for request in world.requests()]
    assert len([path for path in paths if "/apis/kueue.x-k8s.io/v1beta1/" in path]) == 3
    world.heal()
    world.apply(plan)
    assert world.plan(wanted).empty


def test_another_type_takes_the_old_one_out_of_the_record(world: Any, spec: Any) -> None:
    made = replace(KINDS["plain"], workload=False)
    adopted = taken(world, made)
    wanted = asked(spec, made, tpu="v6e-32")
    plan = world.plan(wanted)
    assert [p.id for p in plan.steps if p.id.startswith("delete/ConfigMap")] == [
        f"delete/ConfigMap/{RESOURCES}"
    ]
    assert "says 8 hosts of v6e-16" in text(plan)
    world.apply(plan)
    assert data(adopted, "resources") == {"v6e-32": "16"}
    assert data(adopted, "metadata")["tensorboard_id"] == "123"
    assert list(adopted.objects("ResourceFlavor")) == ["v6e-4x8"]
    assert world.plan(wanted).empty


def test_another_ramdisk_waits_for_the_workload(world: Any, spec: Any) -> None:
    made = KINDS["mtc"]
    adopted = taken(world, made)
    larger = asked(spec, made, ramdisk="20Gi")
    with pytest.raises(StateError, match="w1 mounts it"):
        world.plan(larger)
    (running,) = find_workloads(world.cloud, PLACE, "c1")
    world.apply(plan_workload_delete("c1", [running.jobset]))
    world.create(larger)
    (found,) = adopted.objects("CheckpointConfiguration").values()
    assert found["spec"]["inMemoryVolumeSize"] == "20Gi"
    assert found["spec"]["gcsFuseMountOptions"]
    plan = world.plan(larger)
    assert plan.empty
    assert plan.notes == ()


@pytest.mark.parametrize("kind", ["plain", "resized", "single-host", "mtc"])
def test_a_workload_is_accepted_on_the_flavor_of_xpk(world: Any, spec: Any, kind: str) -> None:
    made = KINDS[kind]
    taken(world, made)
    world.create(asked(spec, made))
    policy = RestartPolicy(max_restarts=5, codes=None, mtc=made.mtc)
    ramdisk = Ramdisk("/ramdisk") if made.mtc else None
    wanted = WorkloadSpec(
        name="w2",
        cluster="c1",
        slice_type=resolve(made.shape.device_type),
        num_slices=len(made.pools),
        image="i:1",
        command="sleep 1000",
        ramdisk=ramdisk,
        restarts=policy,
    )
    plan = plan_workload(wanted, PLACE, observe_workload(world.cloud, wanted, PLACE))
    assert [p.id for p in plan.steps] == ["apply/JobSet/w2"]
