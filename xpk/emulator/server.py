"""The HTTP server: one port on the loopback interface, a thread per connection, and the ticker."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from xpk.emulator.clock import Clock
from xpk.emulator.cloud import Cloud, kubernetes_world
from xpk.emulator.errors import google_error
from xpk.emulator.gke.operations import DEFAULT_QUOTA
from xpk.emulator.http import Request, Response
from xpk.emulator.ticker import Ticker
from xpk.emulator.world import WorldFactory

HOST = "127.0.0.1"


class Handler(BaseHTTPRequestHandler):
    """Reads a request from a connection, writes the cloud's answer."""

    protocol_version = "HTTP/1.1"
    server_version = "xpk-emulator"
    disable_nagle_algorithm = True
    # without a buffer each small write waits for the client's delayed ACK, about 40 ms
    wbufsize = 1 << 16

    def _answer(self) -> None:
        cloud = cast("Server", self.server).cloud
        body = self._body()
        if body is None:
            self.send_error(400)
            return
        try:
            request = Request.parse(self.command, self.path, dict(self.headers.items()), body)
        except ValueError:
            self.send_error(400, "Bad request target")
            return
        response = cloud.handle(request)
        if response is None:
            self.close_connection = True
            return
        self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer

    def _body(self) -> bytes | None:
        """The request's body; None when its length cannot be read."""
        try:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                return self._chunks()
            length = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(length) if length > 0 else b""
        except ValueError:
            self.close_connection = True
            return None

    def _chunks(self) -> bytes:
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _send(self, response: Response) -> None:
        content = response.body if isinstance(response.body, bytes) else b""
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._stream(response)
            return
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content if response.cut is None else content[: response.cut])
        if response.cut is not None:
            self.close_connection = True

    def _stream(self, response: Response) -> None:
        assert response.stream is not None
        self.wfile.flush()
        try:
            left = response.cut
            for piece in response.stream:
                if not piece and self._client_gone():
                    return
                if piece and left is not None:
                    piece, left = piece[:left], max(0, left - len(piece))
                if left == 0:
                    self.wfile.write(b"%x\r\n%b" % (len(piece) + 1, piece))
                    self.close_connection = True
                    return
                if piece:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        finally:
            close = getattr(response.stream, "close", None)
            if close is not None:
                close()

    def _client_gone(self) -> bool:
        """Whether the client closed its connection, which only a look at it tells while nothing is sent."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False

    def handle_expect_100(self) -> bool:
        """Tell a client that waits before it sends its body to go on."""
        going = super().handle_expect_100()
        self.wfile.flush()
        return going

    def handle(self) -> None:
        """Serve requests until the client goes, which is no error."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def finish(self) -> None:
        """Flush; a client that went away is no error."""
        with suppress(ConnectionError, ValueError):
            super().finish()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not even a request, in the form of all other refusals."""
        self.close_connection = True
        name = "INVALID_ARGUMENT" if code == 400 else "UNIMPLEMENTED" if code == 501 else "UNKNOWN"
        body = google_error(code, name, message or HTTPStatus(code).phrase)
        self._send(Response(code, body, {"Connection": "close"}).rendered())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are in the cloud's own log."""


class Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping closes them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, cloud: Cloud) -> None:
        self.cloud = cloud
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((HOST, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the connection's thread."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close one connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End every open connection; its thread sees the end of the stream."""
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Emulator:
    """The emulator in this process, on a port of its own.

    with Emulator(time_scale=0) as emulator:
        urllib.request.urlopen(emulator.url + "/v1/projects/p/locations/-/clusters")
    """

    def __init__(
        self,
        port: int = 0,
        state_dir: Path | str | None = None,
        time_scale: float = 0.01,
        *,
        clock: Clock | None = None,
        world_factory: WorldFactory = kubernetes_world,
        operation_quota: int = DEFAULT_QUOTA,
    ) -> None:
        self.clock = clock or Clock(time_scale)
        self.cloud = Cloud(self.clock, world_factory, operation_quota)
        self._ticker = Ticker(self.cloud, None if state_dir is None else Path(state_dir))
        self._server = Server(port, self.cloud)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; a free one when 0 was asked for."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address that takes the place of Google's."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Load the state, and serve from threads of this process. Raises ValueError for a bad state."""
        try:
            self._ticker.start()
        except BaseException:
            self._server.server_close()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="emulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and write the state. Does nothing the second time."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
            self.cloud.close()
            self._server.close_connections()
            self._ticker.stop()
        self._server.server_close()

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
