"""docs/rbac.yaml: each command works with the rights that stand there, and not with one of them less."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import User
from tests.controlplane.program import (
    CREATE,
    DEPLOYMENTS,
    OBJECTS,
    PRIORITIES,
    WORKLOAD,
    Program,
    program,
    remove,
)
from xpk.cloud.kube import Kube
from xpk.errors import AccessError

pytestmark = [pytest.mark.xdist_group("controlplane"), pytest.mark.slow]

Json = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io"
_ROOT = f"/apis/{_RBAC}/v1"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_WITHOUT_ACCESS = 3
W1 = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets/w1"
_GRANTS = "attempting to grant RBAC permissions not currently held"


class Right(NamedTuple):
    """One verb on one resource."""

    role: str
    group: str
    resource: str
    verb: str


def _rights() -> list[Right]:
    text = (Path(__file__).parent.parent.parent / "docs" / "rbac.yaml").read_text(encoding="utf-8")
    return [
        Right(role["metadata"]["name"].removeprefix("xpk-"), group, resource, verb)
        for role in yaml.safe_load_all(text)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


RIGHTS = _rights()
_AT = ("--cluster", "c1")
COMMANDS: dict[str, tuple[str, ...]] = {
    "workload-list": ("workload", "list", *_AT),
    "workload-describe": ("workload", "describe", *_AT, "--workload", "w1"),
    "workload-create": (*WORKLOAD, "--workload", "w1"),
    "workload-delete": ("workload", "delete", *_AT, "--workload", "w1", "--yes"),
    "cluster-describe": ("cluster", "describe", *_AT),
    "cluster-delete": ("cluster", "delete", *_AT, "--dry-run"),
    "cluster-create": CREATE,
    "cluster-install": CREATE,
}
_WITH_W1 = ("workload-list", "workload-describe", "workload-delete")
_WAIT = ("workload", "list", *_AT, "--wait-for-job-completion", "w1", "--timeout", "1")
_REPLACE = tuple("30Gi" if word == "20Gi" else word for word in CREATE)
_AGAIN = (*WORKLOAD, "--workload", "w1", "--max-restarts", "7")


@pytest.fixture(scope="module")
def xpk(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program, with its cluster created by the administrator."""
    with program(control_plane, tmp_path_factory.mktemp("home")) as found:
        found.works(*CREATE)
        yield found
        found.works("workload", "delete", *_AT, "--yes")


def user_with(plane: ControlPlane, rights: Sequence[Right]) -> User:
    """Someone new with these rights and no others, from the moment in which the server knows them."""
    user = plane.new_user()
    name = user.name.partition("@")[0]
    rules = [{"apiGroups": [r.group], "resources": [r.resource], "verbs": [r.verb]} for r in rights]
    plane.api.request("POST", f"{_ROOT}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "name": user.name, "apiGroup": _RBAC}],
    }
    plane.api.request("POST", f"{_ROOT}/clusterrolebindings", binding)
    asked = {"group": rights[0].group, "resource": rights[0].resource, "verb": rights[0].verb}
    review = {"spec": {"user": user.name, "resourceAttributes": asked}}
    plane.wait(lambda: bool(plane.api.request("POST", _REVIEWS, review)["status"]["allowed"]), "the rights")
    return user


def rights_of(*roles: str, without: Right | None = None) -> list[Right]:
    """All rights of these roles, whoever of them gives it, but one."""
    gone = without[1:] if without else None
    return [right for right in RIGHTS if right.role in roles and right[1:] != gone]


def roles_for(role: str) -> tuple[str, ...]:
    """A role, and the one that it adds to."""
    base = {"workload-create-more": "workload-create", "cluster-install": "cluster-create"}.get(role)
    return (base, role) if base else (role,)


def command_for(right: Right, plane: ControlPlane) -> tuple[str, ...]:
    """The command that needs a right: one role serves more than one form of a command."""
    match right:
        case Right("workload-list", _, _, "get"):
            return _WAIT
        case Right("workload-create-more", _, "jobsets", _):
            return _AGAIN
        case Right("workload-create-more", _, "serviceaccounts", _):
            return (*COMMANDS["workload-create"], "--service-account", "default")
        case Right("workload-create-more", _, "localqueues", _):
            return (*COMMANDS["workload-create"], "--namespace", plane.new_namespace("team"))
        case Right("cluster-create", _, _, "delete"):
            return _REPLACE
        case _:
            return COMMANDS[right.role]


def prepare(xpk: Program, plane: ControlPlane, right: Right) -> None:
    """Bring about the moment in which a right is needed."""
    needs_w1 = right.role in _WITH_W1 or (right.role, right.resource) == ("workload-create-more", "jobsets")
    if needs_w1:
        xpk.works(*COMMANDS["workload-create"])
    elif right.role.startswith("workload-"):
        remove(plane, (W1,))
    if right.role == "cluster-create" and right.verb in ("patch", "create"):
        # Kueue holds a flavor that a queue names, and a queue that a workload is in.
        gone = "/apis/kueue" if right.group.startswith("kueue") else f"/{right.resource}/"
        remove(plane, (W1, *(p for p in (*OBJECTS, *PRIORITIES) if gone in p)))
    elif right.role == "cluster-create" and (right.resource, right.verb) in (
        ("events", "list"),
        ("checkpointconfigurations", "get"),
    ):
        remove(plane, tuple(p for p in OBJECTS if "/checkpointconfigurations/" in p))
    elif right.role == "cluster-create" and right.verb == "delete":
        xpk.works(*CREATE)


@pytest.mark.parametrize("role", COMMANDS)
def test_the_rights_of_its_role_are_enough(xpk: Program, control_plane: ControlPlane, role: str) -> None:
    user = user_with(control_plane, rights_of(*roles_for(role)))
    prepare(xpk, control_plane, Right(role, "", "", ""))
    if role == "cluster-create":
        remove(control_plane, (*OBJECTS, *PRIORITIES))
    if role == "cluster-install":
        remove(control_plane, DEPLOYMENTS)
    with xpk.as_user(control_plane, user) as url:
        xpk.works(*COMMANDS[role], url=url)
        if role == "workload-list":
            assert xpk(*_WAIT, url=url).returncode == 124
        if role == "cluster-create":
            xpk.works(*_REPLACE, url=url)


def test_the_rights_to_more_of_workload_create_are_enough(xpk: Program, control_plane: ControlPlane) -> None:
    rights = [right for right in RIGHTS if right.role == "workload-create-more"]
    user = user_with(control_plane, rights_of(*roles_for("workload-create-more")))
    with xpk.as_user(control_plane, user) as url:
        for right in rights:
            prepare(xpk, control_plane, right)
            xpk.works(*command_for(right, control_plane), url=url)


@pytest.mark.parametrize("right", [r for r in RIGHTS if r.role != "cluster-install"], ids="-".join)
def test_without_one_right_the_command_names_it(
    xpk: Program, control_plane: ControlPlane, right: Right
) -> None:
    user = user_with(control_plane, rights_of(*roles_for(right.role), without=right))
    prepare(xpk, control_plane, right)
    with xpk.as_user(control_plane, user) as url:
        done = xpk(*command_for(right, control_plane), url=url)
    assert done.returncode == _WITHOUT_ACCESS, done.stderr
    assert f'cannot {right.verb} resource "{right.resource}"' in " ".join(done.stderr.split())


def test_who_may_not_give_rights_cannot_install(xpk: Program, control_plane: ControlPlane) -> None:
    missing = next(r for r in RIGHTS if (r.resource, r.verb) == ("clusterroles", "escalate"))
    user = user_with(control_plane, rights_of(*roles_for("cluster-install"), without=missing))
    remove(control_plane, (*DEPLOYMENTS, f"{_ROOT}/clusterroles/jobset-metrics-reader"))
    with xpk.as_user(control_plane, user) as url:
        done = xpk(*CREATE, url=url)
    xpk.works(*CREATE)  # brings it back
    assert done.returncode == _WITHOUT_ACCESS, done.stderr
    assert _GRANTS in " ".join(done.stderr.split())


def released(plane: ControlPlane, resource: str) -> Json:
    """An object of JobSet's release under a name that is free; one that gives rights gives many."""
    if resource == "apiservices":  # only Kueue's release has them, and here they are left out
        service = {"name": "s", "namespace": "default"}
        spec = {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
        head: Json = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
        return {**head, "metadata": {"name": "v1.example.com"}, "spec": {**spec, "service": service}}
    found = [
        item for item in yaml.safe_load_all(plane.release("jobset")) if f"{item['kind'].lower()}s" == resource
    ]
    item = copy.deepcopy(max(found, key=lambda one: len(one.get("rules", ()))))
    item["metadata"]["name"] = f"x{item['metadata']['name']}"
    if resource == "customresourcedefinitions":
        names = item["spec"]["names"]
        item["spec"]["names"] = {key: f"x{names[key]}" for key in ("plural", "singular")} | {
            key: f"X{names[key]}" for key in ("kind", "listKind")
        }
    metadata: Json = item["metadata"]
    metadata.pop("creationTimestamp", None)
    return dict(item)


@pytest.mark.parametrize("right", [r for r in RIGHTS if r.role == "cluster-install"], ids="-".join)
def test_each_right_to_install_is_needed(
    control_plane: ControlPlane, make_kube: Callable[..., Kube], right: Right
) -> None:
    """Asked for one object that is not there, without storing it: CRDs and controllers stay in use."""
    resource = right.resource.removesuffix("s") + "bindings" if right.verb == "bind" else right.resource
    manifest = released(control_plane, resource)
    every = make_kube(user_with(control_plane, rights_of(*roles_for(right.role))))
    assert every.apply(manifest, dry_run=True)["metadata"]["name"] == manifest["metadata"]["name"]
    less = make_kube(user_with(control_plane, rights_of(*roles_for(right.role), without=right)))
    with pytest.raises(AccessError) as caught:
        less.apply(manifest, dry_run=True)
    given = right.verb in ("escalate", "bind")
    wanted = _GRANTS if given else f'cannot {right.verb} resource "{right.resource}"'
    assert wanted in str(caught.value)
