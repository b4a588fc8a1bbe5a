"""The closed set of things that a plan can do.

Each step holds all that is needed to do it: the exact API request or the whole manifest.
The printer and the engine `match` over `Step` and end in `assert_never`, so a step that
one of them forgets does not type-check. Not here: deciding which steps are needed
(`plan/cluster.py`, `plan/workload.py`), printing (`plan/text.py`), doing (`engine/`).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from xpk.catalog.slices import SliceType
from xpk.frozen import dataclass
from xpk.plan.bucket_steps import CheckBucket as CheckBucket
from xpk.plan.bucket_steps import GrantBucketRole as GrantBucketRole
from xpk.plan.bucket_steps import RevokeBucketRole as RevokeBucketRole
from xpk.plan.counted import ApplyCounted as ApplyCounted
from xpk.plan.kept import Kept as Kept
from xpk.plan.request import Json as Json
from xpk.plan.request import Request as Request
from xpk.spec.capacity import Capacity


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Names one Kubernetes object. `namespace` is empty for cluster-scoped kinds."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @staticmethod
    def of(manifest: Json) -> ObjectRef:
        """The reference of a manifest."""
        metadata = manifest["metadata"]
        return ObjectRef(
            manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace", "")
        )


@dataclass(frozen=True, slots=True)
class CreateCluster:
    """Create a cluster with its default pool. `parent` is projects/P/locations/L."""

    parent: str
    cluster: Json

    @property
    def full_name(self) -> str:
        return f"{self.parent}/clusters/{self.cluster['name']}"

    @property
    def request(self) -> Request:
        return Request("container", "POST", f"/v1/{self.parent}/clusters", {"cluster": self.cluster})


@dataclass(frozen=True, slots=True)
class UpdateCluster:
    """Change one field of a cluster; GKE takes exactly one a request."""

    full_name: str
    update: Json
    what: str

    @property
    def request(self) -> Request:
        return Request("container", "PUT", f"/v1/{self.full_name}", {"update": self.update})


@dataclass(frozen=True, slots=True)
class DeleteCluster:
    """Delete a cluster with everything in it. `contents` names that, for the person who is asked."""

    full_name: str
    contents: tuple[str, ...]

    @property
    def request(self) -> Request:
        return Request("container", "DELETE", f"/v1/{self.full_name}")


@dataclass(frozen=True, slots=True)
class CreateNodePool:
    """Create the node pool of one slice. `api` is v1beta1 only for the field that v1 lacks."""

    cluster: str
    pool: Json
    slice_type: SliceType
    capacity: Capacity
    api: Literal["v1", "v1beta1"] = "v1"

    @property
    def name(self) -> str:
        return str(self.pool["name"])

    @property
    def request(self) -> Request:
        return Request("container", "POST", f"/{self.api}/{self.cluster}/nodePools", {"nodePool": self.pool})


@dataclass(frozen=True, slots=True)
class UpdateNodePool:
    """Change one node pool in place. `what` says what, and what that costs those that run there: `busy`."""

    cluster: str
    name: str
    update: Json
    what: str
    busy: tuple[str, ...] = ()

    @property
    def request(self) -> Request:
        return Request("container", "PUT", f"/v1/{self.cluster}/nodePools/{self.name}", self.update)


@dataclass(frozen=True, slots=True)
class DeleteNodePool:
    """Delete one node pool. `why` says what is wrong with it, `busy` names what runs on it.

    `etag`, where there is one, is that of the pool that was looked at: another one of its name, or one that
    somebody changed meanwhile, stays. `failed`: GKE could not make it, so that there is no slice.
    `only_idle`: it stays, too, when something runs on it by the time of its deletion.
    """

    cluster: str
    name: str
    why: str
    busy: tuple[str, ...] = ()
    etag: str = ""
    failed: bool = False
    only_idle: bool = False

    @property
    def request(self) -> Request:
        return Request("container", "DELETE", f"/v1/{self.cluster}/nodePools/{self.name}")


@dataclass(frozen=True, slots=True)
class InstallRelease:
    """Apply the release file of JobSet or Kueue, with its controller sized for the cluster.

    `source` is a release path under the release host or a file of the user's; `sha256` is the digest
    of the file, None while it has not been read; `manifests` are its objects, ready to
    apply, empty while it has not been read. `resources` go to the controller's container. `after` is the
    id of the record that names the file, for which the engine waits: once the release is there, a
    later run does not read its file.
    """

    component: Literal["JobSet", "Kueue"]
    version: str
    source: str
    sha256: str | None
    manifests: tuple[Json, ...]
    resources: Json
    hosts: int
    why: str = ""
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ApplyObject:
    """Create or change one Kubernetes object by server-side apply. `why` is empty for a new one."""

    manifest: Json
    why: str = ""


@dataclass(frozen=True, slots=True)
class ReplaceObject:
    """Delete an object, wait until it is really gone, create it again. `why` says what that costs.

    `uid`, where there is one, is that of the object that was looked at: another one of its name stays.
    """

    manifest: Json
    why: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """Delete one Kubernetes object and wait until it is gone. `why` says what ran there.

    `going`: somebody, or an earlier run, has deleted it already, and only the wait is left. `uid`: see
    `ReplaceObject`.
    """

    ref: ObjectRef
    why: str = ""
    going: bool = False
    uid: str = ""


@dataclass(frozen=True, slots=True)
class WaitForCrd:
    """Wait until the API server serves a kind (GKE's add-ons install theirs after the operation)."""

    crd: str


@dataclass(frozen=True, slots=True)
class WaitForDeployment:
    """Wait until a controller is Available, so that its webhooks answer."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class WaitForDriver:
    """Wait until the checkpointing driver is ready on every TPU host.

    The DaemonSet of the CheckpointConfiguration `configuration` must be
    desired == ready == `hosts`, with no Conflict event on the configuration. Each of the
    steps `pools` that is not done takes `per_slice` off the hosts.
    """

    configuration: str
    hosts: int
    pools: tuple[str, ...] = ()
    per_slice: int = 0


Step: TypeAlias = (
    CheckBucket
    | GrantBucketRole
    | RevokeBucketRole
    | CreateCluster
    | UpdateCluster
    | DeleteCluster
    | CreateNodePool
    | UpdateNodePool
    | DeleteNodePool
    | InstallRelease
    | ApplyObject
    | ApplyCounted
    | ReplaceObject
    | DeleteObject
    | WaitForCrd
    | WaitForDeployment
    | WaitForDriver
)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with a stable id, the ids of the steps that must be done before it, and of those that
    must have ended before it, well or badly."""

    id: str
    step: Step
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a command will do, in an order that respects every `needs`.

    `title` says to what; `notes` go to stderr, one sentence each; `kept` is all that stays as it is,
    with the reasons; `offline` is True when nothing was looked at and the plan assumes an empty project.
    """

    title: str
    steps: tuple[PlannedStep, ...]
    notes: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    offline: bool = False

    @property
    def empty(self) -> bool:
        """True when there is nothing to do."""
        return not self.steps
