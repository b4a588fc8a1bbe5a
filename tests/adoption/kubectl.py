"""Writes as kubectl and Kubernetes' Python client make them: without the program's own code.

A client-side apply keeps what it applied in an annotation and is the field manager
`kubectl-client-side-apply`; with `--server-side` the manager is `kubectl` (kubectl's own sources).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_COLLECTIONS = {
    "AdmissionCheck": "admissionchecks",
    "CheckpointConfiguration": "checkpointconfigurations",
    "ClusterQueue": "clusterqueues",
    "CustomResourceDefinition": "customresourcedefinitions",
    "JobSet": "jobsets",
    "LocalQueue": "localqueues",
    "PriorityClass": "priorityclasses",
    "ProvisioningRequestConfig": "provisioningrequestconfigs",
    "ResourceFlavor": "resourceflavors",
}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def send(method: str, url: str, body: object = None, kind: str = "application/json") -> Any:
    """One request; the answer's JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Kubectl:
    """Writes to one cluster. `base` is where its API server answers."""

    base: str

    def get(self, manifest: Json) -> Json | None:
        """The object of this name, if it is there."""
        try:
            found: Json = send("GET", self._url(manifest))
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            error.close()
            return None
        return found

    def apply(self, manifest: Json) -> None:
        """`kubectl apply -f`."""
        text = json.dumps(manifest, separators=(",", ":")) + "\n"
        metadata = manifest["metadata"]
        annotations = {**metadata.get("annotations", {}), LAST_APPLIED: text}
        body = {**manifest, "metadata": {**metadata, "annotations": annotations}}
        query = "?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
        if self.get(manifest) is None:
            send("POST", self._url(manifest).rpartition("/")[0] + query, body)
        else:
            builtin = "." not in manifest["apiVersion"].partition("/")[0]
            kind = "strategic-merge-patch" if builtin else "merge-patch"
            send("PATCH", self._url(manifest) + query, body, f"application/{kind}+json")

    def apply_server_side(self, manifest: Json) -> None:
        """`kubectl apply --server-side --force-conflicts -f`."""
        query = "?fieldManager=kubectl&force=true&fieldValidation=Strict"
        send("PATCH", self._url(manifest) + query, manifest, "application/apply-patch+yaml")

    def resize(self, deployment: Json, resources: Json, manager: str = "kubectl-patch") -> None:
        """Patch the resources of a controller, with all else of its container as it is."""
        live = self.get(deployment)
        assert live is not None
        containers = live["spec"]["template"]["spec"]["containers"]
        changed = [one | {"resources": resources} if one["name"] == "manager" else one for one in containers]
        body = {"spec": {"template": {"spec": {"containers": changed}}}}
        url = f"{self._url(deployment)}?fieldManager={manager}"
        send("PATCH", url, body, "application/strategic-merge-patch+json")

    def create_by_client(self, manifest: Json) -> None:
        """As Google's xpk creates with Kubernetes' Python client: no validation, the client's own name."""
        send("POST", self._url(manifest).rpartition("/")[0] + "?fieldManager=OpenAPI-Generator", manifest)

    def _url(self, manifest: Json) -> str:
        group, _, version = manifest["apiVersion"].rpartition("/")
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        namespace = manifest["metadata"].get("namespace")
        where = f"/namespaces/{namespace}" if namespace else ""
        kind = manifest["kind"]
        return (
            f"{self.base}{root}{where}/{_COLLECTIONS.get(kind, _plural(kind))}/{manifest['metadata']['name']}"
        )


def _plural(kind: str) -> str:
    name = kind.lower()
    return name + ("es" if name.endswith("s") else "s")
