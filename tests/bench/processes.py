"""The emulator and the program as processes of their own, and what one run of a program has cost.

Shared by the benches; not a bench itself. The one that measures is a small process between: a process
that starts another one lends it its own peak of memory (Linux counts what was there before `exec`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_RUNNER = """
import json, os, sys, time
folder, *command = sys.argv[1:]
begin = time.monotonic()
pid = os.fork()
if not pid:
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(os.path.join(folder, name), os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
    os.execvp(command[0], command)
_, status, usage = os.wait4(pid, 0)
found = {"wall": time.monotonic() - begin, "cpu": usage.ru_utime + usage.ru_stime}
found |= {"peak": usage.ru_maxrss, "code": os.waitstatus_to_exitcode(status)}
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: wall and CPU seconds with those of its children, the largest process in KiB, its words."""

    code: int
    wall: float
    cpu: float
    peak: int
    stdout: str
    stderr: str


def run(command: Sequence[str], env: Mapping[str, str], timeout: float = 3600.0) -> Run:
    """Run a program to its end. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as folder:
        runner = [sys.executable, "-I", "-S", "-c", _RUNNER, folder, *command]
        done = subprocess.run(
            runner,
            env=dict(env),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=timeout,
        )
        stdout, stderr = (Path(folder, name).read_text(errors="replace") for name in ("stdout", "stderr"))
        return Run(**json.loads(done.stdout), stdout=stdout, stderr=stderr)


def xpk(line: Sequence[str], url: str) -> Run:
    """Run this program against an emulator. Raises SystemExit with its last words when it fails."""
    env = {**os.environ, "XPK_EMULATOR": url, "PYTHONPATH": str(ROOT)}
    found = run([sys.executable, "-m", "xpk", *line], env)
    if found.code:
        sys.exit(f"xpk {' '.join(line)}: exit {found.code}\n{found.stderr[-2000:]}")
    return found


@contextmanager
def emulator(time_scale: float = 0.0003, quota: int = 20) -> Iterator[str]:
    """The emulator as a process; its address. It ends with this one, however this one ends."""
    command = [sys.executable, "-m", "xpk.emulator", "serve", "--time-scale", str(time_scale)]
    command += ["--operation-quota", str(quota), "--until-stdin-ends"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
        process.stdin.close()


def control(url: str, method: str, path: str, body: object = None) -> Any:
    """One request to the emulator's own routes."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/_emulator/{path}", data, method=method)
    ) as answer:
        return json.load(answer)


def take_requests(url: str) -> int:
    """How many requests there were since this was last asked."""
    count = len(control(url, "GET", "requests"))
    control(url, "DELETE", "requests")
    return count
