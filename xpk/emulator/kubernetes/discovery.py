"""Discovery: which groups, versions and kinds the API server serves."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.errors import no_such_path
from xpk.emulator.kubernetes.kinds import Kind, Kinds

Json = dict[str, Any]
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
STATUS_VERBS = ["get", "patch", "update"]
_ALL = (
    *(
        "pods",
        "replicationcontrollers",
        "services",
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
    ),
    *("statefulsets.apps", "horizontalpodautoscalers.autoscaling", "cronjobs.batch", "jobs.batch"),
)
"""What `kubectl get all` shows."""
VERSION: Json = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.5-gke.1201000",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-01-01T00:00:00Z",
    "goVersion": "go1.24",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def core() -> Json:
    """``/api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups(kinds: Kinds) -> Json:
    """``/apis``."""
    names = sorted({kind.group for kind in kinds if kind.group})
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [group(kinds, name, False) for name in names],
    }


def group(kinds: Kinds, name: str, alone: bool = True) -> Json:
    """``/apis/GROUP``. Raises 404."""
    found = [kind for kind in kinds if kind.group == name and name]
    if not found:
        raise no_such_path()
    versions: list[str] = []
    for kind in found:
        versions += [version for version in kind.versions if version not in versions]
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    head: Json = {"kind": "APIGroup", "apiVersion": "v1"} if alone else {}
    return head | {"name": name, "versions": rows, "preferredVersion": rows[0]}


def resources(kinds: Kinds, name: str, version: str) -> Json:
    """``/api/v1`` and ``/apis/GROUP/VERSION``. Raises 404."""
    found = [kind for kind in kinds if kind.group == name and version in kind.versions]
    if not found:
        raise no_such_path()
    rows: list[Json] = []
    for kind in sorted(found, key=lambda kind: kind.plural):
        rows.append(_row(kind, kind.plural, VERBS))
        if kind.status:
            rows.append(_row(kind, kind.plural + "/status", STATUS_VERBS))
    group_version = f"{name}/{version}" if name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows}


def _row(kind: Kind, name: str, verbs: list[str]) -> Json:
    row: Json = {
        "name": name,
        "singularName": "" if "/" in name else kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": verbs,
    }
    if kind.short_names and "/" not in name:
        row["shortNames"] = list(kind.short_names)
    if kind.resource in _ALL and "/" not in name:
        row["categories"] = ["all"]
    return row
