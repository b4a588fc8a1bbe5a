"""Requests to either server as they are on the wire, and the small objects that they are about.

Not xpk's own client (`Side.kube`) nor its way of asking (`Side.apply`, `Side.call`): here a test says each
header, sends bytes that are no JSON, and reads the lines of a watch.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.controlplane.both import Side

Json = dict[str, Any]
CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, also a refusal: HTTP status, headers, and the JSON object (or the text under `text`)."""

    status: int
    headers: Mapping[str, str]
    body: Json

    @property
    def warnings(self) -> str:
        """All warnings in one text, as the header has them."""
        return self.headers.get("Warning", "")


def send(
    side: Side,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    /,
    **query: str,
) -> Answer:
    """One request; bytes and texts are sent as they are, all else as JSON."""
    request = _request(side, method, path, body, headers, query)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return _answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.headers, refused.read())


def patch(side: Side, path: str, body: object, form: str = MERGE, /, **query: str) -> Answer:
    """A patch of one of the forms."""
    return send(side, "PATCH", path, body, {"Content-Type": form}, **query)


@contextlib.contextmanager
def watching(
    side: Side, path: str, headers: Mapping[str, str] | None = None, /, **query: str
) -> Iterator[Iterator[Json]]:
    """The events of a watch, as they come; it ends by itself after 20 seconds unless told otherwise."""
    words = {"watch": "true", "timeoutSeconds": "20", **query}
    request = _request(side, "GET", path, None, headers, words)
    with urllib.request.urlopen(request, timeout=60) as answer:
        yield (json.loads(line) for line in answer if line.strip())


def config_map(namespace: str, name: str = "c", **data: str) -> Json:
    """A small object with data."""
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def labelled(namespace: str, name: str, **labels: str) -> Json:
    """A small object with labels."""
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def owned(namespace: str, name: str, owner: Json, **meta: object) -> Json:
    """A small object that a ConfigMap owns."""
    item = config_map(namespace, name)
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    item["metadata"] |= {"ownerReferences": [reference], **meta}
    return item


def container(name: str, **rest: object) -> Json:
    """A container."""
    return {"name": name, "image": "example.test/i:1", **rest}


def deployment(namespace: str, *containers: Json, **spec: object) -> Json:
    """A Deployment that asks for no pods: lists with keys, atomic lists, quantities, a status."""
    labels = {"app": "d"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
    body = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template, **spec}
    meta = {"name": "d", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": body}


def containers_of(item: Json) -> list[Json]:
    """The containers of a Deployment."""
    found: list[Json] = item["spec"]["template"]["spec"]["containers"]
    return found


def names_of(listing: Json) -> list[str]:
    """The names in a list, without the root certificate that each namespace has."""
    names = [item["metadata"]["name"] for item in listing["items"]]
    return [name for name in names if name != "kube-root-ca.crt"]


def _request(
    side: Side,
    method: str,
    path: str,
    body: object,
    headers: Mapping[str, str] | None,
    query: Mapping[str, str],
) -> urllib.request.Request:
    data = body.encode() if isinstance(body, str) else body
    if data is not None and not isinstance(data, bytes):
        data = json.dumps(data).encode()
    target = f"{side.url}{path}" + (f"?{urlencode(query)}" if query else "")
    return urllib.request.Request(
        target, data, {"Content-Type": "application/json", **(headers or {})}, method=method
    )


def _answer(status: int, headers: Any, content: bytes) -> Answer:
    try:
        body = json.loads(content)
    except ValueError:
        body = {"text": content.decode(errors="replace")}
    joined = {name: ", ".join(headers.get_all(name)) for name in set(headers)}
    return Answer(status, joined, body)
