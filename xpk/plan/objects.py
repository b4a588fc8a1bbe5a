"""The Kubernetes objects of a cluster: queues, ConfigMaps, CheckpointConfiguration, and the last waits.

Compares what is wanted with what exists and plans only the difference.
"""

from __future__ import annotations

from collections.abc import Iterable

from xpk.catalog.slices import SliceType
from xpk.plan.adoption import (
    flavor_there,
    obsolete,
    other_resources,
    resources_map,
    slices_there,
    with_other_flavors,
    with_other_groups,
)
from xpk.plan.compare import differences, quantity
from xpk.plan.counted import text_at, with_text
from xpk.plan.driver import plan_driver
from xpk.plan.flavors import flavors_of, old_flavors
from xpk.plan.going import going, gone
from xpk.plan.observed import Observed
from xpk.plan.record import metadata_of
from xpk.plan.slices import Slices
from xpk.plan.steps import (
    ApplyCounted,
    ApplyObject,
    DeleteObject,
    Json,
    ObjectRef,
    PlannedStep,
    ReplaceObject,
)
from xpk.render.cluster import (
    CONFIGURATION_NAME,
    NAMESPACE,
    CheckpointConfigurationView,
    ConfigMapsView,
    QueuesView,
    Quota,
    checkpoint_configuration,
    config_maps,
    local_queue,
    queues,
)
from xpk.spec.cluster import ClusterSpec

QUOTA: tuple[str | int, ...] = ("spec", "resourceGroups", 0, "flavors", 0, "resources", 0, "nominalQuota")
"""Where a queue of ours, or of Google's xpk, says how many chips it hands out."""
LOWER = "lower/cluster-queue"


def cluster_objects(spec: ClusterSpec, observed: Observed) -> list[Json]:
    """The manifests of queues and ConfigMaps, in the order in which they are applied."""
    shape = spec.slice_type
    quotas = [Quota("google.com/tpu", str(spec.num_slices * shape.chips))]
    if spec.cpu_limit:
        quotas.append(Quota("cpu", spec.cpu_limit))
    if spec.memory_limit:
        quotas.append(Quota("memory", spec.memory_limit))
    name = flavor_there(shape, observed) or _flavor_name(shape)
    view = QueuesView(name, shape.accelerator, shape.topology_text, tuple(quotas))
    resources = other_resources(spec.name, shape.device_type, observed)
    resources |= _other_slices(spec, observed)
    resources[shape.device_type] = str(spec.hosts)
    maps = config_maps(ConfigMapsView(spec.name, resources, metadata_of(spec, observed)))
    flavor, queue, *priorities = queues(view)
    queue = with_other_groups(queue, observed)
    if spec.adapt:
        queue = with_other_flavors(queue, observed)
    return [flavor, queue, local_queue(NAMESPACE), *priorities, *maps]


def _other_slices(spec: ClusterSpec, observed: Observed) -> dict[str, str]:
    """In a cluster of somebody else's there may be slices of several types, adapted one after the other."""
    return slices_there(spec.name, spec.slice_type.device_type, observed) if spec.adapt else {}


def _flavor_name(shape: SliceType) -> str:
    name = f"{shape.family}-{shape.topology_text}"
    # 2x4 is also the shape of two hosts with four chips each
    return f"{name}-8t" if shape.chips_per_host == 8 else name


def checkpoint_object(spec: ClusterSpec) -> Json:
    """The CheckpointConfiguration of a spec with multi-tier checkpointing."""
    if spec.mtc is None:
        raise ValueError("a cluster without multi-tier checkpointing has no CheckpointConfiguration")
    view = CheckpointConfigurationView(
        name=CONFIGURATION_NAME,
        bucket=spec.mtc.bucket,
        machine_type=spec.slice_type.machine.name,
        toleration_keys=spec.mtc.toleration_keys,
        ramdisk=spec.mtc.ramdisk.text,
    )
    return checkpoint_configuration(view)


def object_id(manifest: Json) -> str:
    """The id of the step that applies a manifest."""
    return f"apply/{manifest['kind']}/{manifest['metadata']['name']}"


def plan_objects(
    spec: ClusterSpec, observed: Observed, slices: Slices, before: tuple[str, ...]
) -> list[PlannedStep]:
    """The steps for all objects, after the steps `before`."""
    manifests = cluster_objects(spec, observed)
    lowered = _lowered(spec, manifests, observed, slices, before)
    steps = [lowered] if lowered else []
    for manifest in manifests:
        found = observed.objects.get(ObjectRef.of(manifest))
        needs = _needs(manifest, before)
        if lowered and isinstance(lowered.step, ApplyObject) and manifest["kind"] == "ClusterQueue":
            found, needs = _as_lowered(lowered.step.manifest), (LOWER,)
        if found is not None and going(found):
            steps.append(wait := gone(manifest, (LOWER,) if lowered else ()))
            found, needs = None, (*needs, wait.id)
        if manifest["metadata"]["name"] == f"{spec.name}-resources-configmap" and (
            forgotten := _forgotten(spec, observed, needs)
        ):
            steps.append(forgotten)
            found, needs = None, (forgotten.id,)
        step = _apply(spec, manifest, found, slices, needs)
        steps += [step] if step else []
    queue = next(m for m in manifests if m["kind"] == "ClusterQueue")
    written = tuple(p.id for p in steps if p.id in (LOWER, object_id(queue)))
    steps += old_flavors(queue, observed, written)
    if spec.mtc:
        steps += plan_driver(spec, checkpoint_object(spec), observed, slices, before)
    return steps


def _lowered(
    spec: ClusterSpec, manifests: list[Json], observed: Observed, slices: Slices, before: tuple[str, ...]
) -> PlannedStep | None:
    """Take chips that are not there, or are about to go, out of the queue before a pool is touched.

    A flavor that is being deleted is not gone before the queue lets go of it: it then hands out nothing.
    """
    manifest = next(m for m in manifests if m["kind"] == "ClusterQueue")
    found = observed.objects.get(ObjectRef.of(manifest))
    if found is None or going(found):
        return None
    flavor = observed.objects.get(ObjectRef.of(next(m for m in manifests if m["kind"] == "ResourceFlavor")))
    if flavor is not None and going(flavor) and flavor["metadata"]["name"] in flavors_of(found):
        empty = {**manifest, "spec": {**manifest["spec"], "resourceGroups": []}}
        step = ApplyObject(empty, "lets go of its flavor, which is being deleted")
        return PlannedStep(LOWER, step, _needs(manifest, before))
    if not (slices.removed or slices.created):
        return None
    chips = len(slices.kept) * spec.slice_type.chips
    there = quantity(text_at(found, QUOTA) or "0")
    if there is not None and there <= 1000 * chips and _flavor(found) == _flavor(manifest):
        return None
    lowered = with_text(manifest, QUOTA, str(chips))
    return PlannedStep(LOWER, ApplyObject(lowered, _why(lowered, found)), _needs(manifest, before))


def _as_lowered(queue: Json) -> Json | None:
    """The queue that is written next is compared with this one; new where it hands out nothing."""
    return queue if queue["spec"]["resourceGroups"] else None


def _flavor(queue: Json) -> str | None:
    return text_at(queue, (*QUOTA[:5], "name"))


def _needs(manifest: Json, before: Iterable[str]) -> tuple[str, ...]:
    """Kueue's kinds need its webhooks; the resources ConfigMap says what is there, so it needs the cluster.

    The record of the plan comes first: an interrupted run must know later what it had made.
    """
    if str(manifest["metadata"]["name"]).endswith("-resources-configmap"):
        prefixes: tuple[str, ...] = ("cluster/", "update/", "metadata/")
    elif str(manifest["apiVersion"]).startswith("kueue.x-k8s.io"):
        prefixes = ("wait/kueue", "install/kueue", "cluster/")
    else:
        prefixes = ("cluster/",)
    return tuple(name for name in before if name.startswith(prefixes))


def _forgotten(spec: ClusterSpec, observed: Observed, needs: tuple[str, ...]) -> PlannedStep | None:
    """Take away a ConfigMap in which another program wrote of slices that are no more.

    An apply leaves what others wrote, and Google's xpk would go on to accept workloads for them.
    """
    kept = {spec.slice_type.device_type, *_other_slices(spec, observed)}
    old = obsolete(spec.name, kept, observed)
    if not old:
        return None
    ref = ObjectRef.of({"apiVersion": "v1", "kind": "ConfigMap"} | resources_map(spec.name, observed))
    words = ", ".join(f"{count} hosts of {name}" for name, count in sorted(old.items()))
    return PlannedStep(f"delete/ConfigMap/{ref.name}", DeleteObject(ref, f"says {words}"), needs)


def _apply(
    spec: ClusterSpec, manifest: Json, found: Json | None, slices: Slices, needs: tuple[str, ...]
) -> PlannedStep | None:
    why = "" if found is None else _why(manifest, found)
    if found is not None and not why:
        return None
    if manifest["kind"] == "PriorityClass" and found is not None:  # its value never changes
        return PlannedStep(object_id(manifest), ReplaceObject(manifest, f"{why}; made anew"), needs)
    step = _counted(spec, manifest, slices, why) or ApplyObject(manifest, why)
    return PlannedStep(object_id(manifest), step, needs)


def _counted(spec: ClusterSpec, manifest: Json, slices: Slices, why: str) -> ApplyCounted | None:
    """The two objects that follow the slices while these come up."""
    shape = spec.slice_type
    if manifest["kind"] == "ClusterQueue":
        path, per_slice = QUOTA, shape.chips
    elif str(manifest["metadata"]["name"]).endswith("-resources-configmap"):
        path, per_slice = ("data", shape.device_type), shape.hosts
    else:
        return None
    if not slices.created:
        return None
    pools = tuple(f"pool/{name}" for name in slices.created)
    return ApplyCounted(manifest, pools, len(slices.kept), path, per_slice, why)


def _why(manifest: Json, found: Json) -> str:
    if manifest["kind"] == "PriorityClass":  # another's words for the same value are as good
        manifest = {"value": manifest["value"]}
    # the last part of a path says it: nominalQuota 512 -> 768
    changes = differences(manifest, found)
    return "; ".join(
        f"{path.rpartition('.')[2]} {_short(old)} -> {_short(new)}" for path, old, new in changes
    )


def _short(value: object) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
