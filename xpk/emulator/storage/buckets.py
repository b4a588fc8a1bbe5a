"""Buckets and their IAM policies. Not objects: nothing is stored in these buckets.

Every bucket that a client names exists, unless a fault says otherwise.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from xpk.emulator.clock import Clock
from xpk.emulator.http import Json
from xpk.emulator.iam import Account, Iam, allows

# Cloud Storage wants three characters; examples everywhere have fewer, and they should work here.
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,220}[a-z0-9])?")
MULTI_REGIONS = ("US", "EU", "ASIA")


class StorageError(Exception):
    """A refusal in Cloud Storage's own form, which differs from GKE's."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(message)

    def body(self) -> Json:
        """The error's JSON."""
        detail = {"message": str(self), "domain": "global", "reason": self.reason}
        return {"error": {"code": self.code, "message": str(self), "errors": [detail]}}


@dataclass(slots=True)
class Bucket:
    """One bucket. `generation` counts the writes of its policy.

    `effective` holds for role and member the emulated moment from which they have their effect.
    """

    name: str
    created: float
    location: str = "US"
    hierarchical: bool = True
    missing: bool = False
    generation: int = 1
    bindings: list[Json] = field(default_factory=list)
    effective: dict[str, float] = field(default_factory=dict)

    def metadata(self, clock: Clock) -> Json:
        """As `GET /b/BUCKET` shows it."""
        created = clock.timestamp(self.created)
        shown: Json = {
            "kind": "storage#bucket",
            "id": self.name,
            "name": self.name,
            "selfLink": f"https://www.googleapis.com/storage/v1/b/{self.name}",
            "timeCreated": created,
            "updated": created,
            "metageneration": "1",
            "storageClass": "STANDARD",
            "etag": "CAE=",
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True, "lockedTime": created},
                "bucketPolicyOnly": {"enabled": True, "lockedTime": created},
                "publicAccessPrevention": "enforced",
            },
            **self._place(),
        }
        if self.hierarchical:
            shown["hierarchicalNamespace"] = {"enabled": True}
        return shown

    def layout(self) -> Json:
        """As `GET /b/BUCKET/storageLayout` shows it."""
        return {
            "kind": "storage#storageLayout",
            "bucket": self.name,
            **self._place(),
            "hierarchicalNamespace": {"enabled": self.hierarchical},
        }

    def policy(self, version: int) -> Json:
        """The IAM policy; conditions are shown only to who asks for version 3."""
        conditional = any("condition" in binding for binding in self.bindings)
        bindings = self.bindings
        if version < 3:
            bindings = [
                {name: value for name, value in binding.items() if name != "condition"}
                for binding in self.bindings
            ]
        return {
            "kind": "storage#policy",
            "resourceId": f"projects/_/buckets/{self.name}",
            "version": 3 if conditional and version >= 3 else 1,
            "etag": self.etag,
            "bindings": bindings,
        }

    @property
    def etag(self) -> str:
        """The policy's etag: changes with every write."""
        return base64.b64encode(b"\x08" + self.generation.to_bytes(2, "big")).decode()

    def set_policy(self, policy: Json, iam: Iam) -> None:
        """Replace the policy. Raises 412 for a stale etag and 400 for what is no policy.

        Members of a workload identity pool are refused until IAM knows the project's first cluster.
        """
        if policy.get("etag") not in (None, "", self.etag):
            raise StorageError(
                412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."
            )
        unknown = set(policy) - {"kind", "resourceId", "version", "etag", "bindings"}
        if unknown:
            raise StorageError(400, "invalid", f"Unknown field of a policy: {', '.join(sorted(unknown))}")
        bindings, version = policy.get("bindings", []), policy.get("version", 1)
        if version not in (0, 1, 3):
            raise StorageError(400, "invalid", f"Invalid policy version: {version}")
        check_bindings(bindings, version)
        check_identity_pools(bindings, iam.pools())
        self.bindings = [binding for binding in bindings if binding["members"]]
        self.effective = {pair: self.effective.get(pair, iam.effective()) for pair in self._pairs()}
        self.generation += 1

    def denied(self, account: Account, write: bool, now: float) -> str:
        """Why an account may not use the objects, in the words of the API; empty when it may."""
        members = account.members()
        for binding in self.bindings:
            for member in binding["members"] if allows(binding["role"], write) else ():
                if member in members and self.effective.get(f"{binding['role']} {member}", now) <= now:
                    return ""
        right = "storage.objects.create" if write else "storage.objects.list"
        return (
            f"Error 403: Caller does not have {right} access to the Google Cloud Storage bucket. "
            f"Permission '{right}' denied on resource (or it may not exist)., forbidden"
        )

    def _pairs(self) -> Iterable[str]:
        return (f"{binding['role']} {member}" for binding in self.bindings for member in binding["members"])

    def _place(self) -> Json:
        if self.location in MULTI_REGIONS:
            kind = "multi-region"
        else:
            kind = "region" if "-" in self.location else "dual-region"
        return {"location": self.location, "locationType": kind}


def check_identity_pools(bindings: list[Json], known: Collection[str]) -> None:
    """Raise 400 for a member of a GKE workload identity pool that does not exist."""
    for binding in bindings:
        for member in binding["members"]:
            pool = re.search(r"/workloadIdentityPools/([^/]+\.svc\.id\.goog)/", member)
            if pool and pool[1] not in known:
                raise StorageError(400, "invalid", f"Identity Pool does not exist ({pool[1]}).")


def check_bindings(bindings: object, version: int) -> None:
    """Raise 400 when bindings are not `[{role, members, condition?}]`."""
    if not isinstance(bindings, list):
        raise StorageError(400, "invalid", "bindings must be a list")
    for binding in bindings:
        if not isinstance(binding, dict) or set(binding) - {"role", "members", "condition"}:
            raise StorageError(400, "invalid", f"Not a binding: {binding}")
        role, members = binding.get("role"), binding.get("members")
        if not isinstance(role, str) or not re.fullmatch(
            r"(roles|projects/.+/roles|organizations/.+/roles)/[\w.]+", role
        ):
            raise StorageError(400, "invalid", f"Invalid role: {role}")
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            raise StorageError(400, "invalid", f"Invalid members of role {role}")
        for member in members:
            if ":" not in member and member not in ("allUsers", "allAuthenticatedUsers"):
                raise StorageError(400, "invalid", f"Invalid argument: member {member}")
        if "condition" in binding and version < 3:
            raise StorageError(400, "invalid", "A policy with conditions must have version 3")


class Buckets:
    """All buckets that were ever named."""

    def __init__(self, clock: Clock, iam: Iam) -> None:
        self.clock = clock
        self.iam = iam
        self.all: dict[str, Bucket] = {}

    def get(self, name: str) -> Bucket:
        """A bucket by name, made on first mention. Raises 400 and 404."""
        bucket = self.ensure(name)
        if bucket.missing:
            raise StorageError(404, "notFound", "The specified bucket does not exist.")
        return bucket

    def ensure(self, name: str) -> Bucket:
        """A bucket by name even when it is said to be missing. Raises 400 for an impossible name."""
        if not _NAME.fullmatch(name) or ("." not in name and len(name) > 63):
            raise StorageError(400, "invalid", f"Invalid bucket name: '{name}'")
        return self.all.setdefault(name, Bucket(name, self.clock.now()))

    def denied(self, name: str, account: Account, write: bool) -> str:
        """Why an account may not use a bucket's objects; empty when it may."""
        try:
            return self.get(name).denied(account, write, self.clock.now())
        except StorageError as error:
            return f"Error {error.code}: {error}, {error.reason}"

    def hurry(self) -> None:
        """All bindings have their effect from now on."""
        for bucket in self.all.values():
            bucket.effective.clear()

    def dump(self) -> list[Json]:
        """All, as JSON."""
        return [asdict(bucket) for bucket in self.all.values()]

    def load(self, rows: list[dict[str, Any]]) -> None:
        """The inverse of `dump`."""
        self.all = {row["name"]: Bucket(**row) for row in rows}
