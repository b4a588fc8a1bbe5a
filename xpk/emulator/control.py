"""The routes under /_emulator/: looking inside, and breaking things. Not logged as requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpk.emulator import disasters, setbacks, slowness
from xpk.emulator.errors import invalid, unknown_route
from xpk.emulator.faults import CAPACITY
from xpk.emulator.http import Json, Request, Response

if TYPE_CHECKING:
    from xpk.emulator.cloud import Cloud

VERSION = 1


def handle(cloud: Cloud, request: Request) -> Response:
    """Answer one control request; the caller holds the lock."""
    match request.method, request.parts()[1:]:
        case "GET", ["info"]:
            return Response(200, {"time_scale": cloud.clock.time_scale, "version": VERSION})
        case "GET", ["requests"]:
            return Response(200, list(cloud.requests))
        case "DELETE", ["requests"]:
            cloud.requests.clear()
            return Response(200, {})
        case "GET", ["objects"]:
            return Response(200, objects(cloud))
        case "POST", ["agents"]:
            add_agent(cloud, request.json())
            return Response(200, {})
        case "GET", ["faults"]:
            waiting = [fault.json() for fault in cloud.operation_faults.all]
            lasting = slowness.shown(cloud.resizes, cloud.iam)
            return Response(200, [*cloud.faults.list(), *waiting, *lasting])
        case "POST", ["faults"]:
            add_fault(cloud, request.json())
            return Response(200, {})
        case "DELETE", ["faults"]:
            heal(cloud)
            return Response(200, {})
        case _:
            raise unknown_route(request.method, request.path)


def add_fault(cloud: Cloud, fault: Json) -> None:
    """Keep a fault, or do at once what a world fault says. Raises 400 and 404."""
    kind = fault.get("world")
    if "world" not in fault:
        cloud.faults.add_request(fault)
    elif isinstance(kind, str) and kind in CAPACITY:
        cloud.faults.add_capacity(fault)
    elif isinstance(kind, str) and kind in setbacks.KINDS:
        cloud.operation_faults.add(fault)
    elif isinstance(kind, str) and kind in slowness.KINDS:
        slowness.strike(cloud.store, cloud.resizes, cloud.iam, fault)
    else:
        disasters.check(fault)
        if kind in disasters.BUCKET:
            disasters.strike_bucket(cloud.buckets, fault)
        else:
            disasters.strike_world(cloud.store, fault)
    cloud.wake()


def add_agent(cloud: Cloud, asked: Json) -> None:
    """Leave the pods of some hosts to an agent. Raises 400 and 404."""
    cluster, labels = asked.get("cluster"), asked.get("selector")
    if set(asked) != {"cluster", "selector"} or not isinstance(cluster, str) or not isinstance(labels, dict):
        raise invalid('An agent needs "cluster" and "selector", and nothing else')
    if not labels or not all(isinstance(value, str) for value in labels.values()):
        raise invalid('The "selector" is one or more labels of hosts with their values')
    disasters.world_of(cloud.store, cluster).serve_outside(labels)
    cloud.wake()


def heal(cloud: Cloud) -> None:
    """Forget all faults, and end what those that were met still do."""
    cloud.faults.clear()
    cloud.operation_faults.all.clear()
    cloud.resizes.all.clear()
    cloud.store.operations.release()
    cloud.iam.hurry()
    cloud.buckets.hurry()
    disasters.undo(cloud.buckets)
    cloud.wake()


def objects(cloud: Cloud) -> Json:
    """Everything that exists."""
    store = cloud.store
    return {
        "clusters": list(store.clusters.values()),
        "nodePools": {
            name: cluster["nodePools"] for name, cluster in store.clusters.items() if cluster["nodePools"]
        },
        "operations": [operation.json(cloud.clock) for operation in store.operations.all],
        "buckets": [
            bucket.metadata(cloud.clock) for bucket in cloud.buckets.all.values() if not bucket.missing
        ],
        "iam": {bucket.name: bucket.policy(3) for bucket in cloud.buckets.all.values()},
        "kubernetes": {name: world.dump() for name, world in store.worlds.items()},
    }
