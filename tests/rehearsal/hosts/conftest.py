"""Containers of every kind that this machine allows, and what tests of them need."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xpk.rehearsal.hosts.container import Launcher, Running
from xpk.rehearsal.hosts.isolation import Isolation, Kind, try_kind
from xpk.rehearsal.hosts.launch import Bind, Launch

_END_SECONDS = 120.0
_NAMESPACES: tuple[Kind, ...] = ("mount namespace", "user namespace")
_tried = functools.cache(try_kind)


class Starter:
    """Starts containers whose log is one file, and ends those that a test left."""

    def __init__(self, launcher: Launcher, log: Path) -> None:
        self.launcher = launcher
        self.log = log
        self.started: list[Running] = []

    def __call__(
        self,
        *argv: str,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        binds: tuple[Bind, ...] = (),
    ) -> Running:
        given = {"PATH": os.environ["PATH"]} if env is None else env
        self.started.append(self.launcher.start(Launch(argv, given, self.log, cwd, binds)))
        return self.started[-1]

    def python(self, program: str, *words: str, binds: tuple[Bind, ...] = ()) -> Running:
        return self(sys.executable, "-I", "-S", "-c", program, *words, binds=binds)

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str) -> None:
        until(lambda: words in self.said())


def until(condition: Callable[[], bool]) -> None:
    """Look until it is so; fail after an end that no healthy machine needs."""
    end = time.monotonic() + _END_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie: one without a keeper is the machine's to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def launcher_of(kind: Kind) -> Launcher:
    if kind != "substitution" and (why := _tried(kind)) is not None:
        pytest.skip(f"no {kind} on this machine: {why}")
    return Launcher(Isolation(kind, "a test wants it"))


def _starter(launcher: Launcher, folder: Path) -> Iterator[Starter]:
    starter = Starter(launcher, folder / "container.log")
    yield starter
    for running in starter.started:
        running.kill()
        running.wait()


@pytest.fixture(params=[*_NAMESPACES, "substitution"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Starter]:
    """A starter for each kind."""
    yield from _starter(launcher_of(request.param), tmp_path)


@pytest.fixture(params=_NAMESPACES)
def start_mounted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Starter]:
    """A starter for each kind that mounts."""
    yield from _starter(launcher_of(request.param), tmp_path)


@pytest.fixture
def start_plain(tmp_path: Path) -> Iterator[Starter]:
    """A starter as on systems without namespaces and child subreapers."""
    yield from _starter(Launcher(Isolation("substitution", "a test wants it"), reaper=False), tmp_path)


@pytest.fixture(name="until")
def _until() -> Callable[[Callable[[], bool]], None]:
    return until


@pytest.fixture(name="is_alive")
def _is_alive() -> Callable[[int], bool]:
    return is_alive


@pytest.fixture
def untouched(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail when a test leaves an entry in a directory where tests mount, a mount, or a temporary file."""
    temporary = tmp_path_factory.mktemp("tmpdir")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def state() -> tuple[list[list[str]], list[str]]:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return [
            sorted(os.listdir(path)) for path in ("/", "/mnt", "/etc", "/run", "/srv", "/usr", "/usr/lib")
        ], mounts

    before = state()
    yield
    assert state() == before
    assert not list(temporary.iterdir())
