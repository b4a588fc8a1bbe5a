"""A changed cluster as a person meets it: what is refused, what is asked, and what nobody was asked about."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from xpk.emulator.server import Emulator

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]

WHERE = ("--cluster", "c1", "--project", "my-project", "--zone", "us-east5-b")
MTC = ("--enable-mtc", "--mtc-gcs-bucket", "my-bucket", "--mtc-ramdisk-size")
EXIT_USAGE, EXIT_STATE = 2, 4


def create(*more: str, slices: int = 2, tpu: str = "v6e-16") -> tuple[str, ...]:
    return ("cluster", "create", *WHERE, "--tpu-type", tpu, "--num-slices", str(slices), *more)


def start(slices: int = 2, *more: str) -> tuple[str, ...]:
    image = ("--docker-image", "i:1", "--command", "sleep 1000")
    shape = ("--tpu-type", "v6e-16", "--num-slices", str(slices))
    return ("workload", "create", *WHERE, "--workload", "w1", *shape, *image, *more)


@pytest.fixture
def emulator(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(time_scale=0.0) as running:
        monkeypatch.setenv("XPK_EMULATOR", running.url)
        yield running


def control(emulator: Emulator, method: str, path: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{emulator.url}/_emulator/{path}", data, method=method), timeout=10) as answer:
        return json.load(answer)


def pools(xpk: Xpk) -> dict[str, tuple[str, list[str]]]:
    """Status and workloads of each slice."""
    found = json.loads(xpk("cluster", "describe", *WHERE, "-o", "json").stdout)
    return {p["name"]: (p["status"], p["running"]) for p in found["pools"] if p["sliceType"]}


def until_busy(xpk: Xpk, number: int) -> None:
    deadline = time.monotonic() + 60
    while sum(bool(running) for _, running in pools(xpk).values()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def writes(emulator: Emulator) -> list[str]:
    """What changed anything since the log was emptied."""
    requests = control(emulator, "GET", "requests")
    assert isinstance(requests, list)
    return [f"{r['method']} {r['path']}" for r in requests if r["method"] != "GET"]


def refused(xpk: Xpk, emulator: Emulator, words: tuple[str, ...], code: int, *said: str) -> str:
    """The command fails with a code and these words, and nothing was changed."""
    control(emulator, "DELETE", "requests")
    done = xpk(*words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    for part in said:
        assert part in done.stderr
    assert writes(emulator) == []
    return done.stderr


def test_busy_slices(xpk: Xpk, emulator: Emulator) -> None:
    assert xpk(*create(slices=3), "--yes").returncode == 0
    assert xpk(*start(2)).returncode == 0
    until_busy(xpk, 2)
    (idle,) = [name for name, (_, running) in pools(xpk).items() if not running]
    fewer = "error: --num-slices 1: too few slices are idle: w1 on c1-np-"
    ways = (
        "or xpk workload delete --cluster c1 --workload w1\n",
        "       or the same command with --force\n",
    )
    for flags in ((), ("--yes",), ("--quiet",)):
        refused(xpk, emulator, create(*flags, slices=1), EXIT_STATE, fewer, *ways)
    other = create("--yes", tpu="v6e-32")
    said = refused(xpk, emulator, other, EXIT_STATE, "w1 runs on it, and it would be replaced: v6e-16 (4x4)")
    assert said.count("the same command with --force") == 1, "two slices, one way out"

    asked = refused(xpk, emulator, create(slices=2), EXIT_USAGE, "Delete 1 idle slice? [y/N]", "add --yes")
    assert f"- pools   {idle}" in asked
    assert "kept: w1 runs on it\n" in asked
    before = control(emulator, "GET", "objects")
    done = xpk(*create(slices=2), stdin="y\n")
    assert done.returncode == 0, done.stderr
    assert idle not in pools(xpk)
    assert pods(before) == pods(control(emulator, "GET", "objects")), "what ran goes on"

    forced = xpk(*create("--force", slices=1), stdin="")
    assert forced.returncode == 0, forced.stderr
    assert "Delete 1 slice and stop w1? Not asked: a flag says yes.\n" in forced.stderr
    assert "w1 is stopped; 2 slices -> 1" in forced.stderr
    assert len(pools(xpk)) == 1


def pods(objects: object) -> list[tuple[str, str]]:
    """The workload's pods."""
    assert isinstance(objects, dict)
    (world,) = objects["kubernetes"].values()
    found = [p["metadata"] for p in world["objects"]["pods"] if p["metadata"]["name"].startswith("w1-")]
    return sorted((meta["name"], meta["uid"]) for meta in found)


def test_another_type(xpk: Xpk, emulator: Emulator) -> None:
    assert xpk(*create(), "--yes").returncode == 0
    other = create(tpu="v6e-32")
    question = "Delete 2 idle slices and create 2? [y/N]"
    refused(xpk, emulator, other, EXIT_USAGE, question, "there is nobody to give one")
    control(emulator, "DELETE", "requests")
    declined = xpk(*other, stdin="n\n")
    assert (declined.returncode, writes(emulator)) == (EXIT_USAGE, [])
    assert "not confirmed" in declined.stderr
    done = xpk(*other, stdin="y\n")
    assert done.returncode == 0, done.stderr
    assert xpk(*other).stderr.splitlines()[-1].startswith("Nothing to do")


def test_the_ramdisk(xpk: Xpk, emulator: Emulator) -> None:
    assert xpk(*create(*MTC, "60Gi"), "--yes").returncode == 0
    larger = create(*MTC, "70Gi")
    assert xpk(*start(2, "--mtc-enabled", "--ramdisk-directory", "/ramdisk")).returncode == 0
    until_busy(xpk, 2)
    for flags in ((), ("--yes",), ("--force",)):
        refused(
            xpk,
            emulator,
            (*larger, *flags),
            EXIT_STATE,
            "error: ramdisk of ct6e-standard-4t: 60Gi -> 70Gi: w1 mounts it",
            "xpk workload delete --cluster c1 --workload w1\n       then the same command",
        )
    assert xpk("workload", "delete", *WHERE, "--workload", "w1", "--yes").returncode == 0
    refused(xpk, emulator, larger, EXIT_USAGE, "Recreate the ramdisk (local checkpoints are lost)? [y/N]")
    done = xpk(*larger, stdin="yes\n")
    assert done.returncode == 0, done.stderr
    assert "local checkpoints" in done.stderr
    assert xpk(*larger).stderr.splitlines()[-1].startswith("Nothing to do")


def test_checkpointing_under_running_work(xpk: Xpk, emulator: Emulator) -> None:
    """To add it recreates the nodes, and GKE would take these from under the workload."""
    assert xpk(*create(), "--yes").returncode == 0
    assert xpk(*start(1)).returncode == 0
    until_busy(xpk, 1)
    added = create(*MTC, "60Gi")
    refused(xpk, emulator, (*added, "--yes"), EXIT_STATE, "w1 runs on it, and GKE recreates its nodes")
    assert xpk("workload", "delete", *WHERE, "--workload", "w1", "--yes").returncode == 0
    refused(xpk, emulator, added, EXIT_USAGE, "Recreate the nodes of 3 pools? [y/N]")


def test_what_stays_is_in_the_plan_for_programs(xpk: Xpk, emulator: Emulator) -> None:
    assert xpk(*create(slices=3), "--yes").returncode == 0
    assert xpk(*start(1)).returncode == 0
    until_busy(xpk, 1)
    (busy,) = [name for name, (_, running) in pools(xpk).items() if running]
    plan = json.loads(xpk(*create("--dry-run", "--observe", "-o", "json", slices=2)).stdout)
    kept = {one["id"]: one["why"] for one in plan["kept"]}
    assert kept[f"pool/{busy}"] == "w1 runs on it"
    assert kept["install/jobset"] == kept["cluster/c1"] == "as asked for"
    assert kept["pool/default-pool"] == "not one of the slices"
    assert not set(kept) & {step["id"] for step in plan["steps"]}
    same = json.loads(xpk(*create("--dry-run", "--observe", "-o", "json", slices=3)).stdout)
    assert same["steps"] == []
    assert {"pool/c1-np-0", "apply/ClusterQueue/cluster-queue"} <= {one["id"] for one in same["kept"]}
