"""Lists: which objects, of which version of the collection, and how many at once.

Not what is asked of each object: that is in `selectors.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.errors import ApiError, Cause
from xpk.emulator.kubernetes.options import first, truth
from xpk.emulator.kubernetes.selectors import Predicate
from xpk.emulator.kubernetes.store import Store

Json = dict[str, Any]
_VERSION = "meta.k8s.io/v1"
_MATCHES = ("Exact", "NotOlderThan")


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The parameters of a list or watch. ``limit`` 0 is all; ``version`` is as it was sent."""

    limit: int
    token: str
    version: str
    match: str
    initial_events: bool

    @classmethod
    def read(cls, query: Mapping[str, list[str]], *, watch: bool = False) -> ListOptions:
        """Raises 400 for what cannot be read, 422 for what does not go together."""
        limit = first(query, "limit") or "0"
        if not limit.removeprefix("-").isdecimal():
            raise errors.bad_request(f'strconv.ParseInt: parsing "{limit}": invalid syntax')
        found = cls(
            max(int(limit), 0),
            first(query, "continue"),
            first(query, "resourceVersion"),
            first(query, "resourceVersionMatch"),
            truth(query, "sendInitialEvents"),
        )
        causes = found._watch_faults(query) if watch else found._list_faults()
        if causes:
            raise errors.invalid("ListOptions", "meta.k8s.io", "", causes)
        return found

    def _list_faults(self) -> list[Cause]:
        if not self.match:
            return []
        if not self.version:
            return [
                _match("Forbidden", "resourceVersionMatch is forbidden unless resourceVersion is provided")
            ]
        if self.token:
            return [_match("Forbidden", "resourceVersionMatch is forbidden when continue is provided")]
        if self.match not in _MATCHES:
            return [errors.unsupported("resourceVersionMatch", self.match, [*_MATCHES, ""])]
        if self.match == "Exact" and self.version == "0":
            text = 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'
            return [_match("Forbidden", text)]
        return []

    def _watch_faults(self, query: Mapping[str, list[str]]) -> list[Cause]:
        if "sendInitialEvents" not in query:
            if self.match:
                text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                return [_match("Forbidden", text)]
            return []
        if self.match != "NotOlderThan":
            text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            return [_match("Forbidden", text)]
        return []


def page(store: Store, resource: str, namespace: str, predicate: Predicate, options: ListOptions) -> Json:
    """``metadata`` and ``items`` of a list. Raises 400, 410 or 504 for a version that cannot be served."""
    if options.token:
        version, after = _decode(options.token)
    else:
        version, after = _asked(store, options), None
    if version < store.oldest:
        text = (
            "The provided continue parameter is too old to display a consistent list result. You can start a "
            "new list without the continue parameter."
        )
        raise ApiError(410, "Expired", text)
    items = [item for item in store.at(resource, namespace, version) if predicate(item)]
    if after is not None:
        items = [item for item in items if _place(item) > after]
    meta: Json = {"resourceVersion": str(version)}
    if 0 < options.limit < len(items):
        left = len(items) - options.limit
        meta |= {"continue": _encode(version, items[options.limit - 1]), "remainingItemCount": left}
        items = items[: options.limit]
    return {"metadata": meta, "items": items}


def _asked(store: Store, options: ListOptions) -> int:
    if options.version in ("", "0"):
        return store.version
    if not options.version.isdecimal():
        text = f'strconv.ParseUint: parsing "{options.version}": invalid syntax'
        raise errors.bad_request(f'Invalid value: "{options.version}": {text}')
    version = int(options.version)
    if version > store.version:
        raise errors.too_new(version, store.version)
    return version if options.match == "Exact" else store.version


def _match(kind: str, text: str) -> Cause:
    return Cause(f"FieldValue{kind}", "resourceVersionMatch", f"{kind}: {text}")


def _place(item: Json) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _encode(version: int, item: Json) -> str:
    body = {"v": _VERSION, "rv": version, "start": "/".join(_place(item))}
    return base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[int, tuple[str, str]]:
    """Version and last object of a token. Raises 400 for one that no list gave."""
    start = "invalid continue token: continue key is not valid: "
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError as error:
        raise errors.bad_request(f"{start}{error}") from error
    if not isinstance(body, dict) or body.get("v") != _VERSION:
        raise errors.bad_request(f"{start}server does not recognize this encoded version")
    try:
        namespace, _, name = str(body["start"]).partition("/")
        return int(body["rv"]), (namespace, name)
    except (KeyError, TypeError, ValueError) as error:
        raise errors.bad_request(f"{start}{error}") from error
