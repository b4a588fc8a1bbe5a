"""SIGTERM: who gets it, who does not, and that the grace period is the trainer's to use.

Every case runs the container's command line twice: as an ordinary process and as PID 1 of a
PID namespace of its own, which is what it is in a pod. Waiting is on output, never on time.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO

import pytest

from xpk.render.workload import container_command

TRAINER = """\
import signal, sys
def save(*_):
    signal.signal(signal.SIGTERM, lambda *_: None)
    print("told", flush=True)
    open("grace").read()
    print("saved", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
while True:
    signal.pause()
"""
LOADER = """\
import signal, subprocess, sys
child = "import signal, sys; signal.signal(15, lambda *_: print('worker told', flush=True)); "
child += "print('worker', flush=True); sys.stdin.read()"
worker = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
worker.stdout.readline()
def save(*_):
    signal.signal(signal.SIGTERM, lambda *_: None)
    print("told", flush=True)
    open("grace").read()
    print(worker.communicate()[0].decode() + "saved", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
signal.pause()
"""
NAMESPACES = (
    ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
)
SHAPES = [
    ("python3 trainer.py", 7),
    ("exec python3 trainer.py", 7),
    ("A=1 python3 trainer.py", 7),
    ("python3 trainer.py 2>&1", 143),
    ("python3 trainer.py; echo after", 143),
    ("true && python3 trainer.py && echo after", 143),
    ("python3 trainer.py || echo after", 143),
    ("python3 trainer.py 2>&1 | tee log", 143),
    ("python3 trainer.py | grep --line-buffered -v x | cat; echo after", 143),
    ("yes | python3 trainer.py", 143),
    ("bash launch.sh", 143),
    ("./launch.sh", 143),
    ("cd . && ./launch.sh; echo after", 143),
    ("sh -c 'python3 trainer.py; echo after'", 143),
    ("(python3 trainer.py; echo after); echo after", 143),
    ("if true; then python3 trainer.py; fi; echo after", 143),
    ("exec > >(tee log) 2>&1; python3 trainer.py; echo after", 143),
    ("sleep 1000 & python3 trainer.py", 143),
    ("true; timeout 1000 python3 trainer.py; echo after", 143),
    ("python3 trainer.py & wait; echo after", 143),
    ("trap 'exit 9' TERM; python3 trainer.py; echo after", 9),
    ("python3 loader.py; echo after", 143),
    ("python3 loader.py", 7),
]


@cache
def namespace() -> list[str] | None:
    """The command that makes a PID namespace here, if this machine allows any."""
    for argv in NAMESPACES:
        if (
            shutil.which("unshare")
            and subprocess.run([*argv, "true"], capture_output=True, check=False).returncode == 0
        ):
            return argv
    return None


class Pod:
    """One running container command."""

    def __init__(self, command: list[str], folder: Path, prefix: list[str]) -> None:
        self.process = subprocess.Popen(
            [*prefix, *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.inside = bool(prefix)
        self.limit = threading.Timer(20, self.process.kill)  # so that a hang is a failed assertion
        self.limit.start()

    @property
    def out(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def kill(self, number: int) -> None:
        """Signals the first process of the container, as a container runtime does."""
        pid = self.process.pid
        if self.inside:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        os.kill(pid, number)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode(), err.decode()

    def close(self) -> None:
        self.limit.cancel()
        if self.process.poll() is None:
            pid = self.process.pid
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                if not self.inside:  # a namespace ends with its first process
                    os.killpg(int(child), signal.SIGKILL)
            self.process.kill()
        self.process.communicate(timeout=30)


Start = Callable[[str], Pod]


@pytest.fixture
def start(prefix: list[str], folder: Path, expand: Callable[[bytes], bytes]) -> Iterator[Start]:
    """Starts container commands, and stops what a failed test leaves running."""
    pods: list[Pod] = []

    def start(text: str) -> Pod:
        command = [expand(part.encode()).decode() for part in container_command(text)]
        pods.append(Pod(command, folder, prefix))
        return pods[-1]

    yield start
    for pod in pods:
        pod.close()


@pytest.fixture(params=["process", "pid 1"])
def prefix(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "process":
        return []
    found = namespace()
    if found is None:
        pytest.skip("this machine lets nobody make a PID namespace (unshare --pid)")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trainer.py").write_text(TRAINER)
    (tmp_path / "loader.py").write_text(LOADER)
    (tmp_path / "launch.sh").write_text("#!/bin/bash\npython3 trainer.py\necho after\n")
    (tmp_path / "launch.sh").chmod(0o755)
    os.mkfifo(tmp_path / "grace")
    return tmp_path


@pytest.mark.parametrize(("text", "code"), SHAPES)
def test_trainer_is_told_at_once_and_keeps_its_grace(
    text: str, code: int, start: Start, folder: Path
) -> None:
    pod = start(text)
    assert pod.out.readline() == b"up\n"
    pod.kill(signal.SIGTERM)
    assert pod.out.readline() == b"told\n"
    assert pod.process.poll() is None
    with open(folder / "grace", "w"):  # the trainer's save ends when this closes
        pass
    returned, out, err = pod.end()
    assert (returned, out.strip(), err) == (code, "saved", "")


@pytest.mark.parametrize(
    "text", ["sleep 1000", "sleep 1000; echo after", "sleep 1000 | tee log", "sleep 1000 & wait"]
)
def test_programs_without_a_handler_end_at_once(text: str, start: Start) -> None:
    pod = start(f"echo up; {text}")
    assert pod.out.readline() == b"up\n"
    pod.kill(signal.SIGTERM)
    assert pod.end() == (143, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
def test_other_stop_signals_reach_the_program_too(number: int, start: Start) -> None:
    program = f"import signal; signal.signal({int(number)}, lambda *_: exit(5)); "
    program += "print('up', flush=True); signal.pause()"
    pod = start(f'{sys.executable} -c "{program}"')
    assert pod.out.readline() == b"up\n"
    pod.kill(number)
    assert pod.end() == (5, "", "")


def test_a_second_signal_is_passed_on(start: Start, folder: Path) -> None:
    program = (
        "import signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {15})\n"
        "print('up', flush=True)\n"
        "for _ in range(2):\n    signal.sigwait({15}); print('told', flush=True)\n"
        "raise SystemExit(6)"
    )
    (folder / "twice.py").write_text(program)
    pod = start("python3 twice.py")
    assert pod.out.readline() == b"up\n"
    pod.kill(signal.SIGTERM)
    assert pod.out.readline() == b"told\n"
    pod.kill(signal.SIGTERM)
    # Bash drops a signal that comes in the last instant of the trap of the one before: send it again.
    while not select.select([pod.out], [], [], 0.2)[0]:
        pod.kill(signal.SIGTERM)
    assert pod.end() == (6, "told\n", "")


def test_zombies_are_reaped(start: Start, prefix: list[str]) -> None:
    if not prefix:
        pytest.skip("orphans of an ordinary process belong to another parent")
    text = """
for i in 1 2 3 4 5; do (sh -c 'exit 0' & exec sh -c 'exit 0'); done
for try in {1..500}; do
  zombies=$(cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z ')
  [ "$zombies" = 0 ] && exec echo clean
done
echo "$zombies left"
"""
    assert start(text).end() == (0, "clean\n", "")
