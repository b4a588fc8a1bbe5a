"""Makes such a cluster on an emulator, in xpk's order.

Left out of what xpk installs: CoreDNS in place of kube-dns, which no plan looks at.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import yaml

from tests.adoption import objects
from tests.adoption.gke import PARENT, cluster_request, pool_request, post, rapid_version
from tests.adoption.kubectl import Json, Kubectl, send
from tests.adoption.made import Made


@dataclass(frozen=True)
class Adopted:
    """One cluster of xpk's on the emulator at `url`."""

    url: str
    made: Made

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(f"{self.url}/kubernetes/{PARENT}/clusters/{self.made.name}")

    def objects(self, kind: str) -> dict[str, Json]:
        """All objects of a kind, by name, as the emulator has them."""
        worlds = send("GET", f"{self.url}/_emulator/objects")["kubernetes"]
        (world,) = [one for name, one in worlds.items() if name.endswith(f"/{self.made.name}")]
        found = [item for items in world["objects"].values() for item in items]
        return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}

    def pods(self) -> dict[str, tuple[str, str, int]]:
        """The workload's pods: uid, phase and restarts of each."""
        return {
            name: (
                pod["metadata"]["uid"],
                pod["status"].get("phase", ""),
                sum(one["restartCount"] for one in pod["status"].get("containerStatuses", [])),
            )
            for name, pod in self.objects("Pod").items()
            if name.startswith("w1-")
        }


def make(url: str, made: Made) -> Adopted:
    """The cluster, its pools, and what is in it."""
    version = rapid_version(url)
    post(url, f"{PARENT}/clusters", cluster_request(made, version))
    for number in made.pools:
        if made.half and number == made.pools[-1]:
            stockout = {"world": "stockout", "pool": f"{made.name}-np-{number}$"}
            send("POST", f"{url}/_emulator/faults", stockout)
        post(url, f"{PARENT}/clusters/{made.name}/nodePools", pool_request(made, number, version))
    send("DELETE", f"{url}/_emulator/faults")
    adopted = Adopted(url, made)
    adopted.kubectl.create_by_client(objects.storage_crd())
    if not made.half:
        _furnish(adopted)
    if made.workload:
        adopted.kubectl.apply(objects.jobset(made))
        running = made.shape.vms * len(made.pools)
        _until(lambda: [pod[1] for pod in adopted.pods().values()] == ["Running"] * running)
    return adopted


def _furnish(adopted: Adopted) -> None:
    kubectl, made = adopted.kubectl, adopted.made
    for manifest in objects.config_maps(made):
        kubectl.apply(manifest)
    _install(adopted, "jobset", made.jobset)
    limits = {"limits": {"memory": "4096Mi"}, "requests": {"cpu": "1000m", "memory": "128Mi"}}
    kubectl.resize(objects.controller("jobset"), limits, "kubectl-client-side-apply")
    _install(adopted, "kueue", made.kueue)
    for manifest in objects.queues(made):
        kubectl.apply(manifest)
    more = {"limits": {"memory": "4096Mi"}}
    kubectl.resize(objects.controller("kueue"), more)
    if made.mtc:
        _checkpointing(adopted)


def _install(adopted: Adopted, component: str, version: str) -> None:
    path = f"/releases/kubernetes-sigs/{component}/releases/download/{version}/manifests.yaml"
    with urlopen(f"{adopted.url}{path}") as answer:
        documents = list(yaml.load_all(answer.read(), Loader=yaml.CSafeLoader))
    for manifest in documents:
        old = component == "jobset" and manifest["kind"] == "Deployment"
        adopted.kubectl.apply_server_side(objects.jobset_selector(manifest) if old else manifest)
    name = f"{component}-controller-manager"
    _until(lambda: _available(adopted.objects("Deployment")[name]))


def _available(deployment: Json) -> bool:
    conditions = deployment.get("status", {}).get("conditions", [])
    return any(c["type"] == "Available" and c["status"] == "True" for c in conditions)


def _checkpointing(adopted: Adopted) -> None:
    """The grant, by gcloud; the JobSet controller's size and the configuration, by the Python client."""
    url = f"{adopted.url}/storage/v1/b/my-bucket/iam"
    policy = send("GET", url)
    number = send("GET", f"{adopted.url}/v3/projects/my-project")["name"].rpartition("/")[2]
    member = (
        f"principal://iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/"
        "my-project.svc.id.goog/subject/ns/gke-managed-checkpointing/sa/gke-checkpointing-multitier-node"
    )
    binding = {"role": "roles/storage.objectUser", "members": [member]}
    if adopted.made.workload_identity:  # without, the project may have no pool of identities to grant to
        send("PUT", url, {**policy, "bindings": [*policy.get("bindings", []), binding]})
    size = {"limits": {"memory": "4Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}}
    kubectl = adopted.kubectl
    kubectl.resize(objects.controller("jobset"), size, "OpenAPI-Generator")
    _until(
        lambda: "checkpointconfigurations.checkpointing.gke.io" in adopted.objects("CustomResourceDefinition")
    )
    kubectl.create_by_client(objects.checkpoint_configuration(adopted.made))
    _until(lambda: any(_driver_ready(one, adopted) for one in adopted.objects("DaemonSet").values()))


def _driver_ready(daemon_set: Json, adopted: Adopted) -> bool:
    status = daemon_set.get("status", {})
    hosts = adopted.made.shape.vms * len(adopted.made.pools)
    return bool(status.get("numberReady") == status.get("desiredNumberScheduled") == hosts)


def _until(happened: Any) -> None:
    """Wait for a controller, for two minutes at most."""
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def make_bare(url: str, pools: dict[str, Made], **cluster: Any) -> Adopted:
    """A cluster as Terraform or gcloud makes it: node pools by any name, nothing of xpk's in it."""
    version, first = rapid_version(url), next(iter(pools.values()))
    body = cluster_request(first, version)
    body["cluster"] = {**body["cluster"], "resourceLabels": {"made-by": "terraform"}, **cluster}
    post(url, f"{PARENT}/clusters", body)
    for name, made in pools.items():
        body = pool_request(made, 0, version)
        body["nodePool"]["name"] = name
        post(url, f"{PARENT}/clusters/{first.name}/nodePools", body)
    return Adopted(url, first)
