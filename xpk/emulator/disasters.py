"""World faults that act at once: hosts and pods of a cluster, properties of a bucket."""

from __future__ import annotations

from xpk.emulator import setbacks, slowness
from xpk.emulator.errors import ApiError, invalid
from xpk.emulator.faults import CAPACITY, is_whole
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json
from xpk.emulator.storage.buckets import Buckets, StorageError
from xpk.emulator.world import World

BUCKET = ("bucket-missing", "bucket-flat", "bucket-location")
POD = ("cluster", "namespace", "pod")
NEEDS = {
    "bucket-missing": ("bucket",),
    "bucket-flat": ("bucket",),
    "bucket-location": ("bucket", "location"),
    "host-lost": ("cluster", "node"),
    "pod-exit": POD,
    "pod-evicted": POD,
    "pod-finish": ("cluster", "namespace", "jobset"),
}
CODED = ("pod-exit", "pod-evicted", "pod-finish")


def check(fault: Json) -> None:
    """Raise 400 unless a world fault is of a known form."""
    kind = fault.get("world")
    if not isinstance(kind, str) or kind not in NEEDS:
        known = ", ".join(sorted([*NEEDS, *CAPACITY, *setbacks.KINDS, *slowness.KINDS]))
        raise invalid(f"Unknown world fault: {kind}. Known: {known}")
    for name in NEEDS[kind]:
        if not isinstance(fault.get(name), str) or not fault[name]:
            raise invalid(f'A {kind} fault needs "{name}"')
    optional = ("code",) if kind in CODED else ()
    unknown = set(fault) - {"world", *NEEDS[kind], *optional}
    if unknown:
        raise invalid(f"A {kind} fault has no {', '.join(sorted(unknown))}")
    if not is_whole(fault.get("code", 0), 0, 255):
        raise invalid(f'"code" is an exit code from 0 to 255, not {fault["code"]!r}')


def strike_bucket(buckets: Buckets, fault: Json) -> None:
    """Make a bucket missing, flat (without hierarchical namespace), or placed elsewhere."""
    try:
        bucket = buckets.ensure(fault["bucket"])
    except StorageError as error:
        raise invalid(str(error)) from error
    match fault["world"]:
        case "bucket-missing":
            bucket.missing = True
        case "bucket-flat":
            bucket.hierarchical = False
        case _:
            bucket.location = fault["location"].upper()


def undo(buckets: Buckets) -> None:
    """Make every bucket as it was before any fault; policies stay."""
    for bucket in buckets.all.values():
        bucket.missing, bucket.hierarchical, bucket.location = False, True, "US"


def strike_world(store: Store, fault: Json) -> None:
    """Do what a fault says to the Kubernetes world of its cluster. Raises 400 and 404."""
    world = world_of(store, fault["cluster"])
    try:
        _strike(world, fault)
    except KeyError as error:
        raise ApiError("NOT_FOUND", f"The fault {fault['world']} met nothing: {error}") from error


def _strike(world: World, fault: Json) -> None:
    match fault["world"]:
        case "host-lost":
            world.lose_host(fault["node"])
        case "pod-finish":
            world.finish(fault["namespace"], fault["jobset"], fault.get("code", 0))
        case kind:
            evicted = kind == "pod-evicted"
            world.exit_pod(fault["namespace"], fault["pod"], fault.get("code", 1), evicted)


def world_of(store: Store, cluster: str) -> World:
    """The Kubernetes world of a running cluster, by its name or its full one. Raises 400 and 404."""
    worlds = store.find_worlds(cluster)
    if not worlds:
        raise ApiError("NOT_FOUND", f"No running cluster {cluster}.")
    if len(worlds) > 1:
        raise invalid(
            f"Several clusters are named {cluster}: give projects/P/locations/L/clusters/{cluster}."
        )
    return worlds[0]
