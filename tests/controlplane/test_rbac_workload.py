"""Rights to workloads and to look at a cluster: each command works with those of docs/rbac.yaml, and not with
one of them less."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.controlplane import rbac
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.program import CREATE, OBJECTS, WORKLOAD, Program, program, remove, remove_workloads
from tests.controlplane.rbac import Right
from xpk.errors import WaitTimeout

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

_AT = ("--cluster", "c1")
_LIST = ("workload", "list", *_AT)
_WAIT = (*_LIST, "--wait-for-job-completion", "w1", "--timeout", "1")
_DESCRIBE = ("workload", "describe", *_AT, "--workload", "w1")
_W1 = (*WORKLOAD, "--workload", "w1")
_NEW = (*WORKLOAD, "--workload", "new")
_AGAIN = (*_W1, "--max-restarts", "7")
_LONGER = (*_W1, "--ttl-seconds-after-finished", "7777")
_DELETE = ("workload", "delete", *_AT, "--workload", "w1", "--yes")
COMMANDS = {
    "workload-list": _LIST,
    "workload-describe": _DESCRIBE,
    "workload-create": _NEW,
    "workload-delete": _DELETE,
    "cluster-describe": ("cluster", "describe", *_AT),
    "cluster-delete": ("cluster", "delete", *_AT, "--dry-run"),
}
RIGHTS = rbac.of(*COMMANDS, "workload-create-more")


@pytest.fixture(scope="module")
def xpk(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program, with its cluster created by the administrator, and the roles applied."""
    rbac.apply(control_plane)
    with program(control_plane, tmp_path_factory.mktemp("home")) as found:
        assert found.here(*CREATE).returncode == 0
        yield found


def has_w1(xpk: Program) -> None:
    """The workload w1 is there, with its first number of restarts."""
    done = xpk.here(*_W1)
    assert done.returncode == 0, done.stderr


def command_for(right: Right, plane: ControlPlane) -> tuple[str, ...]:
    """The command that needs a right: one role serves more than one form of a command.

    What is created has a name that nothing has: without the right it is never there.
    """
    match right:
        case Right("workload-list", _, _, "get"):
            return _WAIT
        case Right("workload-create-more", _, "jobsets", "patch"):
            return _LONGER
        case Right("workload-create-more", _, "jobsets", _):
            return _AGAIN
        case Right("workload-create-more", _, "serviceaccounts", _):
            return (*_NEW, "--service-account", "default")
        case Right("workload-create-more", _, "localqueues", _):
            return (*_NEW, "--namespace", plane.new_namespace("team"))
        case _:
            return COMMANDS[right.role]


@pytest.mark.parametrize("right", RIGHTS, ids="-".join)
def test_without_one_right_the_command_names_it(
    xpk: Program, control_plane: ControlPlane, right: Right
) -> None:
    if right.resource == "jobsets" and right.role in ("workload-create-more", "workload-delete"):
        has_w1(xpk)  # all others fail in what they look at, before it matters what is there
    user = rbac.someone_without(control_plane, right)
    with xpk.as_user(control_plane, user) as url:
        rbac.names(xpk.here(*command_for(right, control_plane), url=url), right)


@pytest.mark.parametrize("role", COMMANDS)
def test_the_rights_of_its_role_are_enough(xpk: Program, control_plane: ControlPlane, role: str) -> None:
    remove_workloads(control_plane)
    has_w1(xpk)
    with xpk.as_user(control_plane, rbac.someone(control_plane, role)) as url:
        xpk.works(*COMMANDS[role], url=url)


def test_the_rights_to_list_are_enough_to_wait(xpk: Program, control_plane: ControlPlane) -> None:
    has_w1(xpk)
    with xpk.as_user(control_plane, rbac.someone(control_plane, "workload-list")) as url:
        assert xpk(*_WAIT, url=url).returncode == WaitTimeout.exit_code


def test_the_rights_to_more_of_workload_create_are_enough(xpk: Program, control_plane: ControlPlane) -> None:
    remove_workloads(control_plane)
    has_w1(xpk)
    user = rbac.someone(control_plane, "workload-create-more")
    with xpk.as_user(control_plane, user) as url:
        for right in rbac.of("workload-create-more"):
            done = xpk.here(*command_for(right, control_plane), url=url)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("workload-list", (*_LIST, "--namespace", "default")),
        ("workload-delete", _DELETE),
        ("workload-delete", ("workload", "delete", *_AT, "--namespace", "default", "--yes")),
    ],
    ids=["list", "delete one", "delete all"],
)
def test_inside_one_namespace_a_role_binding_is_enough(
    xpk: Program, control_plane: ControlPlane, role: str, words: tuple[str, ...]
) -> None:
    has_w1(xpk)
    user = rbac.someone(control_plane, role, namespace="default")
    with xpk.as_user(control_plane, user) as url:
        done = xpk.here(*words, url=url)
        assert done.returncode == 0, done.stderr
        everywhere = xpk.here(*_LIST, url=url)
    rbac.names(everywhere, Right(role, "jobset.x-k8s.io", "jobsets", "list"))


def test_the_list_of_clusters_needs_no_right_inside_one(xpk: Program, control_plane: ControlPlane) -> None:
    with xpk.as_user(control_plane, control_plane.new_user()) as url:
        assert "c1" in xpk.works("cluster", "list", url=url)


def test_the_clean_up_ends_while_a_workload_elsewhere_has_the_queues_quota(
    xpk: Program, control_plane: ControlPlane
) -> None:
    """What these tests once hung on: nothing but the end of that workload releases the ClusterQueue."""
    remove_workloads(control_plane)
    namespace = control_plane.new_namespace("team")
    assert xpk.here(*_W1, "--namespace", namespace).returncode == 0
    queue = next(path for path in OBJECTS if "/clusterqueues/" in path)

    def reserved() -> bool:
        found = control_plane.api.get(queue) or {}
        return bool(found.get("status", {}).get("reservingWorkloads"))

    control_plane.wait(reserved, "the workload has quota", 120)
    remove(control_plane, OBJECTS)
    assert all(control_plane.api.get(path) is None for path in OBJECTS)
    assert xpk.here(*CREATE).returncode == 0
