"""The official Kubernetes client, the same on both servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, watch

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import HOSTS, make_jobset

JOBSETS = ("jobset.x-k8s.io", "v1alpha2")


@pytest.fixture(scope="module")
def api(side: Side) -> Iterator[client.ApiClient]:
    """The official client on the server."""
    configuration = client.Configuration()
    configuration.host = side.url
    with client.ApiClient(configuration) as made:
        yield made


def test_typed_calls(api: client.ApiClient, namespace: str) -> None:
    core: Any = client.CoreV1Api(api)
    pools = {node.metadata.labels.get("cloud.google.com/gke-nodepool") for node in core.list_node().items}
    assert {"c1-np-0", "c1-np-1"} <= pools
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a"), data={"x": "1"})
    assert core.create_namespaced_config_map(namespace, body).data == {"x": "1"}
    core.patch_namespaced_config_map("a", namespace, {"data": {"x": "2"}})
    assert core.read_namespaced_config_map("a", namespace).data == {"x": "2"}
    core.delete_namespaced_config_map("a", namespace)
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_config_map("a", namespace)
    assert refused.value.status == 404
    assert json.loads(refused.value.body or "")["reason"] == "NotFound"
    assert client.VersionApi(api).get_code().major == "1"


def test_generated_names(api: client.ApiClient, namespace: str) -> None:
    core: Any = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="a-"))
    first, second = (core.create_namespaced_config_map(namespace, body).metadata for _ in range(2))
    assert first.name != second.name
    for meta in (first, second):
        assert meta.generate_name == "a-"
        assert len(meta.name) == len("a-") + 5


def test_a_create_without_a_name(api: client.ApiClient, namespace: str) -> None:
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(api).create_namespaced_config_map(namespace, client.V1ConfigMap())
    answer = json.loads(refused.value.body or "")
    assert (answer["code"], answer["reason"]) == (422, "Invalid")
    assert answer["message"] == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )
    version = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a", resource_version="1"))
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(api).create_namespaced_config_map(namespace, version)
    answer = json.loads(refused.value.body or "")
    assert (answer["code"], answer["message"]) == (
        500,
        "resourceVersion should not be set on objects to be created",
    )


def test_definitions_and_custom_objects(api: client.ApiClient, namespace: str) -> None:
    extensions: Any = client.ApiextensionsV1Api(api)
    found = extensions.read_custom_resource_definition("jobsets.jobset.x-k8s.io")
    assert any((c.type, c.status) == ("Established", "True") for c in found.status.conditions)
    assert found.status.accepted_names.plural == "jobsets"
    assert found.status.stored_versions == ["v1alpha2"]
    custom: Any = client.CustomObjectsApi(api)
    place = (*JOBSETS, namespace, "jobsets")
    made = custom.create_namespaced_custom_object(*place, make_jobset(namespace))
    assert made["spec"]["suspend"] is True
    assert len(custom.list_namespaced_custom_object(*place)["items"]) == 1
    custom.patch_namespaced_custom_object(*place, "w1", {"metadata": {"labels": {"a": "b"}}})
    assert custom.get_namespaced_custom_object(*place, "w1")["metadata"]["labels"]["a"] == "b"
    assert custom.delete_namespaced_custom_object(*place, "w1")["status"]


def test_a_watch_ends_by_itself_and_shows_what_happens(api: client.ApiClient, namespace: str) -> None:
    core: Any = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="w", labels={"watched": "1"}))
    core.create_namespaced_config_map(namespace, body)
    watcher: Any = watch
    seen = [
        (event["type"], event["object"].metadata.name)
        for event in watcher.Watch().stream(
            core.list_namespaced_config_map, namespace, label_selector="watched=1", timeout_seconds=1
        )
    ]
    assert seen == [("ADDED", "w")]


def test_models_read_what_a_workload_makes(side: Side, api: client.ApiClient, namespace: str) -> None:
    """The typed models raise on an object whose required fields are missing."""
    with side.world.running(make_jobset(namespace)):
        side.world.wait_running(namespace, "w1", HOSTS)
        core: Any = client.CoreV1Api(api)
        batch: Any = client.BatchV1Api(api)
        pods = core.list_namespaced_pod(namespace).items
        assert {pod.status.phase for pod in pods} == {"Running"}
        assert {pod.spec.containers[0].resources.limits["google.com/tpu"] for pod in pods} == {"4"}
        assert {pod.status.container_statuses[0].ready for pod in pods} == {True}
        jobs = batch.list_namespaced_job(namespace).items
        assert {job.spec.completion_mode for job in jobs} == {"Indexed"}
        (service,) = core.list_namespaced_service(namespace).items
        assert (service.spec.cluster_ip, service.spec.cluster_ips) == ("None", ["None"])
        assert core.list_namespaced_event(namespace).items
