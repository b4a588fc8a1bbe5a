"""Processes of this installation: found, started, stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from xpk.errors import StateError
from xpk.rehearsal.children import emulator, own_environment, stop


def test_a_child_finds_this_xpk(tmp_path: Path) -> None:
    environ = own_environment({"PATH": os.environ["PATH"], "PYTHONPATH": "/elsewhere"})
    words = [sys.executable, "-c", "import xpk; print(xpk.__file__)"]
    done = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True)
    import xpk

    assert done.stdout.strip() == xpk.__file__
    assert environ["PYTHONPATH"].endswith("/elsewhere")


def test_the_emulator_is_there_and_gone() -> None:
    with emulator(["--port", "0"], os.environ) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert process.poll() is None
        assert os.getsid(process.pid) != os.getsid(0)
    assert process.returncode is not None


def test_the_emulator_does_not_outlive_one_that_was_killed() -> None:
    program = (
        "import os, sys\n"
        "from xpk.rehearsal.children import emulator\n"
        "with emulator(['--port', '0'], os.environ) as (url, process):\n"
        "    print(url.rpartition(':')[2], flush=True)\n"
        "    sys.stdin.read()\n"
    )
    environ = own_environment(os.environ)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], env=environ, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            parent.kill()
            assert connection.recv(1) == b""


def fail_with_an_emulator(seen: list[subprocess.Popen[str]]) -> None:
    with emulator(["--port", "0"], os.environ) as (_, process):
        seen.append(process)
        raise RuntimeError("boom")


def test_it_is_stopped_when_something_goes_wrong() -> None:
    seen: list[subprocess.Popen[str]] = []
    with pytest.raises(RuntimeError, match="boom"):
        fail_with_an_emulator(seen)
    assert seen[0].poll() is not None


def test_one_that_does_not_start_says_why() -> None:
    with pytest.raises(StateError) as raised, emulator(["--port", "nonsense"], os.environ):
        pass
    assert "nonsense" in raised.value.faults[0].why


def test_stop_is_no_trouble_twice() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], text=True)
    process.wait()
    stop(process)
    stop(process)
