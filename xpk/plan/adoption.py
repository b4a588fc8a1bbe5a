"""What a cluster that another program set up may keep: names, keys and groups that are right. Pure.

Google's xpk names the flavor `<slices>x<type>`. Kueue books what is used under the flavor's name, so
to rename one that is in use is to hand out its chips twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from xpk.catalog.machines import MACHINES, Machine
from xpk.catalog.slices import SliceType, resolve
from xpk.errors import UsageError
from xpk.plan.observed import Observed
from xpk.plan.steps import Json, ObjectRef
from xpk.render.cluster import CLUSTER_QUEUE, NAMESPACE

KUEUE = "kueue.x-k8s.io/v1beta2"
_OURS = "xpk"  # the field manager of this program


def resource_groups(observed: Observed) -> list[Json]:
    """The resource groups of the cluster's queue, as observed."""
    queue = observed.objects.get(ObjectRef(KUEUE, "ClusterQueue", CLUSTER_QUEUE), {})
    groups: list[Json] = queue.get("spec", {}).get("resourceGroups", [])
    return groups


def flavor_there(shape: SliceType, observed: Observed) -> str | None:
    """The flavor that the queue names for slices of this shape, whatever it is called."""
    labels = {
        "cloud.google.com/gke-tpu-accelerator": shape.accelerator,
        "cloud.google.com/gke-tpu-topology": shape.topology_text,
    }
    for group in resource_groups(observed):
        for flavor in group.get("flavors", []):
            found = observed.objects.get(ObjectRef(KUEUE, "ResourceFlavor", str(flavor["name"])), {})
            if found.get("spec", {}).get("nodeLabels") == labels:
                return str(flavor["name"])
    return None


def with_other_groups(queue: Json, observed: Observed) -> Json:
    """The queue with those resource groups that hand out something else, such as CPUs for Pathways."""
    ours: list[Json] = queue["spec"]["resourceGroups"]
    covered = {name for group in ours for name in group["coveredResources"]}
    others = [g for g in resource_groups(observed) if not covered & set(g.get("coveredResources", []))]
    return {**queue, "spec": {**queue["spec"], "resourceGroups": [*ours, *others]}}


def with_other_flavors(queue: Json, observed: Observed) -> Json:
    """The queue with those flavors, in their order, whose hosts are in the cluster beside ours."""
    (ours,), (group, *_) = queue["spec"]["resourceGroups"][0]["flavors"], queue["spec"]["resourceGroups"]
    found = next((g for g in resource_groups(observed) if _same_resources(g, group)), None)
    if found is None:
        return queue
    kept = [f for f in found["flavors"] if f["name"] == ours["name"] or _has_hosts(str(f["name"]), observed)]
    flavors = [ours if f["name"] == ours["name"] else f for f in kept]
    if ours not in flavors:
        flavors.append(ours)
    groups = [{**group, "flavors": flavors}, *queue["spec"]["resourceGroups"][1:]]
    return {**queue, "spec": {**queue["spec"], "resourceGroups": groups}}


def _same_resources(found: Json, ours: Json) -> bool:
    """All flavors of a group hand out the same resources."""
    return bool(found.get("coveredResources") == ours["coveredResources"])


def _has_hosts(flavor: str, observed: Observed) -> bool:
    found = observed.objects.get(ObjectRef(KUEUE, "ResourceFlavor", flavor), {})
    labels = found.get("spec", {}).get("nodeLabels") or {}
    accelerator = labels.get("cloud.google.com/gke-tpu-accelerator")
    topology = labels.get("cloud.google.com/gke-tpu-topology")
    return any(
        machine.accelerator == accelerator and there in (topology, None)
        for machine, there in _tpu_pools(observed)
    )


def _tpu_pools(observed: Observed) -> Iterator[tuple[Machine, str | None]]:
    """Machine and topology of each node pool with TPUs; no topology: each host is a slice."""
    for pool in (observed.cluster or {}).get("nodePools", []):
        machine = MACHINES.get(str(pool.get("config", {}).get("machineType")))
        if machine is not None and pool.get("status") != "STOPPING":
            yield machine, pool.get("placementPolicy", {}).get("tpuTopology") or None


def slices_there(cluster: str, device_type: str, observed: Observed) -> dict[str, str]:
    """What the ConfigMap says of other slice types that are in the cluster."""
    found: dict[str, str] = {}
    for key, value in (resources_map(cluster, observed).get("data") or {}).items():
        if key == device_type or not _is_slice(key):
            continue
        shape = resolve(key)
        topologies = {shape.topology_text} if shape.multi_host else {shape.topology_text, None}
        if any(m == shape.machine and t in topologies for m, t in _tpu_pools(observed)):
            found[key] = value
    return found


def resources_map(cluster: str, observed: Observed) -> Json:
    """The ConfigMap that says how many hosts of which slice type there are; empty where there is none."""
    name = f"{cluster}-resources-configmap"
    return dict(observed.objects.get(ObjectRef("v1", "ConfigMap", name, NAMESPACE), {}))


def other_resources(cluster: str, device_type: str, observed: Observed) -> dict[str, str]:
    """What that ConfigMap says beside slices, as of node auto-provisioning; it stays."""
    data: Mapping[str, str] = resources_map(cluster, observed).get("data") or {}
    return {key: value for key, value in data.items() if key != device_type and not _is_slice(key)}


def obsolete(cluster: str, kept: Iterable[str], observed: Observed) -> dict[str, str]:
    """Slice types beside those that are kept, in a ConfigMap where another program wrote them.

    What this program wrote goes by itself with the next apply.
    """
    found = resources_map(cluster, observed)
    data: Mapping[str, str] = found.get("data") or {}
    foreign = set(_keys_of_others(found))
    return {k: v for k, v in data.items() if k in foreign - set(kept) and _is_slice(k)}


def _keys_of_others(found: Json) -> Iterable[str]:
    for entry in found.get("metadata", {}).get("managedFields", []):
        if entry.get("manager") != _OURS:
            for field in entry.get("fieldsV1", {}).get("f:data", {}):
                yield field.removeprefix("f:")


def _is_slice(name: str) -> bool:
    try:
        resolve(name)
    except UsageError:
        return False
    return True
