"""What becomes of clusters, pools and their Kubernetes worlds when an operation is done."""

from __future__ import annotations

from xpk.emulator.errors import ApiError
from xpk.emulator.gke import aftermath, clusters
from xpk.emulator.gke.operations import Operation
from xpk.emulator.gke.store import Store, world_pool
from xpk.emulator.http import Json
from xpk.emulator.world import Addon, World


def finish_due(store: Store) -> bool:
    """Finish every operation whose time is over; whether there was any."""
    due = store.operations.due()
    for operation in due:
        operation.done = True
        _apply(store, operation)
    return bool(due)


def _apply(store: Store, operation: Operation) -> None:
    cluster = store.clusters.get(operation.cluster)
    if cluster is None:
        return
    if operation.error is not None and not operation.pool:
        aftermath.cluster_failed(cluster, operation)
        for resource in (*cluster["nodePools"], cluster):
            store.touch(resource)
        return
    match operation.type:
        case "CREATE_CLUSTER":
            _cluster_created(store, operation.cluster, cluster)
        case "DELETE_CLUSTER":
            del store.clusters[operation.cluster]
            store.close_world(operation.cluster)
        case "UPDATE_CLUSTER" | "UPGRADE_MASTER":
            cluster.update(operation.change["cluster"])
            cluster["status"] = "RUNNING"
            aftermath.heal(cluster)
            _set_addons(store.open_world(operation.cluster), cluster)
        case _:
            _pool_done(store, operation)
    if pool := cluster.get("workloadIdentityConfig", {}).get("workloadPool"):
        store.iam.learn(pool)
    store.touch(cluster)


def _cluster_created(store: Store, name: str, cluster: Json) -> None:
    clusters.running(cluster, name)
    world = store.open_world(name)
    for pool in cluster["nodePools"]:
        pool["status"] = "RUNNING"
        store.touch(pool)
        world.add_pool(world_pool(pool))
    _set_addons(world, cluster)


def _set_addons(world: World, cluster: Json) -> None:
    names: tuple[Addon, ...] = ("GcsFuseCsiDriver", "HighScaleCheckpointing")
    for name in names:
        world.set_addon(name, clusters.has_addon(cluster, clusters.ADDONS[name]))


def _pool_done(store: Store, operation: Operation) -> None:
    name = operation.pool.split("/")[-1]
    try:
        pool = store.pool(operation.cluster, name)
    except ApiError:
        return
    if operation.error is not None:
        aftermath.pool_failed(pool, operation)
        store.touch(pool)
        return
    world = store.open_world(operation.cluster)
    if operation.type == "DELETE_NODE_POOL":
        store.pools(operation.cluster).remove(pool)
        world.remove_pool(name)
        return
    if operation.type != "CREATE_NODE_POOL":
        # GKE replaces the machines of a pool to change what they are made from
        world.remove_pool(name)
        pool.update(operation.change["pool"])
    aftermath.heal(pool)
    pool["status"] = "RUNNING"
    store.touch(pool)
    world.add_pool(world_pool(pool))
