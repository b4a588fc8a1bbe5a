"""The requests of a command, enumerated from the emulator's log: identity, kind, what it is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.world import Json

_POLLS = 2
"""How often a request that is repeated while something is waited for counts."""
_KUBERNETES = re.compile(r"/kubernetes/projects/[^/]+/locations/[^/]+/clusters/[^/]+")
_LISTS = re.compile(r"(/api/v1|/apis/[^/]+/[^/]+)(/namespaces/[^/]+)?/[a-z]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The `nth` request (from 0) of a command with this method and path."""

    method: str
    path: str
    nth: int
    about: str
    """A word that an error about this request must hold."""

    @property
    def pattern(self) -> str:
        """The path as a fault's expression."""
        return f"^{re.escape(self.path)}$"

    @property
    def api(self) -> str:
        """gke, storage, projects, releases or kubernetes."""
        first = self.path.split("/")[1]
        return {"v1": "gke", "v1beta1": "gke", "v3": "projects"}.get(first, first)

    @property
    def write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @property
    def listing(self) -> bool:
        """Whether it lists Kubernetes objects."""
        return self.method == "GET" and _LISTS.fullmatch(_KUBERNETES.sub("", self.path)) is not None

    @property
    def kind(self) -> str:
        """Method, route and kind of object."""
        return f"{self.method} {_route(self.path)}"

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('/clusters/')[2] or self.path} #{self.nth}"


def wanted_of(log: Sequence[Json]) -> tuple[Wanted, ...]:
    """The requests of a log; polls count twice."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for entry in log:
        method, path = entry["method"], entry["path"]
        nth = seen[method, path]
        seen[method, path] += 1
        if nth < _POLLS or method != "GET":
            found.append(Wanted(method, path, nth, _about(method, path, entry["body"])))
    return tuple(sorted(found, key=lambda w: (w.path, w.method, w.nth)))


def _about(method: str, path: str, body: object) -> str:
    parts = path.strip("/").split("/")
    match parts:
        case ["storage", "v1", "b", bucket, *_]:
            return bucket
        case ["releases", _, component, *_]:
            return component
        case ["v1", *_, ("serverConfig" | "operations")]:
            return "us-east5"
        case ["v3", "projects", project]:
            return project
        case _:
            pass
    if method == "POST" and isinstance(body, dict):
        inner = next((v for v in body.values() if isinstance(v, dict) and "name" in v), {})
        return str(inner.get("name", parts[-1]))
    return "projects/" if parts[-1] == "clusters" else parts[-1]


def _route(path: str) -> str:
    """The path with its own names taken out: the kind of request."""
    parts = path.strip("/").split("/")
    match parts:
        case ["storage", "v1", "b", _, *rest]:
            return "/".join(["storage/b", *rest])
        case ["v3", *_]:
            return "project"
        case ["releases", *_]:
            return "release"
        case [("v1" | "v1beta1"), "projects", _, "locations", _, *rest]:
            return "gke/" + "/".join(part if i % 2 == 0 else "*" for i, part in enumerate(rest))
        case _:
            pass
    inner = _KUBERNETES.sub("", path).strip("/").split("/")
    rest = inner[2:] if inner[0] == "api" else inner[3:]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    return rest[0] + ("/*" if len(rest) > 1 else "")
