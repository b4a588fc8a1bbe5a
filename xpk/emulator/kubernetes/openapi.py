"""As much of OpenAPI v3 as a client needs to learn that the server itself checks fields.

Not the schemas: kubectl asks here whether `fieldValidation` is known for a kind, and then sends it.
"""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.errors import no_such_path
from xpk.emulator.kubernetes.kinds import Kind, Kinds

Json = dict[str, Any]
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def index(kinds: Kinds) -> Json:
    """``/openapi/v3``: one document per group and version."""
    places = sorted({_place(kind, version) for kind in kinds for version in kind.versions})
    return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in places}}


def document(kinds: Kinds, group: str, version: str) -> Json:
    """The patch of each kind of one group and version. Raises 404."""
    found = [kind for kind in kinds if kind.group == group and version in kind.versions]
    if not found:
        raise no_such_path()
    paths = {}
    for kind in found:
        middle = "namespaces/{namespace}/" if kind.namespaced else ""
        paths[f"/{_place(kind, version)}/{middle}{kind.plural}/{{name}}"] = {
            "patch": {
                "parameters": [{"name": name, "in": "query"} for name in _PARAMETERS],
                "responses": {},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind.kind},
            }
        }
    return {"openapi": "3.0.0", "info": {"title": "xpk emulator", "version": version}, "paths": paths}


def _place(kind: Kind, version: str) -> str:
    return f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"
