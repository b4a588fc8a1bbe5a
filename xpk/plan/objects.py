"""The Kubernetes objects of a cluster: queues, ConfigMaps, CheckpointConfiguration, and the last waits.

Compares what is wanted with what exists and plans only the difference.
"""

from __future__ import annotations

from collections.abc import Iterable

from xpk.plan.compare import differences
from xpk.plan.driver import plan_driver
from xpk.plan.observed import Observed
from xpk.plan.record import metadata_of
from xpk.plan.steps import ApplyObject, Json, ObjectRef, PlannedStep
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


def cluster_objects(spec: ClusterSpec, observed: Observed) -> list[Json]:
    """The manifests of queues and ConfigMaps, in the order in which they are applied."""
    shape = spec.slice_type
    quotas = [Quota("google.com/tpu", str(spec.num_slices * shape.chips))]
    if spec.cpu_limit:
        quotas.append(Quota("cpu", spec.cpu_limit))
    if spec.memory_limit:
        quotas.append(Quota("memory", spec.memory_limit))
    flavor = f"{shape.family}-{shape.topology_text}"
    if shape.chips_per_host == 8:
        flavor += "-8t"  # 2x4 is also the shape of two hosts with four chips each
    view = QueuesView(flavor, shape.accelerator, shape.topology_text, tuple(quotas))
    resources = {shape.device_type: str(spec.hosts)}
    maps = config_maps(ConfigMapsView(spec.name, resources, metadata_of(spec, observed)))
    flavor_and_queue, priorities = (rendered := queues(view))[:2], rendered[2:]
    return [*flavor_and_queue, local_queue(NAMESPACE), *priorities, *maps]


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
    spec: ClusterSpec, observed: Observed, before: tuple[str, ...]
) -> tuple[list[PlannedStep], int]:
    """The steps for all objects, after the steps `before`; and how many objects are already right."""
    steps: list[PlannedStep] = []
    unchanged = 0
    for manifest in cluster_objects(spec, observed):
        step = _apply(manifest, observed, _needs(manifest, before))
        if step is None:
            unchanged += 1
        else:
            steps.append(step)
    if spec.mtc:
        driver, same = plan_driver(spec, checkpoint_object(spec), observed, before)
        steps += driver
        unchanged += same
    return steps, unchanged


def _needs(manifest: Json, before: Iterable[str]) -> tuple[str, ...]:
    """Kueue's kinds need its webhooks; the resources ConfigMap says what is there, so it needs the pools.

    The record of the plan comes first: an interrupted run must know later what it had made.
    """
    if str(manifest["metadata"]["name"]).endswith("-resources-configmap"):
        prefixes: tuple[str, ...] = ("cluster/", "pool/", "update/", "metadata/")
    elif str(manifest["apiVersion"]).startswith("kueue.x-k8s.io"):
        prefixes = ("wait/kueue", "install/kueue", "cluster/")
    else:
        prefixes = ("cluster/",)
    return tuple(name for name in before if name.startswith(prefixes))


def _apply(manifest: Json, observed: Observed, needs: tuple[str, ...]) -> PlannedStep | None:
    found = observed.objects.get(ObjectRef.of(manifest))
    if found is None:
        return PlannedStep(object_id(manifest), ApplyObject(manifest), needs)
    changes = list(differences(manifest, found))
    if not changes:
        return None
    # the last part of a path says it: nominalQuota 512 -> 768
    why = "; ".join(f"{path.rpartition('.')[2]} {_short(old)} -> {_short(new)}" for path, old, new in changes)
    return PlannedStep(object_id(manifest), ApplyObject(manifest, why), needs)


def _short(value: object) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
