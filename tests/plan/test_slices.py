"""Which slices stay, go and come: by what they are and what runs on them, never by a place in a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import Observed
from xpk.plan.slices import choose_slices
from xpk.plan.steps import ApplyCounted, CreateNodePool, DeleteNodePool, Json, ReplaceObject
from xpk.spec.capacity import Reservation, Spot
from xpk.spec.cluster import ClusterSpec

MakeSpec = Callable[..., ClusterSpec]
Applied = Callable[[ClusterSpec], Observed]


def name(index: int) -> str:
    return f"mtc-1-np-{index}"


def busy(observed: Observed, running: Mapping[int, tuple[str, ...]]) -> Observed:
    return replace(observed, running={name(index): names for index, names in running.items()})


def with_pools(observed: Observed, change: Callable[[Json], Json | None]) -> Observed:
    """Each TPU pool changed; None takes it away."""
    pools = []
    for pool in (observed.cluster or {})["nodePools"]:
        changed = change(pool) if pool["name"].startswith("mtc-1-np-") else pool
        pools += [changed] if changed else []
    return replace(observed, cluster=(observed.cluster or {}) | {"nodePools": pools})


def test_idle_slices_go_first_whatever_their_number(spec: MakeSpec, applied: Applied) -> None:
    """Google's xpk keeps the first names of a list: of twelve, it deletes 2 to 9, busy or not."""
    there = busy(applied(spec(num_slices=12)), {0: (), 2: ("w1",), 11: ("w1",), 5: ("w2",)})
    found = choose_slices(spec(num_slices=4), there)
    assert found.kept == (name(0), name(2), name(5), name(11))
    assert [one.name for one in found.removed] == [name(i) for i in (1, 3, 4, 6, 7, 8, 9, 10)]
    assert {one.why for one in found.removed} == {"idle; 12 slices -> 4"}
    assert found.created == ()


def test_busy_slices_go_only_by_force(spec: MakeSpec, applied: Applied) -> None:
    there = busy(applied(spec(num_slices=3)), {0: ("w1",), 1: ("w1", "team/w2")})
    with pytest.raises(StateError) as error:
        plan_cluster(spec(num_slices=1), there)
    (fault,) = error.value.faults
    assert fault.what == "--num-slices 1"
    assert fault.why == "too few slices are idle: w1 and team/w2 on mtc-1-np-1"
    assert "xpk workload delete --cluster mtc-1 --workload w1" in fault.fix
    assert "--force" in fault.fix
    plan = plan_cluster(spec(num_slices=1), there, force=True)
    deleted = {s.step.name: s.step.why for s in plan.steps if isinstance(s.step, DeleteNodePool)}
    assert deleted == {name(1): "w1 and team/w2 are stopped; 3 slices -> 1", name(2): "idle; 3 slices -> 1"}


@pytest.mark.parametrize("asked", [{"num_slices": 1}, {"num_slices": 3, "tpu_type": "v6e-128"}])
def test_every_deletion_means_the_pool_that_was_looked_at(
    spec: MakeSpec, applied: Applied, asked: dict[str, Any]
) -> None:
    """Spare or of another kind: what somebody else has changed since then must not be deleted."""
    there = with_pools(applied(spec(num_slices=3)), lambda pool: {**pool, "etag": f"of {pool['name']}"})
    steps = [planned.step for planned in plan_cluster(spec(**asked), there).steps]
    gone = [step for step in steps if isinstance(step, DeleteNodePool)]
    assert len(gone) == (2 if asked["num_slices"] == 1 else 3)
    assert all(step.etag == f"of {step.name}" for step in gone)


OTHER: list[tuple[dict[str, Any], str]] = [
    ({"tpu_type": "v6e-128"}, "v6e-256 (16x16) -> v6e-128 (8x16)"),
    ({"tpu_type": "v5p-128"}, "v6e-256 (16x16) -> v5p-128 (4x4x4)"),
    ({"capacity": Spot()}, "spot off -> on"),
    ({"capacity": Reservation("r1")}, "reservation none -> r1"),
]


@pytest.mark.parametrize(("asked", "why"), OTHER)
def test_slices_of_another_kind_are_replaced_when_idle(
    spec: MakeSpec, applied: Applied, asked: dict[str, Any], why: str
) -> None:
    wanted, there = spec(**asked), applied(spec())
    steps = {s.id: s for s in plan_cluster(wanted, there).steps}
    for index in (0, 1):
        removal = steps[f"delete/{name(index)}"].step
        assert isinstance(removal, DeleteNodePool)
        assert removal.why == why
        assert steps[f"pool/{name(index)}"].needs == (f"delete/{name(index)}",)
    with pytest.raises(StateError) as error:
        plan_cluster(wanted, busy(there, {1: ("w1",)}))
    assert [fault.what for fault in error.value.faults] == [f"node pool {name(1)}"]
    assert "w1 runs on it" in error.value.faults[0].why
    assert len(plan_cluster(wanted, busy(there, {1: ("w1",)}), force=True).steps) == len(steps)


def test_shapes_with_the_same_count_are_told_apart(spec: MakeSpec, applied: Applied) -> None:
    """Google's xpk takes 8x8x8 for 4x4x32, both v5p-1024, and no workload ever starts there."""
    found = choose_slices(spec("v5p-4x4x32"), applied(spec("v5p-8x8x8")))
    assert {one.why for one in found.removed} == {"v5p-1024 (8x8x8) -> v5p-4x4x32 (4x4x32)"}


def test_a_slice_that_is_being_deleted_is_not_there(spec: MakeSpec, applied: Applied) -> None:
    there = with_pools(
        applied(spec()), lambda pool: pool | {"status": "STOPPING"} if pool["name"] == name(0) else pool
    )
    found = choose_slices(spec(), there)
    assert (found.kept, found.removed, found.created) == ((name(1),), (), (name(0),))


STATUSES = st.sampled_from(["RUNNING", "RUNNING", "ERROR", "RUNNING_WITH_ERROR", "STOPPING", "PROVISIONING"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_there_the_number_comes_out_right_and_no_work_is_lost(
    spec: MakeSpec, applied: Applied, data: st.DataObject
) -> None:
    indices = data.draw(st.lists(st.integers(0, 12), unique=True, max_size=8))
    wanted = spec(num_slices=data.draw(st.integers(1, 8)))
    template = (applied(spec(num_slices=1)).cluster or {})["nodePools"][-1]
    pools = [
        template
        | {"name": name(index), "status": data.draw(STATUSES)}
        | ({"config": template["config"] | {"spot": True}} if data.draw(st.booleans()) else {})
        for index in indices
    ]
    running = {name(i): ("w",) for i in data.draw(st.sets(st.sampled_from(indices or [99])))}
    there = Observed(live=True, cluster={"nodePools": pools}, running=running)
    forced = choose_slices(wanted, there, force=True)
    assert len(forced.kept) + len(forced.created) == wanted.num_slices
    assert len(set(forced.names)) == wanted.num_slices
    gone = {one.name for one in forced.removed}
    assert not gone & set(forced.kept)
    present = {p["name"] for p in pools if p["status"] != "STOPPING"}
    assert gone | set(forced.kept) == present
    assert not (set(forced.created) - gone) & present, "a name is free before it is used again"
    try:
        careful = choose_slices(wanted, there)
    except StateError:
        assert any(one.busy for one in forced.removed)
    else:
        assert careful == forced
        assert not any(one.busy for one in careful.removed)


def test_a_ramdisk_that_is_mounted_is_not_changed(spec: MakeSpec, applied: Applied) -> None:
    there = applied(spec())
    configuration = next(ref for ref in there.objects if ref.kind == "CheckpointConfiguration")
    old = there.objects[configuration]
    smaller = old | {"spec": old["spec"] | {"inMemoryVolumeSize": "50Gi"}}
    changed = replace(there, objects=dict(there.objects) | {configuration: smaller})
    (step,) = [s.step for s in plan_cluster(spec(), changed).steps if isinstance(s.step, ReplaceObject)]
    assert "local checkpoints on 128 hosts are lost" in step.why
    for force in (False, True):
        with pytest.raises(StateError) as error:
            plan_cluster(spec(), replace(changed, mounting=("w1",)), force=force)
        assert "w1 mounts it" in str(error.value)
        assert "xpk workload delete --cluster mtc-1 --workload w1" in error.value.faults[0].fix


def test_the_queue_never_promises_what_is_not_there(spec: MakeSpec, applied: Applied) -> None:
    """Lowered before a slice goes, raised as new ones come, never above what is up."""
    wanted = spec(num_slices=5)
    steps = {s.id: s for s in plan_cluster(wanted, applied(spec())).steps}
    queue = steps["apply/ClusterQueue/cluster-queue"].step
    assert isinstance(queue, ApplyCounted)
    assert (queue.base, queue.pools) == (2, tuple(f"pool/{name(i)}" for i in (2, 3, 4)))
    group = queue.counted(4)["spec"]["resourceGroups"][0]["flavors"][0]
    assert group["resources"] == [{"name": "google.com/tpu", "nominalQuota": "1024"}]
    assert queue.manifest["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]["nominalQuota"] == "1280"
    assert steps["wait/driver"].after == queue.pools
    assert "lower/cluster-queue" not in steps
    fewer = {s.id: s for s in plan_cluster(spec(), applied(wanted)).steps}
    assert all("lower/cluster-queue" in fewer[f"delete/{name(i)}"].needs for i in (2, 3, 4))
    assert not any(isinstance(s.step, CreateNodePool) for s in fewer.values())
