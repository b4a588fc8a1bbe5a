"""The program in processes of its own, many of them quickly: one process that has loaded it forks the others.

A fork of a process without threads is as good as a fresh start, and takes a tenth of its time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0
WHERE = ("--cluster", "c1", "--project", "my-project", "--zone", "us-east5-b")
MTC = ("--enable-mtc", "--mtc-gcs-bucket", "my-bucket", "--tpu-type", "v6e-16")
WORDS: dict[str, tuple[str, ...]] = {
    "cluster create": ("cluster", "create", *WHERE, *MTC, "--num-slices", "2", "--mtc-ramdisk-size", "10Gi"),
    "cluster change": ("cluster", "create", *WHERE, *MTC, "--num-slices", "3", "--mtc-ramdisk-size", "20Gi"),
    "cluster delete": ("cluster", "delete", *WHERE),
    "workload create": (
        *("workload", "create", *WHERE, "--workload", "w1", "--tpu-type", "v6e-16", "--num-slices", "2"),
        *("--docker-image", "gcr.io/p1/trainer:1", "--command", "python3 train.py", "--max-restarts", "5"),
        *("--mtc-enabled", "--ramdisk-directory", "/ramdisk", "--mount", "gs://data=/data"),
    ),
    "workload delete": ("workload", "delete", *WHERE, "--workload", "w1"),
}
"""The command lines of the commands in `commands.py`."""
_SERVER = """
import json, os, sys
import google.cloud.container_v1, kubernetes.client
import xpk.cli.main, xpk.cli.cluster, xpk.cli.cluster_delete, xpk.cli.workload, xpk.cli.workload_delete
import xpk.cloud.session, xpk.engine.apply, xpk.engine.observe, xpk.cli.stopping, xpk.cli.progress
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.environ.update(asked["environ"])
        out = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0), os.dup2(out, 1), os.dup2(out, 2)
        sys.stdin = open(os.devnull)
        xpk.cli.main.root.main(asked["words"])
        os._exit(1)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass(slots=True)
class Program:
    """One run of the program, in a process of its own."""

    pid: int
    output: Path
    server: subprocess.Popen[str]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def code(self) -> int:
        """Its exit code, when it has ended; minus the signal that killed it."""
        assert self.server.stdout is not None
        return int(self.server.stdout.readline())

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.output.read_text()


class Starter:
    """Starts runs of the program one after another; two at once need two of these."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(folder)}
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def start(self, url: str, words: tuple[str, ...]) -> Program:
        """Run `xpk WORDS --yes` against an emulator."""
        self._count += 1
        output = self._folder / f"said-{self._count}"
        asked = {"environ": {"XPK_EMULATOR": url}, "output": str(output), "words": [*words, "--yes"]}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Program(int(self._server.stdout.readline()), output, self._server)

    def close(self) -> None:
        """End the process that forks."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(PATIENCE)
        self._server.stdout.close()
