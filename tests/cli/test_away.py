"""What a person reads while GKE works on the control plane, and the exit code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from xpk.cloud.retry import Retrier
from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator
from xpk.engine import settle

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]
WHERE = ("--cluster", "c1", "--project", "my-project", "--zone", "us-east5-b")
CLUSTERS = "/v1/projects/my-project/locations/us-east5/clusters"
LOOKS = {
    "workload list": (),
    "workload describe": ("--workload", "w1"),
    "cluster describe": (),
    "workload create --dry-run --observe": (
        *("--workload", "w1", "--tpu-type", "v6e-16", "--docker-image", "i:1", "--command", "true"),
    ),
    "workload delete --dry-run": ("--workload", "w1"),
}


def send(emulator: Emulator, method: str, path: str, body: object) -> None:
    request = Request(emulator.url + path, json.dumps(body).encode(), method=method)
    urlopen(request, timeout=10).close()


def test_a_look_ends_with_not_ready(home: Path, xpk: Xpk, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr(settle, "LOOK", 0.0)
    monkeypatch.setattr("xpk.cloud.session.Retrier", lambda: Retrier(sleep=lambda seconds: None))
    with Emulator(clock=clock) as emulator:
        monkeypatch.setenv("XPK_EMULATOR", emulator.url)
        body = {"name": "c1", "initialNodeCount": 1}
        send(emulator, "POST", CLUSTERS, {"cluster": body})
        clock.jump(1000)
        fault = {"world": "control-plane-resize", "cluster": "c1", "after_pools": 0, "away_seconds": 600}
        send(emulator, "POST", "/_emulator/faults", {**fault, "seconds": 600})
        for command, words in LOOKS.items():
            done = xpk(*command.split(), *WHERE, *words)
            assert (done.returncode, done.stdout) == (6, ""), done.stderr
            (line,) = [line for line in done.stderr.splitlines() if "error:" in line]
            assert "cluster c1: Kubernetes was not ready in time: GKE resizes the control plane" in line
            assert "the cluster is RECONCILING" in done.stderr
        listed = xpk("cluster", "list", "--project", "my-project")
        assert (listed.returncode, listed.stdout.split()[-1]) == (0, "Reconciling")
