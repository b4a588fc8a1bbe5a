"""Nothing of a container lives on: other groups, other sessions, a parent that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xpk.rehearsal.hosts.space import Space

if TYPE_CHECKING:
    from tests.rehearsal.hosts.conftest import Starter

ROOT = Path(__file__).resolve().parents[3]

# A process that left its parent and its session, as daemons do; it is there, and its id in the log,
# when the first one goes on.
DAEMON = """
import os, signal, sys
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("pid", os.getpid(), flush=True)
        os.write(writing, b"1")
        signal.pause()
    os._exit(0)
os.wait()
os.read(reading, 1)
"""
# One that never lets go: each process makes the next one, and ends.
RUNNER = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    print("running", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if os.fork() != 0:
            os._exit(0)
        time.sleep(0.001)
signal.pause()
"""
WRAPPED = 'set -m; "$1" -I -S -c "$2" & sleep 1000 & echo pid $!; wait $!'


def pids(log: str) -> list[int]:
    return [int(line.split()[1]) for line in log.splitlines() if line.startswith("pid ")]


def test_kill_ends_every_descendant(
    start: Starter, until: Callable[..., None], is_alive: Callable[[int], bool]
) -> None:
    running = start("bash", "-c", WRAPPED, "-", sys.executable, DAEMON)
    until(lambda: len(pids(start.said())) == 2)
    assert all(map(is_alive, pids(start.said())))
    running.kill()
    assert running.wait(120) == 137
    assert not any(map(is_alive, [running.pid, *pids(start.said())]))


def test_the_end_of_the_first_process_is_the_end_of_all(
    start: Starter, until: Callable[..., None], is_alive: Callable[[int], bool]
) -> None:
    running = start("bash", "-c", '"$1" -I -S -c "$2"; exit 9', "-", sys.executable, DAEMON)
    assert running.wait(120) == 9
    (daemon,) = pids(start.said())
    assert not is_alive(daemon)


def test_one_that_runs_away_is_caught(start: Starter) -> None:
    running = start.python(RUNNER)
    start.wait_for("running")
    began = time.monotonic()
    running.kill()
    assert running.wait(120) == 137
    assert time.monotonic() - began < 50  # it would have ended by itself after 60


def test_without_a_subreaper_groups_and_the_session_end(
    start_plain: Starter, until: Callable[..., None], is_alive: Callable[[int], bool]
) -> None:
    """Another group; another session below a parent that lives."""
    words = 'set -m; sleep 1000 & echo pid $!; "$1" -I -S -c "$2" & echo pid $!; wait'
    linked = "import os, signal; os.setsid(); print('session', flush=True); signal.pause()"
    running = start_plain(
        "bash", "-c", words, "-", sys.executable, f"import os\nif os.fork() == 0:\n  {linked}\nos.wait()"
    )
    start_plain.wait_for("session")
    assert len(pids(start_plain.said())) == 2
    running.kill()
    assert running.wait(120) == 137
    assert not any(map(is_alive, [running.pid, *pids(start_plain.said())]))


def test_without_a_subreaper_what_the_first_process_leaves_ends(
    start_plain: Starter, is_alive: Callable[[int], bool]
) -> None:
    running = start_plain("bash", "-c", "set -m; sleep 1000 & echo pid $!; exit 4")
    assert running.wait(120) == 4
    (left,) = pids(start_plain.said())
    assert not is_alive(left)


PARENT = """
import os, signal, sys
from pathlib import Path
from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation import Isolation
from xpk.rehearsal.hosts.launch import Bind, Launch
from xpk.rehearsal.hosts.space import Space
kind, log, root, memory, bash = sys.argv[1:6]
space = Space(root=Path(root), ramdisk_root=Path(memory))
binds = (Bind("/xpk-local", space.bucket("some-bucket")),)
running = Launcher(Isolation(kind, "")).start(Launch((bash, "-c", *sys.argv[6:]), {}, Path(log), None, binds))
print(running.pid, flush=True)
signal.pause()
"""


def begin(start: Starter, roots: tuple[Path, Path]) -> subprocess.Popen[bytes]:
    """A parent in a process of its own, with a container; the first line of its stdout is a process id."""
    words = [
        start.launcher.isolation.kind,
        str(start.log),
        *map(str, roots),
        "/bin/bash",
        WRAPPED,
        "-",
        sys.executable,
    ]
    start.log.touch()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", PARENT, *words, DAEMON], stdout=subprocess.PIPE, env=env)


@pytest.mark.usefixtures("untouched")
def test_a_killed_parent_leaves_no_process_and_its_directories_to_the_next(
    start: Starter, until: Callable[..., None], is_alive: Callable[[int], bool], tmp_path: Path
) -> None:
    roots = (tmp_path / "root", tmp_path / "memory")
    with begin(start, roots) as parent:
        assert parent.stdout is not None
        first = int(parent.stdout.readline())
        until(lambda: len(pids(start.said())) == 2)
        assert all(map(is_alive, [first, *pids(start.said())]))
        parent.kill()
    until(lambda: not any(map(is_alive, [first, *pids(start.said())])))
    assert all(list(root.glob("r-*")) for root in roots)
    with Space(root=roots[0], ramdisk_root=roots[1]) as space:
        assert [list(root.glob("r-*")) for root in roots] == [[space.logs.parent], list(roots[1].glob("r-*"))]
        assert not list(space.bucket("some-bucket").iterdir())
    assert not any(root.exists() for root in roots)


def test_after_a_killed_keeper_the_first_process_ends_at_once_and_its_session_with_the_parents_help(
    start: Starter, until: Callable[..., None], is_alive: Callable[[int], bool], tmp_path: Path
) -> None:
    """What is in another session by then lives on: nobody else knows of it. Here, the test does."""
    with begin(start, (tmp_path / "root", tmp_path / "memory")) as parent:
        assert parent.stdout is not None
        first = int(parent.stdout.readline())
        until(lambda: len(pids(start.said())) == 2)
        parent.send_signal(signal.SIGSTOP)
        os.kill(int(Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
        until(lambda: not is_alive(first))
        parent.send_signal(signal.SIGCONT)
        until(lambda: sum(map(is_alive, pids(start.said()))) == 1)
        parent.kill()
    (daemon,) = filter(is_alive, pids(start.said()))
    os.kill(daemon, signal.SIGKILL)
