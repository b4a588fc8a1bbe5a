"""One look at a bucket: metadata, layout and who has which role."""

from __future__ import annotations

from collections.abc import Callable

from xpk.cloud.errors import NotFound
from xpk.cloud.transport import LOGIN
from xpk.engine.wire import Json, StorageApi
from xpk.errors import AccessError, Fault, XpkError
from xpk.plan.observed import BucketState


def bucket_reads(storage: StorageApi, name: str) -> list[Callable[[], Json | None]]:
    """The three reads of a bucket, to be made at once; `bucket_state` takes their results."""
    reads = (lambda: storage.bucket(name), lambda: storage.layout(name), lambda: _policy(storage, name))
    return [_named(name, read) for read in reads]


def _named(name: str, read: Callable[[], Json | None]) -> Callable[[], Json | None]:
    """The same read, with the bucket alone as what failed: three faults of one cause become one."""

    def named() -> Json | None:
        try:
            return read()
        except XpkError as error:
            raise type(error)(*(Fault(f"gs://{name}", f.why, f.fix) for f in error.faults)) from error

    return named


def bucket_state(name: str, metadata: Json | None, layout: Json | None, policy: Json | None) -> BucketState:
    """What the reads say. Bindings with a condition do not count as granted."""
    namespaces = [(found or {}).get("hierarchicalNamespace", {}) for found in (metadata, layout)]
    bindings = [b for b in (policy or {}).get("bindings", []) if not b.get("condition")]
    return BucketState(
        name=name,
        metadata=metadata,
        hierarchical_namespace=any(n.get("enabled", False) for n in namespaces),
        bindings=tuple((str(b["role"]), tuple(b.get("members", []))) for b in bindings),
        policy=policy,
    )


def _policy(storage: StorageApi, name: str) -> Json | None:
    """The policy; None for a bucket that is not there. Raises AccessError with the role that is missing."""
    try:
        return storage.iam_policy(name)
    except NotFound:
        return None
    except AccessError as error:
        fix = (
            f"gcloud storage buckets add-iam-policy-binding gs://{name} --member=user:YOU "
            "--role=roles/storage.admin (by somebody who may), then run the same command again"
        )
        fault = error.faults[0]
        if fault.fix == LOGIN:
            fix = fault.fix
        raise AccessError(Fault(f"gs://{name}", f"its IAM policy: {fault.why}", fix)) from error
