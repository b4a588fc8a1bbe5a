"""Deletion: policies, finalizers, owners, namespaces, definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.kubernetes import crds

Json = dict[str, Any]
Make = Callable[..., Json]


def config_map(name: str, namespace: str = "default", **meta: object) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **meta},
    }


@pytest.mark.parametrize("policy", ["Foreground", "Background"])
def test_everything_below_a_jobset_goes(cluster: Any, jobset: Make, policy: str) -> None:
    cluster.applied(jobset())
    cluster.advance(30)
    assert cluster.delete("JobSet", "demo", policy=policy).status == 200
    assert cluster.gone("JobSet", "demo") == (policy == "Background")
    cluster.advance(30)
    for kind in ("JobSet", "Job", "Pod"):
        assert cluster.items(kind) == []
    assert cluster.gone("Service", "demo")


def test_orphans_stay(cluster: Any, jobset: Make) -> None:
    cluster.applied(jobset())
    cluster.advance(30)
    path = cluster.path("JobSet", "demo")
    cluster.call("DELETE", path, {"propagationPolicy": "Orphan"})
    cluster.advance(30)
    assert cluster.gone("JobSet", "demo")
    assert len(cluster.items("Job")) == 2
    assert len(cluster.pods("Running")) == 8
    assert all(
        "ownerReferences" not in job["metadata"] or not job["metadata"]["ownerReferences"]
        for job in cluster.items("Job")
    )


def test_a_finalizer_holds(rig: Any) -> None:
    rig.applied(config_map("a", finalizers=["example.test/hold"]))
    rig.delete("ConfigMap", "a", policy="Background")
    assert "deletionTimestamp" in rig.get("ConfigMap", "a")["metadata"]
    merge = {"content-type": "application/merge-patch+json"}
    rig.call("PATCH", rig.path("ConfigMap", "a"), {"metadata": {"finalizers": None}}, merge)
    assert rig.gone("ConfigMap", "a")


def test_preconditions(rig: Any) -> None:
    uid = rig.applied(config_map("a"))["metadata"]["uid"]
    path = rig.path("ConfigMap", "a")
    refused = rig.call("DELETE", path, {"preconditions": {"uid": "other"}})
    assert (refused.status, refused.body["reason"]) == (409, "Conflict")
    done = rig.call("DELETE", path, {"preconditions": {"uid": uid}})
    assert (done.status, done.body["status"]) == (200, "Success")
    assert rig.call("DELETE", path).status == 404


@pytest.mark.parametrize("body", [[1], {"preconditions": "x"}, {"propagationPolicy": "Sideways"}])
def test_what_is_no_delete_options(rig: Any, body: object) -> None:
    rig.applied(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"}}
    )
    assert rig.call("DELETE", rig.path("ConfigMap", "kept"), body).status == 400
    assert not rig.gone("ConfigMap", "kept")


def test_a_collection(rig: Any) -> None:
    for name in ("a", "b", "c"):
        rig.applied(config_map(name, labels={"x": name}))
    response = rig.call("DELETE", rig.path("ConfigMap") + "?labelSelector=x%20in%20(a,b)")
    assert response.status == 200
    assert [item["metadata"]["name"] for item in rig.items("ConfigMap")] == ["c", "kube-root-ca.crt"]


def test_a_namespace_goes_with_what_is_in_it(cluster: Any, jobset: Make) -> None:
    cluster.applied({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    body = jobset()
    body["metadata"]["namespace"] = "team"
    cluster.applied(body)
    cluster.advance(30)
    assert len(cluster.pods("Running", "team")) == 8
    cluster.delete("Namespace", "team", policy="Background")
    assert cluster.get("Namespace", "team")["status"]["phase"] == "Terminating"
    refused = cluster.apply(config_map("late", "team"))
    assert (refused.status, refused.body["reason"]) == (403, "Forbidden")
    cluster.advance(60)
    assert cluster.gone("Namespace", "team")
    assert not [
        o
        for objects in cluster.world.objects().values()
        for o in objects
        if o["metadata"].get("namespace") == "team"
    ]
    assert cluster.apply(config_map("later", "team")).status == 404


def test_a_definition_goes_with_its_objects(rig: Any) -> None:
    for crd in crds.kueue_crds():
        rig.applied(crd)
    head = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ResourceFlavor"}
    rig.applied({**head, "metadata": {"name": "f"}, "spec": {}})
    rig.delete("CustomResourceDefinition", "resourceflavors.kueue.x-k8s.io", policy="Background")
    rig.advance(5)
    assert rig.call("GET", rig.path("ResourceFlavor")).status == 404
    assert "resourceflavors.kueue.x-k8s.io" not in rig.world.objects()
