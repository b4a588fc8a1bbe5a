"""What of a cluster a plan leaves as it is, and why. Pure; only what was looked at is named."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from xpk.plan.driver import under_its_name
from xpk.plan.gke_version import older_note
from xpk.plan.kept import AS_ASKED, NOUNS, Kept, runs_on_it
from xpk.plan.objects import LOWER, checkpoint_object, cluster_objects, object_id
from xpk.plan.observed import Observed
from xpk.plan.releases import RELEASES, kept_release
from xpk.plan.slices import Slices
from xpk.plan.steps import Json, PlannedStep, UpdateCluster
from xpk.render.cluster import CLUSTER_QUEUE
from xpk.spec.cluster import Addon, ClusterSpec


def unchanged(
    spec: ClusterSpec, observed: Observed, slices: Slices, steps: Collection[PlannedStep]
) -> tuple[Kept, ...]:
    """All that is there and that no step of the plan touches, in the order of a plan."""
    if not observed.live:
        return ()
    changed = {planned.id for planned in steps}
    if LOWER in changed:
        changed.add(f"apply/ClusterQueue/{CLUSTER_QUEUE}")
    kept: list[Kept] = []
    if spec.mtc and f"grant/{spec.mtc.bucket}" not in changed:
        kept.append(Kept(f"grant/{spec.mtc.bucket}", "grant", f"gs://{spec.mtc.bucket}", AS_ASKED))
    if observed.cluster is None:
        return tuple(kept)
    if not any(isinstance(planned.step, UpdateCluster) for planned in steps):
        kept.append(Kept(f"cluster/{spec.name}", "cluster", spec.name, _cluster(spec, observed.cluster)))
    kept += _pools(observed.cluster, observed, slices, changed)
    untouched = [component for component in RELEASES if f"install/{component.lower()}" not in changed]
    kept += [kept_release(component, observed) for component in untouched]
    kept += _objects(spec, observed, changed)
    return tuple(kept)


def _cluster(spec: ClusterSpec, cluster: Json) -> str:
    if older_note(spec, cluster):
        return f"runs GKE {cluster.get('currentMasterVersion')}, newer than asked for"
    return f"{AS_ASKED}; checkpointing stays" if mtc_note(spec, cluster) else AS_ASKED


def mtc_note(spec: ClusterSpec, cluster: Json) -> str | None:
    """A sentence when checkpointing is there and was not asked for: that takes nothing away."""
    there = cluster.get("addonsConfig", {}).get(Addon.MTC.value, {}).get("enabled")
    if spec.mtc or not there:
        return None
    return f"cluster {spec.name} has multi-tier checkpointing: without --enable-mtc it stays as it is"


def _pools(cluster: Json, observed: Observed, slices: Slices, changed: Collection[str]) -> Iterator[Kept]:
    """Slices with what runs on them, and node pools that are none."""
    kept, gone = {*slices.kept}, {one.name for one in slices.removed}
    for pool in cluster.get("nodePools", []):
        name = str(pool["name"])
        if f"metadata/{name}" in changed or name in gone or pool.get("status") == "STOPPING":
            continue
        busy = observed.running.get(name, ())
        if name in kept:
            yield Kept(f"pool/{name}", "pools", name, runs_on_it(busy) if busy else AS_ASKED)
        else:
            yield Kept(f"pool/{name}", "nodes", name, "not one of the slices")


def _objects(spec: ClusterSpec, observed: Observed, changed: Collection[str]) -> Iterator[Kept]:
    """Wanted objects that are right, and configurations for other hosts."""
    manifests = cluster_objects(spec, observed)
    if spec.mtc:
        manifests.append(under_its_name(checkpoint_object(spec), observed))
    for manifest in manifests:
        if object_id(manifest) not in changed:
            name = str(manifest["metadata"]["name"])
            yield Kept(object_id(manifest), NOUNS[manifest["kind"]], name, AS_ASKED)
    wanted = {str(manifest["metadata"]["name"]) for manifest in manifests}
    for ref in sorted(observed.objects, key=lambda ref: ref.name):
        if ref.kind == "CheckpointConfiguration" and ref.name not in wanted:
            yield Kept(f"apply/{ref.kind}/{ref.name}", "ramdisk", ref.name, "for other hosts")
