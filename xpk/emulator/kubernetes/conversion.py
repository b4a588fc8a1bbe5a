"""Between the versions of a kind.

Only Kueue's ClusterQueue and Cohort differ in fields that anybody here writes.
"""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.kinds import Kind

Json = dict[str, Any]
_RENAMED = {
    "clusterqueues.kueue.x-k8s.io": ("cohort", "cohortName"),
    "cohorts.kueue.x-k8s.io": ("parent", "parentName"),
}
"""Fields of the spec: (name in v1beta1, name in v1beta2)."""


def to_stored(kind: Kind, version: str, obj: Json) -> Json:
    """An object of ``version`` in the stored version."""
    if version == kind.version:
        return obj
    return _renamed(kind, {**obj, "apiVersion": kind.api_version()}, 0, 1)


def from_stored(kind: Kind, version: str, obj: Json) -> Json:
    """A stored object in ``version``."""
    if version == kind.version:
        return obj
    return _renamed(kind, {**obj, "apiVersion": kind.api_version(version)}, 1, 0)


def _renamed(kind: Kind, obj: Json, source: int, target: int) -> Json:
    names = _RENAMED.get(kind.resource)
    spec = obj.get("spec")
    if names is None or not isinstance(spec, dict) or names[source] not in spec:
        return obj
    return {
        **obj,
        "spec": {names[target] if name == names[source] else name: value for name, value in spec.items()},
    }
