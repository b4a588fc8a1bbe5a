"""One cluster's Kubernetes API: get, list, apply, create, delete, watch; JSON in and out."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from xpk.cloud import kinds
from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call, Json, KindNotServed, NotFound, ResourceVersionGone
from xpk.cloud.kube_connection import APPLY_PATCH, STRATEGIC_PATCH, Connection, target_of
from xpk.cloud.kube_errors import from_status, refusal
from xpk.cloud.retry import Retrier
from xpk.cloud.transport import TRANSPORT_ERRORS
from xpk.errors import Fault

FIELD_MANAGER = "xpk"
Propagation = Literal["Foreground", "Background", "Orphan"]
Keep = Callable[[Json], Json]
Opened = Callable[[Callable[[], None]], None]
_JSON = "application/json"
_METADATA = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{_JSON}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects, and the version of the collection from which a watch goes on."""

    items: list[Json]
    resource_version: str


class Kube:
    """Objects of one cluster. Safe to use from several threads.

    Every method raises `xpk.errors` only (ValueError for a manifest without a name).
    `warnings` holds what the API server warned about, each once.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials,
        cluster_name: str,
        cluster_json: Json,
        *,
        retrier: Retrier | None = None,
    ) -> None:
        self._connection = Connection(
            target_of(endpoints, cluster_name, cluster_json),
            credentials,
            retrier or Retrier(),
            emulated=endpoints.emulated,
        )
        self._discovered: dict[tuple[str, str], kinds.Kind] = {}
        self._lock = threading.Lock()

    @property
    def warnings(self) -> list[str]:
        """The API server's warnings so far, deduplicated, in order."""
        return self._connection.warnings

    def get(self, path: str) -> Json | None:
        """The object at a path, or None (also when the cluster does not serve its kind)."""
        with contextlib.suppress(NotFound):
            return self._connection.request("GET", path, Call("get", path, repeatable=True))
        return None

    def list(
        self,
        path: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
        keep: Keep | None = None,
        metadata_only: bool = False,
    ) -> list[Json]:
        """All objects of a collection, page by page. A kind that is not served has none.

        `keep` makes of each object what is kept of it before the next page is read. `metadata_only` asks
        the API server for nothing else of each object.
        """
        query = _selectors(label_selector, field_selector, limit)
        return self._listed(path, query, keep, _METADATA if metadata_only else _JSON).items

    def list_versioned(
        self, path: str, *, label_selector: str = "", field_selector: str = "", limit: int = 500
    ) -> Listing:
        """As `list`, with the version to watch from ("" when the kind is not served)."""
        return self._listed(path, _selectors(label_selector, field_selector, limit), None, _JSON)

    def apply(
        self,
        manifest: Json,
        *,
        force: bool = False,
        field_manager: str = FIELD_MANAGER,
        dry_run: bool = False,
    ) -> Json:
        """Server-side apply with strict field validation; the object as it is now.

        Without `force` another manager's fields raise FieldConflict. `dry_run` asks the API
        server to check all and store nothing.
        """
        query = {
            "fieldManager": field_manager,
            "force": "true" if force else "false",
            "fieldValidation": "Strict",
        }
        if dry_run:
            query["dryRun"] = "All"
        call = Call("apply", _words(manifest), repeatable=True)
        path = self.path_of(manifest)
        return self._connection.request(
            "PATCH", path, call, query=query, body=manifest, content_type=APPLY_PATCH
        )

    def create(self, manifest: Json) -> Json:
        """Create an object that must not exist yet: AlreadyExists when it does."""
        path = self.path_of(manifest).rpartition("/")[0]
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        call = Call("create", _words(manifest), repeatable=False)
        return self._connection.request("POST", path, call, query=query, body=manifest)

    def patch_status(self, path: str, status: Json, *, uid: str = "") -> Json:
        """Strategic merge of a built-in kind's status, as a kubelet writes it; the object as it is now.

        Conditions of other types stay. With `uid` a successor of the same name raises StateError;
        NotFound when it is gone.
        """
        body: Json = {"status": status}
        if uid:
            body["metadata"] = {"uid": uid}
        call = Call("patch", f"{path}/status", repeatable=True)
        query = {"fieldManager": FIELD_MANAGER}
        return self._connection.request(
            "PATCH", f"{path}/status", call, query=query, body=body, content_type=STRATEGIC_PATCH
        )

    def delete(
        self,
        path: str,
        *,
        propagation: Propagation = "Foreground",
        grace_seconds: int | None = None,
        uid: str = "",
    ) -> bool:
        """Ask for an object's deletion; False when it was not there.

        True does not mean gone: finalizers, and dependents under Foreground, take time. `grace_seconds` 0
        says of a pod that nothing of it runs any more. With `uid` a successor raises Conflict.
        """
        body: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self._connection.request("DELETE", path, Call("delete", path, repeatable=True), body=body)
        except NotFound:
            return False
        return True

    def watch(
        self, path: str, *, resource_version: str, timeout_seconds: int, opened: Opened | None = None
    ) -> Generator[tuple[str, Json], None, None]:
        """Events (ADDED, MODIFIED, DELETED) of a collection after a version.

        Ends after `timeout_seconds`, when it is closed, and early when the connection breaks: go
        on from the last object's resourceVersion. Raises ResourceVersionGone when that is too
        old: list again. `opened` is given what ends the stream from another thread.
        """
        call = Call("watch", path, repeatable=True)
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(max(1, timeout_seconds)),
        }
        response = self._connection.stream(path, call, query, timeout_seconds + 15.0)
        if opened is not None:
            opened(lambda: _break_off(response))
        try:
            for line in _lines(response):
                event = _event(line)
                if event is None:
                    return
                kind, obj = event
                if kind == "ERROR":
                    code = obj.get("code")
                    raise refusal(call, from_status(code if isinstance(code, int) else 500, obj)).error
                if kind != "BOOKMARK":
                    yield kind, obj
        finally:
            response.close()

    def path_of(self, manifest: Json) -> str:
        """The object's path. A kind outside the table is looked up in the cluster, once."""
        api_version, kind, name, namespace = kinds.name_of(manifest)
        return self.kind(api_version, kind).path(name, namespace)

    def kind(self, api_version: str, kind: str) -> kinds.Kind:
        """The kind from the table or from discovery; KindNotServed when there is none."""
        known = kinds.find(api_version, kind) or self._discovered.get((api_version, kind))
        if known is not None:
            return known
        call = Call("look up kind", f"{api_version} {kind}", repeatable=True)
        answer = self._connection.request("GET", kinds.api_root(api_version), call)
        resources = answer.get("resources")
        found = kinds.from_discovery(api_version, kind, resources if isinstance(resources, list) else [])
        if found is None:
            fix = "install what defines this kind, then run the same command again"
            raise KindNotServed(Fault(call.what, "the cluster does not serve this kind", fix))
        with self._lock:
            self._discovered[api_version, kind] = found
        return found

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _listed(self, path: str, query: dict[str, str], keep: Keep | None, accept: str) -> Listing:
        try:
            return self._pages(path, query, keep, accept)
        except ResourceVersionGone:
            # The list changed so long ago that its next page expired: once more, in one piece.
            return self._pages(path, {k: v for k, v in query.items() if k != "limit"}, keep, accept)
        except KindNotServed:
            return Listing([], "")

    def _pages(self, path: str, query: dict[str, str], keep: Keep | None, accept: str) -> Listing:
        items: list[Json] = []
        token = ""
        while True:
            page_query = {**query, "continue": token} if token else query
            page = self._connection.request(
                "GET", path, Call("list", path, repeatable=True), query=page_query, accept=accept
            )
            items += _items(page) if keep is None else map(keep, _items(page))
            metadata = page.get("metadata") or {}
            token = str(metadata.get("continue") or "")
            if not token:
                return Listing(items, str(metadata.get("resourceVersion") or ""))


def _selectors(label: str, field: str, limit: int) -> dict[str, str]:
    query = {"limit": str(limit), "labelSelector": label, "fieldSelector": field}
    return {name: value for name, value in query.items() if value}


def _items(page: Json) -> list[Json]:
    """The page's objects; the API server leaves out kind and apiVersion where the list has them."""
    kind = str(page.get("kind", "")).removesuffix("List")
    return [
        {"apiVersion": page.get("apiVersion", ""), "kind": kind, **item}
        for item in page.get("items") or ()
        if isinstance(item, dict)
    ]


def _words(manifest: Json) -> str:
    _, kind, name, namespace = kinds.name_of(manifest)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _break_off(response: Any) -> None:
    """End a stream that another thread reads; closing it would not wake that thread."""
    with contextlib.suppress(*TRANSPORT_ERRORS, ValueError, RuntimeError, TypeError):
        response.shutdown()


def _lines(response: Any) -> Iterator[bytes]:
    """Complete lines as they arrive; a broken connection is the end of them."""
    pending = b""
    while True:
        try:
            chunk = response.read1(1 << 16)
        except TRANSPORT_ERRORS:
            return
        if not chunk:
            return
        *complete, pending = (pending + chunk).split(b"\n")
        yield from filter(None, (line.strip() for line in complete))


def _event(line: bytes) -> tuple[str, Json] | None:
    """One event, or None for a line that is none (the stream is broken)."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        return None
    return str(event.get("type", "")), event["object"]
