"""The routes of container.googleapis.com: v1, and v1beta1 with its one more field."""

from __future__ import annotations

import re

from xpk.emulator.errors import invalid, not_found, unknown_route
from xpk.emulator.gke import clusters, nodepools, schema, versions
from xpk.emulator.gke.names import check_location
from xpk.emulator.gke.schema import ApiVersion
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json, Request, Response

PARENT = re.compile(r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/(?P<rest>.+)")
CLUSTER = re.compile(r"clusters/(?P<cluster>[^/:]+)")
POOLS = re.compile(r"clusters/(?P<cluster>[^/:]+)/nodePools")
POOL = re.compile(r"clusters/(?P<cluster>[^/:]+)/nodePools/(?P<pool>[^/:]+)")
OPERATION = re.compile(r"operations/(?P<operation>[^/:]+)")
# system parameters of Google's REST services, and the deprecated names that the API still binds
QUERY = {
    "$alt", "alt", "$prettyPrint", "prettyPrint", "key", "fields", "$fields", "quotaUser", "access_token",
    "$.xgafv", "callback", "projectId", "project_id", "zone", "clusterId", "cluster_id", "nodePoolId",
    "node_pool_id", "operationId", "operation_id",
}  # fmt: skip


class Routes:
    """Answers the requests of the container API from a `Store`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: Request) -> Response:
        """One request whose path starts with /v1/ or /v1beta1/."""
        for name in request.query:
            if name not in QUERY:
                raise invalid(
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
                )
        prefix, _, path = request.path.lstrip("/").partition("/")
        version: ApiVersion = "v1beta1" if prefix == "v1beta1" else "v1"
        match = PARENT.fullmatch(path)
        if match is None:
            raise unknown_route(request.method, request.path)
        check_location_or_all(match["location"])
        parent, rest = path[: match.start("rest") - 1], match["rest"]
        for answer in (self._clusters, self._cluster, self._pools, self._pool, self._others):
            body = answer(request, version, parent, rest)
            if body is not None:
                return Response(200, body)
        raise unknown_route(request.method, request.path)

    def _clusters(self, request: Request, version: ApiVersion, parent: str, rest: str) -> Json | None:
        match request.method, rest:
            case "POST", "clusters":
                body = schema.read(request.json(), "CreateClusterRequest", version)
                return clusters.create(self.store, own_parent(body, parent), body)
            case "GET", "clusters":
                found = [
                    clusters.shown(cluster, version)
                    for name, cluster in sorted(self.store.clusters.items())
                    if inside(name, parent)
                ]
                return {"clusters": found} if found else {}
            case _:
                return None

    def _cluster(self, request: Request, version: ApiVersion, parent: str, rest: str) -> Json | None:
        if not CLUSTER.fullmatch(rest):
            return None
        name = f"{parent}/{rest}"
        match request.method:
            case "GET":
                return clusters.shown(self.store.cluster(name), version)
            case "PUT":
                body = schema.read(request.json(), "UpdateClusterRequest", version)
                return clusters.update(self.store, name, body)
            case "DELETE":
                return clusters.delete(self.store, name)
            case _:
                return None

    def _pools(self, request: Request, version: ApiVersion, parent: str, rest: str) -> Json | None:
        match = POOLS.fullmatch(rest)
        if match is None:
            return None
        name = f"{parent}/clusters/{match['cluster']}"
        match request.method:
            case "GET":
                pools = [nodepools.shown(pool, version) for pool in self.store.pools(name)]
                return {"nodePools": pools} if pools else {}
            case "POST":
                body = schema.read(request.json(), "CreateNodePoolRequest", version)
                return nodepools.create(self.store, name, body.get("nodePool", {}))
            case _:
                return None

    def _pool(self, request: Request, version: ApiVersion, parent: str, rest: str) -> Json | None:
        match = POOL.fullmatch(rest)
        if match is None:
            return None
        name = f"{parent}/clusters/{match['cluster']}"
        match request.method:
            case "GET":
                return nodepools.shown(self.store.pool(name, match["pool"]), version)
            case "PUT":
                body = schema.read(request.json(), "UpdateNodePoolRequest", version)
                return nodepools.update(self.store, name, match["pool"], body)
            case "DELETE":
                return nodepools.delete(self.store, name, match["pool"])
            case _:
                return None

    def _others(self, request: Request, version: ApiVersion, parent: str, rest: str) -> Json | None:
        if request.method != "GET":
            return None
        if rest == "serverConfig":
            return versions.server_config()
        operations = self.store.operations
        if rest == "operations":
            found = [
                operation.json(self.store.clock)
                for operation in operations.all
                if inside(operation.cluster, parent)
            ]
            return {"operations": found} if found else {}
        if match := OPERATION.fullmatch(rest):
            for operation in operations.all:
                if operation.name == match["operation"] and inside(operation.cluster, parent):
                    return operation.json(self.store.clock)
            raise not_found(f"{parent}/operations/{match['operation']}")
        return None


def own_parent(body: Json, parent: str) -> str:
    """The parent of the path; a body may repeat it but not differ."""
    given = body.get("parent", parent)
    if given != parent:
        raise invalid(f'Parent "{given}" of the body differs from "{parent}" of the path.')
    return parent


def check_location_or_all(location: str) -> None:
    """Raise 400 unless it is a region, a zone, or `-` for all."""
    if location != "-":
        check_location(location)


def inside(name: str, parent: str) -> bool:
    """Whether a resource's name is below a parent, whose location may be `-`."""
    _, project, _, location, *_ = name.split("/")
    return parent in (f"projects/{project}/locations/{location}", f"projects/{project}/locations/-")
