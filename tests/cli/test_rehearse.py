"""`xpk rehearse` as a person runs it: one command, no project, no gcloud, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

QUICK = ("--trainer", "none", "--tpu-type", "v6e-16", "--time-scale", "0.001")
WORDS = (sys.executable, "-m", "xpk", "rehearse", *QUICK)


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home)}


@pytest.mark.slow
def test_to_the_end(tmp_path: Path) -> None:
    done = subprocess.run(
        WORDS, capture_output=True, text=True, env=environment(tmp_path), timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    for part in (
        "Nothing is real",
        "no\nprocess is started for the pods",
        "$ xpk cluster create --cluster rehearsal",
        "Plan: cluster rehearsal, project rehearsal-1, us-east5-b",
        "cluster rehearsal is ready: 2 slices, ramdisk on 8 hosts",
        "Nothing to do: cluster rehearsal",
        "$ xpk workload create --cluster rehearsal",
        "workload llama-1 is created: 8 pods on 2 slices of v6e-16",
        "of slice 1 is gone",
    ):
        assert part in done.stderr, part
    assert "\x1b" not in done.stderr + done.stdout
    assert done.stdout.count("llama-1") == 2
    assert "What was shown:" in done.stdout
    assert "all 8 pods back after" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_told_to_end_it_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(WORDS, stderr=subprocess.PIPE, text=True, env=environment(tmp_path))
    assert process.stderr is not None
    url = next(line for line in process.stderr if "XPK_EMULATOR=" in line).strip().rpartition("=")[2]
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 143
    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(URLError):
        urlopen(f"{url}/_emulator/info", timeout=5)
