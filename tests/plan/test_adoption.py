"""What a cluster of another program's may keep: decided from objects alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from xpk.errors import StateError
from xpk.plan.adoption import flavor_there, obsolete, other_resources
from xpk.plan.cluster import plan_cluster
from xpk.plan.objects import checkpoint_object
from xpk.plan.observed import Observed
from xpk.plan.slices import mismatches
from xpk.plan.steps import ApplyObject, Json, ObjectRef, ReplaceObject
from xpk.spec.capacity import Reservation
from xpk.spec.cluster import ClusterSpec

MakeSpec = Callable[..., ClusterSpec]
Applied = Callable[[ClusterSpec], Observed]
KUEUE = "kueue.x-k8s.io/v1beta2"
QUEUE = ObjectRef(KUEUE, "ClusterQueue", "cluster-queue")
CONFIGURATION = ObjectRef("checkpointing.gke.io/v1", "CheckpointConfiguration", "my-checkpointconfiguration")
RESOURCES = ObjectRef("v1", "ConfigMap", "mtc-1-resources-configmap", "default")
LABELS = {
    "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
    "cloud.google.com/gke-tpu-topology": "16x16",
}


def changed(observed: Observed, ref: ObjectRef, **fields: Any) -> Observed:
    """One object with other fields."""
    return replace(observed, objects={**observed.objects, ref: observed.objects.get(ref, {}) | fields})


def foreign_flavor(observed: Observed, labels: dict[str, str], name: str = "2xv6e-256") -> Observed:
    """The queue names a flavor of another program's."""
    group = {
        "coveredResources": ["google.com/tpu"],
        "flavors": [{"name": name, "resources": [{"name": "google.com/tpu", "nominalQuota": "512"}]}],
    }
    queue = observed.objects[QUEUE]
    with_queue = changed(observed, QUEUE, spec=queue["spec"] | {"resourceGroups": [group]})
    ref = ObjectRef(KUEUE, "ResourceFlavor", name)
    head = {"apiVersion": KUEUE, "kind": "ResourceFlavor", "metadata": {"name": name}}
    return changed(with_queue, ref, **head, spec={"nodeLabels": labels})


def steps(spec: ClusterSpec, observed: Observed, *, force: bool = False) -> dict[str, Any]:
    return {planned.id: planned.step for planned in plan_cluster(spec, observed, force=force).steps}


def test_the_flavor_that_the_queue_names_is_kept(spec: MakeSpec, applied: Applied) -> None:
    there = foreign_flavor(applied(spec()), LABELS)
    assert flavor_there(spec().slice_type, there) == "2xv6e-256"
    assert steps(spec(), there) == {}
    more = steps(spec(num_slices=3), there)["apply/ClusterQueue/cluster-queue"]
    assert more.manifest["spec"]["resourceGroups"][0]["flavors"][0]["name"] == "2xv6e-256"


@pytest.mark.parametrize(
    "labels",
    [
        LABELS | {"cloud.google.com/gke-tpu-topology": "8x16"},
        LABELS | {"cloud.google.com/gke-spot": "true"},
        {},
    ],
    ids=["other-topology", "narrower", "none"],
)
def test_a_flavor_for_other_hosts_is_not(spec: MakeSpec, applied: Applied, labels: dict[str, str]) -> None:
    found = steps(spec(), foreign_flavor(applied(spec()), labels))
    assert "apply/ClusterQueue/cluster-queue" in found
    assert "delete/ResourceFlavor/2xv6e-256" in found


def test_a_queue_that_hands_out_other_things_goes_on_to(spec: MakeSpec, applied: Applied) -> None:
    """Google's xpk gives CPUs of its Pathways pool out through the same queue."""
    cpus: Json = {
        "coveredResources": ["cpu", "memory"],
        "flavors": [{"name": "cpu-user", "resources": [{"name": "cpu", "nominalQuota": "480"}]}],
    }
    there = applied(spec())
    queue = there.objects[QUEUE]["spec"]
    there = changed(there, QUEUE, spec=queue | {"resourceGroups": [*queue["resourceGroups"], cpus]})
    there = changed(there, ObjectRef(KUEUE, "ResourceFlavor", "cpu-user"), spec={})
    assert steps(spec(), there) == {}
    found = steps(spec(num_slices=3), there)
    assert found["apply/ClusterQueue/cluster-queue"].manifest["spec"]["resourceGroups"][1] == cpus
    assert not any(name.startswith("delete/") for name in found)


def test_priorities_are_compared_by_their_value(spec: MakeSpec, applied: Applied) -> None:
    ref = ObjectRef("scheduling.k8s.io/v1", "PriorityClass", "medium")
    there = changed(applied(spec()), ref, description="Medium", globalDefault=False)
    assert steps(spec(), there) == {}
    found = steps(spec(), changed(there, ref, value=5))
    step = found["apply/PriorityClass/medium"]
    assert isinstance(step, ReplaceObject), "Kubernetes lets nobody change a value"
    assert step.why == "value 5 -> 500; made anew"


def owned(*keys: str, manager: str) -> Json:
    return {"manager": manager, "fieldsV1": {"f:data": {"f:" + key: {} for key in keys}}}


def test_slices_that_are_no_more_leave_the_record(spec: MakeSpec, applied: Applied) -> None:
    data = {"v6e-256": "128", "v5p-16": "2", "v4-8": "1", "minimum_chips": "4"}
    fields = [
        owned("v5p-16", "minimum_chips", "v6e-256", manager="kubectl-client-side-apply"),
        owned("v4-8", manager="xpk"),
    ]
    there = applied(spec())
    metadata = there.objects[RESOURCES]["metadata"] | {"managedFields": fields}
    there = changed(there, RESOURCES, data=data, metadata=metadata)
    assert obsolete("mtc-1", ["v6e-256"], there) == {"v5p-16": "2"}, "ours goes with the next apply"
    assert other_resources("mtc-1", "v6e-256", there) == {"minimum_chips": "4"}
    found = steps(spec(), there)
    assert found["delete/ConfigMap/mtc-1-resources-configmap"].why == "says 2 hosts of v5p-16"
    written = found["apply/ConfigMap/mtc-1-resources-configmap"]
    assert isinstance(written, ApplyObject)
    assert written.manifest["data"] == {"v6e-256": "128", "minimum_chips": "4"}
    assert written.why == "", "it is gone by then"


def configured(spec: ClusterSpec, observed: Observed, **fields: object) -> Observed:
    """The CheckpointConfiguration as xpk leaves it, with other fields."""
    wanted = checkpoint_object(spec)["spec"]
    xpks = {key: value for key, value in wanted.items() if key != "gcsFuseMountOptions"}
    return changed(observed, CONFIGURATION, spec=xpks | fields)


OTHER: list[tuple[dict[str, object], str]] = [
    ({"inMemoryVolumeSize": "64"}, "64 -> 60000Mi"),
    ({"cloudStorageBucketName": "b2"}, "gs://b2 -> gs://b1"),
    (
        {"tolerations": [{"key": "team", "operator": "Exists", "effect": "NoSchedule"}]},
        "tolerations team -> google.com/tpu",
    ),
    ({"tolerations": []}, "tolerations unset -> google.com/tpu"),
    (
        {"nodeSelector": {"node.kubernetes.io/instance-type": "ct5p-hightpu-4t"}},
        "ct5p-hightpu-4t -> ct6e-standard-4t",
    ),
    (
        {"nodeSelector": {"node.kubernetes.io/instance-type": "ct6e-standard-4t", "pool": "a"}},
        "nodeSelector.pool a -> unset",
    ),
]


@pytest.mark.parametrize(("fields", "why"), OTHER)
def test_a_ramdisk_that_is_wrong_is_made_anew(
    spec: MakeSpec, applied: Applied, fields: dict[str, object], why: str
) -> None:
    step = steps(spec(), configured(spec(), applied(spec()), **fields))[
        "apply/CheckpointConfiguration/my-checkpointconfiguration"
    ]
    assert isinstance(step, ReplaceObject)
    assert step.why.startswith(f"{why}; delete and recreate: local checkpoints on 128 hosts are lost")


RIGHT: list[tuple[dict[str, object], str]] = [
    ({}, "has no gcsFuseMountOptions: backups are slow; it stays"),
    ({"gcsFuseMountOptions": ["implicit-dirs"]}, "has other gcsFuseMountOptions than ours; it stays"),
    ({"inMemoryVolumeSize": "61440000Ki"}, "has no gcsFuseMountOptions"),
    ({"tolerations": [{"operator": "Exists"}]}, "has no gcsFuseMountOptions"),
]


@pytest.mark.parametrize(("fields", "note"), RIGHT)
def test_a_ramdisk_that_works_stays_and_says_what_it_lacks(
    spec: MakeSpec, applied: Applied, fields: dict[str, object], note: str
) -> None:
    """To replace it is to lose every local checkpoint, for faster backups."""
    plan = plan_cluster(spec(), configured(spec(), applied(spec()), **fields))
    assert plan.empty
    (found,) = [one for one in plan.notes if "gcsFuseMountOptions" in one]
    assert note in found
    assert "kubectl delete checkpointconfiguration my-checkpointconfiguration" in found


def test_a_ramdisk_under_another_name_is_taken_as_it_is(spec: MakeSpec, applied: Applied) -> None:
    there = applied(spec())
    other = ObjectRef(CONFIGURATION.api_version, CONFIGURATION.kind, "of-terraform")
    objects = {ref: found for ref, found in there.objects.items() if ref != CONFIGURATION}
    objects[other] = there.objects[CONFIGURATION]
    driver = {"of-terraform": there.driver["my-checkpointconfiguration"]}
    assert plan_cluster(spec(), replace(there, objects=objects, driver=driver)).empty


def test_checkpointing_of_xpk_that_does_not_work_is_completed(spec: MakeSpec, applied: Applied) -> None:
    """xpk's --enable-mtc alone turns on neither Cloud Storage FUSE nor Workload Identity."""
    there = applied(spec())
    cluster = dict(there.cluster or {})
    cluster["addonsConfig"] = {"highScaleCheckpointingConfig": {"enabled": True}}
    del cluster["workloadIdentityConfig"]
    pools = [dict(pool) for pool in cluster["nodePools"]]
    for pool in pools:
        pool["config"] = {k: v for k, v in pool["config"].items() if k != "workloadMetadataConfig"}
    running = {"mtc-1-np-1": ("w1",)}
    there = replace(there, cluster=cluster | {"nodePools": pools}, running=running)
    with pytest.raises(StateError, match="w1 runs on it, and GKE recreates its nodes"):
        plan_cluster(spec(), there)
    found = steps(spec(), there, force=True)
    assert found["update/workload-identity"].what == "Workload Identity on"
    assert found["update/add-ons"].what == "GCS FUSE on"
    assert found["metadata/mtc-1-np-1"].what == "nodes recreated: Workload Identity; w1 restarts", (
        "said before anybody is asked"
    )
    assert not any(name.startswith(("pool/", "delete/")) for name in found)


SAME: list[tuple[dict[str, Any], Json]] = [
    ({"tpu_type": "v5p-8"}, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "2x2x1"}}),
    ({"tpu_type": "v5p-8"}, {}),
    (
        {"capacity": Reservation("r1")},
        {"config": {"reservationAffinity": {"values": ["projects/p1/reservations/r1"]}}},
    ),
    (
        {"capacity": Reservation("r1", "p1", "b1")},
        {"config": {"reservationAffinity": {"values": ["r1/reservationBlocks/b1"]}}},
    ),
]


@pytest.mark.parametrize(("asked", "pool"), SAME)
def test_two_ways_to_write_the_same_pool(
    spec: MakeSpec, applied: Applied, asked: dict[str, Any], pool: Json
) -> None:
    wanted = spec(mtc=False, **asked)
    there = dict((applied(wanted).cluster or {})["nodePools"][-1])
    there |= pool | {"config": there["config"] | pool.get("config", {})}
    assert list(mismatches(wanted, there)) == []


def test_a_reservation_of_another_project_is_another(spec: MakeSpec, applied: Applied) -> None:
    there = (applied(spec(capacity=Reservation("r1", "p2"))).cluster or {})["nodePools"][-1]
    assert list(mismatches(spec(capacity=Reservation("r1")), there)) == [
        "reservation projects/p2/reservations/r1 -> r1"
    ]
