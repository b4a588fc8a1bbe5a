"""docs/rbac.yaml as data, and people who have the rights that stand there, or all but one of them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import User
from xpk.errors import AccessError

Json = dict[str, Any]
FILE = Path(__file__).parent.parent.parent / "docs" / "rbac.yaml"
RBAC = "rbac.authorization.k8s.io"
ROLES = f"/apis/{RBAC}/v1/clusterroles"
NOT_HELD = "attempting to grant RBAC permissions not currently held"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_ADDS_TO = {"workload-create-more": "workload-create", "cluster-install": "cluster-create"}
_KNOWN = 120.0


class Right(NamedTuple):
    """One verb on one resource, and the role (without `xpk-`) that gives it."""

    role: str
    group: str
    resource: str
    verb: str


def manifests() -> list[Json]:
    """The ClusterRoles."""
    return list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))


RIGHTS = [
    Right(role["metadata"]["name"].removeprefix("xpk-"), group, resource, verb)
    for role in manifests()
    for rule in role["rules"]
    for group in rule["apiGroups"]
    for resource in rule["resources"]
    for verb in rule["verbs"]
]


def of(*roles: str) -> list[Right]:
    """The rights that these roles give, each role alone."""
    return [right for right in RIGHTS if right.role in roles]


def roles_for(role: str) -> tuple[str, ...]:
    """A role, and before it the one that it adds to."""
    base = _ADDS_TO.get(role)
    return (base, role) if base else (role,)


def apply(plane: ControlPlane) -> None:
    """The file as it stands, as `kubectl apply --server-side --validate=strict` applies it."""
    for role in manifests():
        query = {"fieldManager": "test", "fieldValidation": "Strict", "force": "true"}
        path, kind = f"{ROLES}/{role['metadata']['name']}", "application/apply-patch+yaml"
        plane.api.request("PATCH", path, role, query=query, content_type=kind)


def someone(plane: ControlPlane, role: str, *, namespace: str | None = None) -> User:
    """Someone new with the file's ClusterRoles for this role alone, in one namespace or everywhere."""
    user = plane.new_user()
    for name in roles_for(role):
        _bind(plane, user, f"xpk-{name}", of(name)[0], namespace)
    return user


def someone_without(plane: ControlPlane, right: Right) -> User:
    """Someone new with all rights of its roles, whichever of them gives it, but this one."""
    rights = [one for one in of(*roles_for(right.role)) if one[1:] != right[1:]]
    user = plane.new_user()
    name = _name(user)
    rules = [{"apiGroups": [r.group], "resources": [r.resource], "verbs": [r.verb]} for r in rights]
    plane.api.request("POST", ROLES, {"metadata": {"name": name}, "rules": rules})
    _bind(plane, user, name, rights[0])
    return user


def _bind(plane: ControlPlane, user: User, role: str, one: Right, namespace: str | None = None) -> None:
    """Bind a ClusterRole, and wait until the server knows it by one of its rights."""
    kind = "rolebindings" if namespace else "clusterrolebindings"
    inside = f"/namespaces/{namespace}" if namespace else ""
    binding = {
        "metadata": {"name": f"{_name(user)}-{role}"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user.name, "apiGroup": RBAC}],
    }
    plane.api.request("POST", f"/apis/{RBAC}/v1{inside}/{kind}", binding)
    asked = {"group": one.group, "resource": one.resource, "verb": one.verb, "namespace": namespace or ""}
    review = {"spec": {"user": user.name, "resourceAttributes": asked}}

    def known() -> bool:
        return bool(plane.api.request("POST", _REVIEWS, review)["status"]["allowed"])

    plane.wait(known, f"the rights of {role}", _KNOWN)


def _name(user: User) -> str:
    return user.name.partition("@")[0]


def names(done: subprocess.CompletedProcess[str], right: Right) -> None:
    """The program ended for want of this right, with all that a person needs to know about it."""
    assert done.returncode == AccessError.exit_code, done.stderr
    said = " ".join(done.stderr.split())
    group = f' in API group "{right.group}"'
    assert f'cannot {right.verb} resource "{right.resource}"{group}' in said
    assert "docs/rbac.yaml" in said
    assert "Traceback" not in said
