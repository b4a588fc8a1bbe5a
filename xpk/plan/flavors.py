"""Flavors that no queue of the cluster needs any more: found and deleted, also after an interrupted run."""

from __future__ import annotations

from collections.abc import Iterable

from xpk.plan.observed import Observed
from xpk.plan.steps import DeleteObject, Json, ObjectRef, PlannedStep

_API = "kueue.x-k8s.io/v1beta2"


def flavors_of(queue: Json) -> set[str]:
    """The names of the flavors that a ClusterQueue hands out."""
    groups: Iterable[Json] = queue.get("spec", {}).get("resourceGroups") or ()
    return {str(flavor["name"]) for group in groups for flavor in group.get("flavors", [])}


def old_flavors(queue: Json, observed: Observed, needs: tuple[str, ...]) -> list[PlannedStep]:
    """The steps that delete what our queue named, and is not to name: of another topology, or another name.

    `queue` is the manifest of our queue. A flavor that we applied and that no queue names is one of
    these, too: an interrupted run had changed the queue, and not yet deleted it.
    """
    former, others = set[str](), set[str]()
    for ref, found in observed.objects.items():
        if ref.kind == "ClusterQueue" and ref.name == queue["metadata"]["name"]:
            former |= flavors_of(found)
        elif ref.kind == "ClusterQueue":
            others |= flavors_of(found)
        elif ref.kind == "ResourceFlavor" and _ours(found):
            former.add(ref.name)
    steps = []
    for name in sorted(former - others - flavors_of(queue)):
        old = ObjectRef(_API, "ResourceFlavor", name)
        if old in observed.objects:
            step = DeleteObject(old, "no slice is of this kind any more")
            steps.append(PlannedStep(f"delete/ResourceFlavor/{name}", step, needs))
    return steps


def _ours(found: Json) -> bool:
    """Whether this program applied an object."""
    fields = found.get("metadata", {}).get("managedFields", [])
    return any(f.get("manager") == "xpk" and f.get("operation") == "Apply" for f in fields)
