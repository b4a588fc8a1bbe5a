"""Release files of JobSet and Kueue: what is let through, how large, never older."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
import yaml

from xpk.errors import StateError
from xpk.plan.observed import Observed
from xpk.plan.releases import (
    RELEASES,
    controller_resources,
    plan_release,
    read_release_file,
    sized,
    version_of,
    wants_file,
)
from xpk.plan.steps import InstallRelease, Json, ObjectRef
from xpk.spec.cluster import ClusterSpec, Controllers

MakeSpec = Callable[..., ClusterSpec]
Controller = Callable[..., tuple[ObjectRef, Json]]
JOBSET = RELEASES["JobSet"]
IMAGE = "registry.k8s.io/jobset/jobset:v0.12.0"


def release(**changes: Any) -> list[Json]:
    """A small release file of JobSet, in an order in which it must not be applied."""
    container = {
        "name": "manager",
        "image": changes.get("image", IMAGE),
        "resources": {"limits": {"memory": "4Gi"}},
    }
    metadata = {"name": "jobset-controller-manager", "namespace": "jobset-system"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "jobset-system"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"template": {"spec": {"containers": [container]}}},
        },
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "c"},
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jobset-system"}},
        *changes.get("more", []),
    ]


def as_bytes(objects: list[Json]) -> bytes:
    return yaml.safe_dump_all(objects).encode()


def test_a_published_file_passes_and_its_digest_is_kept() -> None:
    data = as_bytes(release())
    file = read_release_file(JOBSET, "jobset.yaml", data, None)
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    kinds = [manifest["kind"] for manifest in sized(file, JOBSET, controller_resources("JobSet", 8))]
    assert kinds == ["Namespace", "CustomResourceDefinition", "Service", "Deployment"]


def test_the_controller_alone_is_resized_and_the_file_stays_as_it_was() -> None:
    file = read_release_file(JOBSET, "jobset.yaml", as_bytes(release()), None)
    resources = controller_resources("JobSet", 10_000)
    deployment = sized(file, JOBSET, resources)[-1]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"] == resources
    assert file.manifests[1]["spec"]["template"]["spec"]["containers"][0]["resources"] != resources


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
INIT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {"template": {"spec": {"initContainers": [{"name": "x", "image": "evil/x:v1"}]}}},
}
REFUSED: list[tuple[str, bytes, str]] = [
    ("a kind that is not of a release", as_bytes(release(more=[POD])), "Pod p"),
    ("an image of somebody else", as_bytes(release(image="docker.io/evil/jobset:v0.12.0")), "docker.io/evil"),
    ("an image in an init container", as_bytes(release(more=[INIT])), "evil/x:v1"),
    ("an image that only starts alike", as_bytes(release(image=f"{IMAGE[:-8]}-evil:v0.12.0")), "-evil"),
    ("no controller", as_bytes(release()[:1]), "holds 0 Deployments"),
    ("two controllers", as_bytes([*release(), release()[1]]), "holds 2 Deployments"),
    ("not YAML", b"{[", "not the manifests"),
    ("empty", b"", "not the manifests"),
    ("a page of HTML", b"<html>sign in</html>", "not the manifests"),
    ("not UTF-8", b"\xff\xfe\x00", "not the manifests"),
    ("a nameless object", as_bytes([*release(), {"apiVersion": "v1", "kind": "Secret"}]), "no metadata.name"),
]


@pytest.mark.parametrize(("data", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_anything_else_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(StateError) as error:
        read_release_file(JOBSET, "jobset.yaml", data, None)
    assert any(words in f"{fault.what} {fault.why}" for fault in error.value.faults)


def test_a_digest_that_the_user_named_is_enforced() -> None:
    data = as_bytes(release())
    digest = hashlib.sha256(data).hexdigest()
    assert read_release_file(JOBSET, "f", data, digest.upper()).sha256 == digest
    with pytest.raises(StateError, match="SHA-256"):
        read_release_file(JOBSET, "f", data, "0" * 64)


@pytest.mark.parametrize(
    ("component", "hosts", "limits"),
    [
        ("JobSet", 1, {"memory": "4096Mi"}),
        ("JobSet", 3413, {"memory": "4096Mi"}),
        ("JobSet", 3414, {"memory": "4097Mi"}),
        ("Kueue", 100, {"cpu": "2", "memory": "2Gi"}),
        ("Kueue", 1000, {"cpu": "4", "memory": "32Gi"}),
        ("Kueue", 1001, {"cpu": "8", "memory": "64Gi"}),
    ],
)
def test_controllers_grow_with_the_hosts(
    component: Literal["JobSet", "Kueue"], hosts: int, limits: dict[str, str]
) -> None:
    assert controller_resources(component, hosts)["limits"] == limits


@pytest.mark.parametrize(
    ("installed", "action"),
    [
        ("v0.10.1", "0.10.1 -> 0.12.0"),
        ("v0.12.0", None),
        ("v0.13.0", None),  # newer than ours: never downgraded
        ("latest", None),  # nobody knows what it is: not ours to touch
    ],
)
def test_only_an_older_release_is_replaced(
    spec: MakeSpec, controller: Controller, installed: str, action: str | None
) -> None:
    observed = Observed(live=True, objects=dict([controller("JobSet", 128, installed)]))
    steps = plan_release("JobSet", spec(), observed, ())
    reasons = [planned.step.why for planned in steps if isinstance(planned.step, InstallRelease)]
    assert reasons == ([action] if action else [])
    assert wants_file("JobSet", spec(), observed) == bool(action)


def test_a_larger_cluster_grows_the_controller_and_a_smaller_one_leaves_it(
    spec: MakeSpec, controller: Controller
) -> None:
    observed = Observed(live=True, objects=dict([controller("JobSet", 10_000)]))
    assert plan_release("JobSet", spec(), observed, ()) == []
    small = Observed(live=True, objects=dict([controller("JobSet", 10)]))
    (install, _) = plan_release("JobSet", spec(num_slices=100), small, ())
    assert isinstance(install.step, InstallRelease)
    assert install.step.why == "limits.memory 4096Mi -> 7680Mi"


def test_an_installed_controller_that_is_not_up_yet_is_waited_for(
    spec: MakeSpec, controller: Controller
) -> None:
    ref, deployment = controller("JobSet", 128)
    observed = Observed(live=True, objects={ref: deployment | {"status": {}}})
    assert [planned.id for planned in plan_release("JobSet", spec(), observed, ())] == ["wait/jobset"]


def test_the_users_own_file_is_named_in_an_offline_plan(spec: MakeSpec) -> None:
    wanted = replace(spec(), controllers=Controllers(jobset_manifest="my.yaml", jobset_sha256="0" * 64))
    (install, _) = plan_release("JobSet", wanted, Observed.nothing(), ())
    assert isinstance(install.step, InstallRelease)
    assert (install.step.source, install.step.sha256) == ("my.yaml", "0" * 64)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("x/jobset:v0.12.0", (0, 12, 0)),
        ("x/jobset:0.9.1-rc.1", (0, 9, 1)),
        ("x/jobset:main", None),
        ("x", None),
    ],
)
def test_the_version_is_read_from_the_tag(image: str, version: tuple[int, int, int] | None) -> None:
    container = {"name": "manager", "image": image}
    assert version_of({"spec": {"template": {"spec": {"containers": [container]}}}}) == version
