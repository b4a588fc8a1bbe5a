"""How a cluster's Kubernetes API is reached, and one raw request to it.

The official client's transport is used below its generated calls: those refuse unknown keys
of their own and cannot set `fieldValidation`. No kubectl, no kubeconfig, no auth plugin: the
bearer token is a Google access token (as gcloud's own plugin sends it).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import kubernetes.client
import kubernetes.client.exceptions

from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call, Json, clean
from xpk.cloud.http import POOL_SIZE, USER_AGENT
from xpk.cloud.kube_errors import parse_status, refusal
from xpk.cloud.retry import Failed, Retrier
from xpk.cloud.transport import TRANSPORT_ERRORS, no_answer, transport_failure
from xpk.errors import Fault, StateError, UnreachableError

TIMEOUT = (10.0, 60.0)
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
APPLY_PATCH = "application/apply-patch+yaml"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


def as_yaml(body: Json) -> bytes:
    """A server-side apply's body: JSON that the API server's YAML reader takes.

    Characters beyond U+FFFF stay as they are: JSON escapes them as two halves, which YAML refuses
    ("found invalid Unicode character escape code"). All others outside ASCII are escaped.
    """
    text = json.dumps(body, ensure_ascii=False)
    return re.sub("[\x7f-\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text).encode()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a cluster answers. `ca` is PEM text, or None where a public CA signs (or none is needed)."""

    host: str
    ca: str | None


def target_of(endpoints: Endpoints, cluster_name: str, cluster: Json) -> Target:
    """The cluster's address, as gcloud chooses it.

    The DNS endpoint where it takes traffic from outside (public CA), else the IP endpoint with
    the cluster's own CA, else its private address. Raises StateError when there is none.
    """
    if endpoints.kubernetes is not None:
        return Target(f"{endpoints.kubernetes}/{cluster_name}", None)
    control = _dict(cluster, "controlPlaneEndpointsConfig")
    dns = _dict(control, "dnsEndpointConfig")
    if dns.get("endpoint") and dns.get("allowExternalTraffic"):
        return Target(f"https://{dns['endpoint']}", None)
    ip = _dict(control, "ipEndpointsConfig")
    address = (
        cluster.get("endpoint")
        or ip.get("publicEndpoint")
        or ip.get("privateEndpoint")
        or _dict(cluster, "privateClusterConfig").get("privateEndpoint")
    )
    # `enabled` is one of the few fields whose false is on the wire.
    if not address or ip.get("enabled") is False:
        why = "it has no endpoint that can be reached from here"
        fix = f"gcloud container clusters update {cluster_name.rpartition('/')[2]} --enable-dns-access"
        raise StateError(Fault(f"cluster {cluster_name}", why, fix))
    return Target(f"https://{address}", _ca(cluster_name, cluster))


class Connection:
    """A pool of connections to one cluster. Safe to use from several threads."""

    def __init__(self, target: Target, credentials: Credentials, retrier: Retrier, *, emulated: bool) -> None:
        self._credentials = credentials
        self._retrier = retrier
        self._anonymous = emulated or credentials.anonymous
        self._api: Any = kubernetes.client.ApiClient(self._configuration(target, emulated))
        self._api.user_agent = USER_AGENT
        self._lock = threading.Lock()
        self.warnings: list[str] = []

    def request(
        self,
        method: str,
        path: str,
        call: Call,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        """The answer's JSON object; errors as `xpk.errors`, after retries."""
        renewed = False

        def attempt() -> Json:
            nonlocal renewed
            response = self._open(method, path, call, query or {}, body, content_type, TIMEOUT, accept)
            content = _read(response, call)
            if response.status == 401 and not self._anonymous and not renewed:
                renewed = True  # revoked or expired early: once more with a new token
                self._credentials.token(self._retrier, renew=True)
                response = self._open(method, path, call, query or {}, body, content_type, TIMEOUT, accept)
                content = _read(response, call)
            return self._object(response, content, call)

        return self._retrier.run(attempt)

    def stream(self, path: str, call: Call, query: Mapping[str, str], read_timeout: float) -> Any:
        """The open answer (urllib3's) of a GET that goes on; the caller closes it."""

        def attempt() -> Any:
            response = self._open(
                "GET", path, call, query, None, "application/json", (TIMEOUT[0], read_timeout)
            )
            if response.status != 200:
                self._object(response, _read(response, call), call)
            return response.response

        return self._retrier.run(attempt)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _configuration(self, target: Target, emulated: bool) -> Any:
        config: Any = kubernetes.client.Configuration()
        config.host = target.host
        config.retries = False  # also no redirects: a token goes to this host only
        config.connection_pool_maxsize = POOL_SIZE
        if target.ca is not None:
            config.ca_cert_data = target.ca
        if emulated:
            config.proxy = None
        if not self._anonymous:
            # Looked up on each request only if a value is there from the start.
            config.api_key["authorization"] = self._credentials.token(self._retrier)
            config.api_key_prefix["authorization"] = "Bearer"
            config.refresh_api_key_hook = self._hook()
        return config

    def _hook(self) -> Callable[[Any], None]:
        """A plain function: the client deep-copies configurations, and a lock cannot be copied."""
        credentials, retrier = self._credentials, self._retrier

        def refresh(config: Any) -> None:
            config.api_key["authorization"] = credentials.token(retrier)

        return refresh

    def _open(
        self,
        method: str,
        path: str,
        call: Call,
        query: Mapping[str, str],
        body: Json | None,
        content_type: str,
        timeout: tuple[float, float],
        accept: str = "application/json",
    ) -> Any:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        serialized = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=as_yaml(body) if body is not None and content_type == APPLY_PATCH else body,
            auth_settings=[] if self._anonymous else ["BearerToken"],
        )
        try:
            return self._api.call_api(*serialized, _request_timeout=timeout)
        except kubernetes.client.exceptions.ApiException as error:
            # The client hides a TLS failure in an ApiException with status 0.
            fault = Fault(
                call.what, f"TLS failed: {clean(str(error.reason))}", "check the clock and any proxy"
            )
            raise Failed(UnreachableError(fault), again=False) from error
        except TRANSPORT_ERRORS as error:
            raise transport_failure(error, call) from error

    def _object(self, response: Any, content: bytes, call: Call) -> Json:
        if not 200 <= response.status < 300:
            raise refusal(call, parse_status(response.status, content, response.headers))
        self._keep_warnings(response)
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise no_answer(call, "the answer was not a JSON object", effect="maybe")
        return parsed

    def _keep_warnings(self, response: Any) -> None:
        """Deprecations and the like that the API server adds to an answer (RFC 7234's Warning)."""
        for header in response.headers.getlist("Warning"):
            for match in _WARNING.finditer(header):
                text = clean(re.sub(r"\\(.)", r"\1", match[1]))
                with self._lock:
                    if text not in self.warnings:
                        self.warnings.append(text)


def _read(response: Any, call: Call) -> bytes:
    try:
        content: bytes = response.read()
    except TRANSPORT_ERRORS as error:
        response.response.close()  # half read: its connection serves nobody else
        raise transport_failure(error, call) from error
    return content


def _dict(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _ca(cluster_name: str, cluster: Json) -> str:
    encoded = _dict(cluster, "masterAuth").get("clusterCaCertificate")
    try:
        return base64.b64decode(str(encoded or ""), validate=True).decode("ascii") or _no_ca(cluster_name)
    except (binascii.Error, ValueError):
        return _no_ca(cluster_name)


def _no_ca(cluster_name: str) -> str:
    why = "GKE gave no CA certificate for it, so its address cannot be trusted"
    raise StateError(
        Fault(f"cluster {cluster_name}", why, "wait until the cluster is RUNNING, then run it again")
    )
