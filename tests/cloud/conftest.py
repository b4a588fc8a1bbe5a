"""A small scripted HTTP server on loopback, and a retrier that does not sleep."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from xpk.cloud.credentials import anonymous
from xpk.cloud.endpoints import Endpoints, emulated
from xpk.cloud.kube import Kube
from xpk.cloud.retry import Retrier, RetryPolicy


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """One scripted answer. `drop`: close without answering; `cut`: promise more than is sent."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    cut: bool = False
    chunks: tuple[bytes, ...] | None = None
    then_break: bool = False


@dataclass
class FakeServer:
    """Answers with the queued replies in order, and with 501 when there is none."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    respond: Callable[[Request], Reply] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, status: int = 200, body: Any = None, **kwargs: Any) -> None:
        """Queue one reply."""
        headers = tuple(kwargs.pop("headers", {}).items())
        self.replies.append(Reply(status, {} if body is None else body, headers, **kwargs))

    @staticmethod
    def reply(status: int = 200, body: Any = None, **kwargs: Any) -> Reply:
        """A reply for `respond` to return."""
        return Reply(status, {} if body is None else body, **kwargs)

    @property
    def seen(self) -> list[str]:
        """Method and path of each request."""
        return [f"{r.method} {r.path}" for r in self.requests]

    @property
    def endpoints(self) -> Endpoints:
        """Endpoints that all lead here."""
        return emulated(self.url)

    def take(self, request: Request) -> Reply:
        """Record a request and give its reply."""
        with self.lock:
            self.requests.append(request)
            if self.respond is not None:
                return self.respond(request)
            return self.replies.pop(0) if self.replies else Reply(501, {"error": {"message": "not scripted"}})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    fake: FakeServer

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        path, _, query = self.path.partition("?")
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        reply = self.fake.take(
            Request(self.command, path, query, {k.title(): v for k, v in self.headers.items()}, body)
        )
        if reply.drop:
            self.close_connection = True
            return
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.chunks is not None:
            self._send_chunks(reply)
            return
        if not any(name == "Content-Type" for name, _ in reply.headers):
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content) + (10 if reply.cut else 0)))
        self.end_headers()
        self.wfile.write(content)
        if reply.cut:
            self.close_connection = True

    def _send_chunks(self, reply: Reply) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in reply.chunks or ():
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        if reply.then_break:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A running server."""
    state = FakeServer()
    handler = type("Handler", (_Handler,), {"fake": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class FakeTime:
    """A clock that only sleeping moves."""

    now: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.sleeps.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        """The time."""
        return self.now

    def retrier(self, **policy: Any) -> Retrier:
        """A retrier on this clock."""
        return Retrier(RetryPolicy(**policy), sleep=self.sleep, clock=self.clock, rng=random.Random(1))


@pytest.fixture
def fake_time() -> FakeTime:
    """A clock."""
    return FakeTime()


@pytest.fixture
def retrier(fake_time: FakeTime) -> Retrier:
    """A retrier with the default policy that does not sleep."""
    return fake_time.retrier()


@pytest.fixture
def kube(fake: FakeServer, retrier: Retrier) -> Iterator[Kube]:
    """A Kubernetes client of the scripted server."""
    client = Kube(fake.endpoints, anonymous(), "projects/p/locations/l/clusters/c", {}, retrier=retrier)
    yield client
    client.close()
