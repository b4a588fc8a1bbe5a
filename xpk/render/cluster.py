"""Views of a cluster's Kubernetes objects and their manifests.

One frozen view per template in `templates/cluster/`. Not here: which of the objects a
cluster needs or already has (`plan/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from xpk.frozen import dataclass
from xpk.render.engine import render

Json: TypeAlias = dict[str, Any]

CLUSTER_QUEUE = "cluster-queue"
LOCAL_QUEUE = "multislice-queue"
NAMESPACE = "default"
CONFIGURATION_NAME = "my-checkpointconfiguration"
"""The name that Google's xpk and Google's own nightly tests use: they delete and create it by name."""

FUSE_MOUNT_OPTIONS = (
    "implicit-dirs",
    "metadata-cache:negative-ttl-secs:0",
    "metadata-cache:ttl-secs:-1",
    "metadata-cache:stat-cache-max-size-mb:-1",
    "metadata-cache:type-cache-max-size-mb:-1",
    "file-cache:max-size-mb:-1",
    "file-cache:cache-file-for-range-read:true",
    "file-system:kernel-list-cache-ttl-secs:0",
    "file-cache:enable-parallel-downloads:true",
    "read_ahead_kb=1024",
    "write:enable-streaming-writes:true",
)
"""The options that the README of GoogleCloudPlatform/high-scale-checkpointing-controller recommends."""


@dataclass(frozen=True, slots=True)
class CheckpointConfigurationView:
    """The ramdisk and its bucket, on the hosts of one machine type. `ramdisk` is a quantity with unit."""

    name: str
    bucket: str
    machine_type: str
    toleration_keys: tuple[str, ...]
    ramdisk: str
    mount_options: tuple[str, ...] = FUSE_MOUNT_OPTIONS


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of one resource the queue may hand out, as a Kubernetes quantity."""

    resource: str
    nominal: str


@dataclass(frozen=True, slots=True)
class Priority:
    """A priority class of Google's xpk: higher values go first and preempt lower ones."""

    name: str
    value: int
    description: str


PRIORITIES = (
    Priority("very-low", 100, "Runs when nothing else wants the slices"),
    Priority("low", 250, "Below the default"),
    Priority("medium", 500, "The default of workload create"),
    Priority("high", 750, "Preempts medium and below"),
    Priority("very-high", 1000, "Preempts everything else"),
)


@dataclass(frozen=True, slots=True)
class QueuesView:
    """One flavor for one shape of slice, and the queue that hands out its chips."""

    flavor: str
    accelerator: str
    topology: str
    quotas: tuple[Quota, ...]
    cluster_queue: str = CLUSTER_QUEUE
    priorities: tuple[Priority, ...] = PRIORITIES


@dataclass(frozen=True, slots=True)
class LocalQueueView:
    """The entrance to the cluster's queue in one namespace."""

    namespace: str
    name: str = LOCAL_QUEUE
    cluster_queue: str = CLUSTER_QUEUE


@dataclass(frozen=True, slots=True)
class ConfigMapsView:
    """What is in the cluster, for `workload create` of this program and of Google's xpk."""

    cluster: str
    resources: Mapping[str, str]
    metadata: Mapping[str, str]


def checkpoint_configuration(view: CheckpointConfigurationView) -> Json:
    """The CheckpointConfiguration."""
    (manifest,) = render("cluster/checkpoint-configuration.yaml.j2", view)
    return manifest


def queues(view: QueuesView) -> list[Json]:
    """ResourceFlavor, ClusterQueue and the priority classes."""
    return render("cluster/queues.yaml.j2", view)


def local_queue(namespace: str) -> Json:
    """The LocalQueue of a namespace."""
    (manifest,) = render("cluster/local-queue.yaml.j2", LocalQueueView(namespace))
    return manifest


def config_maps(view: ConfigMapsView) -> list[Json]:
    """The resources ConfigMap and the metadata ConfigMap, in this order."""
    return render("cluster/config-maps.yaml.j2", view)
