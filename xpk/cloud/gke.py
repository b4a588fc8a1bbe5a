"""The GKE API through Google's own client, over its REST transport.

v1 alone: the client has no REST for v1beta1 (see `gke_beta.py`). The same transport talks to
Google (https, a token) and to the emulator (http, none). Results are JSON in the API's own
camelCase with enum names; a field with its default value (0, "", false, an empty list) is
absent. The client's own retries are off: see `retry.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import google.api_core.exceptions
import google.api_core.gapic_v1.client_info
import google.auth.exceptions
from google.cloud.container_v1.services.cluster_manager.transports.rest import ClusterManagerRestTransport
from google.protobuf import json_format

from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Answer, Call, Json, NotFound, clean, parse_retry_after
from xpk.cloud.gke_beta import GkeBeta
from xpk.cloud.gke_calls import api_module, parse_request, split_api, to_json
from xpk.cloud.gke_operations import GkeOperations
from xpk.cloud.google_errors import parse_answer, refusal
from xpk.cloud.http import USER_AGENT, new_session, prepare_session
from xpk.cloud.retry import Failed, Retrier
from xpk.cloud.transport import TRANSPORT_ERRORS, no_answer, transport_failure
from xpk.errors import Fault, UsageError


class Gke:
    """Clusters, node pools and operations. Safe to use from several threads.

    Every method raises `xpk.errors` only. `warnings` collects what GKE could not answer for.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials,
        *,
        retrier: Retrier | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._endpoints = endpoints
        self._credentials = credentials
        self._retrier = retrier or Retrier()
        self._timeout = timeout
        self._v1: Any = None
        self._v1beta1: GkeBeta | None = None
        self._operations: GkeOperations | None = None
        self._lock = threading.Lock()
        self.warnings: list[str] = []

    def get_cluster(self, name: str) -> Json | None:
        """The cluster `projects/P/locations/L/clusters/C` with its node pools, or None.

        A name that begins with `v1beta1/` is read from that API (for hostMaintenancePolicy).
        """
        return self._get("get_cluster", "GetClusterRequest", name, "read cluster")

    def get_node_pool(self, name: str) -> Json | None:
        """The node pool `projects/P/locations/L/clusters/C/nodePools/N`, or None."""
        return self._get("get_node_pool", "GetNodePoolRequest", name, "read node pool")

    def list_clusters(self, parent: str) -> list[Json]:
        """All clusters below `projects/P/locations/L`; L may be `-` for all."""
        answer = self._read("list_clusters", "ListClustersRequest", "parent", parent, "list clusters in")
        self._warn_of_missing_zones(answer)
        return list(answer.get("clusters", ()))

    def server_config(self, location_name: str) -> Json:
        """Versions and channels that `projects/P/locations/L` offers."""
        return self._read(
            "get_server_config", "GetServerConfigRequest", "name", location_name, "read versions of"
        )

    def list_operations(self, parent: str, keep: Callable[[Json], bool] | None = None) -> list[Json]:
        """Recent and running operations below `projects/P/locations/L`; only those that `keep` takes.

        `keep` sees each as Google sent it; what it does not take costs next to nothing.
        """
        answer = self._plain().read(parent, keep)
        self._warn_of_missing_zones(answer)
        return list(answer["operations"])

    def get_operation(self, name: str) -> Json:
        """The operation `projects/P/locations/L/operations/O`. Status DONE is not success:
        see `google_errors.operation_error`. Raises NotFound."""
        return self._read("get_operation", "GetOperationRequest", "name", name, "read operation")

    def send(self, method: str, path: str, body: Json | None = None) -> Json:
        """Carry out the exact request of a plan step; the result is GKE's Operation.

        Raises ValueError for a request that is none (a bug, see `gke_calls`), Ambiguous when
        it may have taken effect without an answer, OperationInProgress and TooManyOperations
        when GKE wants it later, AlreadyExists, NotFound, QuotaError and the rest of
        `xpk.errors`. Only failures that certainly had no effect are repeated here.
        """
        typed = parse_request(method, path, body)
        if typed.api == "v1beta1":
            return self._beta().send(typed)
        return self._call(typed.method, typed.request, typed.call)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            client, self._v1 = self._v1, None
            others = [one for one in (self._v1beta1, self._operations) if one is not None]
            self._v1beta1 = self._operations = None
        if client is not None:
            client.transport.close()
        for one in others:
            one.close()

    def _get(self, method: str, type_name: str, name: str, words: str) -> Json | None:
        api, bare = split_api(name)
        try:
            if api == "v1beta1":
                return self._beta().read(method, bare, Call(words, bare, repeatable=True))
            return self._read(method, type_name, "name", bare, words)
        except NotFound:
            return None

    def _read(self, method: str, type_name: str, field: str, name: str, words: str) -> Json:
        request = getattr(api_module("v1"), type_name)(**{field: name})
        return self._call(method, request, Call(words, name, repeatable=True))

    def _call(self, method: str, request: Any, call: Call) -> Json:
        bound = getattr(self._client(), method)
        return self._retrier.run(lambda: self._attempt(bound, request, call))

    def _attempt(self, bound: Any, request: Any, call: Call) -> Json:
        try:
            return to_json(bound(request=request, retry=None, timeout=self._timeout))
        except google.api_core.exceptions.GoogleAPICallError as error:
            raise refusal(call, _answer(error)) from error
        except google.api_core.exceptions.RetryError as error:
            raise no_answer(call, "no answer in time", effect="maybe") from error
        except TRANSPORT_ERRORS as error:
            raise transport_failure(error, call) from error
        except json_format.ParseError as error:
            raise _unreadable(call) from error

    def _client(self) -> Any:
        with self._lock:
            if self._v1 is None:
                self._v1 = self._build()
            return self._v1

    def _beta(self) -> GkeBeta:
        with self._lock:
            if self._v1beta1 is None:
                session = new_session(self._endpoints, self._credentials)
                self._v1beta1 = GkeBeta(self._endpoints, session, self._retrier)
            return self._v1beta1

    def _plain(self) -> GkeOperations:
        with self._lock:
            if self._operations is None:
                session = new_session(self._endpoints, self._credentials)
                self._operations = GkeOperations(self._endpoints, session, self._retrier)
            return self._operations

    def _build(self) -> Any:
        scheme, _, host = self._endpoints.container.partition("://")
        client_info: Any = google.api_core.gapic_v1.client_info  # typed in name only
        transport = ClusterManagerRestTransport(
            host=host,
            credentials=self._credentials.google,
            url_scheme=scheme,
            client_info=client_info.ClientInfo(user_agent=USER_AGENT),
        )
        # The session is the transport's own: it has no public way to size the pool or to
        # keep a proxy of the environment away from a loopback address.
        prepare_session(transport._session, emulated=self._endpoints.emulated)
        # A redirected POST would go on as a GET, and a plan to whom it was not meant for.
        transport._session.max_redirects = 0
        try:
            return api_module("v1").ClusterManagerClient(transport=transport)
        except (google.auth.exceptions.GoogleAuthError, ValueError) as error:
            fix = "unset GOOGLE_API_USE_CLIENT_CERTIFICATE and GOOGLE_API_USE_MTLS_ENDPOINT"
            raise UsageError(Fault("variables of Google's client", clean(str(error)), fix)) from error

    def _warn_of_missing_zones(self, answer: Json) -> None:
        zones = [clean(str(zone), limit=60) for zone in answer.get("missingZones", ())]
        text = f"GKE has no answer for {', '.join(zones)} now; what is there is not listed"
        if zones and text not in self.warnings:
            self.warnings.append(text)


def _answer(error: google.api_core.exceptions.GoogleAPICallError) -> Answer:
    response = error.response
    if response is not None and hasattr(response, "content"):
        return parse_answer(int(error.code or 0), response.content, response.headers)
    return Answer(int(error.code or 500), clean(str(error.message)), retry_after=parse_retry_after(None))


def _unreadable(call: Call) -> Failed:
    return no_answer(call, "the answer was not readable JSON", effect="maybe")
