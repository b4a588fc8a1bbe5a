"""Whatever is sent, the answer is a status, and the controllers go on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpk.emulator.kubernetes import crds

Json = dict[str, Any]
ODD: list[object] = [
    None,
    True,
    -1,
    0,
    3.5,
    "",
    "x",
    "A b",
    "-1Gi",
    "9" * 70,
    [],
    [1],
    [{}],
    [None],
    {},
    {"x": 1},
]
POD_SPEC: Json = {
    "containers": [
        {
            "name": "c",
            "image": "i",
            "env": [{"name": "A", "value": "1"}],
            "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "1", "google.com/tpu": 4}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }
    ],
    "volumes": [{"name": "v", "csi": {"driver": "multitier-checkpoint.csi.storage.gke.io"}}],
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}}
            ]
        }
    },
}


def bodies() -> list[Json]:
    meta: Json = {"name": "n", "namespace": "default", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    wide = {"name": "n", "labels": {"a": "b"}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
    workload = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    never = {"spec": {**POD_SPEC, "restartPolicy": "Never"}}
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}
    job = {"parallelism": 2, "completions": 2, "podFailurePolicy": {"rules": [rule]}, "template": never}
    replicated = [{"name": "r", "replicas": 2, "template": {"spec": job}}]
    failure = {"maxRestarts": 1, "rules": [{"name": "f", "action": "FailJobSet"}]}
    quota = {"name": "f", "resources": [{"name": "google.com/tpu", "nominalQuota": 4}]}
    group = {"coveredResources": ["google.com/tpu"], "flavors": [quota]}
    kueue = "kueue.x-k8s.io/v1beta2"
    mtc = {"cloudStorageBucketName": "b", "inMemoryVolumeSize": "1Gi", "nodeSelector": {"a": "b"}}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": POD_SPEC},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": wide},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 1}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": workload},
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta, "spec": workload},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": job},
        {
            "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "kind": "JobSet",
            "metadata": {**meta, "labels": {"kueue.x-k8s.io/queue-name": "n"}},
            "spec": {"replicatedJobs": replicated, "failurePolicy": failure, "network": {"subdomain": "s"}},
        },
        {"apiVersion": kueue, "kind": "ClusterQueue", "metadata": wide, "spec": {"resourceGroups": [group]}},
        {"apiVersion": kueue, "kind": "LocalQueue", "metadata": meta, "spec": {"clusterQueue": "n"}},
        {"apiVersion": kueue, "kind": "ResourceFlavor", "metadata": wide, "spec": {"nodeLabels": {"a": "b"}}},
        {
            "apiVersion": "checkpointing.gke.io/v1",
            "kind": "CheckpointConfiguration",
            "metadata": wide,
            "spec": mtc,
        },
        crds.checkpointing_crd(),
    ]


def paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from paths(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from paths(child, (*path, index))


def replaced(body: Json, path: tuple[Any, ...], value: object) -> Json:
    result = copy.deepcopy(body)
    level: Any = result
    for part in path[:-1]:
        level = level[part]
    level[path[-1]] = value
    return result


@st.composite
def requests(draw: st.DrawFn) -> tuple[Json, str]:
    body = draw(st.sampled_from(bodies()))
    for _ in range(draw(st.integers(0, 2))):
        choices = [path for path in paths(body) if path and path[0] in ("metadata", "spec", "data")]
        if choices:
            body = replaced(body, draw(st.sampled_from(choices)), draw(st.sampled_from(ODD)))
    return body, draw(st.sampled_from(["POST", "PATCH", "PUT", "MERGE"]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests())
def test_no_request_breaks_the_world(
    queued: Any, jobset: Callable[..., Json], request: tuple[Json, str]
) -> None:
    body, method = request
    queued.world.set_addon("HighScaleCheckpointing", True)
    name, namespace = "n", "default"
    headers = {"content-type": "application/apply-patch+yaml"}
    if method == "MERGE":
        method, headers = "PATCH", {"content-type": "application/merge-patch+json"}
    collection = queued.path(body["kind"], "", namespace)
    if body["kind"] == "CustomResourceDefinition":
        name = "checkpointconfigurations.checkpointing.gke.io"
    path = collection if method == "POST" else f"{collection}/{name}"
    response = queued.call(method, f"{path}?fieldManager=xpk&fieldValidation=Warn", body, headers)
    assert response.status in (200, 201, 400, 403, 404, 409, 422, 500), response.body
    queued.advance(60)
    listed = queued.call("GET", collection)
    assert listed.status in (200, 404)
