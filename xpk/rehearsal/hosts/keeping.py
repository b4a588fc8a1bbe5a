"""One container's keeper: starts its command, waits for it, and lets nothing of it live on.

Stdlib only. From stdin comes one line of JSON (`container.py` writes it), then lines `TERM`; the
end of stdin, also by the death of whoever holds it, ends everything. To stdout go `started PID`
or `failed {message}`, later `ignored` when a SIGTERM would not reach the first process of a
container. The exit code is the container's.

On Linux it is a child subreaper, so no descendant escapes; elsewhere those are found that still
have their parent or the first process's session.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from types import FrameType

from xpk.rehearsal.hosts.first_process import Request, start
from xpk.rehearsal.hosts.processes import descendants, of_session, prctl, receives_sigterm

_PR_SET_CHILD_SUBREAPER = 36
_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_LOOK_AGAIN_SECONDS = 0.02


def main() -> int:
    """Serve one container; its exit code, as Kubernetes says it."""
    line, rest = _first_line()
    if line is None:
        return 0
    request: Request = json.loads(line)
    wake, woken = os.pipe()
    for number in (woken, wake):
        os.set_blocking(number, False)
    for ending in (signal.SIGCHLD, *_ENDING):
        signal.signal(ending, _note)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    if request["reaper"]:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
    first = start(request)
    if isinstance(first, str):
        _say(f"failed {json.dumps(first)}")
        return 128
    container = Container(first, request["reaper"])
    _say(f"started {first}")
    _watch(container, wake, rest)
    container.end(wake)
    return container.code if container.code is not None else 128 + signal.SIGKILL


class Container:
    """The first process and everything that descends from it. `code` is None while the first runs."""

    def __init__(self, first: int, reaper: bool) -> None:
        self.code: int | None = None
        self._first = first
        self._reaper = reaper

    def reap(self) -> bool:
        """Collect what has ended. Whether children are left."""
        while True:
            try:
                pid, status = os.waitpid(-1 if self._reaper else self._first, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._first:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code

    def terminate(self) -> bool:
        """SIGTERM to the first process, as far as a container's kernel would let it through."""
        self.reap()
        if self.code is None and receives_sigterm(self._first):
            os.kill(self._first, signal.SIGTERM)
            return True
        return self.code is not None

    def end(self, wake: int) -> None:
        """SIGKILL to all, again until none is left: more may have been started meanwhile."""
        while True:
            left = self.reap()
            living = descendants(os.getpid()) if self._reaper else of_session(self._first)
            if not left and not living:
                return
            for pid in living:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            select.select([wake], [], [], _LOOK_AGAIN_SECONDS)
            _drain(wake)


def _watch(container: Container, wake: int, rest: bytes) -> None:
    """Do as told until the first process has ended, or all shall end."""
    while True:
        *lines, rest = rest.split(b"\n")
        if b"TERM" in lines and not container.terminate():
            _say("ignored")
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready and _drain(wake) & _ENDING:
            return
        container.reap()
        if container.code is not None:
            return
        if 0 in ready:
            more = os.read(0, 4096)
            if not more:
                return
            rest += more


def _first_line() -> tuple[bytes | None, bytes]:
    """The first line of stdin, and what was read after it; None when it ended before."""
    read = b""
    while b"\n" not in read:
        more = os.read(0, 65536)
        if not more:
            return None, b""
        read += more
    line, _, rest = read.partition(b"\n")
    return line, rest


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # whoever listened may be dead
        os.write(1, f"{words}\n".encode())


def _drain(wake: int) -> set[int]:
    """The signals that came since the last time."""
    try:
        return set(os.read(wake, 4096))
    except BlockingIOError:
        return set()


def _note(number: int, frame: FrameType | None) -> None:
    """A handler, so that the signal is written to the wake-up descriptor."""
