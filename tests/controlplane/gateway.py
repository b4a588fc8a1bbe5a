"""The control plane behind the address form of the emulator, so that `xpk` itself can be run on it.

`XPK_EMULATOR=<url>` makes the program send GKE, Storage and Kubernetes calls to one loopback address,
without a credential. The gateway passes `/kubernetes/projects/P/locations/L/clusters/C/...` on to the real
API server, as one user and whatever the cluster is called; it answers for release files with those of
the modules that run here; everything else goes to the emulator, which has GKE's half.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import User

_CLUSTER = re.compile(r"/kubernetes/projects/[^/]+/locations/[^/]+/clusters/[^/]+(?=/)")
_RELEASE = re.compile(r"/releases/kubernetes-sigs/(jobset|kueue)/")
_PASSED_ON = ("Accept", "Content-Type", "User-Agent")
_PASSED_BACK = ("Content-Type", "Warning", "Retry-After", "Location", "ETag")


class Gateway:
    """Serves from threads of this process: `with Gateway(plane, emulator=url) as gateway: gateway.url`."""

    def __init__(self, plane: ControlPlane, *, emulator: str | None = None, user: User | None = None) -> None:
        tls = ssl.create_default_context(cadata=plane.ca_pem)
        connections = urllib3.PoolManager(maxsize=64, timeout=120, ssl_context=tls)
        token = user.token if user else plane.token

        class Handler(_Handler):
            kubernetes = plane.url
            elsewhere = emulator
            pool = connections
            bearer = token
            release = staticmethod(plane.release)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._connections = connections
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """The address for XPK_EMULATOR."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Gateway:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._connections.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kubernetes: str
    elsewhere: str | None
    pool: urllib3.PoolManager
    bearer: str
    release: Callable[[str], str]

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        if wanted := _RELEASE.match(self.path):
            self._answer(self.release(wanted[1]).encode())
            return
        prefix = _CLUSTER.match(self.path)
        if prefix:
            address, path = self.kubernetes, self.path[prefix.end() :]
            headers["Authorization"] = f"Bearer {self.bearer}"
        elif self.elsewhere:
            address, path = self.elsewhere, self.path
        else:
            self.send_error(501, "only Kubernetes is behind this gateway")
            return
        try:
            answer = self.pool.request(
                self.command,
                address + path,
                body=body,
                headers=headers,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError:
            self.close_connection = True  # as a lost connection is seen by the client
            return
        self._pass_back(answer)

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _pass_back(self, answer: urllib3.BaseHTTPResponse) -> None:
        self.send_response(answer.status, answer.reason)
        for name in _PASSED_BACK:
            for value in answer.headers.getlist(name):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while chunk := answer.read1(1 << 16):  # a watch gives its events as they come
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (OSError, urllib3.exceptions.HTTPError):
            self.close_connection = True
            answer.close()  # of which half is not read
        else:
            answer.release_conn()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
