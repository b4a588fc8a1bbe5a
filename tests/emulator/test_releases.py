"""The stand-ins of JobSet's and Kueue's release files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
RELEASES = "/releases/kubernetes-sigs"


def documents(call: Call, component: str, version: str) -> list[Json]:
    """The objects of a release file."""
    status, raw = call("GET", f"{RELEASES}/{component}/releases/download/{version}/manifests.yaml")
    assert status == 200
    assert raw.startswith(b"# STAND-IN of the xpk emulator.")
    return list(yaml.load_all(raw, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@pytest.mark.parametrize(
    ("component", "version", "crd"),
    [
        ("jobset", "v0.12.0", "jobsets.jobset.x-k8s.io"),
        ("jobset", "v0.10.1", "jobsets.jobset.x-k8s.io"),
        ("kueue", "v0.19.2", "clusterqueues.kueue.x-k8s.io"),
        ("kueue", "v1.0.0-rc.1", "localqueues.kueue.x-k8s.io"),
    ],
)
def test_a_release_file(call: Call, component: str, version: str, crd: str) -> None:
    items = documents(call, component, version)
    assert all(item["metadata"]["annotations"]["emulator.xpk/stand-in"] == "true" for item in items)
    keys = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in items]
    assert len(set(keys)) == len(keys)
    assert keys[0] == ("Namespace", None, f"{component}-system")
    assert ("CustomResourceDefinition", None, crd) in keys
    [deployment] = [item for item in items if item["kind"] == "Deployment"]
    assert deployment["metadata"]["name"] == f"{component}-controller-manager"
    assert deployment["metadata"]["namespace"] == f"{component}-system"
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert (container["name"], container["image"]) == (
        "manager",
        f"registry.k8s.io/{component}/{component}:{version}",
    )
    assert {kind for kind, _, _ in keys} >= {
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Service",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }


def test_two_downloads_are_the_same_bytes(call: Call) -> None:
    path = f"{RELEASES}/kueue/releases/download/v0.19.2/manifests.yaml"
    assert call("GET", path) == call("GET", path)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/jobset/releases/download/latest/manifests.yaml", 404),
        ("/lws/releases/download/v0.1.0/manifests.yaml", 404),
        ("/jobset/releases/download/v0.12.0/other.yaml", 501),
        ("/jobset/releases", 501),
    ],
)
def test_what_is_not_served(call: Call, path: str, status: int) -> None:
    assert call("GET", RELEASES + path)[0] == status
