"""Every state of every object in a busy world is one that the official client's models can read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kubernetes.client as models

from xpk.emulator.kubernetes import schema
from xpk.emulator.kubernetes.store import Change
from xpk.emulator.kubernetes.validation import check

Json = dict[str, Any]


def test_what_the_controllers_write_can_be_read(queued: Any, jobset: Callable[..., Json]) -> None:
    cluster = queued.world._cluster
    read: set[str] = set()
    faults: list[str] = []

    def look(change: Change) -> None:
        kind = cluster.kinds[change.key.resource]
        faults.extend(f"{kind.kind} {change.key.name}: {fault}" for fault in check(kind.node(), change.new))
        name = schema.table()["kinds"].get(f"{kind.api_version()}/{kind.kind}")
        if name:
            assert getattr(models, name).from_dict(change.new) is not None
            read.add(kind.kind)

    for resource, items in queued.world.objects().items():
        for item in items:
            look(Change("ADDED", cluster.key(resource, item), None, item, 0))
    cluster.store.observers.append(look)
    queued.world.set_addon("GcsFuseCsiDriver", True)
    queued.world.set_addon("HighScaleCheckpointing", True)
    queued.advance(40)
    configuration = {"apiVersion": "checkpointing.gke.io/v1", "kind": "CheckpointConfiguration"}
    tolerations = [{"key": "google.com/tpu", "operator": "Exists"}]
    spec = {"cloudStorageBucketName": "b", "inMemoryVolumeSize": "1Gi", "tolerations": tolerations}
    queued.applied({**configuration, "metadata": {"name": "mtc"}, "spec": spec})
    for name in ("one", "two"):
        queued.applied(jobset(name, queue="multislice-queue", failurePolicy={"maxRestarts": 3}))
    queued.advance(30)
    queued.world.exit_pod("default", queued.pods("Running")[1]["metadata"]["name"], 1)
    queued.advance(30)
    queued.world.exit_pod("default", queued.pods("Running")[1]["metadata"]["name"], 0, True)
    queued.advance(30)
    queued.world.lose_host(queued.pods("Running")[1]["spec"]["nodeName"])
    queued.advance(300)
    queued.world.finish("default", "one", 0)
    queued.advance(30)
    queued.delete("JobSet", "two")
    queued.delete("CheckpointConfiguration", "mtc")
    queued.advance(60)
    assert faults == []
    expected = {
        "Pod",
        "Node",
        "Job",
        "DaemonSet",
        "Deployment",
        "Event",
        "Service",
        "Namespace",
        "ServiceAccount",
    }
    assert expected <= read
