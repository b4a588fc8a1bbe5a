"""The API server: takes a request apart, finds what it is about, and answers.

Reading verbs are here; writing ones in `writes.py`, watches in `watches.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from xpk.emulator.http import Request, Response
from xpk.emulator.kubernetes import conversion, discovery, errors, openapi, selectors, tables
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.errors import ApiError
from xpk.emulator.kubernetes.options import DeleteOptions, WriteOptions, first, truth
from xpk.emulator.kubernetes.selectors import Predicate
from xpk.emulator.kubernetes.store import Key
from xpk.emulator.kubernetes.target import Target
from xpk.emulator.kubernetes.watches import Watch
from xpk.emulator.kubernetes.writes import Writes

Json = dict[str, Any]
_HEALTH = ("healthz", "livez", "readyz")
_ORPHANING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to "
    "remove them or set propagationPolicy=Orphan to suppress this warning"
)


class Api:
    """The front of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._writes = Writes(cluster)
        self._watches: list[Watch] = []
        self._store.observers.append(self._observe)

    def handle(self, request: Request) -> Response:
        """One request; every refusal becomes a Status object."""
        try:
            return self._route(request)
        except ApiError as error:
            headers = {"Retry-After": "1"} if error.code == 429 else {}
            return Response(error.code, error.status(), headers)

    def close(self) -> None:
        """End all watches."""
        for watch in self._watches:
            watch.close()

    def _observe(self, change: Any) -> None:
        self._watches = [watch for watch in self._watches if not watch.closed]
        for watch in self._watches:
            watch.see(change)

    def _route(self, request: Request) -> Response:
        parts = [part for part in request.path.split("/") if part]
        kinds = self._cluster.kinds
        match parts:
            case ["version"]:
                return Response(200, discovery.VERSION)
            case [name] if name in _HEALTH:
                return Response(200, b"ok")
            case ["openapi", "v3"]:
                return Response(200, openapi.index(kinds))
            case ["openapi", "v3", "api", version]:
                return Response(200, openapi.document(kinds, "", version))
            case ["openapi", "v3", "apis", group, version]:
                return Response(200, openapi.document(kinds, group, version))
            case ["api"]:
                return Response(200, discovery.core())
            case ["apis"]:
                return Response(200, discovery.groups(kinds))
            case ["api", version]:
                return Response(200, discovery.resources(kinds, "", version))
            case ["apis", group]:
                return Response(200, discovery.group(kinds, group))
            case ["apis", group, version]:
                return Response(200, discovery.resources(kinds, group, version))
            case ["api", version, *rest]:
                return self._resource(request, "", version, rest)
            case ["apis", group, version, *rest]:
                return self._resource(request, group, version, rest)
            case _:
                raise errors.no_such_path()

    def _resource(self, request: Request, group: str, version: str, rest: list[str]) -> Response:
        namespace = ""
        if len(rest) >= 3 and rest[0] == "namespaces":
            known = self._cluster.kinds.find(group, version, rest[2])
            if known is not None:
                namespace, rest = rest[1], rest[2:]
        kind = self._cluster.kinds.find(group, version, rest[0])
        if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
            raise errors.no_such_path()
        if len(rest) == 3 and (rest[2] != "status" or not kind.status):
            raise errors.no_such_path()
        name = rest[1] if len(rest) > 1 else ""
        target = Target(kind, version, namespace, name, len(rest) == 3)
        response = self._object(request, target) if name else self._collection(request, target)
        warning = kind.warning(version)
        if warning:
            return Response(
                response.status, response.body, _warn(response.headers, [warning]), response.stream
            )
        return response

    def _object(self, request: Request, target: Target) -> Response:
        if target.kind.namespaced and not target.namespace:
            raise errors.no_such_path()
        match request.method:
            case "GET" if truth(request.query, "watch"):
                return self._watch(request, target)
            case "GET":
                found = self._store.get(target.key)
                if found is None:
                    raise errors.not_found(target.kind.resource, target.name)
                return Response(200, self._seen(request, target, self._shown(target, found)))
            case "PUT":
                options = WriteOptions.read(request.query, request.headers)
                return self._written(target, self._writes.replace(target, _body(request), options), options)
            case "PATCH":
                options = WriteOptions.read(request.query, request.headers)
                kind = _header(request.headers, "content-type").partition(";")[0]
                return self._written(
                    target, self._writes.patch(target, kind, _body(request), options), options
                )
            case "DELETE" if not target.status:
                return self._delete(request, target)
            case _:
                raise _not_allowed(request.method)

    def _collection(self, request: Request, target: Target) -> Response:
        everywhere = target.kind.namespaced and not target.namespace
        match request.method:
            case "GET" if truth(request.query, "watch"):
                return self._watch(request, target)
            case "GET":
                return Response(200, self._seen(request, target, self._list(request, target)))
            case "POST" if not everywhere:
                options = WriteOptions.read(request.query, request.headers)
                return self._written(target, self._writes.create(target, _body(request), options), options)
            case "DELETE" if not everywhere:
                chosen = self._list(request, target)
                deletion = DeleteOptions.read(request.query, _body(request) or {})
                for item in chosen["items"]:
                    if not deletion.dry_run:
                        meta = item["metadata"]
                        key = Key(target.kind.resource, meta.get("namespace", ""), meta["name"])
                        self._cluster.delete(key, deletion.propagation or "Background")
                return Response(200, chosen)
            case _:
                raise _not_allowed(request.method)

    def _written(self, target: Target, result: tuple[int, Json], options: WriteOptions) -> Response:
        status, obj = result
        return Response(status, self._shown(target, obj), _warn({}, options.warnings))

    def _delete(self, request: Request, target: Target) -> Response:
        options = DeleteOptions.read(request.query, _body(request) or {})
        kind = target.kind
        found = self._store.get(target.key)
        if found is None:
            raise errors.not_found(kind.resource, target.name)
        meta = found["metadata"]
        if options.uid and options.uid != meta["uid"]:
            why = (
                f"Precondition failed: UID in precondition: {options.uid}, UID in object meta: {meta['uid']}"
            )
            raise errors.conflict(kind.resource, target.name, why)
        if options.version and options.version != meta["resourceVersion"]:
            raise errors.conflict(kind.resource, target.name, "Precondition failed: resourceVersion differs")
        orphaning = kind.resource == "jobs.batch" and not options.propagation
        policy = options.propagation or ("Orphan" if orphaning else "Background")
        last = found if options.dry_run else self._cluster.delete(target.key, policy)
        headers = _warn({}, [_ORPHANING] if orphaning else [])
        if self._store.get(target.key) is not None and not options.dry_run:
            return Response(200, self._shown(target, last or found), headers)
        details = {"name": target.name, "group": kind.group, "kind": kind.plural, "uid": meta["uid"]}
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }
        return Response(200, status, headers)

    def _list(self, request: Request, target: Target) -> Json:
        predicate = _predicate(request, target)
        items = [item for item in self._store.all(target.kind.resource, target.namespace) if predicate(item)]
        meta: Json = {"resourceVersion": str(self._store.version)}
        limit, token = first(request.query, "limit"), first(request.query, "continue")
        if token:
            after = _decode_token(token)
            items = [item for item in items if _place(item) > after]
        if limit.isdigit() and 0 < int(limit) < len(items):
            meta |= {
                "continue": _encode_token(items[int(limit) - 1]),
                "remainingItemCount": len(items) - int(limit),
            }
            items = items[: int(limit)]
        head = {"kind": target.kind.kind + "List", "apiVersion": target.kind.api_version(target.version)}
        return head | {"metadata": meta, "items": [self._shown(target, item) for item in items]}

    def _watch(self, request: Request, target: Target) -> Response:
        seconds = first(request.query, "timeoutSeconds")
        predicate = _predicate(request, target)
        watch = Watch(
            target.kind,
            target.version,
            target.namespace,
            predicate,
            float(seconds) if seconds.isdigit() else 0,
            lambda item: self._seen(request, target, item),
        )
        version = first(request.query, "resourceVersion")
        if version and not version.isdigit():
            raise errors.bad_request(f'Invalid value: "{version}": strconv.ParseUint: invalid syntax')
        watch.start(self._store, version)
        if not watch.closed:
            self._watches = [*(other for other in self._watches if not other.closed), watch]
        return Response(200, None, {"Content-Type": "application/json"}, watch.stream())

    def _seen(self, request: Request, target: Target, answer: Json) -> Json:
        """A list or an object, as a table when the client asks for one."""
        if not tables.wanted(request.headers):
            return answer
        single = answer["kind"] == target.kind.kind
        meta = {"resourceVersion": answer["metadata"]["resourceVersion"]} if single else answer["metadata"]
        items = [answer] if single else answer["items"]
        return tables.table(self._cluster, target.kind, meta, items, first(request.query, "includeObject"))

    def _shown(self, target: Target, obj: Json) -> Json:
        return conversion.from_stored(target.kind, target.version, obj)


def _predicate(request: Request, target: Target) -> Predicate:
    by_label = selectors.labels(first(request.query, "labelSelector"))
    by_field = selectors.fields(first(request.query, "fieldSelector"))
    name = target.name
    return lambda item: (
        (not name or item["metadata"]["name"] == name)
        and (by_label is None or by_label(item))
        and (by_field is None or by_field(item))
    )


def _body(request: Request) -> Any:
    if not request.body.strip():
        return None
    if "protobuf" in _header(request.headers, "content-type"):
        raise errors.ApiError(415, "UnsupportedMediaType", "the emulator reads JSON and YAML, not protobuf")
    try:
        return json.loads(request.body)
    except ValueError:
        pass
    try:
        return yaml.safe_load(request.body)
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding the body: {error}") from error


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _warn(headers: Mapping[str, str], warnings: list[str]) -> dict[str, str]:
    """The headers with the warnings joined in one, as HTTP allows."""
    texts = [f"299 - {json.dumps(text)}" for text in warnings]
    before = headers.get("Warning")
    joined = ", ".join([before, *texts] if before else texts)
    return {**headers, "Warning": joined} if joined else dict(headers)


def _not_allowed(method: str) -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def _place(item: Json) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _encode_token(item: Json) -> str:
    return json.dumps(_place(item)).encode().hex()


def _decode_token(token: str) -> tuple[str, str]:
    try:
        namespace, name = json.loads(bytes.fromhex(token))
    except (ValueError, TypeError) as error:
        raise errors.bad_request("continue key is not valid") from error
    return str(namespace), str(name)
