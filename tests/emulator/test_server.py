"""The HTTP server itself: connections, bodies, streams, the log, and the process."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.http import NotJson, Request, Response
from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
CLUSTERS = "/v1/projects/proj-1/locations/us-east5/clusters"


def test_one_connection_serves_many_requests(emulator: Emulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    sockets = set()
    for _ in range(3):
        connection.request("GET", CLUSTERS)
        answer = connection.getresponse()
        assert (answer.status, answer.version, answer.read()) == (200, 11, b"{}")
        sockets.add(connection.sock)
    assert len(sockets) == 1
    assert None not in sockets
    connection.close()


def test_chunked_body(emulator: Emulator, mtc_cluster: Json) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    raw = json.dumps({"cluster": mtc_cluster}).encode()
    connection.request("POST", CLUSTERS, iter([raw[:10], raw[10:]]), encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def test_expect_continue(emulator: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
        head = f"POST {CLUSTERS} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"{}")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("header", ["Content-Length: x", "Transfer-Encoding: chunked\r\n\r\nzz"])
def test_unreadable_body(emulator: Emulator, header: str) -> None:
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
        raw.sendall(f"POST {CLUSTERS} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("nonsense", 400),
        ("GET http://[bad HTTP/1.1", 400),
        ("BREW /pot HTTP/1.1", 501),
        (f"GET /{'a' * 70_000} HTTP/1.1", 414),
    ],
)
def test_what_is_no_request_is_refused_in_json(emulator: Emulator, line: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
        raw.sendall(f"{line}\r\nHost: x\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2] or answer)["error"]["code"] == status


def test_a_stream_ends_when_its_client_goes(
    call_at: Call, clock: Any, world_factory: Any, mtc_cluster: Json
) -> None:
    ended = threading.Event()

    def quiet() -> Any:
        try:
            yield b"first\n"
            while True:
                emulator.cloud.woken.wait(0.01)
                yield b""
        finally:
            ended.set()

    class Watching(world_factory):  # type: ignore[misc]
        def handle(self, request: Request) -> Response:
            return Response(200, stream=quiet())

    with Emulator(clock=clock, world_factory=Watching) as emulator:
        call_at(emulator, "POST", CLUSTERS, {"cluster": mtc_cluster})
        clock.jump(1000)
        connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
        connection.request("GET", CLUSTERS.replace("/v1/", "/kubernetes/") + "/mtc/api/v1/pods")
        watch = connection.getresponse()
        assert watch.readline() == b"first\n"
        assert not ended.is_set()
        watch.close()
        connection.close()
        assert ended.wait(30)


def test_streams_are_sent_in_pieces(emulator: Emulator, running: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    connection.request("GET", running.replace("/v1/", "/kubernetes/") + "/stream")
    answer = connection.getresponse()
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.read() == b"one\ntwo\n"
    connection.close()


def test_a_stream_does_not_keep_others_waiting(
    call_at: Call, clock: Any, world_factory: Any, mtc_cluster: Json
) -> None:
    """A watch that waits for ever must hold neither the lock nor the stop of the server."""
    emulator: Emulator

    def endless() -> Any:
        yield b"first\n"
        emulator.cloud.woken.wait(20)

    class Watching(world_factory):  # type: ignore[misc]
        def handle(self, request: Request) -> Response:
            return Response(200, stream=endless())

    with Emulator(clock=clock, world_factory=Watching) as emulator:
        call_at(emulator, "POST", CLUSTERS, {"cluster": mtc_cluster})
        clock.jump(1000)
        assert call_at(emulator, "GET", f"{CLUSTERS}/mtc")[1]["status"] == "RUNNING"
        connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
        connection.request("GET", CLUSTERS.replace("/v1/", "/kubernetes/") + "/mtc/api/v1/pods")
        watch = connection.getresponse()
        assert watch.readline() == b"first\n"
        assert call_at(emulator, "GET", CLUSTERS)[0] == 200
        watch.close()
        connection.close()


def test_the_log_holds_requests_but_not_those_of_control(call: Call, mtc_cluster: Json) -> None:
    call("POST", CLUSTERS, {"cluster": mtc_cluster})
    call("GET", f"{CLUSTERS}/none")
    call("PUT", f"{CLUSTERS}/mtc", "not json")
    call("GET", "/_emulator/info")
    assert call("GET", "/_emulator/requests")[1] == [
        {"method": "POST", "path": CLUSTERS, "body": {"cluster": mtc_cluster}, "status": 200},
        {"method": "GET", "path": f"{CLUSTERS}/none", "body": None, "status": 404},
        {"method": "PUT", "path": f"{CLUSTERS}/mtc", "body": "not json", "status": 400},
    ]
    assert call("DELETE", "/_emulator/requests") == (200, {})
    assert call("GET", "/_emulator/requests") == (200, [])


def test_info_and_objects(call: Call, running: str) -> None:
    assert call("GET", "/_emulator/info") == (200, {"time_scale": 1, "version": 1})
    call("GET", "/storage/v1/b/my-bucket")
    objects = call("GET", "/_emulator/objects")[1]
    name = running.removeprefix("/v1/")
    assert [cluster["name"] for cluster in objects["clusters"]] == ["mtc"]
    assert [pool["name"] for pool in objects["nodePools"][name]] == ["default-pool"]
    assert [operation["status"] for operation in objects["operations"]] == ["DONE"]
    assert [bucket["name"] for bucket in objects["buckets"]] == ["my-bucket"]
    assert objects["iam"]["my-bucket"]["bindings"] == []
    assert objects["kubernetes"][name]["notes"]
    assert call("GET", "/_emulator/nothing")[0] == 501


def test_a_failure_of_the_emulator_is_a_500_that_says_so(
    call_at: Call, clock: Any, world_factory: Any, mtc_cluster: Json
) -> None:
    class Broken(world_factory):  # type: ignore[misc]
        def handle(self, request: Request) -> Response:
            raise RuntimeError("broken on purpose")

    with Emulator(clock=clock, world_factory=Broken) as emulator:
        call_at(emulator, "POST", CLUSTERS, {"cluster": mtc_cluster})
        clock.jump(1000)
        status, body = call_at(emulator, "GET", CLUSTERS.replace("/v1/", "/kubernetes/") + "/mtc/version")
    assert status == 500
    assert "broken on purpose" in body["error"]["message"]


def test_two_emulators_do_not_share_a_port(emulator: Emulator) -> None:
    with pytest.raises(OSError):
        Emulator(port=emulator.port)


def test_the_process(tmp_path: Any) -> None:
    """It prints its address, serves, and on SIGTERM writes its state and ends well."""
    line = [sys.executable, "-m", "xpk.emulator", "serve", "--port", "0", "--state", str(tmp_path)]
    with subprocess.Popen([*line, "--time-scale", "0.5"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/_emulator/info")
        assert json.load(connection.getresponse()) == {"time_scale": 0.5, "version": 1}
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (tmp_path / "emulator.json").exists()


@pytest.mark.parametrize("arguments", [[], ["serve", "--port", "x"], ["serve", "--port", "70000"]])
def test_bad_command_lines(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xpk.emulator", *arguments], capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout) == (2, "")


def test_requests_are_parsed() -> None:
    request = Request.parse("GET", "/a%20b/c?x=1&x=2&empty=", {"X-Y": "z"}, b"")
    assert request.path == "/a b/c"
    assert request.parts() == ["a b", "c"]
    assert (request.query, request.first("x"), request.first("none", "d")) == (
        {"x": ["1", "2"], "empty": [""]},
        "1",
        "d",
    )
    assert request.headers == {"x-y": "z"}
    assert request.json() == {}
    with pytest.raises(NotJson):
        Request.parse("POST", "/", {}, b"[]").json()


def test_what_fails_between_requests_is_told_by_the_next(
    call_at: Call, world_factory: Any, mtc_cluster: Json
) -> None:
    broke = threading.Event()

    class Broken(world_factory):  # type: ignore[misc]
        def tick(self) -> float | None:
            broke.set()
            raise RuntimeError("broken on purpose")

    with Emulator(time_scale=0.0001, world_factory=Broken) as emulator:
        call_at(emulator, "POST", CLUSTERS, {"cluster": mtc_cluster})
        assert broke.wait(10)
        with emulator.cloud.lock:
            pass
        status, body = call_at(emulator, "GET", CLUSTERS)
    assert status == 500
    assert "broken on purpose" in body["error"]["message"]


def test_deleting_a_cluster_ends_its_watches(
    call: Call, clock: Any, emulator: Emulator, running: str
) -> None:
    assert call("GET", running)[1]["status"] == "RUNNING"
    [world] = emulator.cloud.store.worlds.values()
    call("DELETE", running)
    clock.jump(1000)
    assert call("GET", running)[0] == 404
    assert vars(world)["closed"] is True
