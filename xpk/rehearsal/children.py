"""Other processes of this installation: the emulator behind a port, and `xpk` itself.

A child is this very program, whatever else is called `xpk` on the machine. Nothing is printed here.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xpk.errors import Fault, StateError

XPK = (sys.executable, "-m", "xpk")
_ROOT = Path(__file__).resolve().parent.parent.parent
_STOP_SECONDS = 10.0


def own_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a child of this installation: it must find this `xpk`, also in a clone."""
    found = dict(environ)
    if _ROOT.name not in ("site-packages", "dist-packages"):
        rest = [found["PYTHONPATH"]] if found.get("PYTHONPATH") else []
        found["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *rest])
    return found


@contextlib.contextmanager
def emulator(
    arguments: Sequence[str], environ: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The emulator as a child: its address and its process. Stopped at the end.

    It stands in a session of its own, so that Ctrl-C reaches the command that uses it first, and
    ends with this process even when that is killed: it waits for the end of its stdin.
    Raises StateError when it does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "xpk.emulator", "serve", "--until-stdin-ends", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=own_environment(environ),
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    words: list[str] = []
    listener = threading.Thread(target=_collect, args=(process, words), daemon=True)
    listener.start()
    try:
        url = process.stdout.readline().strip()
        if not url:
            process.wait()
            listener.join(1)
            why = words[-1] if words else f"it ended with {process.returncode}"
            raise StateError(Fault("emulator", why.rpartition("error: ")[2], "xpk emulator serve --port 0"))
        yield url, process
    finally:
        stop(process)


def _collect(process: subprocess.Popen[str], words: list[str]) -> None:
    """Keep the last words of a child's stderr, so that it never blocks on a full pipe."""
    assert process.stderr is not None
    for line in process.stderr:
        words.append(line.strip())
        del words[:-20]


def stop(process: subprocess.Popen[str]) -> None:
    """End a child that was started here, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
