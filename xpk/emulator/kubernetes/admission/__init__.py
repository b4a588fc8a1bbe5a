"""What happens to an object between the request and the store, besides its schema.

In order: the installed webhooks must answer; then Kubernetes' own rules, JobSet's and Kueue's change and
check it.
"""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.admission import core, jobset, kueue, webhooks
from xpk.emulator.kubernetes.admission.core import NEED_SPEC
from xpk.emulator.kubernetes.admission.review import Review
from xpk.emulator.kubernetes.errors import Cause
from xpk.emulator.kubernetes.schema import Node

Json = dict[str, Any]
__all__ = ["NEED_SPEC", "Review", "immutable", "mutate", "validate"]


def mutate(review: Review, obj: Json) -> Json:
    """The object as the defaults and the mutating webhooks leave it."""
    if review.status:
        return obj
    webhooks.reach(review, "mutating", obj)
    obj = core.mutate(review, obj)
    if jobset.active(review.cluster):
        obj = jobset.mutate(review, obj)
    if kueue.active(review.cluster):
        obj = kueue.mutate(review, obj)
    return obj


def validate(review: Review, obj: Json) -> None:
    """Raises what the validating rules refuse."""
    if review.status:
        return
    causes = [*core.validate(review, obj), *kueue.check_rules(review, obj)]
    if causes:
        kind = review.kind
        raise errors.invalid(kind.kind, kind.group, obj["metadata"]["name"], causes)
    webhooks.reach(review, "validating", obj)
    if jobset.active(review.cluster):
        jobset.validate(review, obj)
    if kueue.active(review.cluster):
        kueue.validate(review, obj)


def immutable(node: Node, old: Any, new: Any, path: str = "") -> list[Cause]:
    """Faults against the rule ``self == oldSelf`` of a custom resource's schema: it holds where both are
    present.
    """
    if old is None or new is None or old == new:
        return []
    if node.immutable:
        shown = new if isinstance(new, str | int) else "object"
        return [errors.invalid_value(path, shown, "Value is immutable")]
    found: list[Cause] = []
    if isinstance(old, dict) and isinstance(new, dict):
        for name, child in node.fields.items():
            if child.custom:
                where = f"{path}.{name}" if path else name
                found += immutable(child, old.get(name), new.get(name), where)
    elif isinstance(old, list) and isinstance(new, list) and node.keys and node.items is not None:
        before = {tuple(item.get(key) for key in node.keys): item for item in old}
        for index, item in enumerate(new):
            same = before.get(tuple(item.get(key) for key in node.keys))
            found += immutable(node.items, same, item, f"{path}[{index}]")
    return found
