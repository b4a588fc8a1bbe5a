"""The objects that JobSet's and Kueue's releases install, made to fit controllers outside the cluster.

Their webhooks answer on loopback ports instead of behind Services, and their Deployments are left
out: the controllers are processes. Roles, CRDs and webhook rules stay as released.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator, Sequence

from tests.controlplane.api import Api, Json, Refused
from tests.controlplane.pki import Pki

IMAGES = {
    "jobset": "registry.k8s.io/jobset/jobset:v0.12.0",
    "kueue": "registry.k8s.io/kueue/kueue:v0.19.2",
}
_LEFT_OUT = frozenset({"Deployment", "APIService"})
_API_ROOTS = {
    "v1": "/api/v1",
    "rbac.authorization.k8s.io/v1": "/apis/rbac.authorization.k8s.io/v1",
    "apiextensions.k8s.io/v1": "/apis/apiextensions.k8s.io/v1",
    "admissionregistration.k8s.io/v1": "/apis/admissionregistration.k8s.io/v1",
    "scheduling.k8s.io/v1": "/apis/scheduling.k8s.io/v1",
    "storage.k8s.io/v1": "/apis/storage.k8s.io/v1",
    "apps/v1": "/apis/apps/v1",
    "batch/v1": "/apis/batch/v1",
    "kueue.x-k8s.io/v1beta2": "/apis/kueue.x-k8s.io/v1beta2",
    "jobset.x-k8s.io/v1alpha2": "/apis/jobset.x-k8s.io/v1alpha2",
    "checkpointing.gke.io/v1": "/apis/checkpointing.gke.io/v1",
}


def adapted(objects: Sequence[Json], webhook_port: int, pki: Pki) -> list[Json]:
    """The objects as they are installed here: namespaces and CRDs first, as released otherwise."""
    found = [copy.deepcopy(item) for item in objects if item["kind"] not in _LEFT_OUT]
    for item in found:
        if item["kind"].endswith("WebhookConfiguration"):
            for webhook in item["webhooks"]:
                webhook["clientConfig"] = _client_config(webhook["clientConfig"], webhook_port, pki)
        elif item["kind"] == "CustomResourceDefinition":
            _adapt_conversion(item, webhook_port, pki)
        elif item["kind"] == "Secret" and item["metadata"]["name"] == "kueue-webhook-server-cert":
            item["data"] = _secret_data(pki)
    order = {"Namespace": 0, "CustomResourceDefinition": 1}
    return sorted(found, key=lambda item: order.get(item["kind"], 2))


def release_file(objects: Sequence[Json], component: str, webhook_port: int, pki: Pki) -> str:
    """The objects as a release publishes them, the Deployment with the release's image.

    KWOK runs the Deployment's pods and nothing is in them; the controllers are the processes.
    """
    found = adapted(objects, webhook_port, pki)
    for item in copy.deepcopy(list(objects)):
        if item["kind"] == "Deployment":
            for container in item["spec"]["template"]["spec"]["containers"]:
                container["image"] = IMAGES[component]
            found.append(item)
    return "\n---\n".join(json.dumps(item) for item in found)


def configuration(objects: Sequence[Json], name: str) -> str:
    """The controller's own configuration file, from the ConfigMap of its release."""
    for item in objects:
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == name:
            return str(item["data"]["controller_manager_config.yaml"])
    raise LookupError(f"no ConfigMap {name}")


def install(api: Api, objects: Sequence[Json]) -> None:
    """Create all, then wait until the API server serves the kinds that they define."""
    for item in objects:
        api.request("POST", collection(item), item)


def served(api: Api, objects: Sequence[Json]) -> bool:
    """Whether every kind that these objects define is established."""
    names = [item["metadata"]["name"] for item in objects if item["kind"] == "CustomResourceDefinition"]
    return all(_established(api, name) for name in names)


def collection(item: Json) -> str:
    """The path of the collection that an object belongs to."""
    root = _API_ROOTS[item["apiVersion"]]
    kind = item["kind"].lower()
    plural = kind + ("es" if kind.endswith(("s", "x")) else "s")
    namespace = item["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def _established(api: Api, name: str) -> bool:
    """Established, and past the moment in which the server answers 429 "storage is (re)initializing"."""
    crd = api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}") or {}
    conditions = crd.get("status", {}).get("conditions", [])
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return False
    spec = crd["spec"]
    if spec.get("conversion", {}).get("strategy") == "Webhook":
        return True  # its objects cannot be listed before its controller runs
    try:
        api.items(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}")
    except Refused:
        return False
    return True


def _client_config(config: Json, port: int, pki: Pki) -> Json:
    path = config["service"].get("path", "")
    return {"url": f"https://127.0.0.1:{port}{path}", "caBundle": base64.b64encode(pki.ca).decode()}


def _adapt_conversion(crd: Json, port: int, pki: Pki) -> None:
    conversion = crd["spec"].get("conversion", {})
    if conversion.get("strategy") != "Webhook":
        return
    if len(crd["spec"]["versions"]) == 1:
        crd["spec"]["conversion"] = {"strategy": "None"}
    else:
        conversion["webhook"]["clientConfig"] = _client_config(
            conversion["webhook"]["clientConfig"], port, pki
        )


def _secret_data(pki: Pki) -> Json:
    return {name: base64.b64encode(data).decode() for name, data in webhook_files(pki)}


def webhook_files(pki: Pki) -> Iterator[tuple[str, bytes]]:
    """What a controller finds in its certificate folder, which a kubelet would mount from the Secret."""
    yield from (
        ("ca.crt", pki.ca),
        ("ca.key", pki.ca_key),
        ("tls.crt", pki.certificate),
        ("tls.key", pki.key),
    )
