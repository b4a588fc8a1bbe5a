"""Objects that are being deleted: by an earlier run that was interrupted, or by somebody else.

Such an object takes no change any more, and holds its name until the last finalizer is gone. So it is
waited for, and then made anew.
"""

from __future__ import annotations

from xpk.plan.steps import DeleteObject, Json, ObjectRef, PlannedStep


def going(found: Json) -> bool:
    """Whether an object as observed is on its way out."""
    return bool(found.get("metadata", {}).get("deletionTimestamp"))


def gone(manifest: Json, needs: tuple[str, ...] = ()) -> PlannedStep:
    """The step that ends when the object of this name is gone."""
    ref = ObjectRef.of(manifest)
    step = DeleteObject(ref, "waited for: it is being deleted", going=True)
    return PlannedStep(f"gone/{ref.kind}/{ref.name}", step, needs)
