"""From the exact HTTP request of a plan step to the generated client's typed call.

The plan holds JSON; the client holds protocol buffers. The body is parsed strictly: a field
that the API's message does not have is a bug in the plan and raises ValueError, before
anything is sent.
"""

from __future__ import annotations

import functools
import importlib
import re
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf import json_format

from xpk.cloud.errors import Call, Json

Api = Literal["v1", "v1beta1"]

_PARENT = r"projects/[^/]+/locations/[^/]+"
_CLUSTER = _PARENT + r"/clusters/[^/:]+"
_POOL = _CLUSTER + r"/nodePools/[^/:]+"
_ROUTES = (
    ("POST", rf"({_PARENT})/clusters", "create_cluster", "parent", "create cluster"),
    ("PUT", rf"({_CLUSTER})", "update_cluster", "name", "update cluster"),
    ("DELETE", rf"({_CLUSTER})", "delete_cluster", "name", "delete cluster"),
    ("POST", rf"({_CLUSTER})/nodePools", "create_node_pool", "parent", "create node pool"),
    ("PUT", rf"({_POOL})", "update_node_pool", "name", "update node pool"),
    ("DELETE", rf"({_POOL})", "delete_node_pool", "name", "delete node pool"),
    ("POST", rf"({_POOL}):setSize", "set_node_pool_size", "name", "resize node pool"),
    (
        "POST",
        rf"({_POOL}):setAutoscaling",
        "set_node_pool_autoscaling",
        "name",
        "set autoscaling of node pool",
    ),
    ("POST", rf"({_POOL}):setManagement", "set_node_pool_management", "name", "set management of node pool"),
)


@dataclass(frozen=True, slots=True)
class TypedCall:
    """A request that the generated client can send: its API version, method and message."""

    api: Api
    http_method: str
    path: str
    method: str
    request: Any
    call: Call


def api_module(api: Api) -> Any:
    """The generated client's package; each costs a third of a second to import, so by need."""
    return importlib.import_module(f"google.cloud.container_{api}")


def parse_request(method: str, path: str, body: Json | None) -> TypedCall:
    """The typed call for one write, such as ("POST", "/v1/projects/p/locations/l/clusters",
    {"cluster": {...}}).

    Raises ValueError for a path that is not one of GKE's writes and for a body that does not
    fit the message: both are bugs of the caller.
    """
    api, name = _split(path)
    for verb, pattern, client_method, field, words in _ROUTES:
        match = _compiled(pattern).fullmatch(name) if verb == method else None
        if match:
            request = _message(api, client_method, field, match[1], body or {}, f"{method} {path}")
            call = Call(words, _target(match[1], body), repeatable=False)
            return TypedCall(api, method, path, client_method, request, call)
    raise ValueError(f"{method} {path}: not a GKE request that this program sends")


def to_json(message: Any) -> Json:
    """A proto-plus message as the API's own JSON: camelCase, enum names, defaults left out."""
    result: Json = json_format.MessageToDict(
        type(message).pb(message), preserving_proto_field_name=False, use_integers_for_enums=False
    )
    return result


def normal(api: Api, type_name: str, answer: Json) -> Json:
    """A message of the API's JSON as all of this package gives it: enum names, no defaults, known fields.

    Raises json_format.ParseError for what is no such message.
    """
    kind: Any = getattr(api_module(api), type_name)
    message = kind.pb(kind())
    json_format.ParseDict(answer, message, ignore_unknown_fields=True)
    return to_json(kind.wrap(message))


def split_api(name: str) -> tuple[Api, str]:
    """A resource name with or without its API version: "v1beta1/projects/..." -> its parts."""
    stripped = name.lstrip("/")
    if stripped.startswith("v1beta1/"):
        return "v1beta1", stripped.removeprefix("v1beta1/")
    return "v1", stripped.removeprefix("v1/")


def _split(path: str) -> tuple[Api, str]:
    if not path.startswith(("/v1/", "/v1beta1/")):
        raise ValueError(f"{path}: not a path of the GKE API")
    return split_api(path)


def _message(api: Api, client_method: str, field: str, name: str, body: Json, where: str) -> Any:
    type_name = "".join(part.capitalize() for part in client_method.split("_")) + "Request"
    kind = getattr(api_module(api), type_name)
    if field in body:
        raise ValueError(f"{where}: {field!r} belongs into the path")
    message = kind.pb(kind())
    try:
        json_format.ParseDict(body, message, ignore_unknown_fields=False)
    except json_format.ParseError as error:
        raise ValueError(f"{where}: the body is not a {api} {type_name}: {error}") from None
    setattr(message, field, name)
    return kind.wrap(message)


def _target(name: str, body: Json | None) -> str:
    """The name of what the call is about: for a create it is in the body."""
    for key in ("cluster", "nodePool"):
        inner = (body or {}).get(key)
        if isinstance(inner, dict) and inner.get("name"):
            return f"{inner['name']} in {name}"
    return name


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
