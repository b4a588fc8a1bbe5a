"""Child processes that never outlive the test run, also when that is killed with SIGKILL.

Each child asks the kernel to be killed with its parent (PR_SET_PDEATHSIG); a keeper removes the
run's folder once the run is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# In the child, before the program: no `preexec_fn`, which is unsafe beside threads. The parent may
# have died before the request; then nobody would send the signal.
_LAUNCHER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""

# Waits for the end of its standard input: the run closed it, or died.
_KEEPER = """
import os, shutil, sys, time
sys.stdin.buffer.read()
for _ in range(50):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
    time.sleep(0.1)
"""


class Died(Exception):
    """A part ended, or was not ready in time; the message ends with the last lines of its log."""


class Folder:
    """A temporary folder that is removed with the run; `parent` is the system's unless said otherwise."""

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _KEEPER, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C for the run must not end it before its work is done
        )

    def remove(self) -> None:
        """Remove it now."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        self._keeper.wait()


class Process:
    """One running part; what it says goes to `log`.

    Start it from a thread that lives as long as the run: the kernel looks at the thread.
    """

    def __init__(self, name: str, words: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(
                [*launcher, *words],
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def check(self) -> None:
        """Raise Died if it has ended."""
        code = self._popen.poll()
        if code is not None:
            raise Died(f"{self.name} ended with {code}:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """SIGKILL: nothing here is worth keeping, and kube-apiserver hangs on SIGTERM once etcd is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()
        self._popen.wait()


class Deadline:
    """A time by which something must be so, looked at less often the longer it takes: every look costs the
    servers time in which they would get there."""

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds

    def pause(self) -> bool:
        """Wait a moment, at most a tenth of the time so far; False once the time is over."""
        time.sleep(min(0.03 + (time.monotonic() - self._began) / 10, 1.0))
        return time.monotonic() < self._began + self._seconds


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for entry in sockets:
            entry.bind(("127.0.0.1", 0))
        return [int(entry.getsockname()[1]) for entry in sockets]
