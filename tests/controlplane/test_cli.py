"""The Kubernetes half of `cluster create`, by the program itself: JobSet and Kueue from their release
files, sized for the hosts; queues; ConfigMaps; and that the same again is nothing to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.manifests import IMAGES
from tests.controlplane.program import CREATE, DEPLOYMENTS, HOSTS, WORKLOAD, program
from tests.controlplane.saying import Teller
from tests.controlplane.world import World
from xpk.cloud.kube import Kube

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

Json = dict[str, Any]
_KUEUE = "/apis/kueue.x-k8s.io/v1beta2"
_FILES = {
    "jobset": "/kubernetes-sigs/jobset/releases/download/v0.12.0/manifests.yaml",
    "kueue": "/kubernetes-sigs/kueue/releases/download/v0.19.2/manifests.yaml",
}
_SIZES = {
    "jobset": {"limits": {"memory": "4Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
    "kueue": {
        "limits": {"cpu": "2", "memory": "2Gi"},
        "requests": {"cpu": "500m", "memory": "512Mi"},
    },
}
"""For 8 hosts, as the server writes these quantities."""


@dataclass(frozen=True, slots=True)
class Made:
    """A cluster that the program made, and what `--dry-run --observe -o yaml` had printed before."""

    teller: Teller
    printed: str

    def manifest(self, kind: str, name: str) -> Json:
        """A printed manifest."""
        for item in yaml.safe_load_all(self.printed):
            if item and (item["kind"], item["metadata"]["name"]) == (kind, name):
                found: Json = item
                return found
        raise LookupError(f"{kind} {name} is not printed")


@pytest.fixture(scope="module")
def made(control_plane: ControlPlane, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with program(control_plane, tmp_path_factory.mktemp("home")) as xpk:
        printed = xpk.works(*CREATE, "--dry-run", "--observe", "-o", "yaml")
        xpk.works(*CREATE)
        yield Made(Teller(xpk, World(control_plane, kube)), printed)


@pytest.fixture
def teller(made: Made) -> Iterator[Teller]:
    """No workload is left for the next test."""
    yield made.teller
    made.teller.clear()


@pytest.fixture
def world(made: Made) -> World:
    return made.teller.world


def holds(found: object, wanted: object) -> bool:
    """Whether an object has all that another one names; what the server adds is its own."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return bool(found == wanted)


def taken_out(deployment: Json) -> Json:
    """The resources of the controller, taken out of its Deployment."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    (manager,) = [one for one in containers if one["name"] == "manager"]
    resources: Json = manager.pop("resources")
    return resources


def sizes(resources: Json) -> dict[str, float]:
    """Quantities as numbers, so that 4096Mi is 4Gi."""
    units = {"m": 0.001, "Mi": 2.0**20, "Gi": 2.0**30}
    found = {}
    for part, values in resources.items():
        for name, text in values.items():
            number = str(text).rstrip("mMGi")
            found[f"{part}.{name}"] = float(number) * units.get(str(text)[len(number) :], 1.0)
    return found


def documents(plane: ControlPlane, component: str) -> list[Json]:
    """The objects of the release file that the gateway serves."""
    return [json.loads(text) for text in plane.release(component).split("\n---\n")]


@pytest.mark.parametrize("component", ["jobset", "kueue"])
def test_the_controller_is_that_of_the_release_sized_for_the_hosts(
    control_plane: ControlPlane, made: Made, world: World, component: str
) -> None:
    path = DEPLOYMENTS[list(_SIZES).index(component)]
    live, planned = world.kube.get(path) or {}, made.manifest("Deployment", path.rsplit("/", 1)[1])
    (released,) = [d for d in documents(control_plane, component) if d["kind"] == "Deployment"]
    size = taken_out(live)
    assert size == _SIZES[component]
    assert sizes(size) == sizes(taken_out(planned))
    asked = taken_out(released)
    assert all(sizes(size)[key] >= value for key, value in sizes(asked).items() if key.startswith("limits"))
    assert planned == released  # but for the size, nothing of the file is changed
    for part in ("labels", "annotations"):
        assert holds(live["metadata"].get(part, {}), released["metadata"].get(part, {}))
    assert live["spec"]["replicas"] == released["spec"].get("replicas", 1)
    (container,) = live["spec"]["template"]["spec"]["containers"]
    (wanted,) = released["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["args"]) == (IMAGES[component], wanted["args"])
    assert live["status"]["availableReplicas"] == live["spec"]["replicas"]


@pytest.mark.parametrize("component", ["jobset", "kueue"])
def test_every_object_of_the_release_file_is_applied(
    control_plane: ControlPlane, made: Made, world: World, component: str
) -> None:
    digest = hashlib.sha256(control_plane.release(component).encode()).hexdigest()
    assert f"from {_FILES[component]}, SHA-256 {digest}" in made.printed
    found = documents(control_plane, component)
    assert {"Namespace", "CustomResourceDefinition", "ClusterRole", "Deployment"} <= {
        d["kind"] for d in found
    }
    for item in found:
        live = world.kube.get(world.kube.path_of(item)) or {}
        managers = {entry["manager"] for entry in live.get("metadata", {}).get("managedFields", [])}
        assert "xpk" in managers, f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] in ("ConfigMap", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
            assert holds({k: v for k, v in live.items() if k != "metadata"}, _content(item))


def _content(item: Json) -> Json:
    return {key: value for key, value in item.items() if key != "metadata"}


def test_the_queue_hands_out_the_chips_that_are_there(world: World, made: Made) -> None:
    assert world.driver()["numberReady"] == HOSTS
    flavor = world.kube.get(f"{_KUEUE}/resourceflavors/v6e-4x4") or {}
    labels = flavor["spec"]["nodeLabels"]
    nodes = [n for n in world.kube.list("/api/v1/nodes") if holds(n["metadata"]["labels"], labels)]
    chips = sum(int(node["status"]["allocatable"]["google.com/tpu"]) for node in nodes)
    queue = world.kube.get(f"{_KUEUE}/clusterqueues/cluster-queue") or {}
    (group,) = queue["spec"]["resourceGroups"]
    assert group == {
        "coveredResources": ["google.com/tpu"],
        "flavors": [
            {"name": "v6e-4x4", "resources": [{"name": "google.com/tpu", "nominalQuota": str(chips)}]}
        ],
    }
    assert (len(nodes), chips) == (HOSTS, 4 * HOSTS)
    local = world.kube.get(f"{_KUEUE}/namespaces/default/localqueues/multislice-queue") or {}
    assert local["spec"]["clusterQueue"] == "cluster-queue"
    for item in (queue, local):
        (active,) = [c["status"] for c in item["status"]["conditions"] if c["type"] == "Active"]
        assert active == "True"
    for kind, item in (("ResourceFlavor", flavor), ("ClusterQueue", queue), ("LocalQueue", local)):
        assert holds(item["spec"], made.manifest(kind, item["metadata"]["name"])["spec"])


def test_the_config_maps_say_what_the_cluster_has(world: World, made: Made) -> None:
    data = {}
    for name in ("c1-resources-configmap", "c1-metadata-configmap"):
        live = world.kube.get(f"/api/v1/namespaces/default/configmaps/{name}") or {}
        data[name] = live["data"]
        assert live["data"] == made.manifest("ConfigMap", name)["data"]
    assert data["c1-resources-configmap"] == {"v6e-16": str(HOSTS)}
    metadata = data["c1-metadata-configmap"]
    known = {
        "slice_type": "v6e-16",
        "topology": "4x4",
        "capacity_type": "ON_DEMAND",
        "mtc_bucket": "my-bucket",
    }
    assert holds(metadata, known)


def test_the_same_cluster_again_is_nothing_to_do(made: Made) -> None:
    again = made.teller.program(*CREATE)
    assert (again.returncode, "Nothing to do" in again.stderr) == (0, True), again.stderr


def test_the_same_workload_again_is_nothing_to_do_and_after_its_end_a_new_start(
    teller: Teller, world: World
) -> None:
    teller.start("w1")
    first = world.wait_running("default", "w1", HOSTS)
    again = teller.program(*WORKLOAD, "--workload", "w1")
    assert (again.returncode, "Nothing to do" in again.stderr) == (0, True), again.stderr
    for pod in first:
        world.exit(pod, 0)
    world.wait_condition("default", "w1", "Completed")
    teller.truth("w1", "Succeeded")
    teller.start("w1")
    world.wait_running("default", "w1", HOSTS, old=first)
    teller.truth("w1", "Running")
