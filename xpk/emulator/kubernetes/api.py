"""The API server: takes a request apart, finds what it is about, and answers.

Reading verbs are here; writing ones in `writes.py`, watches in `watches.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from xpk.emulator.http import Request, Response
from xpk.emulator.kubernetes import bodies, conversion, discovery, errors, lists, openapi, selectors, tables
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.errors import ApiError
from xpk.emulator.kubernetes.kinds import Kind
from xpk.emulator.kubernetes.lists import ListOptions
from xpk.emulator.kubernetes.options import DeleteOptions, WriteOptions, first, truth
from xpk.emulator.kubernetes.selectors import Predicate
from xpk.emulator.kubernetes.store import Key
from xpk.emulator.kubernetes.target import Target
from xpk.emulator.kubernetes.watches import Watch
from xpk.emulator.kubernetes.writes import APPLY_PATCH, Writes

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
                options = WriteOptions.read(request.query, request.headers, "UpdateOptions")
                return self._written(
                    target, self._writes.replace(target, bodies.read(request), options), options
                )
            case "PATCH":
                kind = bodies.header(request.headers, "content-type").partition(";")[0]
                options = WriteOptions.read(
                    request.query, request.headers, "PatchOptions", apply=kind == APPLY_PATCH
                )
                result = self._writes.patch(target, kind, bodies.read(request), options)
                return self._written(target, result, options)
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
                options = WriteOptions.read(request.query, request.headers, "CreateOptions")
                return self._written(
                    target, self._writes.create(target, bodies.read(request), options), options
                )
            case "DELETE" if not everywhere:
                chosen = self._list(request, target)
                deletion = DeleteOptions.read(request.query, bodies.read(request) or {})
                for item in chosen["items"]:
                    if not deletion.dry_run:
                        meta = item["metadata"]
                        key = Key(target.kind.resource, meta.get("namespace", ""), meta["name"])
                        self._cluster.delete(key, deletion.propagation or "Background", deletion.grace)
                return Response(200, chosen)
            case _:
                raise _not_allowed(request.method)

    def _written(self, target: Target, result: tuple[int, Json], options: WriteOptions) -> Response:
        status, obj = result
        return Response(status, self._shown(target, obj), _warn({}, options.warnings))

    def _delete(self, request: Request, target: Target) -> Response:
        options = DeleteOptions.read(request.query, bodies.read(request) or {})
        kind = target.kind
        found = self._store.get(target.key)
        if found is None:
            raise errors.not_found(kind.resource, target.name)
        meta = found["metadata"]
        _preconditions(kind, target.name, meta, options)
        orphaning = kind.resource == "jobs.batch" and not options.propagation
        policy = options.propagation or ("Orphan" if orphaning else "Background")
        last = found if options.dry_run else self._cluster.delete(target.key, policy, options.grace)
        headers = _warn({}, [_ORPHANING] if orphaning else [])
        if self._store.get(target.key) is not None and not options.dry_run:
            return Response(200, self._shown(target, last or found), headers)
        details = {"name": target.name, "kind": kind.plural, "uid": meta["uid"]}
        if kind.group:
            details["group"] = kind.group
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }
        return Response(200, status, headers)

    def _list(self, request: Request, target: Target) -> Json:
        options = ListOptions.read(request.query)
        predicate = _predicate(request, target)
        found = lists.page(self._store, target.kind.resource, target.namespace, predicate, options)
        head = {"kind": target.kind.kind + "List", "apiVersion": target.kind.api_version(target.version)}
        items = [self._shown(target, item) for item in found["items"]]
        return head | {"metadata": found["metadata"], "items": items}

    def _watch(self, request: Request, target: Target) -> Response:
        options = ListOptions.read(request.query, watch=True)
        seconds = first(request.query, "timeoutSeconds")
        watch = Watch(
            target.kind,
            target.version,
            target.namespace,
            _predicate(request, target),
            float(seconds) if seconds.isdigit() else 0,
            self._viewer(request, target),
            bookmarks=truth(request.query, "allowWatchBookmarks"),
        )
        if options.version and not options.version.isdigit():
            why = f'strconv.ParseUint: parsing "{options.version}": invalid syntax'
            raise errors.internal(f'resourceVersion: Invalid value: "{options.version}": {why}')
        watch.start(self._store, options.version, options.initial_events)
        if not watch.closed:
            self._watches = [*(other for other in self._watches if not other.closed), watch]
        return Response(200, None, {"Content-Type": "application/json"}, watch.stream())

    def _viewer(self, request: Request, target: Target) -> Callable[[Json], Json]:
        """The form of a watch's objects: only the first table of it says which columns there are."""
        told = False

        def seen(item: Json) -> Json:
            nonlocal told
            shown = self._seen(request, target, item)
            if shown["kind"] == "Table":
                shown, told = {**shown, "columnDefinitions": [] if told else shown["columnDefinitions"]}, True
            return shown

        return seen

    def _seen(self, request: Request, target: Target, answer: Json) -> Json:
        """A list or an object in the form that the client asks for."""
        form = bodies.form(request.headers)
        if not form:
            return answer
        single = answer["kind"] == target.kind.kind
        items = [answer] if single else answer["items"]
        if form == "Table":
            meta = (
                {"resourceVersion": answer["metadata"]["resourceVersion"]} if single else answer["metadata"]
            )
            include = first(request.query, "includeObject")
            return tables.table(self._cluster, target.kind, meta, items, include)
        parts = [bodies.partial(item) for item in items]
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return parts[0] if single else head | {"metadata": answer["metadata"], "items": parts}

    def _shown(self, target: Target, obj: Json) -> Json:
        return conversion.from_stored(target.kind, target.version, obj)


def _predicate(request: Request, target: Target) -> Predicate:
    by_label = selectors.labels(first(request.query, "labelSelector"))
    by_field = selectors.fields(
        first(request.query, "fieldSelector"), target.kind.resource, target.kind.custom
    )
    name = target.name
    return lambda item: (
        (not name or item["metadata"]["name"] == name)
        and (by_label is None or by_label(item))
        and (by_field is None or by_field(item))
    )


def _preconditions(kind: Kind, name: str, meta: Json, options: DeleteOptions) -> None:
    """Raises 409 when the object is not the one that the client means."""
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    pairs = (
        ("UID", options.uid, meta["uid"], "deleted and then recreated"),
        ("ResourceVersion", options.version, meta["resourceVersion"], "modified"),
    )
    for what, asked, found, happened in pairs:
        if asked and asked != found:
            why = (
                f"the {what} in the precondition ({asked}) does not match the {what} in record ({found}). "
                f"The object might have been {happened}"
            )
            raise errors.conflict(qualified, name, why)


def _warn(headers: Mapping[str, str], warnings: list[str]) -> dict[str, str]:
    """The headers with the warnings joined in one, as HTTP allows."""
    texts = [f"299 - {json.dumps(text)}" for text in warnings]
    before = headers.get("Warning")
    joined = ", ".join([before, *texts] if before else texts)
    return {**headers, "Warning": joined} if joined else dict(headers)


def _not_allowed(method: str) -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)
