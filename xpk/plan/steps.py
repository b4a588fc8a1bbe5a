"""The closed set of things that a plan can do.

Each step holds all that is needed to do it: the exact API request or the whole manifest.
The printer and the engine `match` over `Step` and end in `assert_never`, so a step that
one of them forgets does not type-check. Not here: deciding which steps are needed
(`plan/cluster.py`, `plan/workload.py`), printing (`plan/text.py`), doing (`engine/`).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from xpk.catalog.slices import SliceType
from xpk.frozen import dataclass
from xpk.spec.capacity import Capacity

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to a Google API, as it will be sent. `path` starts with a slash."""

    service: Literal["container", "storage", "cloudresourcemanager"]
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    body: Json | None = None


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
class CheckBucket:
    """Look at a bucket before anything is written: exists, hierarchical namespace, uniform access.

    Only in plans made without looking at the project; a live plan has already looked.
    """

    bucket: str
    region: str

    @property
    def request(self) -> Request:
        return Request("storage", "GET", f"/storage/v1/b/{self.bucket}")


@dataclass(frozen=True, slots=True)
class GrantBucketRole:
    """Add one member to one role on a bucket, keeping all other bindings.

    `after` is the id of the step that the engine waits for, while in the plan the grant stays beside
    its bucket: the first cluster of a project creates the workload identity pool, and IAM refuses
    its principals before that; and the record on the cluster says first that the grant is ours.
    `policy` is the bucket's policy as it was observed, None where nothing was looked at.
    """

    bucket: str
    role: str
    member: str
    after: str | None = None
    policy: Json | None = None

    @property
    def request(self) -> Request:
        bindings = list((self.policy or {}).get("bindings", []))
        at = next((i for i, b in enumerate(bindings) if _plain(b, self.role)), None)
        if at is None:
            bindings.append({"role": self.role, "members": [self.member]})
        else:
            bindings[at] = {**bindings[at], "members": [*bindings[at].get("members", []), self.member]}
        return _policy_request(self.bucket, self.policy, bindings)


@dataclass(frozen=True, slots=True)
class RevokeBucketRole:
    """Remove one member from one role on a bucket, keeping all other bindings.

    `policy` is the bucket's policy as it was observed, None where it could not be read.
    """

    bucket: str
    role: str
    member: str
    policy: Json | None = None

    @property
    def request(self) -> Request:
        bindings = []
        for binding in (self.policy or {}).get("bindings", []):
            members = list(binding.get("members", []))
            if _plain(binding, self.role) and self.member in members:
                members.remove(self.member)
            if members:
                bindings.append({**binding, "members": members})
        return _policy_request(self.bucket, self.policy, bindings)


def _plain(binding: Json, role: str) -> bool:
    """Whether a binding is the role's, without a condition."""
    return binding.get("role") == role and not binding.get("condition")


def _policy_request(bucket: str, policy: Json | None, bindings: list[Json]) -> Request:
    """A policy is written whole, under the etag of the one that was read."""
    body = {**(policy or {}), "bindings": bindings}
    return Request("storage", "PUT", f"/storage/v1/b/{bucket}/iam", body)


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
    """Change one node pool in place. `what` says what, and what that costs."""

    cluster: str
    name: str
    update: Json
    what: str

    @property
    def request(self) -> Request:
        return Request("container", "PUT", f"/v1/{self.cluster}/nodePools/{self.name}", self.update)


@dataclass(frozen=True, slots=True)
class DeleteNodePool:
    """Delete one node pool. `why` says what is wrong with it."""

    cluster: str
    name: str
    why: str

    @property
    def request(self) -> Request:
        return Request("container", "DELETE", f"/v1/{self.cluster}/nodePools/{self.name}")


@dataclass(frozen=True, slots=True)
class InstallRelease:
    """Apply the release file of JobSet or Kueue, with its controller sized for the cluster.

    `source` is a release path under the release host or a file of the user's; `sha256` is the digest
    of the file, None while it has not been read; `manifests` are its objects, ready to
    apply, empty while it has not been read. `resources` go to the controller's container.
    """

    component: Literal["JobSet", "Kueue"]
    version: str
    source: str
    sha256: str | None
    manifests: tuple[Json, ...]
    resources: Json
    hosts: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class ApplyObject:
    """Create or change one Kubernetes object by server-side apply. `why` is empty for a new one."""

    manifest: Json
    why: str = ""


@dataclass(frozen=True, slots=True)
class ReplaceObject:
    """Delete an object, wait until it is really gone, create it again. `why` says what that costs."""

    manifest: Json
    why: str


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """Delete one Kubernetes object and wait until it is gone. `why` says what ran there."""

    ref: ObjectRef
    why: str = ""


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
    desired == ready == `hosts`, with no Conflict event on the configuration.
    """

    configuration: str
    hosts: int


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
    | ReplaceObject
    | DeleteObject
    | WaitForCrd
    | WaitForDeployment
    | WaitForDriver
)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with a stable id and the ids of the steps that must be done before it."""

    id: str
    step: Step
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a command will do, in an order that respects every `needs`.

    `title` says to what; `notes` go to stderr, one sentence each; `unchanged` counts what
    is already as asked; `offline` is True when nothing was looked at and the plan assumes an empty project.
    """

    title: str
    steps: tuple[PlannedStep, ...]
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    offline: bool = False

    @property
    def empty(self) -> bool:
        """True when there is nothing to do."""
        return not self.steps
