"""The commands against the embedded emulator, through the real client libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml

from xpk.cloud import session
from xpk.cloud.retry import Retrier
from xpk.emulator.server import Emulator

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]

WHERE = ("--project", "my-project", "--zone", "us-east5-b")
CREATE = (
    *(
        "cluster",
        "create",
        "--cluster",
        "c1",
        *WHERE,
        "--tpu-type",
        "v6e-16",
        "--num-slices",
        "2",
        "--enable-mtc",
    ),
    *("--mtc-ramdisk-size", "60Gi", "--mtc-gcs-bucket", "my-bucket"),
)
RUN = (
    *("workload", "create", "--cluster", "c1", *WHERE, "--workload", "w1", "--tpu-type", "v6e-16"),
    *("--num-slices", "2", "--docker-image", "i:1", "--command", "sleep 1000"),
)


@pytest.fixture
def emulator(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(time_scale=0.0) as running:
        monkeypatch.setenv("XPK_EMULATOR", running.url)
        yield running


def test_a_life(xpk: Xpk, emulator: Emulator) -> None:
    """Create, again, look, run, look, wait, delete, delete: the way of a person through the commands."""
    made = xpk(*CREATE, "-o", "json", stdin="y\n")
    assert made.returncode == 0, made.stderr
    assert f"emulator: {emulator.url}, nothing here is real\n" in made.stderr
    assert "Apply? [y/N]" in made.stderr
    assert "cluster c1 is ready: 2 slices, ramdisk on 8 hosts. Next:\n  xpk workload create" in made.stderr
    report = json.loads(made.stdout)
    assert report["changed"] is True
    assert report["failed"] == report["left"] == []

    again = xpk(*CREATE)
    assert (again.returncode, again.stdout) == (0, "")
    assert (
        again.stderr.splitlines()[-1]
        == "Nothing to do: cluster c1, project my-project, us-east5-b is as asked for."
    )

    observed = xpk(*CREATE, "--dry-run", "--observe", "-o", "json")
    assert json.loads(observed.stdout)["steps"] == []

    listed = xpk("cluster", "list", "--project", "my-project")
    assert listed.stdout.splitlines()[0].split() == [
        "NAME",
        "LOCATION",
        "SLICES",
        "HOSTS",
        "MTC",
        "AGE",
        "STATUS",
    ]
    assert "2 x v6e-16" in listed.stdout
    assert [one["name"] for one in json.loads(xpk("cluster", "list", *WHERE, "-o", "json").stdout)] == ["c1"]

    described = xpk("cluster", "describe", "--cluster", "c1", *WHERE)
    for part in (
        "cluster c1, us-east5: Running",
        "c1-np-1",
        "4/4",
        "60Gi",
        "gs://my-bucket",
        "cluster-queue",
    ):
        assert part in described.stdout
    assert (
        yaml.safe_load(xpk("cluster", "describe", "--cluster", "c1", *WHERE, "-o", "yaml").stdout)["mtc"]
        is True
    )

    started = xpk(*RUN)
    assert started.returncode == 0, started.stderr
    assert "[y/N]" not in started.stderr
    assert "workload w1 is created: 8 pods on 2 slices of v6e-16" in started.stderr

    table = xpk("workload", "list", "--cluster", "c1", *WHERE)
    assert table.stdout.splitlines()[0].split() == ["NAME", "SLICES", "HOSTS", "PRIORITY", "AGE", "STATE"]
    assert table.stdout.splitlines()[1].startswith("w1 ")
    assert max(map(len, table.stdout.splitlines())) <= 80
    none = xpk("workload", "list", "--cluster", "c1", *WHERE, "--filter-by-status", "finished", "-o", "json")
    assert json.loads(none.stdout) == []
    shown = xpk("workload", "describe", "--cluster", "c1", "--workload", "w1", *WHERE)
    assert shown.stdout.startswith("workload w1: ")
    assert "NODE POOL" in shown.stdout

    waited = xpk(
        "workload", "list", "--cluster", "c1", *WHERE, "--wait-for-job-completion", "w1", "--timeout", "1"
    )
    assert waited.returncode == 124
    assert "not ended in time" in waited.stderr

    kept = xpk("workload", "delete", "--cluster", "c1", *WHERE, "--workload", "w1", stdin="n\n")
    assert kept.returncode == 2
    assert "Nothing was changed." in kept.stderr
    looked = xpk("workload", "delete", "--cluster", "c1", *WHERE, "--dry-run")
    assert looked.stdout.startswith("Plan: delete workloads of cluster c1\n  - default/w1  ")
    gone = xpk("workload", "delete", "--cluster", "c1", *WHERE, "--workload", "w1", "--force")
    assert gone.returncode == 0, gone.stderr
    assert "1 workload deleted" in gone.stderr

    refused = xpk("cluster", "delete", "--cluster", "c1", *WHERE)
    assert refused.returncode == 2
    assert "add --yes" in refused.stderr
    plan = xpk("cluster", "delete", "--cluster", "c1", *WHERE, "--dry-run")
    assert "2 node pools" in plan.stdout or "node pools" in plan.stdout
    deleted = xpk("cluster", "delete", "--cluster", "c1", *WHERE, stdin="yes\n")
    assert deleted.returncode == 0, deleted.stderr
    assert "cluster c1 is deleted" in deleted.stderr
    assert xpk("cluster", "list", "--project", "my-project").stderr.endswith(
        "no clusters in project my-project\n"
    )


def test_what_is_not_there(xpk: Xpk, emulator: Emulator) -> None:
    for words in (
        ("cluster", "describe", "--cluster", "c9"),
        ("cluster", "delete", "--cluster", "c9", "--yes"),
        ("workload", "list", "--cluster", "c9"),
        ("workload", "delete", "--cluster", "c9", "--workload", "w", "--yes"),
        (*RUN, "--cluster", "c9"),
    ):
        done = xpk(*words, *WHERE)
        assert done.returncode == 4, done.stderr
        assert "no such cluster" in done.stderr
        assert done.stdout == ""


def test_an_emulator_that_is_not_there(xpk: Xpk, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(session, "Retrier", partial(Retrier, sleep=slept.append))
    monkeypatch.setenv("XPK_EMULATOR", "http://127.0.0.1:1")
    done = xpk("cluster", "list", "--project", "my-project")
    assert done.returncode == 5
    assert slept, "it is tried again"
    assert "emulator: does not answer\n       xpk emulator serve --port 1 in another shell" in done.stderr


def test_run_hands_the_emulator_to_a_command(tmp_path: Path) -> None:
    script = "import os, sys; print(os.environ['XPK_EMULATOR']); sys.exit(7)"
    words = [sys.executable, "-m", "xpk", "emulator", "run", "--", sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert done.stdout.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("command", "code"), [(["sh", "-c", "kill -TERM $$"], 143), (["no-such-command-anywhere"], 127)]
)
def test_run_returns_the_commands_exit_code(command: list[str], code: int) -> None:
    words = [sys.executable, "-m", "xpk", "emulator", "run", "--", *command]
    assert subprocess.run(words, capture_output=True, check=False).returncode == code


def test_run_runs_this_xpk(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "xpk",
        "emulator",
        "run",
        "--",
        "xpk",
        "cluster",
        "list",
        "--project",
        "my-project",
    ]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={"PATH": "", "HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert "nothing here is real" in done.stderr


def test_serve_prints_its_address_and_stops(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "xpk", "emulator", "serve", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline()
    assert address.startswith("http://127.0.0.1:")
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "export XPK_EMULATOR=http://127.0.0.1:" in err


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 125)])
def test_a_wait_ends_as_the_workload_does(
    code: int, ends: int, xpk: Xpk, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(time_scale=0.0005) as emulator:  # not 0: a finished workload would be gone at once
        monkeypatch.setenv("XPK_EMULATOR", emulator.url)
        wait_for_an_end(code, ends, xpk, emulator)


def wait_for_an_end(code: int, ends: int, xpk: Xpk, emulator: Emulator) -> None:
    create = CREATE[: CREATE.index("--enable-mtc")]
    assert xpk(*create, "--yes").returncode == 0
    # At this pace the usual 12 hours are 20 seconds: a slow machine would look for a workload that is gone.
    assert xpk(*RUN, "--ttl-seconds-after-finished", "2000000000").returncode == 0
    until(lambda: running_pods(emulator) == 8)
    fault = {"world": "pod-finish", "cluster": "c1", "namespace": "default", "jobset": "w1", "code": code}
    request = Request(f"{emulator.url}/_emulator/faults", data=json.dumps(fault).encode(), method="POST")
    urlopen(request, timeout=10).close()
    waiting = ("workload", "list", "--cluster", "c1", *WHERE, "--wait-for-job-completion", "w1")
    done = xpk(*waiting, "--timeout", "30", "-o", "json")
    assert done.returncode == ends, done.stderr
    assert json.loads(done.stdout)[0]["status"] == ("Succeeded" if code == 0 else "Failed")
    assert ("xpk workload describe" in done.stderr) == (code != 0)


def running_pods(emulator: Emulator) -> int:
    """How many pods of the cluster's workloads run."""
    with urlopen(f"{emulator.url}/_emulator/objects", timeout=10) as answer:
        (world,) = json.load(answer)["kubernetes"].values()
    pods = [pod for pod in world["objects"]["pods"] if pod["metadata"]["name"].startswith("w1-")]
    return sum(pod["status"].get("phase") == "Running" for pod in pods)


def until(happened: Callable[[], bool]) -> None:
    """Wait for another process, for 30 seconds at most."""
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_interrupted_while_the_cluster_is_made(home: Path) -> None:
    with Emulator(time_scale=0.05) as running:
        words = [sys.executable, "-m", "xpk", *CREATE, "--yes"]
        environ = {**os.environ, "XPK_EMULATOR": running.url}
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
        )
        until(lambda: any(request["method"] == "POST" for request in running.cloud.requests))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "running in the cloud anyway: cluster/c1" in err
    assert "run the same command again to go on" in err
