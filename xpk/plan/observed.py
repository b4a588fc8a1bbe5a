"""What the project looks like, as far as a plan needs it: plain facts from one round of reads.

Filled by `engine/observe.py`. The JSON inside is the APIs' own (camelCase, enum names).
`Observed.nothing()` is the empty project that an offline dry run plans for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from xpk.frozen import dataclass
from xpk.plan.steps import Json, ObjectRef


@dataclass(frozen=True, slots=True)
class BucketState:
    """A bucket's metadata, None when it does not exist, and the members that have a role on it.

    `policy` is the IAM policy that `bindings` was read from, as Cloud Storage gave it.
    """

    name: str
    metadata: Json | None
    hierarchical_namespace: bool
    bindings: tuple[tuple[str, tuple[str, ...]], ...] = ()
    policy: Json | None = None

    def has(self, role: str, member: str) -> bool:
        """True when the member holds the role without a condition."""
        return any(found == role and member in members for found, members in self.bindings)


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A release file as read: its digest and its objects."""

    source: str
    sha256: str
    manifests: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at a project. `live` is False when nothing was looked at.

    `cluster` is GKE's Cluster with its node pools; `other_clusters` are the names of the project's other
    clusters with multi-tier checkpointing; `objects` holds the Kubernetes objects that a plan may
    touch and that exist; `driver` is the DaemonSet of each CheckpointConfiguration by
    its name; `tpu_hosts` counts the TPU nodes of each pool; `running` names what runs
    on each node pool, and `mounting` the workloads that hold the ramdisk on a host.
    """

    live: bool
    cluster: Json | None = None
    server_config: Json | None = None
    project_number: str | None = None
    bucket: BucketState | None = None
    buckets: Mapping[str, BucketState] = field(default_factory=dict)
    other_clusters: tuple[str, ...] = ()
    objects: Mapping[ObjectRef, Json] = field(default_factory=dict)
    driver: Mapping[str, Json] = field(default_factory=dict)
    tpu_hosts: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mounting: tuple[str, ...] = ()
    releases: Mapping[Literal["JobSet", "Kueue"], ReleaseFile] = field(default_factory=dict)

    @staticmethod
    def nothing() -> Observed:
        """The empty project of an offline dry run."""
        return Observed(live=False)
