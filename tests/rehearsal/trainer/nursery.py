"""Trainer processes that share one import of JAX and Orbax: a program that forks them, and its client.

The imports are two thirds of a short trainer's CPU time, and no test here is about them. A child goes on as
`python -m xpk.rehearsal.trainer` would, from its first line to the interpreter's own end. Whole processes:
`tests/rehearsal/test_whole.py`.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_ROOT = Path(__file__).resolve().parents[3]
_LOOK_SECONDS = 0.02


class Nursery:
    """The client of the program. For one thread."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program

    def start(self, words: Sequence[str], env: Mapping[str, str], log: Path) -> Child:
        """A trainer with these words and this environment; `log` gets stdout and stderr."""
        pid = self.ask({"words": list(words), "env": dict(env), "log": str(log)})
        assert pid is not None
        return Child(self, pid)

    def ask(self, order: Json) -> int | None:
        """The program's answer to one order: a process id or an exit code; None while there is none."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(order) + "\n")
        self._program.stdin.flush()
        answer: int | None = json.loads(self._program.stdout.readline())
        return answer


class Child:
    """One trainer, as `subprocess.Popen` would show it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.ask({"poll": self.pid})
        return self._code

    def wait(self, timeout: float) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"trainer {self.pid} did not end")
            time.sleep(_LOOK_SECONDS)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:  # until it is polled its number belongs to nobody else
            os.kill(self.pid, number)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """The program; children that are left die at the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    # One thread only, or a fork would copy half a process: OpenBLAS starts its threads when it is loaded.
    env = {**kept, "PYTHONPATH": str(_ROOT), "JAX_PLATFORMS": "cpu", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, __file__], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        yield Nursery(program)
        program.communicate()


def _serve() -> int:
    """Does what each line of stdin asks, until there is none. Returns a trainer's code in its process."""
    children = set[int]()
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        if "poll" in order:
            pid, status = os.waitpid(order["poll"], os.WNOHANG)
            children.discard(pid)
            _answer(os.waitstatus_to_exitcode(status) if pid else None)
            continue
        pid = os.fork()
        if pid == 0:
            return _trainer(order)
        children.add(pid)
        _answer(pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    return 0


def _answer(number: int | None) -> None:
    sys.stdout.write(f"{json.dumps(number)}\n")
    sys.stdout.flush()


def _trainer(order: Json) -> int:
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for number, descriptor in ((0, nothing), (1, log), (2, log)):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(order["env"])
    from xpk.rehearsal.trainer.main import main

    return main(order["words"])


def _load() -> None:
    """Everything that a trainer imports in any mode."""
    from orbax.checkpoint.experimental.emergency import checkpoint_manager, replicator_checkpoint_manager
    from orbax.checkpoint.experimental.emergency.multi_tier_checkpointing import initialization

    from xpk.rehearsal.trainer import keepers, main, noise, start, state, train

    _ = (checkpoint_manager, replicator_checkpoint_manager, initialization)
    _ = (keepers, main, noise, start, state, train)
    gc.freeze()


if __name__ == "__main__":
    _load()
    sys.exit(_serve())
