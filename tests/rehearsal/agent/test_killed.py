"""An agent that is killed leaves no process, and another one finds that out and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rehearsal.agent.emulated import ALL, PODS, cluster, jobset, serving
from tests.rehearsal.agent.fakes import wait

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal-agent")]
_ROOT = Path(__file__).parent.parent.parent.parent
COMMAND = "echo $$ > /ramdisk/pid; sleep 3600 & echo $! > /ramdisk/child; trap '' TERM; wait; sleep 3600"


def pids(folder: Path) -> list[int]:
    """What the pods wrote of themselves into their ramdisks, complete lines only."""
    texts = [path.read_text() for name in ("pid", "child") for path in folder.rglob(name)]
    return [int(text) for text in texts if text.endswith("\n")]


def test_nothing_survives_it_and_another_goes_on(tmp_path: Path) -> None:
    with cluster() as (url, kube):
        words = [sys.executable, "-m", "tests.rehearsal.agent.program", url, str(tmp_path)]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT), "HOME": str(tmp_path)}
        with subprocess.Popen(words, env=env, cwd=_ROOT) as agent:
            kube.apply(jobset(COMMAND))
            wait(lambda: len(pids(tmp_path / "memory")) == 2 * len(ALL), "all run")

            def all_running() -> bool:
                return [pod["status"].get("phase") for pod in kube.list(PODS)] == ["Running"] * len(ALL)

            wait(all_running, "Kubernetes has it so")
            running = pids(tmp_path / "memory")
            assert all(Path(f"/proc/{pid}").exists() for pid in running)
            agent.kill()
        wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running), "all are gone")
        assert all_running(), "nobody was there to write it"
        with serving(url, kube) as hosts:
            hosts.wait_attempt(1)
            assert hosts.counted() == (1, 1)
