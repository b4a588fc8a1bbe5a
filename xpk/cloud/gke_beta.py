"""The v1beta1 API of GKE over plain HTTP: Google's client has only gRPC for it.

The messages are still Google's own: a request was parsed into one, and an answer goes through
one, so that both APIs give and take the same JSON.
"""

from __future__ import annotations

import requests

from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call, Json
from xpk.cloud.gke_calls import TypedCall, normal, to_json
from xpk.cloud.http import JsonHttp
from xpk.cloud.retry import Retrier

_RESULTS = {"get_cluster": "Cluster", "get_node_pool": "NodePool"}


class GkeBeta:
    """Reads of clusters and node pools, and the writes that `gke_calls` knows."""

    def __init__(self, endpoints: Endpoints, session: requests.Session, retrier: Retrier) -> None:
        self._base = endpoints.container
        self._http = JsonHttp(session, retrier)

    def read(self, method: str, name: str, call: Call) -> Json:
        """One cluster or node pool; `method` is the generated client's name for it."""
        answer = self._http.request("GET", f"{self._base}/v1beta1/{name}", call)
        return normal("v1beta1", _RESULTS[method], answer)

    def send(self, typed: TypedCall) -> Json:
        """Carry out a write; the result is the Operation."""
        body = to_json(typed.request)
        for field in ("parent", "name"):
            body.pop(field, None)
        url = self._base + typed.path
        payload = None if typed.http_method == "DELETE" else body
        return normal(
            "v1beta1", "Operation", self._http.request(typed.http_method, url, typed.call, body=payload)
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
