"""Paths of kinds."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.cloud import kinds


@pytest.mark.parametrize(
    ("api_version", "kind", "namespace", "path"),
    [
        ("v1", "ConfigMap", "n", "/api/v1/namespaces/n/configmaps/x"),
        ("v1", "ConfigMap", None, "/api/v1/namespaces/default/configmaps/x"),
        ("v1", "Namespace", None, "/api/v1/namespaces/x"),
        ("v1", "Endpoints", "n", "/api/v1/namespaces/n/endpoints/x"),
        ("batch/v1", "Job", "n", "/apis/batch/v1/namespaces/n/jobs/x"),
        ("networking.k8s.io/v1", "Ingress", "n", "/apis/networking.k8s.io/v1/namespaces/n/ingresses/x"),
        ("scheduling.k8s.io/v1", "PriorityClass", None, "/apis/scheduling.k8s.io/v1/priorityclasses/x"),
        ("jobset.x-k8s.io/v1alpha2", "JobSet", "n", "/apis/jobset.x-k8s.io/v1alpha2/namespaces/n/jobsets/x"),
        ("kueue.x-k8s.io/v1beta2", "ClusterQueue", None, "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/x"),
        ("kueue.x-k8s.io/v1beta2", "Topology", None, "/apis/kueue.x-k8s.io/v1beta2/topologies/x"),
        (
            "kueue.x-k8s.io/v1beta2",
            "LocalQueue",
            "default",
            "/apis/kueue.x-k8s.io/v1beta2/namespaces/default/localqueues/x",
        ),
        (
            "checkpointing.gke.io/v1",
            "CheckpointConfiguration",
            None,
            "/apis/checkpointing.gke.io/v1/checkpointconfigurations/x",
        ),
        ("apiregistration.k8s.io/v1", "APIService", None, "/apis/apiregistration.k8s.io/v1/apiservices/x"),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            None,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x",
        ),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
            None,
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/x",
        ),
    ],
)
def test_path(api_version: str, kind: str, namespace: str | None, path: str) -> None:
    found = kinds.find(api_version, kind)
    assert found is not None
    assert found.path("x", namespace) == path


def test_a_collection_over_all_namespaces() -> None:
    pods = kinds.find("v1", "Pod")
    assert pods is not None
    assert (pods.collection(), pods.collection("n")) == ("/api/v1/pods", "/api/v1/namespaces/n/pods")


def test_an_unknown_kind_or_version() -> None:
    assert kinds.find("batch/v2", "Job") is None
    assert kinds.find("v1", "Widget") is None


def test_names_cannot_leave_their_segment() -> None:
    role = kinds.find("rbac.authorization.k8s.io/v1", "ClusterRole")
    assert role is not None
    assert role.path("system:a/../b?c#d").endswith("/clusterroles/system:a%2F..%2Fb%3Fc%23d")
    with pytest.raises(ValueError, match="not a name"):
        role.path("..")


@pytest.mark.parametrize(
    "manifest",
    [{}, {"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ""}}],
)
def test_a_manifest_without_a_name(manifest: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs apiVersion"):
        kinds.name_of(manifest)
