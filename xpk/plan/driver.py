"""The checkpointing driver: its configuration, its ramdisk, and when it is up.

Source: GoogleCloudPlatform/high-scale-checkpointing-controller. Its controller builds the driver's
DaemonSet once and ignores later edits, so a changed configuration is deleted and made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from xpk.catalog.versions import JOBSET
from xpk.errors import Fault, StateError
from xpk.plan.compare import differences
from xpk.plan.going import going, gone
from xpk.plan.kept import and_
from xpk.plan.observed import Observed
from xpk.plan.slices import Slices, deletion_of
from xpk.plan.steps import (
    ApplyObject,
    Json,
    ObjectRef,
    PlannedStep,
    ReplaceObject,
    WaitForCrd,
    WaitForDriver,
)
from xpk.spec.capacity import FlexStart
from xpk.spec.cluster import ClusterSpec

_PLAIN = {"inMemoryVolumeSize": "", "nodeSelector.node.kubernetes.io/instance-type": ""}
CRD = "checkpointconfigurations.checkpointing.gke.io"
_API = "checkpointing.gke.io/v1"


def plan_driver(
    spec: ClusterSpec, manifest: Json, observed: Observed, slices: Slices, before: tuple[str, ...]
) -> list[PlannedStep]:
    """The CheckpointConfiguration and the wait that makes "done" mean "the ramdisks are there".

    Raises StateError when another configuration holds the same hosts: the driver would never
    start, without a word.
    """
    manifest = under_its_name(manifest, observed)
    _check_overlap(manifest, observed)
    steps: list[PlannedStep] = []
    crd = ObjectRef("apiextensions.k8s.io/v1", "CustomResourceDefinition", CRD)
    if crd not in observed.objects:
        needs = tuple(n for n in before if n.startswith(("cluster/", "update/add-ons")))
        steps.append(PlannedStep("wait/mtc-crd", WaitForCrd(CRD), needs))
    # JobSet first: the add-on's ranks server watches JobSets. The grant first: the driver mounts the bucket.
    waits = tuple(n for n in before if n.startswith(("wait/jobset", "grant/", "update/")))
    needs = tuple(p.id for p in steps) + (waits or tuple(n for n in before if n.startswith("install/jobset")))
    configuration = _configuration(spec, manifest, observed, needs)
    steps += configuration
    wait = _wait(spec, manifest, observed, slices, configuration[-1] if configuration else None, before)
    if wait:
        steps.append(wait)
    return steps


def decisive(manifest: Json, found: Json) -> Iterator[tuple[str, object, object]]:
    """What of a configuration decides whether hosts have the ramdisk that was asked for.

    Not the mount options: with others, or none, as Google's xpk leaves it, backups are slower, and a
    change costs every local checkpoint. A toleration more is as good.
    """
    wanted, there = manifest["spec"], found.get("spec", {})
    for field in ("cloudStorageBucketName", "inMemoryVolumeSize"):
        yield from differences(wanted[field], there.get(field), field)
    selector = there.get("nodeSelector") or {}
    yield from differences(wanted["nodeSelector"], selector, "nodeSelector")
    for key in sorted(set(selector) - set(wanted["nodeSelector"])):
        yield f"nodeSelector.{key}", selector[key], "unset"
    tolerated = there.get("tolerations") or []
    for one in wanted["tolerations"]:
        if not any(_covers(other, one) for other in tolerated):
            yield "tolerations", ", ".join(str(other.get("key")) for other in tolerated), one["key"]


def _covers(there: Json, wanted: Json) -> bool:
    everything = there.get("operator") == "Exists" and there.get("key") in (None, "", wanted["key"])
    return everything and there.get("effect") in (None, "", wanted["effect"])


def driver_note(manifest: Json, observed: Observed) -> str | None:
    """A sentence when the configuration stays though its mount options are not ours, with the way out."""
    manifest = under_its_name(manifest, observed)
    found = observed.objects.get(ObjectRef.of(manifest))
    if found is None or any(decisive(manifest, found)):
        return None
    options = found.get("spec", {}).get("gcsFuseMountOptions")
    if options == manifest["spec"]["gcsFuseMountOptions"]:
        return None
    name = manifest["metadata"]["name"]
    what = "other gcsFuseMountOptions than ours" if options else "no gcsFuseMountOptions: backups are slow"
    return (
        f"CheckpointConfiguration {name} has {what}; it stays, for a change costs all local checkpoints. "
        f"To change it while nothing mounts the ramdisk: kubectl delete checkpointconfiguration {name}, "
        "then the same command"
    )


def under_its_name(manifest: Json, observed: Observed) -> Json:
    """The configuration, under the name of one that is there and right."""
    if ObjectRef.of(manifest) in observed.objects:
        return manifest
    for ref, found in sorted(observed.objects.items(), key=lambda item: item[0].name):
        if ref.kind == "CheckpointConfiguration" and not any(decisive(manifest, found)):
            return {**manifest, "metadata": {**manifest["metadata"], "name": ref.name}}
    return manifest


def _configuration(
    spec: ClusterSpec, manifest: Json, observed: Observed, needs: tuple[str, ...]
) -> list[PlannedStep]:
    found = observed.objects.get(ObjectRef.of(manifest))
    step_id = f"apply/CheckpointConfiguration/{manifest['metadata']['name']}"
    if found is None:
        return [PlannedStep(step_id, ApplyObject(manifest), needs)]
    if going(found):
        wait = gone(manifest)
        return [wait, PlannedStep(step_id, ApplyObject(manifest), (*needs, wait.id))]
    changes = _changes(manifest, found)
    if not changes:
        return []
    _check_unmounted(spec, manifest, changes, observed)
    hosts = sum(observed.tpu_hosts.values())
    cost = f": local checkpoints on {hosts} hosts are lost" if hosts else ""
    return [PlannedStep(step_id, ReplaceObject(manifest, f"{changes}; delete and recreate{cost}"), needs)]


def _changes(manifest: Json, found: Json) -> str:
    """What is different, in words: `60000Mi -> 60Gi`, `gs://b1 -> gs://b2`."""
    words = []
    for field, old, new in decisive(manifest, found):
        if field == "cloudStorageBucketName":
            words.append(f"gs://{old or ''} -> gs://{new}")
        else:
            words.append(f"{_PLAIN.get(field, field)} {old or 'unset'} -> {new}".lstrip())
    return "; ".join(words)


def _check_unmounted(spec: ClusterSpec, manifest: Json, changes: str, observed: Observed) -> None:
    """A change takes the driver away, without which a pod that mounts the ramdisk cannot even end.

    Raises StateError.
    """
    if not observed.mounting:
        return
    machine = manifest["spec"]["nodeSelector"]["node.kubernetes.io/instance-type"]
    mounts = "mounts" if len(observed.mounting) == 1 else "mount"
    raise StateError(
        Fault(
            f"ramdisk of {machine}: {changes}",
            f"{and_(observed.mounting)} {mounts} it, and a change takes it away from every host",
            f"wait until that is over, or {deletion_of(spec, observed.mounting[0])}\nthen the same command",
        )
    )


def _wait(
    spec: ClusterSpec,
    manifest: Json,
    observed: Observed,
    slices: Slices,
    configuration: PlannedStep | None,
    before: tuple[str, ...],
) -> PlannedStep | None:
    name = str(manifest["metadata"]["name"])
    hosts = _expected_hosts(spec, observed, slices)
    driver = observed.driver.get(name, {})
    status = driver.get("status", {})
    # more than ours: other pools of the same machine type
    up = driver and status.get("desiredNumberScheduled", 0) == status.get("numberReady", 0) >= hosts
    changed = tuple(n for n in before if n.startswith("metadata/"))
    pools = tuple(f"pool/{name}" for name in slices.created)
    if configuration is None and not (changed or pools) and up:
        return None
    needs = ((configuration.id,) if configuration else ()) + changed
    per_slice = spec.slice_type.hosts if pools and not isinstance(spec.capacity, FlexStart) else 0
    return PlannedStep("wait/driver", WaitForDriver(name, hosts, pools, per_slice), needs, after=pools)


def _expected_hosts(spec: ClusterSpec, observed: Observed, slices: Slices) -> int:
    """TPU hosts that will be there: all, or with flex start those that a workload has called for."""
    if isinstance(spec.capacity, FlexStart):
        return sum(observed.tpu_hosts.get(name, 0) for name in slices.kept)
    return spec.hosts


def _check_overlap(manifest: Json, observed: Observed) -> None:
    """Two configurations for the same hosts: the second is never served (event reason Conflict)."""
    selector = manifest["spec"]["nodeSelector"]
    name = manifest["metadata"]["name"]
    for ref, found in sorted(observed.objects.items(), key=lambda item: item[0].name):
        if ref.kind != "CheckpointConfiguration" or ref.name == name:
            continue
        other = found.get("spec", {}).get("nodeSelector", {})
        disjoint = any(key in selector and selector[key] != value for key, value in other.items())
        if not disjoint:
            raise StateError(
                Fault(
                    f"CheckpointConfiguration {ref.name}",
                    "already holds the same hosts, so the driver would never serve a second one",
                    f"kubectl delete checkpointconfiguration {ref.name}"
                    f"   (JobSet {JOBSET.version} jobs that mount its ramdisk must be stopped first)",
                )
            )
