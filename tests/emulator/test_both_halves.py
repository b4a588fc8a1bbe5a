"""GKE's half and the real Kubernetes half together, on an instant clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from xpk.emulator.cloud import kubernetes_world
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
PARENT = "/v1/projects/proj-1/locations/us-east5"
KUBERNETES = "/kubernetes/projects/proj-1/locations/us-east5/clusters/mtc"
HOOKS = "/apis/admissionregistration.k8s.io/v1"
PLACES = {
    "Namespace": "/api/v1/namespaces/{name}",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps/{name}",
    "Secret": "/api/v1/namespaces/{namespace}/secrets/{name}",
    "Service": "/api/v1/namespaces/{namespace}/services/{name}",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{name}",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings/{name}",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}",
    "MutatingWebhookConfiguration": HOOKS + "/mutatingwebhookconfigurations/{name}",
    "ValidatingWebhookConfiguration": HOOKS + "/validatingwebhookconfigurations/{name}",
}
APPLY = "?fieldManager=xpk&fieldValidation=Strict&force=false"


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(time_scale=0, state_dir=tmp_path) as running:
        yield running


@pytest.fixture
def ready(whole: Emulator, call_at: Call, mtc_cluster: Json, slice_pool: Json) -> Emulator:
    """A cluster with two slices."""
    assert call_at(whole, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})[0] == 200
    for index in range(2):
        pool = {**slice_pool, "name": f"mtc-np-{index}"}
        assert call_at(whole, "POST", f"{PARENT}/clusters/mtc/nodePools", {"nodePool": pool})[0] == 200
    return whole


def nodes(call_at: Call, emulator: Emulator) -> list[Json]:
    """The cluster's TPU hosts."""
    selector = "cloud.google.com/gke-tpu-topology%3D4x4x4"
    found: list[Json] = call_at(emulator, "GET", f"{KUBERNETES}/api/v1/nodes?labelSelector={selector}")[1][
        "items"
    ]
    return found


def apply(call_at: Call, emulator: Emulator, item: Json) -> tuple[int, Any]:
    """Server-side apply, as the tool does it."""
    path = PLACES[item["kind"]].format(**item["metadata"])
    headers = {"Content-Type": "application/apply-patch+yaml"}
    return call_at(emulator, "PATCH", KUBERNETES + path + APPLY, item, headers)


def test_hosts_come_and_go_with_their_pool(ready: Emulator, call_at: Call) -> None:
    assert len(nodes(call_at, ready)) == 32
    assert call_at(ready, "DELETE", f"{PARENT}/clusters/mtc/nodePools/mtc-np-1")[0] == 200
    pools = {node["metadata"]["labels"]["cloud.google.com/gke-nodepool"] for node in nodes(call_at, ready)}
    assert pools == {"mtc-np-0"}


def test_a_lost_host_is_gone(ready: Emulator, call_at: Call) -> None:
    name = nodes(call_at, ready)[0]["metadata"]["name"]
    fault = {"world": "host-lost", "cluster": "mtc", "node": name}
    assert call_at(ready, "POST", "/_emulator/faults", fault)[0] == 200
    fault["node"] = "no-such-node"
    assert call_at(ready, "POST", "/_emulator/faults", fault)[0] == 404


@pytest.mark.parametrize(("component", "version"), [("jobset", "v0.12.0"), ("kueue", "v0.19.2")])
def test_the_release_files_are_applied_as_they_are(
    ready: Emulator, call_at: Call, component: str, version: str
) -> None:
    path = f"/releases/kubernetes-sigs/{component}/releases/download/{version}/manifests.yaml"
    items = list(yaml.load_all(call_at(ready, "GET", path)[1], getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    for item in items:
        status, answer = apply(call_at, ready, item)
        assert status == 201, answer
    versions = []
    for item in items:
        status, answer = apply(call_at, ready, item)
        assert status == 200, answer
        versions.append(answer["metadata"]["resourceVersion"])
    [deployment] = [item for item in items if item["kind"] == "Deployment"]
    shown = call_at(ready, "GET", KUBERNETES + PLACES["Deployment"].format(**deployment["metadata"]))[1]
    assert shown["status"]["availableReplicas"] == 1
    again = [apply(call_at, ready, item)[1]["metadata"]["resourceVersion"] for item in items]
    assert again == versions


def test_both_halves_come_back_from_the_state(ready: Emulator, call_at: Call, tmp_path: Path) -> None:
    before = call_at(ready, "GET", "/_emulator/objects")[1]
    ready.stop()
    with Emulator(time_scale=0, state_dir=tmp_path) as second:
        after = call_at(second, "GET", "/_emulator/objects")[1]
        assert len(nodes(call_at, second)) == 32
    assert after["clusters"] == before["clusters"]
    assert after["kubernetes"] == before["kubernetes"]


def test_time_jumps_to_what_is_near_and_not_to_what_is_far(ready: Emulator, call_at: Call) -> None:
    """On an instant clock a finished job that is kept for a day can still be looked at."""
    jobs = f"{KUBERNETES}/apis/batch/v1/namespaces/default/jobs"
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    for name, seconds in (("short", 60), ("long", 86_400)):
        spec = {"ttlSecondsAfterFinished": seconds, "template": {"spec": pod}}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}
        assert call_at(ready, "POST", jobs, job)[0] == 201
    for item in call_at(ready, "GET", f"{KUBERNETES}/api/v1/namespaces/default/pods")[1]["items"]:
        fault = {"world": "pod-exit", "cluster": "mtc", "namespace": "default", "code": 0}
        call_at(ready, "POST", "/_emulator/faults", {**fault, "pod": item["metadata"]["name"]})
    assert [item["metadata"]["name"] for item in call_at(ready, "GET", jobs)[1]["items"]] == ["long"]


def test_a_mount_that_is_tried_in_vain_for_ever_lets_an_instant_clock_rest(
    ready: Emulator, call_at: Call
) -> None:
    """The driver has no role on its bucket: tried again for an hour, and then when something changes."""
    config = {
        "apiVersion": "checkpointing.gke.io/v1",
        "kind": "CheckpointConfiguration",
        "metadata": {"name": "mtc"},
        "spec": {
            "cloudStorageBucketName": "my-bucket",
            "inMemoryVolumeSize": "10Gi",
            "nodeSelector": {"node.kubernetes.io/instance-type": "ct5p-hightpu-4t"},
            "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
        },
    }
    path = f"{KUBERNETES}/apis/checkpointing.gke.io/v1/checkpointconfigurations"
    before = ready.clock.now()
    assert call_at(ready, "POST", path, config)[0] == 201

    def drivers() -> int:
        return int(call_at(ready, "GET", f"{path}/mtc")[1]["status"]["readyDriverPods"])

    assert drivers() == 0
    rest = ready.clock.now()
    assert 3000 < rest - before < 5000
    assert [drivers() for _ in range(3)] == [0, 0, 0]
    assert ready.clock.now() == rest, "looking makes no time pass"
    bucket = "/storage/v1/b/my-bucket/iam"
    number = call_at(ready, "GET", "/v3/projects/proj-1")[1]["name"].rpartition("/")[2]
    account = "ns/gke-managed-checkpointing/sa/gke-checkpointing-multitier-node"
    pool = f"projects/{number}/locations/global/workloadIdentityPools/proj-1.svc.id.goog"
    policy = call_at(ready, "GET", bucket)[1]
    member = f"principal://iam.googleapis.com/{pool}/subject/{account}"
    policy["bindings"] = [{"role": "roles/storage.objectUser", "members": [member]}]
    assert call_at(ready, "PUT", bucket, policy)[0] == 200
    assert drivers() == 32, "the next try finds the role"


class Restless:
    """A controller that changes something whenever it is asked, and always wants to be asked again."""

    def __init__(self, world: Any) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def tick(self) -> float:
        self._world.changes += 1
        return 1.0


def test_two_controllers_that_undo_each_other_do_not_keep_the_lock_for_ever(
    call_at: Call, mtc_cluster: Json
) -> None:
    def factory(*arguments: Any) -> Any:
        return Restless(kubernetes_world(*arguments))

    with Emulator(time_scale=0, world_factory=factory) as emulator:
        assert call_at(emulator, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})[0] == 200
        assert call_at(emulator, "GET", f"{PARENT}/clusters/mtc")[1]["status"] == "RUNNING"
        moment = emulator.clock.now()
        assert call_at(emulator, "GET", f"{KUBERNETES}/version")[0] == 200
        assert emulator.clock.now() == moment
