"""The record that a plan leaves on the cluster: what was asked for, and what this program made.

Kept in the metadata ConfigMap of Google's xpk, beside its own keys, so that either program can read it.
"""

from __future__ import annotations

from typing import Literal

from xpk import __version__
from xpk.catalog.versions import JOBSET, KUEUE, Release
from xpk.plan.bucket import OBJECT_USER, driver_principal
from xpk.plan.observed import Observed
from xpk.spec.capacity import Reservation
from xpk.spec.cluster import ClusterSpec

_COMPONENTS: tuple[tuple[Literal["JobSet", "Kueue"], Release], ...] = (("JobSet", JOBSET), ("Kueue", KUEUE))


def metadata_of(spec: ClusterSpec, observed: Observed) -> dict[str, str]:
    """The record of this plan on the cluster: the metadata ConfigMap of Google's xpk, and our own keys.

    `mtc_grant` says whether this program made the grant on the bucket, so that
    `cluster delete` takes back only that.
    """
    record: dict[str, str] = {
        "xpk_version": f"v{__version__}",
        "capacity_type": spec.capacity.record_name,
        "slice_type": spec.slice_type.name,
        "topology": spec.slice_type.topology_text,
    }
    if isinstance(spec.capacity, Reservation):
        record["reservation_id"] = spec.capacity.path
    old = _old_record(spec, observed)
    for component, release in _COMPONENTS:
        file = observed.releases.get(component)
        key = f"{component.lower()}_manifest"
        value = f"{release.version}-sha256-{file.sha256}" if file else old.get(key)
        if value:
            record[key] = value
    if spec.mtc:
        record["mtc_bucket"] = spec.mtc.bucket
        record["mtc_grant"] = _grant(spec, observed, old)
    return record


def _old_record(spec: ClusterSpec, observed: Observed) -> dict[str, str]:
    for ref, found in observed.objects.items():
        if ref.kind == "ConfigMap" and ref.name == f"{spec.name}-metadata-configmap":
            return dict(found.get("data", {}))
    return {}


def _grant(spec: ClusterSpec, observed: Observed, old: dict[str, str]) -> str:
    if spec.mtc and old.get("mtc_bucket") == spec.mtc.bucket and "mtc_grant" in old:
        return old["mtc_grant"]
    member = driver_principal(spec.place.project, observed.project_number)
    there = observed.bucket is not None and observed.bucket.has(OBJECT_USER, member)
    return "found" if there else "made"
