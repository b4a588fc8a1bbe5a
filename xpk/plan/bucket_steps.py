"""The steps on a bucket: look at it, give a role on it, take one back.

Cloud Storage writes a policy whole, so a step carries the policy as it was observed, and its
request keeps every other binding and the etag.
"""

from __future__ import annotations

from xpk.frozen import dataclass
from xpk.plan.request import Json, Request


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

    `policy` is the bucket's policy as it was observed, None where it could not be read. `last`: the
    cluster and its record go first, so that the same command again would not come to it.
    """

    bucket: str
    role: str
    member: str
    policy: Json | None = None
    last: bool = False

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
