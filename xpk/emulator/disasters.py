"""World faults that act at once: hosts and pods of a cluster, properties of a bucket."""

from __future__ import annotations

from xpk.emulator.errors import ApiError, invalid
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json
from xpk.emulator.storage.buckets import Buckets
from xpk.emulator.world import World

BUCKET = ("bucket-missing", "bucket-flat", "bucket-location")


def strike_bucket(buckets: Buckets, fault: Json) -> None:
    """Make a bucket missing, flat (without hierarchical namespace), or placed elsewhere."""
    bucket = buckets.ensure(_text(fault, "bucket"))
    match fault["world"]:
        case "bucket-missing":
            bucket.missing = True
        case "bucket-flat":
            bucket.hierarchical = False
        case _:
            bucket.location = _text(fault, "location").upper()


def undo(buckets: Buckets) -> None:
    """Make every bucket as it was before any fault; policies stay."""
    for bucket in buckets.all.values():
        bucket.missing, bucket.hierarchical, bucket.location = False, True, "US"


def strike_world(store: Store, fault: Json) -> None:
    """Do what a fault says to the Kubernetes world of its cluster. Raises 400 and 404."""
    world = _world(store, _text(fault, "cluster"))
    try:
        _strike(world, fault)
    except KeyError as error:
        raise ApiError("NOT_FOUND", f"The fault {fault['world']} met nothing: {error}") from error


def _strike(world: World, fault: Json) -> None:
    match fault["world"]:
        case "host-lost":
            world.lose_host(_text(fault, "node"))
        case "pod-exit" | "pod-evicted" as kind:
            evicted = kind == "pod-evicted"
            world.exit_pod(_text(fault, "namespace"), _text(fault, "pod"), int(fault.get("code", 1)), evicted)
        case "pod-finish":
            world.finish(_text(fault, "namespace"), _text(fault, "jobset"), int(fault.get("code", 0)))
        case kind:
            raise invalid(f"Unknown world fault: {kind}")


def _world(store: Store, cluster: str) -> World:
    worlds = store.find_worlds(cluster)
    if not worlds:
        raise ApiError("NOT_FOUND", f"No running cluster {cluster}.")
    if len(worlds) > 1:
        raise invalid(
            f"Several clusters are named {cluster}: give projects/P/locations/L/clusters/{cluster}."
        )
    return worlds[0]


def _text(fault: Json, name: str) -> str:
    value = fault.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f'A {fault["world"]} fault needs "{name}"')
    return value
