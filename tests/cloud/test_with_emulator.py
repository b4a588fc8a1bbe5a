"""The same clients against the embedded emulator: both must mean the same by each request."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xpk.cloud.endpoints import emulated
from xpk.cloud.errors import AlreadyExists, Ambiguous, FieldConflict, NotFound
from xpk.cloud.session import Cloud
from xpk.emulator.server import Emulator
from xpk.errors import CloudError, StateError

PARENT = "projects/my-project/locations/us-east5"
NAME = f"{PARENT}/clusters/c"
CREATE: dict[str, Any] = {
    "cluster": {
        "name": "c",
        "locations": ["us-east5-a"],
        "ipAllocationPolicy": {"useIpAliases": True},
        "releaseChannel": {"channel": "REGULAR"},
        "workloadIdentityConfig": {"workloadPool": "my-project.svc.id.goog"},
        "nodePools": [{"name": "cpu", "initialNodeCount": 1, "config": {"machineType": "e2-standard-8"}}],
    }
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(time_scale=0.0001) as running:
        yield running


@pytest.fixture(scope="module")
def cloud(emulator: Emulator) -> Iterator[Cloud]:
    with Cloud(emulated(emulator.url), environ={}) as clients:
        yield clients


@pytest.fixture(scope="module")
def cluster(cloud: Cloud) -> dict[str, Any]:
    """One running cluster for the tests that only look at Kubernetes."""
    finish(cloud, cloud.gke.send("POST", f"/v1/{PARENT}/clusters", CREATE))
    found = cloud.gke.get_cluster(NAME)
    assert found is not None
    return found


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Poll until it holds; a minute is far more than a scaled operation takes."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def finish(cloud: Cloud, operation: dict[str, Any]) -> None:
    name = f"{PARENT}/operations/{operation['name']}"
    eventually(lambda: cloud.gke.get_operation(name)["status"] == "DONE", "the operation ends")


def fault(emulator: Emulator, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{emulator.url}/_emulator/faults", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


def test_a_cluster_comes_back_as_it_was_asked_for(cluster: dict[str, Any]) -> None:
    assert cluster["status"] == "RUNNING"
    assert cluster["releaseChannel"] == {"channel": "REGULAR"}
    assert cluster["workloadIdentityConfig"] == {"workloadPool": "my-project.svc.id.goog"}
    assert [pool["name"] for pool in cluster["nodePools"]] == ["cpu"]


def test_what_is_not_there(cloud: Cloud) -> None:
    assert cloud.gke.get_cluster(f"{PARENT}/clusters/none") is None
    with pytest.raises(NotFound):
        cloud.gke.send("DELETE", f"/v1/{PARENT}/clusters/none")


def test_a_taken_name(cloud: Cloud, cluster: dict[str, Any]) -> None:
    with pytest.raises(AlreadyExists):
        cloud.gke.send("POST", f"/v1/{PARENT}/clusters", CREATE)


def test_a_create_whose_answer_is_lost_is_ambiguous_and_has_happened(
    cloud: Cloud, emulator: Emulator, cluster: dict[str, Any]
) -> None:
    fault(
        emulator,
        {"match": {"method": "POST", "path": "nodePools"}, "times": 1, "when": "after", "drop": True},
    )
    pool = {"name": "late", "initialNodeCount": 1, "config": {"machineType": "e2-standard-8"}}
    with pytest.raises(Ambiguous):
        cloud.gke.send("POST", f"/v1/{NAME}/nodePools", {"nodePool": pool})
    assert cloud.gke.get_node_pool(f"{NAME}/nodePools/late") is not None


def test_versions_and_operations(cloud: Cloud, cluster: dict[str, Any]) -> None:
    channels = {entry["channel"] for entry in cloud.gke.server_config(PARENT)["channels"]}
    assert {"RAPID", "REGULAR", "STABLE"} <= channels
    assert any(o["operationType"] == "CREATE_CLUSTER" for o in cloud.gke.list_operations(PARENT))
    assert [c["name"] for c in cloud.gke.list_clusters("projects/my-project/locations/-")] == ["c"]


def test_objects(cloud: Cloud, cluster: dict[str, Any]) -> None:
    kube = cloud.kube(NAME, cluster)
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "m", "labels": {"app": "xpk"}},
        "data": {"k": "quote ' \" $(X) \n ü"},
    }
    path = kube.path_of(manifest)
    first = kube.apply(manifest)
    again = kube.apply(manifest)
    assert first["data"] == manifest["data"]
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert kube.get(path) == again
    listing = kube.list_versioned("/api/v1/configmaps", label_selector="app=xpk")
    assert [(o["kind"], o["metadata"]["name"]) for o in listing.items] == [("ConfigMap", "m")]
    with pytest.raises(FieldConflict) as caught:
        kube.apply(manifest | {"data": {"k": "other"}}, field_manager="someone")
    assert caught.value.managers == ("xpk",)
    assert caught.value.fields == (".data.k",)
    with pytest.raises(StateError, match=r"has no field \.dta"):
        kube.apply(manifest | {"dta": {}})
    kube.apply(manifest | {"data": {"k": "new"}}, dry_run=True)
    assert kube.get(path) == again
    kube.apply(manifest | {"data": {"k": "new"}})
    path_of_all = "/api/v1/namespaces/default/configmaps"
    watch = kube.watch(path_of_all, resource_version=listing.resource_version, timeout_seconds=60)
    # closed at once: `caught` holds this frame, and with it the connection, until a collection
    with contextlib.closing(watch) as events:
        kind, changed = next(events)
    assert (kind, changed["data"]["k"]) == ("MODIFIED", "new")
    assert kube.delete(path) is True
    eventually(lambda: kube.get(path) is None, "the ConfigMap is gone")
    assert kube.delete(path) is False
    with pytest.raises(AlreadyExists):
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})


def test_bucket_policy_and_project(cloud: Cloud) -> None:
    number = cloud.projects.project_number("my-project")
    assert number.isdigit()
    bucket = cloud.storage.bucket("some-bucket")
    assert bucket is not None
    assert bucket["hierarchicalNamespace"]["enabled"] is True
    assert cloud.storage.layout("some-bucket") is not None
    grant = ("some-bucket", "roles/storage.objectUser", "principal://someone")
    assert [cloud.storage.add_binding(*grant), cloud.storage.add_binding(*grant)] == [True, False]
    assert [cloud.storage.remove_binding(*grant), cloud.storage.remove_binding(*grant)] == [True, False]


def test_releases(cloud: Cloud) -> None:
    path = "/kubernetes-sigs/jobset/releases/download/v0.12.0/manifests.yaml"
    assert b"CustomResourceDefinition" in cloud.fetch_release(path)
    with pytest.raises(CloudError, match="404") as caught:
        cloud.fetch_release(path.replace("v0.12.0", "newest"))
    assert "--jobset-manifest" in caught.value.faults[0].fix
