"""A container on this machine: started, told to end, waited for.

The work is done by one keeper process a container (`keeper.py`); this is its parent's side. The
keeper ends everything when this process dies, because its stdin ends then.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from xpk.rehearsal.hosts.isolation_kind import Isolation
from xpk.rehearsal.hosts.launch import Launch, StartError
from xpk.rehearsal.hosts.processes import of_session
from xpk.rehearsal.hosts.substitution import Replacement, Substituted, substitute

_KEEPER = Path(__file__).with_name("keeper.py")
_KILLED = 137


class Launcher:
    """Starts containers with one kind of isolation. May be used by several threads.

    `reaper` is forced to False by tests only: it is what systems without child subreapers get.
    """

    def __init__(self, isolation: Isolation, *, reaper: bool = sys.platform == "linux") -> None:
        self.isolation = isolation
        self._reaper = reaper

    def start(self, launch: Launch) -> Running:
        """The container, once its command runs. Raises StartError when it cannot be started.

        With kind "substitution" the mount paths in argv, env and cwd are replaced by where the
        directories are; `Running.replaced` tells it. Raises OSError when the log cannot be written.
        """
        done, cwd, binds = self._prepared(launch)
        request = {
            "argv": done.argv,
            "env": dict(done.env),
            "log": str(launch.log.absolute()),
            "cwd": cwd,
            "binds": binds,
            "kind": self.isolation.kind,
            "reaper": self._reaper,
        }
        python = [sys.executable, "-I", "-S", "-X", "utf8", *(["-B"] if sys.dont_write_bytecode else [])]
        # Its stderr is the log, too: a keeper that fails shall not fail unseen.
        with open(launch.log, "ab") as log:
            keeper = subprocess.Popen(
                [*python, str(_KEEPER), launch.name.replace("\0", "")],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return Running(keeper, request, done.replaced)

    def _prepared(self, launch: Launch) -> tuple[Substituted, str | None, list[tuple[str, str, bool]]]:
        for bind in launch.binds:
            if not bind.outside.exists():
                raise StartError(f"mount {bind.inside}: {bind.outside}: no such file or directory")
        if any("\0" in word for word in (*launch.argv, *launch.env, *launch.env.values())):
            raise StartError("a NUL character cannot be in a command or an environment")
        if self.isolation.kind != "substitution":
            binds = [(b.inside, str(b.outside.absolute()), b.read_only) for b in launch.binds]
            return Substituted(launch.argv, launch.env, ()), launch.cwd, binds
        by = {bind.inside: str(bind.outside.absolute()) for bind in launch.binds}
        done = substitute(launch.argv, launch.env, by)
        cwd = substitute([launch.cwd], {}, by).argv[0] if launch.cwd else None
        return done, cwd, []


class Running:
    """A container that was started. May be used by several threads."""

    def __init__(
        self, keeper: subprocess.Popen[bytes], request: object, replaced: tuple[Replacement, ...]
    ) -> None:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        self.replaced = replaced
        self.sigterm_ignored = False
        self._keeper = keeper
        self._orders = keeper.stdin
        self._reports = keeper.stdout
        self._lock = threading.Lock()
        self._code = _KILLED
        self._ended = threading.Event()
        self.pid = self._begin(request)
        threading.Thread(target=self._listen, name=f"container {self.pid}", daemon=True).start()

    def _begin(self, request: object) -> int:
        """Give the keeper its order; the first process's id. Raises StartError."""
        said = b""
        with contextlib.suppress(OSError):
            view = memoryview(json.dumps(request).encode() + b"\n")
            while view:
                view = view[self._orders.write(view) :]
            while not said.endswith(b"\n") and (more := self._reports.read(4096)):
                said += more
        word, _, rest = said.decode(errors="replace").strip().partition(" ")
        if word == "started":
            return int(rest)
        self.kill()
        self._keeper.wait()
        self._reports.close()
        raise StartError(json.loads(rest) if word == "failed" else "its keeper failed; the log says why")

    def _listen(self) -> None:
        """Hear the keeper out (in a thread of its own): its end is the container's."""
        while words := self._reports.read(4096):
            self.sigterm_ignored = self.sigterm_ignored or b"ignored" in words
        code = self._keeper.wait()
        if code >= 0:
            self._code = code
        else:  # The keeper was itself killed, and took the first process with it: its session may be left.
            for pid in of_session(self.pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        self.kill()
        self._reports.close()
        self._ended.set()

    def poll(self) -> int | None:
        """The exit code as Kubernetes says it (128 + signal); None while something of it runs."""
        return self._code if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; None when the container still runs after `timeout` seconds."""
        return self._code if self._ended.wait(timeout) else None

    def terminate(self) -> None:
        """SIGTERM to the container's first process only, as a runtime sends it.

        On Linux it is dropped when that process has no handler for it (`sigterm_ignored`), as
        the kernel does for process 1 of a container.
        """
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._orders.write(b"TERM\n")

    def kill(self) -> None:
        """SIGKILL to everything of the container. Returns at once; `wait` for the end."""
        with self._lock, contextlib.suppress(OSError):
            self._orders.close()

    def stop(self, grace: float) -> int:
        """End it as Kubernetes ends a pod: SIGTERM, `grace` seconds, SIGKILL. The exit code."""
        self.terminate()
        if self.wait(grace) is None:
            self.kill()
            self._ended.wait()
        return self._code
