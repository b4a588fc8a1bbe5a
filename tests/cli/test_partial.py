"""Some slices come up and some do not: what a person reads, and what works meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from xpk.emulator.server import Emulator

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]

WHERE = ("--cluster", "c1", "--project", "my-project", "--zone", "us-east5-b")
MTC = ("--enable-mtc", "--mtc-gcs-bucket", "my-bucket", "--mtc-ramdisk-size", "60Gi")
CREATE = ("cluster", "create", *WHERE, "--tpu-type", "v6e-16", "--num-slices", "4", *MTC, "--yes")
IGNORE = "--ignore-nodepool-creation-errors"
REASONS = {
    "stockout": "does not have enough resources available",
    "quota": "Quota 'TPUS_PER_TPU_FAMILY' exceeded",
}


@pytest.fixture
def emulator(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(time_scale=0.0) as running:
        monkeypatch.setenv("XPK_EMULATOR", running.url)
        yield running


def control(emulator: Emulator, method: str, path: str, body: object = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    urlopen(Request(f"{emulator.url}/_emulator/{path}", data, method=method), timeout=10).close()


def workload(slices: int, name: str = "w1") -> tuple[str, ...]:
    image = ("--docker-image", "i:1", "--command", "sleep 1000")
    shape = ("--tpu-type", "v6e-16", "--num-slices", str(slices))
    return ("workload", "create", *WHERE, "--workload", name, *shape, *image, "--yes")


def state(xpk: Xpk, name: str) -> str:
    rows = json.loads(xpk("workload", "list", *WHERE, "-o", "json").stdout)
    (found,) = [row for row in rows if row["name"] == name]
    return str(found["status"])


def until(happened: Callable[[], bool]) -> None:
    """Wait for another process or for the emulator, for a minute at most."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def missing(stderr: str) -> list[str]:
    """The faults that name a slice."""
    lines = [line for line in stderr.splitlines() if line.startswith(("error: node pool", "  node pool"))]
    return [line.removeprefix("error:").strip() for line in lines]


@pytest.mark.parametrize("kind", REASONS)
def test_not_complete_then_the_rest(xpk: Xpk, emulator: Emulator, kind: str) -> None:
    control(emulator, "POST", "faults", {"world": kind, "pool": "c1-np-[13]$"})
    done = xpk(*CREATE)
    assert (done.returncode, done.stdout) == (5, "")
    first, second = missing(done.stderr)
    assert first.startswith("node pool c1-np-1: Google Compute Engine: ")
    assert second.startswith("node pool c1-np-3: Google Compute Engine: ")
    assert REASONS[kind] in first
    assert REASONS[kind] in second
    end = done.stderr[done.stderr.rindex("error: ") :]
    assert end.startswith("error: not complete after 21 of 23 steps: usable: 2 of 4 slices; done: ")
    assert end.endswith("; not started: nothing\n       run the same command again to go on\n")

    described = xpk("cluster", "describe", *WHERE).stdout
    assert "c1-np-3: Google Compute Engine: Not all instances running in IGM after 35m" in described
    assert [line.split()[2:4] for line in described.splitlines() if line.startswith("c1-np-1 ")] == [
        ["0/4", "Error"]
    ]
    assert REASONS[kind] in described
    assert "0 of 32" in described, "the queue hands out what is up"
    assert "8/8" in described, "and the ramdisks are ready there"

    assert xpk(*workload(2)).returncode == 0
    until(lambda: state(xpk, "w1") == "Running")
    too_many = xpk(*workload(3, "w2"))
    assert too_many.returncode == 4
    assert "the cluster has 2 of them" in too_many.stderr

    control(emulator, "DELETE", "faults")
    plan = xpk(*CREATE, "--dry-run", "--observe", "-o", "text").stdout
    assert "+ pools   c1-np-1 " in plan
    assert "+ pools   c1-np-3 " in plan
    assert ". pools   c1-np-0 .. " not in plan, "these are no neighbours"
    assert plan.count("kept: w1 runs on it") == 2
    again = xpk(*CREATE)
    assert again.returncode == 0, again.stderr
    assert "cluster c1 is ready: 4 slices, ramdisk on 16 hosts" in again.stderr
    assert state(xpk, "w1") == "Running"
    assert xpk(*CREATE).stderr.splitlines()[-1].startswith("Nothing to do")


def test_no_error_when_asked_for(xpk: Xpk, emulator: Emulator) -> None:
    control(emulator, "POST", "faults", {"world": "stockout", "pool": "c1-np-[13]$"})
    done = xpk(*CREATE, IGNORE, "-o", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["slices"] == {"up": 2, "of": 4}
    assert [one["step"] for one in report["failed"]] == ["pool/c1-np-1", "pool/c1-np-3"]
    assert all(REASONS["stockout"] in one["faults"][0]["why"] for one in report["failed"])
    assert report["left"] == []
    assert "cluster c1 is usable with 2 of 4 slices; the same command tries the others again:" in done.stderr
    first, second = missing(done.stderr)
    assert first.startswith("node pool c1-np-1: ")
    assert REASONS["stockout"] in second
    assert "is ready" not in done.stderr
    control(emulator, "DELETE", "faults")
    again = xpk(*CREATE, IGNORE, "-o", "json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["slices"] == {"up": 4, "of": 4}
    assert "cluster c1 is ready: 4 slices" in again.stderr


def test_no_slice_at_all_is_an_error_in_any_case(xpk: Xpk, emulator: Emulator) -> None:
    control(emulator, "POST", "faults", {"world": "quota", "pool": "c1-np-"})
    done = xpk(*CREATE, IGNORE)
    assert done.returncode == 5
    assert "error: stopped after " in done.stderr
    assert "usable" not in done.stderr


def test_work_starts_while_a_slice_waits_for_machines(xpk: Xpk, emulator: Emulator) -> None:
    stuck = {"world": "operation-stuck", "operation": "CREATE_NODE_POOL", "target": "c1-np-2$"}
    control(emulator, "POST", "faults", stuck)
    words = [sys.executable, "-m", "xpk", *CREATE]
    environ = {**os.environ, "XPK_EMULATOR": emulator.url}
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environ,
    )
    try:
        until(lambda: "0 of 48" in xpk("cluster", "describe", *WHERE).stdout)
        assert xpk(*workload(3)).returncode == 0
        until(lambda: state(xpk, "w1") == "Running")
        assert process.poll() is None, "the fourth slice is still on its way"
        control(emulator, "DELETE", "faults")
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "cluster c1 is ready: 4 slices" in err
    assert "48 of 64" in xpk("cluster", "describe", *WHERE).stdout
    assert state(xpk, "w1") == "Running"
