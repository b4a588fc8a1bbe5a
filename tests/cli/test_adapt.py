"""`xpk cluster adapt` as a person types it, on the embedded emulator."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.adoption.made import KINDS, Made
from tests.adoption.world import make, make_bare
from xpk.emulator.server import Emulator

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]
ADAPT = ("cluster", "adapt", "--cluster", "c1", "--tpu-type", "v6e-16")
CHECKPOINTING = ("--enable-mtc", "--mtc-ramdisk-size", "10Gi", "--mtc-gcs-bucket", "my-bucket")
RUN = (
    *("workload", "create", "--cluster", "c1", "--workload", "w2", "--tpu-type", "v6e-16"),
    *("--num-slices", "2", "--docker-image", "i:1", "--command", "sleep 1000"),
)


@pytest.fixture
def emulator(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(time_scale=0.0003) as running:
        monkeypatch.setenv("XPK_EMULATOR", running.url)
        yield running


def test_a_cluster_of_terraforms(xpk: Xpk, emulator: Emulator) -> None:
    make_bare(emulator.url, {"train-a": Made(), "train-b": Made()})
    looked = xpk(*ADAPT, "--dry-run", "--observe", "-o", "json")
    assert looked.returncode == 0, looked.stderr
    kinds = {step["kind"] for step in json.loads(looked.stdout)["steps"]}
    assert kinds == {"InstallRelease", "WaitForDeployment", "ApplyObject"}
    assert "slices of v6e-16: train-a, train-b" in looked.stderr
    assert [r["method"] for r in emulator.cloud.requests if r["method"] != "GET"] == ["POST"] * 3

    declined = xpk(*ADAPT, *CHECKPOINTING, stdin="n\n")
    assert declined.returncode == 2
    assert "~ pools     train-a" in declined.stderr
    done = xpk(*ADAPT, *CHECKPOINTING, "--yes", "-o", "yaml")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["changed"] is True
    assert "cluster c1 is ready: 2 slices, ramdisk on 8 hosts. Next:" in done.stderr
    again = xpk(*ADAPT, *CHECKPOINTING, "--num-slices", "2")
    assert (again.returncode, again.stdout) == (0, "")
    assert "Nothing to do: cluster c1" in again.stderr
    assert xpk(*RUN, "--mtc-enabled", "--ramdisk-directory", "/ramdisk").returncode == 0


def test_limits_are_those_of_the_queue(xpk: Xpk, emulator: Emulator) -> None:
    adopted = make_bare(emulator.url, {"a": Made()})
    done = xpk(*ADAPT, "--memory-limit", "100Gi", "--cpu-limit", "96", "--yes")
    assert done.returncode == 0, done.stderr
    (group,) = adopted.objects("ClusterQueue")["cluster-queue"]["spec"]["resourceGroups"]
    assert group["coveredResources"] == ["google.com/tpu", "cpu", "memory"]


@pytest.mark.parametrize("command", ["create", "adapt"])
def test_a_cluster_of_googles_xpk(xpk: Xpk, emulator: Emulator, command: str) -> None:
    """Either command takes it over; nobody is asked to mend anything by hand."""
    adopted = make(emulator.url, KINDS["plain"])
    pods = adopted.pods()
    slices = ("--num-slices", "2", "--on-demand") if command == "create" else ()
    words = ("cluster", command, *ADAPT[2:], *slices)
    done = xpk(*words, "--yes")
    assert done.returncode == 0, done.stderr
    assert "0 to create, 3 to change, 0 to delete" in done.stderr
    assert adopted.pods() == pods
    assert "Nothing to do" in xpk(*words).stderr
    assert xpk(*RUN).returncode == 0


BAD = [
    ((), 4, "--cluster c1: no such regional cluster", "xpk cluster create --cluster c1"),
    (("a",), 4, "--num-slices 2: 1 node pool is a slice of v6e-16", "--num-slices 1, or one more: gcloud"),
    (("a", "b"), 4, "node pool b: in ERROR: ", "gcloud container node-pools delete b --cluster c1"),
]


@pytest.mark.parametrize(("pools", "code", "what", "fix"), BAD)
def test_what_is_not_as_needed(
    xpk: Xpk, emulator: Emulator, pools: tuple[str, ...], code: int, what: str, fix: str
) -> None:
    emulator.cloud.faults.add_capacity({"world": "stockout", "pool": "^b$"})
    if pools:
        make_bare(emulator.url, dict.fromkeys(pools, Made()))
    done = xpk(*ADAPT, "--num-slices", "2", "--yes")
    assert (done.returncode, done.stdout) == (code, "")
    assert what in done.stderr
    assert fix in done.stderr
    assert "Traceback" not in done.stderr


def test_offline_it_contacts_nothing(xpk: Xpk, project: Path, reached: type[BaseException]) -> None:
    done = xpk(*ADAPT, *CHECKPOINTING, "--num-slices", "3", "--dry-run")
    assert done.returncode == 0
    documents = [doc for doc in yaml.safe_load_all(done.stdout) if doc]
    queue = next(doc for doc in documents if doc["kind"] == "ClusterQueue")
    assert queue["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]["nominalQuota"] == "48"
    assert "nodePools" not in done.stdout
    assert '"desiredAddonsConfig"' in done.stdout
    with pytest.raises(reached):
        xpk(*ADAPT)


WRONG = [
    ("--tpu-type v6e-17", "--tpu-type v6e-17: no such slice", "v6e-16"),
    ("--num-slices 0", "--num-slices 0", "--num-slices 2"),
    ("--num-slices many", "--num-slices many: not a whole number", "--num-slices"),
    ("--spot --on-demand", "slices come from one kind of capacity", "keep one"),
    ("--enable-mtc", "needs a bucket", "--mtc-gcs-bucket"),
    ("--memory-limit 100", "--memory-limit 100: no unit", "100Gi"),
    ("--enable-autoprovisioning", "node auto-provisioning", "--num-slices"),
    ("--create-vertex-tensorboard", "Tensorboard", "gcloud ai tensorboards create"),
    ("--super-slicing", "tpu7x", "--tpu-type"),
    ("--force", "--force", "--help"),
    ("--gke-version 1.33.5-gke.1201000", "--gke-version", "--help"),
    ("--cluster Bad_Name", "a name has only a-z", "--cluster bad-name"),
    ("--zone nowhere", "neither a zone nor a region", "us-east5-b"),
    ("--observe", "goes with --dry-run", "add --dry-run"),
]


@pytest.mark.parametrize(("words", "what", "fix"), WRONG)
def test_wrong_words(
    xpk: Xpk, project: Path, reached: type[BaseException], words: str, what: str, fix: str
) -> None:
    done = xpk(*ADAPT, *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert fix in done.stderr
    assert "Nothing was contacted" in done.stderr


@pytest.mark.parametrize("flag", ["--ignore-nodepool-creation-errors", "--num-nodes=2", "--skip-validation"])
def test_what_has_no_effect_is_said(xpk: Xpk, project: Path, flag: str) -> None:
    done = xpk(*ADAPT, flag, "--dry-run")
    assert done.returncode == 0
    assert flag.partition("=")[0] in done.stderr
