"""One bundle of clients for one command, each built when it is first used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self, TypeVar, cast

from xpk.cloud import releases
from xpk.cloud.credentials import Credentials, credentials_for
from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Json
from xpk.cloud.gke import Gke
from xpk.cloud.http import new_session
from xpk.cloud.kube import Kube
from xpk.cloud.projects import Projects
from xpk.cloud.retry import Retrier
from xpk.cloud.storage import Storage


class _Closeable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closeable)


class Cloud:
    """Clients for the APIs behind one `Endpoints`. Safe to use from several threads.

    Nothing is contacted, and no credentials are looked for, before the first client is used.
    `with Cloud(...) as cloud:` closes the connections at the end.
    """

    def __init__(
        self, endpoints: Endpoints, *, environ: Mapping[str, str], retrier: Retrier | None = None
    ) -> None:
        self.endpoints = endpoints
        self._environ = environ
        self._retrier = retrier or Retrier()
        self._lock = threading.RLock()
        self._clients: dict[str, _Closeable] = {}
        self._credentials: Credentials | None = None

    @property
    def credentials(self) -> Credentials:
        """Application default credentials, or anonymous ones for the emulator. AccessError if none."""
        with self._lock:
            if self._credentials is None:
                self._credentials = credentials_for(self.endpoints, self._environ)
            return self._credentials

    @property
    def gke(self) -> Gke:
        """The GKE API."""
        return self._client("gke", lambda: Gke(self.endpoints, self.credentials, retrier=self._retrier))

    @property
    def storage(self) -> Storage:
        """Cloud Storage."""
        return self._client(
            "storage",
            lambda: Storage(
                self.endpoints, new_session(self.endpoints, self.credentials), retrier=self._retrier
            ),
        )

    @property
    def projects(self) -> Projects:
        """Resource Manager."""
        return self._client(
            "projects",
            lambda: Projects(
                self.endpoints, new_session(self.endpoints, self.credentials), retrier=self._retrier
            ),
        )

    def kube(self, cluster_name: str, cluster_json: Json) -> Kube:
        """The Kubernetes API of `projects/P/locations/L/clusters/C`; one client for each cluster.

        `cluster_json` is what `gke.get_cluster` gave: the endpoint and the CA are in it.
        """
        return self._client(
            f"kube {cluster_name}",
            lambda: Kube(self.endpoints, self.credentials, cluster_name, cluster_json, retrier=self._retrier),
        )

    def fetch_release(self, path: str) -> bytes:
        """See `releases.fetch`. Needs no credentials."""
        return releases.fetch(self.endpoints, path, retrier=self._retrier)

    def close(self) -> None:
        """Close all connections; a client that is used again is built anew."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _client(self, name: str, build: Callable[[], C]) -> C:
        with self._lock:
            if name not in self._clients:
                self._clients[name] = build()
            return cast(C, self._clients[name])
