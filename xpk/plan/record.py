"""The record that a plan leaves on the cluster: what was asked for, and what this program made.

Kept in the metadata ConfigMap of Google's xpk, beside its own keys, so that either program can read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from xpk import __version__
from xpk.catalog.versions import JOBSET, KUEUE, Release
from xpk.plan.bucket import OBJECT_USER, driver_principal
from xpk.plan.observed import Observed
from xpk.plan.steps import ObjectRef
from xpk.spec.capacity import Reservation
from xpk.spec.cluster import ClusterSpec

_FORMER = "mtc_former_grants"
_COMPONENTS: tuple[tuple[Literal["JobSet", "Kueue"], Release], ...] = (("JobSet", JOBSET), ("Kueue", KUEUE))


def metadata_of(spec: ClusterSpec, observed: Observed) -> dict[str, str]:
    """The record of this plan on the cluster: the metadata ConfigMap of Google's xpk, and our own keys.

    `mtc_grant` says whether this program made the grant on the bucket, and `mtc_former_grants` on which
    other buckets it made one before, so that `cluster delete` takes back those and no other.
    """
    record: dict[str, str] = {
        "xpk_version": f"v{__version__}",
        "capacity_type": spec.capacity.record_name,
        "slice_type": spec.slice_type.name,
        "topology": spec.slice_type.topology_text,
    }
    if isinstance(spec.capacity, Reservation):
        record["reservation_id"] = spec.capacity.path
    old = record_of(spec.name, observed)
    if not isinstance(spec.capacity, Reservation) and old.get("reservation_id"):
        record["reservation_id"] = ""  # an apply takes away nothing that Google's xpk wrote
    for component, release in _COMPONENTS:
        file = observed.releases.get(component)
        key = f"{component.lower()}_manifest"
        value = f"{release.version}-sha256-{file.sha256}" if file else old.get(key)
        if value:
            record[key] = value
    former = [bucket for bucket in granted_buckets(old) if not spec.mtc or bucket != spec.mtc.bucket]
    if spec.mtc:
        record["mtc_bucket"] = spec.mtc.bucket
        record["mtc_grant"] = _grant(spec, observed, old)
    elif "mtc_bucket" in old:  # asked for without checkpointing, which takes nothing away
        record |= {key: old[key] for key in ("mtc_bucket", "mtc_grant") if key in old}
        former = [bucket for bucket in former if bucket != old["mtc_bucket"]]
    if former or _FORMER in old:
        record[_FORMER] = ",".join(former)
    return record


def granted_buckets(record: Mapping[str, str]) -> list[str]:
    """The buckets on which this program made the driver's grant, that of the ramdisks' bucket last."""
    buckets = [bucket for bucket in record.get(_FORMER, "").split(",") if bucket]
    if record.get("mtc_grant") == "made" and record.get("mtc_bucket"):
        buckets.append(record["mtc_bucket"])
    return list(dict.fromkeys(buckets))


def recorded_buckets(record: Mapping[str, str]) -> list[str]:
    """All buckets that a record names."""
    named = [record["mtc_bucket"]] if record.get("mtc_bucket") else []
    return list(dict.fromkeys([*granted_buckets(record), *named]))


def record_of(name: str, observed: Observed) -> dict[str, str]:
    """The record on a cluster as observed; empty where there is none."""
    ref = ObjectRef("v1", "ConfigMap", f"{name}-metadata-configmap", "default")
    return dict(observed.objects.get(ref, {}).get("data", {}))


def _grant(spec: ClusterSpec, observed: Observed, old: dict[str, str]) -> str:
    if spec.mtc and old.get("mtc_bucket") == spec.mtc.bucket and "mtc_grant" in old:
        return old["mtc_grant"]
    if spec.mtc and spec.mtc.bucket in granted_buckets(old):
        return "made"
    member = driver_principal(spec.place.project, observed.project_number)
    there = observed.bucket is not None and observed.bucket.has(OBJECT_USER, member)
    return "found" if there else "made"
