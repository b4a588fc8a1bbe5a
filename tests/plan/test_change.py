"""Each change of a cluster, as a person reads it: the rows of docs/changing.md, each with its golden."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xpk.catalog.versions import GkeVersion
from xpk.cli.output import fault_lines
from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster, touches_hosts
from xpk.plan.observed import Observed
from xpk.plan.question import question_of
from xpk.plan.steps import DeleteNodePool, Json, ObjectRef, ReplaceObject, UpdateNodePool
from xpk.plan.text import text
from xpk.spec.capacity import Reservation, Spot
from xpk.spec.cluster import ClusterSpec
from xpk.spec.mtc import MtcFlags, check_mtc

MakeSpec = Callable[..., ClusterSpec]
Applied = Callable[[ClusterSpec], Observed]
Golden = Callable[[str, str], None]
Change = Callable[[Observed], Observed]

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests/golden/cluster"


def as_it_is(observed: Observed) -> Observed:
    return observed


def working(running: Mapping[int, tuple[str, ...]], *mounting: str) -> Change:
    """With workloads on slices, and the ones that hold the ramdisk."""
    names = {f"mtc-1-np-{index}": found for index, found in running.items()}
    return lambda observed: replace(observed, running=names, mounting=mounting)


def changed(kind: str, change: Callable[[Json], Json]) -> Change:
    """With every object of a kind changed."""

    def of(observed: Observed) -> Observed:
        objects = {ref: change(o) if ref.kind == kind else o for ref, o in observed.objects.items()}
        assert objects != observed.objects
        return replace(observed, objects=objects)

    return of


def going(kind: str, name: str) -> Change:
    def mark(found: Json) -> Json:
        metadata = found["metadata"]
        return found | {
            "metadata": metadata | ({"deletionTimestamp": "now"} if metadata["name"] == name else {})
        }

    return changed(kind, mark)


def version(component: str, tag: str) -> Change:
    """With another release of JobSet or Kueue on the cluster."""

    def retag(found: Json) -> Json:
        if not found["metadata"]["name"].startswith(component):
            return found
        (container,) = found["spec"]["template"]["spec"]["containers"]
        image = container["image"].partition(":")[0]
        return found | {
            "spec": {"template": {"spec": {"containers": [container | {"image": f"{image}:{tag}"}]}}}
        }

    return changed("Deployment", retag)


def failed(observed: Observed) -> Observed:
    """One slice that Google found no machines for, with all that GKE says of it."""
    message = (
        "Google Compute Engine: Not all instances running in IGM after 35m. Expected 64, running 0. "
        "Current errors: [GCE_STOCKOUT]: Instance creation failed: The zone does not have enough resources"
    )
    wrong = {"status": "ERROR", "conditions": [{"code": "GCE_STOCKOUT", "message": message}]}
    cluster = observed.cluster or {}
    pools = [p | wrong if p["name"] == "mtc-1-np-1" else p for p in cluster["nodePools"]]
    return replace(observed, cluster=cluster | {"nodePools": pools})


def offering(observed: Observed) -> Observed:
    """The cluster is in the channel REGULAR; RAPID is further."""
    channels = [
        {"channel": "REGULAR", "validVersions": ["1.33.5-gke.1201000", "1.34.1-gke.1000000"]},
        {"channel": "RAPID", "validVersions": ["1.34.1-gke.1000000", "1.35.0-gke.1000"]},
    ]
    cluster = (observed.cluster or {}) | {"releaseChannel": {"channel": "REGULAR"}}
    return replace(observed, cluster=cluster, server_config={"channels": channels})


def both(*changes: Change) -> Change:
    def of(observed: Observed) -> Observed:
        for change in changes:
            observed = change(observed)
        return observed

    return of


def ramdisk(size: str, bucket: str = "b1") -> dict[str, Any]:
    from xpk.catalog.slices import resolve

    return {"mtc": check_mtc(MtcFlags(enabled=True, ramdisk_size=size, bucket=bucket), resolve("v6e-256"))}


SIXTY = ramdisk("60Gi")
V5P = {"tpu_type": "v5p-128"}
NEWER, OLDER = GkeVersion.parse("1.34.1-gke.1000000"), GkeVersion.parse("1.33.1-gke.1000000")
BUSY = working({1: ("w1",)}, "w1")

# name: what was asked for first, what happened since, what is asked for now
CHANGES: dict[str, tuple[dict[str, Any], Change, dict[str, Any]]] = {
    "more-slices": ({}, working({0: ("w1",)}), {"num_slices": 4}),
    "fewer-slices": ({"num_slices": 4}, working({3: ("w1",)}), {}),
    "other-topology": ({}, as_it_is, {"tpu_type": "v6e-128"}),
    "other-type": ({"tpu_type": "v6e-64"}, as_it_is, V5P),
    "other-capacity": ({}, as_it_is, {"capacity": Spot()}),
    "other-reservation": ({"capacity": Reservation("r1")}, as_it_is, {"capacity": Reservation("r2")}),
    "failed-slice": ({"num_slices": 3}, both(failed, working({0: ("w1",)})), {"num_slices": 3}),
    "mtc-added": ({"mtc": False}, as_it_is, {}),
    "mtc-not-asked": ({}, as_it_is, {"mtc": False}),
    "ramdisk-resized": ({}, as_it_is, SIXTY),
    "ramdisk-going": ({}, both(going("CheckpointConfiguration", "my-checkpointconfiguration"), BUSY), {}),
    "bucket-changed": ({}, as_it_is, ramdisk("60000Mi", "b2")),
    "queue-going": ({}, going("ClusterQueue", "cluster-queue"), {"num_slices": 3}),
    "flavor-going": ({}, going("ResourceFlavor", "v6e-16x16"), {}),
    "gke-up": ({}, offering, {"gke_version": NEWER}),
    "gke-down": ({}, offering, {"gke_version": OLDER}),
    "jobset-older": ({}, version("jobset", "v0.10.1"), {}),
    "jobset-newer": ({}, version("jobset", "v0.99.0"), {"num_slices": 3}),
    "kueue-older": ({}, version("kueue", "v0.12.2"), {}),
    "kueue-newer": ({}, version("kueue", "v0.99.0"), {"num_slices": 3}),
}
FORCED: dict[str, tuple[dict[str, Any], Change, dict[str, Any]]] = {
    "fewer-slices-forced": (
        {"num_slices": 3},
        working({0: ("w1",), 1: ("team/w2", "w1")}),
        {"num_slices": 1},
    ),
    "other-type-forced": ({"mtc": False}, working({0: ("w1",), 1: ("w1",)}), {"mtc": False, **V5P}),
    "mtc-added-forced": ({"mtc": False}, working({0: ("w1",)}), {}),
}
REFUSED: dict[str, tuple[dict[str, Any], Change, dict[str, Any]]] = {
    "fewer-slices-busy": FORCED["fewer-slices-forced"],
    "other-type-busy": ({"tpu_type": "v6e-64"}, BUSY, V5P),
    "other-capacity-busy": ({}, BUSY, {"capacity": Spot()}),
    "mtc-added-busy": FORCED["mtc-added-forced"],
    "ramdisk-mounted": ({}, BUSY, SIXTY),
    "bucket-changed-mounted": ({}, working({0: ("w1",), 1: ("w2",)}, "w1", "w2"), ramdisk("60000Mi", "b2")),
    "gke-not-offered": ({}, offering, {"gke_version": GkeVersion.parse("1.35.0-gke.1000")}),
}


@pytest.fixture
def case(spec: MakeSpec, applied: Applied, bucket: Callable[..., Any]) -> Callable[..., Any]:
    """The spec and the observation of one row."""

    def of(row: tuple[dict[str, Any], Change, dict[str, Any]]) -> tuple[ClusterSpec, Observed]:
        before, since, after = row
        wanted, there = spec(**after), applied(spec(**before))
        wanted = replace(wanted, mtc=after["mtc"] or None) if "mtc" in after else wanted
        name = wanted.mtc.bucket if wanted.mtc else ""
        if wanted.mtc and (there.bucket is None or there.bucket.name != name):
            there = replace(there, bucket=bucket(name=name))
        return wanted, since(there)

    return of


@pytest.mark.parametrize("change", CHANGES | FORCED)
def test_golden_change(case: Callable[..., Any], golden: Golden, change: str) -> None:
    """The notes, the plan and the question."""
    plan = plan_cluster(*case((CHANGES | FORCED)[change]), force=change in FORCED)
    notes = [f"note: {note}\n" for note in plan.notes]
    question = "" if plan.empty else f"{question_of(plan)} [y/N]\n"
    page = "".join([*notes, text(plan), question])
    golden(f"cluster/change-{change}.txt", page)
    assert max(map(len, text(plan).splitlines())) <= 80


@pytest.mark.parametrize("change", REFUSED)
def test_golden_refusal(case: Callable[..., Any], golden: Golden, change: str) -> None:
    with pytest.raises(StateError) as error:
        plan_cluster(*case(REFUSED[change]))
    lines = [line for fault in error.value.faults for line in ["error: ", *fault_lines(fault)]]
    golden(f"cluster/change-{change}.txt", "\n".join(lines).replace("error: \n", "error: ") + "\n")


def test_the_table_names_every_change_and_no_other() -> None:
    """docs/changing.md, the goldens and the cases here are one set."""
    table = [line for line in (ROOT / "docs/changing.md").read_text().splitlines() if line.startswith("|")]
    linked = re.findall(r"\]\(\.\./tests/golden/cluster/change-([a-z-]+)\.txt\)", "\n".join(table))
    assert len(linked) == len(set(linked))
    assert set(linked) == {*CHANGES, *FORCED, *REFUSED}
    assert set(linked) == {path.stem.removeprefix("change-") for path in GOLDENS.glob("change-*.txt")}


@pytest.mark.parametrize("change", CHANGES | FORCED | REFUSED)
def test_hosts_are_looked_at_before_they_are_touched(case: Callable[..., Any], change: str) -> None:
    """What runs there is read only where that matters, and then always."""
    wanted, there = case((CHANGES | FORCED | REFUSED)[change])
    unseen = replace(there, running={}, mounting=())
    if change == "gke-not-offered":
        assert not touches_hosts(wanted, unseen), "the plan itself is refused"
        return
    steps = [planned.step for planned in plan_cluster(wanted, unseen, force=True).steps]
    touching = any(isinstance(step, DeleteNodePool | UpdateNodePool | ReplaceObject) for step in steps)
    assert touches_hosts(wanted, unseen) == touching
    assert touching or change not in REFUSED


@pytest.mark.parametrize("change", CHANGES | FORCED)
def test_everything_that_is_there_is_changed_or_kept_with_a_reason(
    case: Callable[..., Any], change: str
) -> None:
    wanted, there = case((CHANGES | FORCED)[change])
    plan = plan_cluster(wanted, there, force=change in FORCED)
    touched = {planned.id for planned in plan.steps}
    kept = {one.id for one in plan.kept}
    assert all(one.why for one in plan.kept)
    assert len(kept) == len(plan.kept)
    assert not kept & touched
    for pool in (there.cluster or {})["nodePools"]:
        name = pool["name"]
        assert {f"pool/{name}", f"delete/{name}", f"metadata/{name}"} & (touched | kept), name
    named = {step_id.rpartition("/")[2] for step_id in touched | kept}
    kinds = {"ClusterQueue", "LocalQueue", "ResourceFlavor", "PriorityClass", "ConfigMap"}
    for ref in there.objects:
        if ref.kind in kinds:
            assert ref.name in named, ref
    configurations = {step_id for step_id in touched | kept if "CheckpointConfiguration" in step_id}
    assert bool(configurations) == (wanted.mtc is not None or change == "mtc-not-asked")


def test_a_flavor_that_an_interrupted_run_left_is_deleted(spec: MakeSpec, applied: Applied) -> None:
    """That run had changed the queue: only who applied it tells that it is ours."""
    there = applied(spec())
    objects = dict(there.objects)
    for name, manager in (("v6e-8x8", "xpk"), ("of-another-team", "kubectl")):
        ref = ObjectRef("kueue.x-k8s.io/v1beta2", "ResourceFlavor", name)
        managed = [{"manager": manager, "operation": "Apply"}]
        objects[ref] = {"metadata": {"name": name, "managedFields": managed}, "spec": {}}
    plan = plan_cluster(spec(), replace(there, objects=objects))
    assert [planned.id for planned in plan.steps] == ["delete/ResourceFlavor/v6e-8x8"]
    other = ObjectRef("kueue.x-k8s.io/v1beta2", "ClusterQueue", "theirs")
    flavors = [{"coveredResources": ["google.com/tpu"], "flavors": [{"name": "v6e-8x8", "resources": []}]}]
    objects[other] = {"metadata": {"name": "theirs"}, "spec": {"resourceGroups": flavors}}
    assert plan_cluster(spec(), replace(there, objects=objects)).empty
