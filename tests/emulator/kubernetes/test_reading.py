"""Discovery, lists, selectors, pages, versions."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.emulator.kubernetes import crds


def fill(rig: Any) -> None:
    for index in range(5):
        labels = {"n": str(index), "kind": "odd" if index % 2 else "even"} | (
            {"first": ""} if not index else {}
        )
        meta = {"name": f"c{index}", "namespace": "default", "labels": labels}
        rig.applied({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("kind=odd", "c1 c3"),
        ("kind==odd,n!=1", "c3"),
        ("n in (1, 2)", "c1 c2"),
        ("n notin (1,2),kind", "c0 c3 c4"),
        ("first", "c0"),
        ("!first,kind=even", "c2 c4"),
    ],
)
def test_label_selectors(rig: Any, selector: str, names: str) -> None:
    fill(rig)
    found = rig.items("ConfigMap", query="?labelSelector=" + selector.replace(" ", "%20"))
    assert " ".join(item["metadata"]["name"] for item in found) == names


def test_field_selectors(rig: Any) -> None:
    fill(rig)
    assert len(rig.items("ConfigMap", query="?fieldSelector=metadata.name%3Dc3")) == 1
    assert (
        len(rig.items("ConfigMap", query="?fieldSelector=metadata.name!=c3,metadata.namespace=default")) == 5
    )
    response = rig.call("GET", rig.path("ConfigMap") + "?fieldSelector=data.x=1")
    assert (response.status, response.body["message"]) == (400, "field label not supported: data.x")


def test_pages_hold_everything_once(rig: Any) -> None:
    fill(rig)
    names: list[str] = []
    token = ""
    while True:
        page = rig.call("GET", rig.path("ConfigMap") + f"?limit=2&continue={token}").body
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == ["c0", "c1", "c2", "c3", "c4", "kube-root-ca.crt"]


@pytest.mark.parametrize("token", ["zz", "313233", "5b5d"])
def test_a_page_that_never_was(rig: Any, token: str) -> None:
    assert rig.call("GET", rig.path("ConfigMap") + f"?continue={token}").status == 400


def test_discovery_knows_built_in_and_custom_kinds(rig: Any) -> None:
    assert rig.call("GET", "/version").body["major"] == "1"
    core = rig.call("GET", "/api/v1").body["resources"]
    assert {"pods", "pods/status", "nodes"} <= {row["name"] for row in core}
    assert rig.call("GET", "/apis/jobset.x-k8s.io/v1alpha2").status == 404
    rig.applied(crds.jobset_crds()[0])
    (row,) = [
        r
        for r in rig.call("GET", "/apis/jobset.x-k8s.io/v1alpha2").body["resources"]
        if r["name"] == "jobsets"
    ]
    assert (row["kind"], row["namespaced"]) == ("JobSet", True)
    groups = {row["name"] for row in rig.call("GET", "/apis").body["groups"]}
    assert {"apps", "batch", "jobset.x-k8s.io"} <= groups
    established = rig.conditions("CustomResourceDefinition", "jobsets.jobset.x-k8s.io")["Established"]
    assert established["status"] == "True"


@pytest.mark.parametrize(
    "path", ["/api/v2/pods", "/apis/no.such/v1/things", "/api/v1/namespaces/default/things", "/x"]
)
def test_unknown_paths_are_not_found(rig: Any, path: str) -> None:
    assert rig.call("GET", path).status == 404


def test_the_old_version_of_kueue_is_served_with_a_warning(rig: Any) -> None:
    for crd in crds.kueue_crds():
        rig.applied(crd)
    body = {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "ClusterQueue",
        "metadata": {"name": "q"},
        "spec": {"cohort": "c"},
    }
    path = "/apis/kueue.x-k8s.io/{}/clusterqueues"
    made = rig.call("POST", path.format("v1beta1") + "?fieldValidation=Strict", body)
    assert made.status == 201, made.body
    assert made.headers["Warning"] == '299 - "This version is deprecated. Use v1beta2 instead."'
    new = rig.call("GET", path.format("v1beta2") + "/q")
    assert "Warning" not in new.headers
    assert new.body["spec"]["cohortName"] == "c"
    assert new.body["spec"]["queueingStrategy"] == "BestEffortFIFO"
    assert rig.call("GET", path.format("v1beta1") + "/q").body["spec"]["cohort"] == "c"
    assert rig.call("POST", path.format("v1beta2") + "?fieldValidation=Strict", body).status == 400


def test_status_is_a_path_of_its_own(rig: Any) -> None:
    rig.world.set_addon("HighScaleCheckpointing", True)
    rig.advance(40)
    head = {
        "apiVersion": "checkpointing.gke.io/v1",
        "kind": "CheckpointConfiguration",
        "metadata": {"name": "m"},
    }
    rig.applied({**head, "spec": {}, "status": {"readyDriverPods": 9}})
    assert "status" not in rig.get("CheckpointConfiguration", "m")
    path = rig.path("CheckpointConfiguration", "m") + "/status"
    merge = {"content-type": "application/merge-patch+json"}
    patched = rig.call(
        "PATCH", path, {"spec": {"inMemoryVolumeSize": "1Gi"}, "status": {"readyDriverPods": 1}}, merge
    )
    assert patched.status == 200
    assert patched.body["status"] == {"readyDriverPods": 1}
    assert patched.body["spec"] == {}


def test_a_stale_replacement_is_a_conflict(rig: Any) -> None:
    fill(rig)
    old = rig.get("ConfigMap", "c0")
    path = rig.path("ConfigMap", "c0")
    assert rig.call("PUT", path, {**old, "data": {"a": "1"}}).status == 200
    response = rig.call("PUT", path, {**old, "data": {"a": "2"}})
    assert (response.status, response.body["reason"]) == (409, "Conflict")
    taken = rig.call("POST", rig.path("ConfigMap"), {"metadata": {"name": "c0"}})
    assert (taken.status, taken.body["reason"]) == (409, "AlreadyExists")


def test_json_patch(rig: Any) -> None:
    fill(rig)
    steps = [
        {"op": "add", "path": "/data", "value": {"a": "1"}},
        {"op": "replace", "path": "/metadata/labels/n", "value": "9"},
    ]
    headers = {"content-type": "application/json-patch+json"}
    response = rig.call("PATCH", rig.path("ConfigMap", "c0"), steps, headers)
    assert response.status == 200
    assert response.body["data"] == {"a": "1"}
    assert response.body["metadata"]["labels"]["n"] == "9"
    missing = [{"op": "remove", "path": "/data/none"}]
    assert rig.call("PATCH", rig.path("ConfigMap", "c0"), missing, headers).status == 422
