"""The official Kubernetes client, over a socket, against an emulated cluster."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, watch

from xpk.emulator.kubernetes import crds
from xpk.emulator.server import Emulator

Json = dict[str, Any]
LOCATION = "/v1/projects/p/locations/us-east5-b"


def rest(url: str, body: Json | None = None) -> Json:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        loaded: Json = json.load(answer)
    return loaded


def eventually(check: Any) -> Any:
    """The first true result within a real minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = check()
        if found:
            return found
    raise AssertionError("not in time")


@pytest.fixture(scope="module")
def api() -> Iterator[client.ApiClient]:
    with Emulator(port=0, time_scale=0.002) as emulator:
        cluster = {"name": "demo", "initialNodeCount": 1, "nodeConfig": {"machineType": "e2-standard-4"}}
        operation = rest(f"{emulator.url}{LOCATION}/clusters", {"cluster": cluster})["name"]
        eventually(lambda: rest(f"{emulator.url}{LOCATION}/operations/{operation}")["status"] in ("DONE", 3))
        configuration = client.Configuration()
        configuration.host = f"{emulator.url}/kubernetes/projects/p/locations/us-east5-b/clusters/demo"
        with client.ApiClient(configuration) as made:
            yield made


def test_typed_calls(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    (node,) = eventually(lambda: core.list_node().items)
    assert node.metadata.labels["cloud.google.com/gke-nodepool"] == "default-pool"
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a"), data={"x": "1"})
    assert core.create_namespaced_config_map("default", body).data == {"x": "1"}
    core.patch_namespaced_config_map("a", "default", {"data": {"x": "2"}})
    assert core.read_namespaced_config_map("a", "default").data == {"x": "2"}
    core.delete_namespaced_config_map("a", "default")
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_config_map("a", "default")
    assert refused.value.status == 404
    assert json.loads(refused.value.body or "")["reason"] == "NotFound"
    assert client.VersionApi(api).get_code().major == "1"


def test_a_definition_and_its_objects(api: client.ApiClient) -> None:
    extensions = client.ApiextensionsV1Api(api)
    definition = client.V1CustomResourceDefinition.from_dict(crds.checkpointing_crd())
    assert definition is not None
    extensions.create_custom_resource_definition(definition)
    name = "checkpointconfigurations.checkpointing.gke.io"

    def established() -> bool:
        status = extensions.read_custom_resource_definition(name).status
        return any(
            c.type == "Established" and c.status == "True" for c in (status and status.conditions) or ()
        )

    eventually(established)
    custom = client.CustomObjectsApi(api)
    place = ("checkpointing.gke.io", "v1", "checkpointconfigurations")
    head = {"apiVersion": "checkpointing.gke.io/v1", "kind": "CheckpointConfiguration"}
    spec = {"inMemoryVolumeSize": "1Gi"}
    custom.create_cluster_custom_object(*place, {**head, "metadata": {"name": "m"}, "spec": spec})
    listed: Any = custom.list_cluster_custom_object(*place)
    assert len(listed["items"]) == 1
    custom.delete_cluster_custom_object(*place, "m")


def test_a_watch_ends_by_itself_and_shows_what_happens(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="w", labels={"watched": "1"}))
    core.create_namespaced_config_map("default", body)
    watcher: Any = watch
    seen = [
        (event["type"], event["object"].metadata.name)
        for event in watcher.Watch().stream(
            core.list_namespaced_config_map, "default", label_selector="watched=1", timeout_seconds=1
        )
    ]
    assert seen == [("ADDED", "w")]
