"""Conditions of Kubernetes objects, read as (type, status, reason): their order and times say nothing."""

from __future__ import annotations

from dataclasses import dataclass

from xpk.cloud.errors import clean
from xpk.engine.wire import Json


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `status` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    since: str

    def as_json(self) -> Json:
        """As JSON, as Kubernetes has it."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": self.since,
        }


def conditions_of(found: Json | None) -> tuple[Condition, ...]:
    """All conditions of an object."""
    rows = (found or {}).get("status", {}).get("conditions", []) or []
    return tuple(
        Condition(
            str(row.get("type", "")),
            str(row.get("status", "")),
            clean(str(row.get("reason") or "")),
            clean(str(row.get("message") or "")),
            str(row.get("lastTransitionTime") or ""),
        )
        for row in rows
    )


def true(found: Json | None, kind: str) -> Condition | None:
    """The condition of a type, when it is True."""
    return next((c for c in conditions_of(found) if c.type == kind and c.status == "True"), None)


def false(found: Json | None, kind: str) -> Condition | None:
    """The condition of a type, when it is False."""
    return next((c for c in conditions_of(found) if c.type == kind and c.status == "False"), None)
