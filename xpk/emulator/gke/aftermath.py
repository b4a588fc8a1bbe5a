"""What an operation that ended in an error leaves behind: names stay taken, updates are not applied.

A node pool whose creation failed stays in ERROR until it is deleted; so does a cluster ("GCP behavior is to
create a node pool in error state", terraform-provider-google #10121 and #6287).
"""

from __future__ import annotations

from xpk.emulator.gke.operations import Operation
from xpk.emulator.http import Json

# google.rpc.Code, by number
CANONICAL = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def cluster_failed(cluster: Json, operation: Operation) -> None:
    """A cluster after an operation on it failed."""
    if operation.type in ("CREATE_CLUSTER", "DELETE_CLUSTER"):
        mark(cluster, operation, "ERROR")
        before: dict[str, str] = operation.change.get("pools", {})
        for pool in cluster["nodePools"]:
            pool["status"] = before.get(pool["name"], "ERROR")
    else:
        cluster["status"] = "RUNNING"


def pool_failed(pool: Json, operation: Operation) -> None:
    """A node pool after an operation on it failed."""
    lasting = operation.type in ("CREATE_NODE_POOL", "DELETE_NODE_POOL")
    mark(pool, operation, "ERROR" if lasting else "RUNNING_WITH_ERROR")


def mark(resource: Json, operation: Operation, status: str) -> None:
    """Write an operation's error into a cluster or pool."""
    error = operation.error or {}
    resource["status"], resource["statusMessage"] = status, error["message"]
    condition = {"message": error["message"], "canonicalCode": CANONICAL[error["code"]]}
    # a condition without a code of its own is UNKNOWN, which proto3 leaves out
    if code := operation.change.get("condition"):
        condition["code"] = code
    resource["conditions"] = [condition]


def heal(resource: Json) -> None:
    """Take away what a failed operation wrote, after a later one went well."""
    resource.pop("statusMessage", None)
    resource.pop("conditions", None)
