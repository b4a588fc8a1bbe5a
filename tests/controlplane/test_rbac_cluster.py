"""Rights to `cluster create` and to install: they work with those of docs/rbac.yaml, and not with one less.

No workload is ever created here, so that Kueue holds no queue for longer than it takes to look.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.controlplane import rbac
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.program import CREATE, DEPLOYMENTS, OBJECTS, PRIORITIES, Program, program, remove
from tests.controlplane.rbac import Right
from xpk.cloud.kube import Kube
from xpk.errors import AccessError

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

Json = dict[str, Any]
MakeKube = Callable[..., Kube]
_ROLE_OF_JOBSET = f"{rbac.ROLES}/jobset-metrics-reader"
_EVERY = (*OBJECTS, *PRIORITIES)
CREATING = rbac.of("cluster-create")
INSTALLING = rbac.of("cluster-install")


@pytest.fixture(scope="module")
def xpk(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program, with its cluster created by the administrator, and the roles applied."""
    rbac.apply(control_plane)
    with program(control_plane, tmp_path_factory.mktemp("home")) as found:
        created(found)
        yield found


def created(xpk: Program, *words: str, url: str | None = None) -> None:
    """The cluster is there with all that belongs to it."""
    done = xpk.here(*(words or CREATE), url=url)
    assert done.returncode == 0, done.stderr


def edited(**changed: str) -> tuple[str, ...]:
    """The words of CREATE with other values of some flags (`num_slices` for `--num-slices`)."""
    words = list(CREATE)
    for name, value in changed.items():
        words[words.index(f"--{name.replace('_', '-')}") + 1] = value
    return tuple(words)


def needed_for(right: Right) -> tuple[str, ...]:
    """The objects that are not there when a right matters: it makes them, or waits for what follows."""
    match right:
        case Right(_, _, "resourceflavors", "patch" | "create"):
            return (*_of_resource("clusterqueues"), *_of_resource("resourceflavors"))
        case Right(_, _, resource, "patch" | "create"):
            return _of_resource(resource)
        case Right(_, _, "checkpointconfigurations", "get") | Right(_, _, "events", "list"):
            return _of_resource("checkpointconfigurations")
        case _:
            return ()


def _of_resource(resource: str) -> tuple[str, ...]:
    found = tuple(path for path in _EVERY if f"/{resource}/" in path)
    assert found, resource
    return found


def command_for(right: Right) -> tuple[str, ...]:
    """What has to be asked for so that a right matters."""
    match right:
        case Right(_, _, "resourceflavors", "get" | "delete"):
            return edited(tpu_type="v6e-32")
        case Right(_, _, "pods", _) | Right(_, _, _, "delete"):
            return edited(mtc_ramdisk_size="30Gi")
        case _:
            return CREATE


@pytest.mark.parametrize("right", CREATING, ids="-".join)
def test_without_one_right_the_command_names_it(
    xpk: Program, control_plane: ControlPlane, right: Right
) -> None:
    command = command_for(right)
    if command is not CREATE:
        created(xpk)
    remove(control_plane, needed_for(right))
    user = rbac.someone_without(control_plane, right)
    with xpk.as_user(control_plane, user) as url:
        rbac.names(xpk.here(*command, url=url), right)


def test_the_rights_to_create_are_enough(xpk: Program, control_plane: ControlPlane) -> None:
    created(xpk)
    remove(control_plane, _EVERY)
    with xpk.as_user(control_plane, rbac.someone(control_plane, "cluster-create")) as url:
        xpk.works(*CREATE, url=url)
    assert all(control_plane.api.get(path) is not None for path in _EVERY)


def test_the_rights_to_install_are_enough(xpk: Program, control_plane: ControlPlane) -> None:
    remove(control_plane, (*DEPLOYMENTS, _ROLE_OF_JOBSET))
    with xpk.as_user(control_plane, rbac.someone(control_plane, "cluster-install")) as url:
        xpk.works(*CREATE, url=url)
    assert control_plane.api.get(_ROLE_OF_JOBSET) is not None


def test_who_may_not_give_rights_cannot_install(xpk: Program, control_plane: ControlPlane) -> None:
    missing = next(one for one in INSTALLING if one[2:] == ("clusterroles", "escalate"))
    remove(control_plane, (*DEPLOYMENTS, _ROLE_OF_JOBSET))
    user = rbac.someone_without(control_plane, missing)
    with xpk.as_user(control_plane, user) as url:
        done = xpk.here(*CREATE, url=url)
    created(xpk)  # brings it back
    assert done.returncode == AccessError.exit_code, done.stderr
    said = " ".join(done.stderr.split())
    assert rbac.NOT_HELD in said
    assert "the verb escalate on clusterroles and roles" in said
    assert "docs/rbac.yaml" in said


def released(plane: ControlPlane, resource: str) -> Json:
    """An object of JobSet's release under a name that is free; one that gives rights gives many."""
    if resource == "apiservices":  # only Kueue's release has them, and here they are left out
        service = {"name": "s", "namespace": "default"}
        spec = {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
        head: Json = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
        return {**head, "metadata": {"name": "v1.example.com"}, "spec": {**spec, "service": service}}
    every = yaml.load_all(plane.release("jobset"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = [item for item in every if f"{item['kind'].lower()}s" == resource]
    item: Json = copy.deepcopy(max(found, key=lambda one: len(one.get("rules", ()))))
    item["metadata"]["name"] = f"x{item['metadata']['name']}"
    item["metadata"].pop("creationTimestamp", None)
    if resource == "customresourcedefinitions":
        names = item["spec"]["names"]
        item["spec"]["names"] = {key: f"x{names[key]}" for key in ("plural", "singular")} | {
            key: f"X{names[key]}" for key in ("kind", "listKind")
        }
    return item


@pytest.fixture(scope="module")
def installer(control_plane: ControlPlane, make_kube: MakeKube) -> Kube:
    """The client of someone with all rights to install."""
    rbac.apply(control_plane)
    return make_kube(rbac.someone(control_plane, "cluster-install"))


@pytest.mark.parametrize("right", INSTALLING, ids="-".join)
def test_each_right_to_install_is_needed(
    control_plane: ControlPlane, make_kube: MakeKube, installer: Kube, right: Right
) -> None:
    """Asked for one object that is not there, without storing it: CRDs and controllers stay in use."""
    resource = right.resource.removesuffix("s") + "bindings" if right.verb == "bind" else right.resource
    manifest = released(control_plane, resource)
    assert installer.apply(manifest, dry_run=True)["metadata"]["name"] == manifest["metadata"]["name"]
    less = make_kube(rbac.someone_without(control_plane, right))
    with pytest.raises(AccessError) as caught:
        less.apply(manifest, dry_run=True)
    given = right.verb in ("escalate", "bind")
    (fault,) = caught.value.faults
    assert (rbac.NOT_HELD if given else f'cannot {right.verb} resource "{right.resource}"') in fault.why
    assert f"the verb {right.verb} on" in fault.fix or not given
    assert "docs/rbac.yaml" in fault.fix


def test_the_rights_to_install_are_those_for_what_the_releases_hold(control_plane: ControlPlane) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    kinds = {
        f"{item['kind'].lower()}s"
        for component in ("jobset", "kueue")
        for item in yaml.load_all(control_plane.release(component), Loader=loader)
    }
    assert {one.resource for one in INSTALLING} == kinds | {"apiservices"}


def test_the_rights_to_create_are_enough_to_change_a_cluster_and_to_delete_it(
    xpk: Program, control_plane: ControlPlane
) -> None:
    created(xpk)
    changes = (
        edited(mtc_ramdisk_size="30Gi"),
        edited(num_slices="3", mtc_ramdisk_size="30Gi", mtc_gcs_bucket="other-bucket"),
        (*edited(num_slices="3"), "--memory-limit", "100Gi", "--mtc-toleration-key", "team"),
        edited(tpu_type="v6e-32"),
        CREATE,  # and back: what a deleted cluster takes with it, this control plane keeps
    )
    with xpk.as_user(control_plane, rbac.someone(control_plane, "cluster-create")) as url:
        for words in changes:
            created(xpk, *words, url=url)
    with xpk.as_user(control_plane, rbac.someone(control_plane, "cluster-delete")) as url:
        xpk.works("cluster", "delete", "--cluster", "c1", "--yes", url=url)
    assert "c1" not in xpk.here("cluster", "list").stdout
    created(xpk)
