"""Requests that cannot be right: exit 2, an empty stdout, what is wrong and what to type instead.

Each row is one fault; that faults of one request come together is at the end.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]

CLUSTER = "cluster create --cluster c1 --tpu-type v6e-256 --num-slices 2 --dry-run"
MTC = f"{CLUSTER} --enable-mtc --mtc-ramdisk-size 60Gi --mtc-gcs-bucket gs://my-bucket"
WORKLOAD = (
    "workload create --cluster c1 --workload w1 --tpu-type v6e-16 --num-slices 2 --docker-image i:1 "
    "--command true --dry-run"
)
MTC_WORKLOAD = f"{WORKLOAD} --mtc-enabled --ramdisk-directory /ramdisk"

ROWS: list[tuple[str, str, str]] = [
    # words, part of what and why, part of the fix
    # -- the slice type and the number of slices
    ("cluster create --cluster c1 --dry-run", "--tpu-type: is missing", "--tpu-type v6e-256"),
    (f"{CLUSTER} --tpu-type v5p-250", "--tpu-type v5p-250: no such slice", "v5p-256"),
    (f"{CLUSTER} --tpu-type v7x-8", "--tpu-type v7x-8", "xpk tpu list"),
    (f"{CLUSTER} --tpu-type v6-256", "--tpu-type v6-256", "v6e-256"),
    (f"{CLUSTER} --tpu-type v6e-16x8", "--tpu-type v6e-16x8", "v6e-8x16"),
    (
        f"{CLUSTER} --tpu-type v4-16 --device-type v4-8",
        "two names of one flag with two values",
        "keep --tpu-type",
    ),
    (
        f"{CLUSTER} --device-type n2-standard-64-1 --tpu-type n2-standard-64-1",
        "n2-standard-64-1",
        "xpk tpu list",
    ),
    (f"{CLUSTER} --num-slices 0", "--num-slices 0: a cluster needs at least one slice", "--num-slices 2"),
    (f"{CLUSTER} --num-slices -3", "--num-slices -3", "--num-slices 2"),
    (f"{CLUSTER} --num-slices two", "--num-slices two: not a whole number", "--num-slices 1"),
    (f"{CLUSTER} --num-slices=", "--num-slices '': not a whole number", "--num-slices 1"),
    (f"{CLUSTER} --num-slices 1001", "--num-slices 1001", "1000 or less"),
    # -- names
    ("cluster create --tpu-type v6e-256 --dry-run", "--cluster: is missing", "--cluster NAME"),
    (f"{CLUSTER} --cluster My_Cluster", "--cluster My_Cluster", "--cluster my-cluster"),
    (f"{CLUSTER} --cluster {'a' * 36}", "at most 35 fit", "--cluster " + "a" * 35),
    (f"{CLUSTER} --cluster=", "--cluster '': the value is empty", "--cluster NAME"),
    # -- capacity
    (f"{CLUSTER} --spot --on-demand", "one kind of capacity", "keep one"),
    (f"{CLUSTER} --spot --reservation r1", "one kind of capacity", "keep one"),
    (f"{CLUSTER} --flex --spot --on-demand", "one kind of capacity", "keep one"),
    (f"{CLUSTER} --reservation R_1", "--reservation R_1: not the name of a reservation", "--reservation R"),
    (f"{CLUSTER} --reservation a,b", "all slices of a cluster come from one reservation", "--reservation a"),
    # -- where
    (f"{CLUSTER} --zone us-east5", "--zone us-east5: a region", "--zone us-east5-a"),
    (f"{CLUSTER} --zone nowhere", "--zone nowhere: neither a zone nor a region", "us-east5-b"),
    (f"{CLUSTER} --zone=", "--zone '': the value is empty", "--zone VALUE"),
    (f"{CLUSTER} --project Bad_Project", "--project Bad_Project: not a project id", "gcloud projects list"),
    (f"{CLUSTER} --region us-east5", "--region us-east5: xpk cluster create has no such flag", "--zone"),
    (f"{CLUSTER} --project-number my-project", "not the number of a project", "projectNumber"),
    # -- versions, machines, add-ons
    (f"{CLUSTER} --gke-version 1.33", "--gke-version 1.33: not a complete GKE version", "gcloud container"),
    (f"{MTC} --gke-version 1.31.9-gke.1000", "needs GKE 1.32.4-gke.1415000 or later", "1.32.4-gke.1415000"),
    (f"{CLUSTER} --default-pool-cpu-machine-type e2", "not the name of a machine type", "e2-standard-16"),
    (
        f"{CLUSTER} --default-pool-cpu-num-nodes 0",
        "--default-pool-cpu-num-nodes 0",
        "--default-pool-cpu-num-nodes 6",
    ),
    (f"{CLUSTER} --host-maintenance-interval WEEKLY", "takes one of AS_NEEDED, PERIODIC", "AS_NEEDED"),
    (f"{CLUSTER} --memory-limit 100", "--memory-limit 100: no unit", "100Gi"),
    (f"{CLUSTER} --cpu-limit 0", "--cpu-limit 0", "--cpu-limit 112"),
    (
        f"{CLUSTER} --jobset-manifest /no/such/file",
        "--jobset-manifest /no/such/file: no such file",
        "leave it out",
    ),
    (f"{CLUSTER} --kueue-manifest-sha256 abc", "64 hexadecimal digits", "sha256sum"),
    # -- checkpointing
    (
        f"{CLUSTER} --enable-mtc --mtc-gcs-bucket b11",
        "needs the size of the ramdisk",
        "--mtc-ramdisk-size 60Gi",
    ),
    (f"{CLUSTER} --enable-mtc --mtc-ramdisk-size 60Gi", "needs a bucket", "--mtc-gcs-bucket gs://BUCKET"),
    (f"{MTC} --mtc-ramdisk-size 60", "--mtc-ramdisk-size 60: no unit", "60Gi"),
    (f"{MTC} --mtc-ramdisk-size banana", "--mtc-ramdisk-size banana", "60Gi"),
    (f"{MTC} --mtc-ramdisk-size 900Gi", "do not fit the 720 GB", "at most --mtc-ramdisk-size"),
    (f"{MTC} --mtc-model-params 70B", "both say how large the ramdisk is", "keep one"),
    (f"{MTC} --mtc-gcs-bucket gs://Bad_Bucket", "gs://Bad_Bucket", "gs://BUCKET"),
    (f"{MTC} --mtc-toleration-key a//b", "not a key of a taint", "google.com/tpu"),
    (f"{CLUSTER} --mtc-ramdisk-size 60Gi", "means nothing without --enable-mtc", "add --enable-mtc"),
    (f"{CLUSTER} --mtc-gcs-bucket b11", "means nothing without --enable-mtc", "add --enable-mtc"),
    (f"{CLUSTER} --enable-mtc --mtc-gcs-bucket b11 --mtc-model-params 70", "70 parameters", "70B"),
    # -- gcloud arguments and private clusters
    (f"{CLUSTER} --custom-cluster-arguments=--no-such-thing=1", "--no-such-thing=1", "gcloud"),
    (f"{CLUSTER} --custom-cluster-arguments=--num-nodes=3", "--num-nodes=3", "--default-pool-cpu-num-nodes"),
    (
        f"{CLUSTER} --custom-nodepool-arguments=--disk-type=pd-standard",
        "--disk-type pd-standard: ct6e-standard-4t does not boot from it",
        "leave it out",
    ),
    (
        f"{MTC} --mtc-ramdisk-size 1Gi --custom-nodepool-arguments=--workload-metadata=GCE_METADATA",
        "--workload-metadata GCE_METADATA: Workload Identity",
        "GKE_METADATA",
    ),
    (
        f"{MTC} --mtc-ramdisk-size 1Gi --custom-tpu-nodepool-arguments=--node-taints=team=a:NoSchedule",
        "--node-taints team: the checkpointing driver would be kept off",
        "--mtc-toleration-key team",
    ),
    (f"{CLUSTER} --authorized-networks 10.0.0.1/8", "bits beyond the range", "10.0.0.0/8"),
    # -- flags that are refused, unknown, or without their value
    (f"{CLUSTER} --enable-autoprovisioning", "node auto-provisioning", "--num-slices"),
    (f"{CLUSTER} --enable-pathways", "does not run Pathways", "xpk"),
    (f"{CLUSTER} --projet p1", "--projet p1", "--project"),
    (f"{CLUSTER} --num-slice 2", "--num-slice 2: xpk cluster create has no such flag", "--num-slices"),
    (
        f"{CLUSTER} --frobnicate",
        "--frobnicate: xpk cluster create has no such flag",
        "xpk cluster create --help",
    ),
    (f"{CLUSTER} surplus", "surplus: a word that belongs to no flag", "quotes"),
    (f"{CLUSTER} --enable-mtc=yes", "--enable-mtc=yes: the flag takes no value", "--enable-mtc alone"),
    (f"{CLUSTER} --gke-version", "--gke-version: needs a value", "--gke-version=VALUE"),
    (f"{CLUSTER} --gke-version --spot", "the next word is the flag --spot", "--gke-version=VALUE"),
    (f"{CLUSTER} -o xml", "-o xml: takes one of yaml, text, json", "-o yaml"),
    (
        "cluster create --cluster c1 --tpu-type v4-8 --observe",
        "--observe: goes with --dry-run",
        "add --dry-run",
    ),
    # -- workload create
    ("workload create --dry-run", "--workload: is missing", "--workload NAME"),
    ("workload create --dry-run", "--docker-image: is missing", "--docker-image"),
    ("workload create --dry-run", "--command: is missing", "--command"),
    (f"{WORKLOAD} --workload Mixtral-8x7b", "--workload Mixtral-8x7b", "--workload mixtral-8x7b"),
    (f"{WORKLOAD} --workload {'w' * 60}", "JobSet takes 63", "--workload www"),
    (f"{WORKLOAD} --num-slices 0", "--num-slices 0: a workload runs on one slice or more", "--num-slices 2"),
    (f"{WORKLOAD} --max-restarts banana", "--max-restarts banana", "--max-restarts 50"),
    (f"{WORKLOAD} --max-restarts -1", "--max-restarts -1", "--max-restarts 50"),
    (f"{WORKLOAD} --restart-on-exit-codes 0-300", "--restart-on-exit-codes", "255"),
    (f"{WORKLOAD} --restart-on-exit-codes 9-4", "--restart-on-exit-codes", "9"),
    (f"{WORKLOAD} --restart-on-exit-codes x", "--restart-on-exit-codes", "42"),
    (f"{WORKLOAD} --ttl-seconds-after-finished 1h", "it counts seconds", "600"),
    (f"{WORKLOAD} -tgps soon", "--termination-grace-period-seconds soon", "600"),
    (f"{WORKLOAD} --priority urgent", "--priority urgent", "--priority medium"),
    (f"{WORKLOAD} --docker-name Bad_Name", "--docker-name Bad_Name", "--docker-name jax-tpu"),
    (f"{WORKLOAD} --namespace Bad_Name", "--namespace Bad_Name", "--namespace default"),
    (
        f"{WORKLOAD} --env JUST_A_NAME",
        "--env JUST_A_NAME: a variable here needs a value",
        "--env JUST_A_NAME=VALUE",
    ),
    (f"{WORKLOAD} --env 1X=2", "Kubernetes takes names", "rename it"),
    (f"{WORKLOAD} --env-file /no/such/file", "--env-file /no/such/file: cannot be read", "K=V"),
    (f"{WORKLOAD} --env A=1 --env-file /no/such/file", "--env with --env-file", "drop it"),
    (f"{WORKLOAD} --mount gs://my-bucket", "a mount is a bucket, =, and a path", "gs://BUCKET"),
    (
        f"{WORKLOAD} --mount gs://my-bucket=/a --mount gs://other-bucket=/a",
        "already",
        "path of its own",
    ),
    (f"{MTC_WORKLOAD} --mount gs://my-bucket=/ramdisk", "--ramdisk-directory", "path of its own"),
    (
        f"{WORKLOAD} --mtc-enabled",
        "--mtc-enabled without --ramdisk-directory",
        "--ramdisk-directory /ramdisk",
    ),
    (f"{WORKLOAD} --ramdisk-directory /r", "without --mtc-enabled", "add --mtc-enabled"),
    (f"{MTC_WORKLOAD} --num-slices 1", "--mtc-enabled with --num-slices 1", "--num-slices 2"),
    (f"{MTC_WORKLOAD} --ramdisk-directory /proc", "--ramdisk-directory /proc", "/ramdisk"),
    (f"{WORKLOAD} --base-docker-image python:3.10", "no image is built here", "--docker-image IMAGE"),
    (f"{WORKLOAD} --storage s1", "--storage s1", "--mount gs://BUCKET=/PATH"),
    (f"{WORKLOAD} --output-manifest-file=", "--output-manifest-file ''", "--output-manifest-file FILE"),
    (
        f"{WORKLOAD} --output-manifest-file /no/such/folder/f",
        "cannot be written",
        "a folder that you may write to",
    ),
    # -- the other commands
    ("workload list", "--cluster: is missing", "xpk cluster list"),
    ("workload list --cluster c1 --filter-by-status BUSY", "--filter-by-status BUSY", "--filter-by-status"),
    ("workload list --cluster c1 --filter-by-job [", "not a regular expression", "--filter-by-job"),
    (
        "workload list --cluster c1 --timeout 5",
        "means nothing without --wait-for",
        "--wait-for-job-completion",
    ),
    ("workload delete --cluster c1 --workload=", "--workload '': the value is empty", "all of them"),
    ("workload delete --cluster c1 --workload w --filter-by-job w", "one name needs no filter", "keep one"),
    ("workload describe --cluster c1", "--workload: is missing", "--workload NAME"),
    ("cluster delete", "--cluster: is missing", "--cluster NAME"),
    ("cluster list -o wide", "-o wide: takes one of table, json, yaml", "-o table"),
    ("tpu list --family v9", "--family v9", "--family v6e"),
    ("tpu list --hosts none", "--hosts none: not a whole number", "--hosts 2"),
    ("tpu show", "needs the name of a slice type", "xpk tpu show v6e-256"),
    ("tpu show v5p-250", "no such slice", "v5p-256"),
    ("mtc size", "--model-params: is missing", "--model-params 70B"),
    ("mtc size --model-params many", "--model-params many", "70B"),
    ("emulator serve --port 70000", "--port 70000", "8085"),
    ("emulator run", "needs a command to run", "xpk emulator run --"),
    ("emulator serve --time-scale fast", "--time-scale fast", "0.01"),
    ("rehearse --num-slices 1", "2 to 64 slices", "--num-slices 2"),
    # -- commands that are not here
    ("storage attach s1 --cluster c1", "xpk storage: ", "--mount gs://BUCKET"),
    ("cluster adapt --cluster c1", "--tpu-type: is missing", "--tpu-type v6e-256"),
    ("cluster create-pathways --cluster c1", "Pathways", "xpk cluster create"),
    ("workload create-pathways --workload w", "Pathways", "xpk workload create"),
    ("inspector --cluster c1", "xpk inspector: ", "xpk workload describe"),
    ("config set project-id p", "xpk config: ", "gcloud config set"),
    ("batch --cluster c1 f.sh", "xpk batch: ", "xpk workload create"),
    ("clutser create", "xpk clutser: no such command", "xpk cluster"),
    ("workload crate", "xpk workload crate: no such command", "xpk workload create"),
    ("--cluster c1", "xpk --cluster: ", "behind the command"),
]


@pytest.mark.parametrize(
    ("line", "what", "fix"), ROWS, ids=[f"{n}-{row[1][:30]}" for n, row in enumerate(ROWS)]
)
def test_a_fault_says_what_and_what_to_type(line: str, what: str, fix: str, xpk: Xpk, project: Path) -> None:
    done = xpk(*line.split())
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert what in done.stderr
    assert fix in done.stderr
    assert "Nothing was contacted." in done.stderr
    assert "Traceback" not in done.stderr


def test_there_are_enough_rows() -> None:
    assert len({line for line, _, _ in ROWS}) >= 60


def test_all_faults_of_a_cluster_come_together(xpk: Xpk, home: Path) -> None:
    done = xpk(
        *shlex.split(
            "cluster create --cluster My_Cluster --tpu-type v5p-250 --num-slices 0 --spot --on-demand"
        ),
        *shlex.split(
            "--enable-mtc --mtc-ramdisk-size 60 --gke-version 1.33 --frobnicate 3 --enable-pathways"
        ),
        *("--custom-cluster-arguments", "--no-such-thing=1 --nor-this"),
    )
    assert done.returncode == 2
    assert done.stdout == ""
    for part in (
        "--cluster My_Cluster",
        "--tpu-type v5p-250",
        "--num-slices 0",
        "--on-demand --spot",
        "--mtc-ramdisk-size 60:",
        "needs a bucket",
        "--gke-version 1.33",
        "--frobnicate 3",
        "--enable-pathways",
        "--no-such-thing=1",
        "--nor-this",
        "--project: no project given",
        "--zone: no zone given",
    ):
        assert part in done.stderr, part
    assert done.stderr.rstrip().endswith("13 faults. Nothing was contacted.")


def test_all_faults_of_a_workload_come_together(xpk: Xpk, home: Path) -> None:
    done = xpk(
        *shlex.split("workload create --workload BAD --cluster c1 --tpu-type v6e-17 --max-restarts banana"),
        *shlex.split("--env X --mount nowhere --restart-on-exit-codes 0 --priority urgent --num-slices x"),
        *shlex.split("--mtc-enabled --zone us-east5-b"),
    )
    assert done.returncode == 2
    for part in (
        "--workload BAD",
        "--tpu-type v6e-17",
        "--max-restarts banana",
        "--env X",
        "--mount nowhere",
        "--restart-on-exit-codes 0",
        "--priority urgent",
        "--num-slices x",
        "--mtc-enabled without --ramdisk-directory",
        "--project: no project given",
        "--command: is missing",
        "--docker-image: is missing",
    ):
        assert f"error: {part}" in done.stderr, part
    assert done.stderr.rstrip().endswith("12 faults. Nothing was contacted.")


def test_a_fault_has_the_shape_of_the_guide(xpk: Xpk, project: Path) -> None:
    done = xpk(*shlex.split(f"{MTC} --mtc-ramdisk-size 60"))
    assert done.stderr.split("error: ")[1] == (
        "--mtc-ramdisk-size 60: no unit, Kubernetes would read 60 bytes\n"
        "       write 60Gi, or have it computed: --mtc-model-params 70B\n"
        "1 fault. Nothing was contacted.\n"
    )


def test_an_emulator_elsewhere_is_a_fault_like_any_other(
    xpk: Xpk, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XPK_EMULATOR", "http://example.com:8085")
    done = xpk(*shlex.split(f"{CLUSTER} --num-slices 0"))
    assert done.returncode == 2
    assert "XPK_EMULATOR=http://example.com:8085: only a loopback address is allowed" in done.stderr
    assert "--num-slices 0" in done.stderr


def test_control_characters_of_the_user_do_not_reach_the_terminal(xpk: Xpk, project: Path) -> None:
    done = xpk("cluster", "create", "--cluster", "a\x1b[31m\u202eb", "--tpu-type", "v6e-256\x07", "--dry-run")
    assert done.returncode == 2
    assert all(c.isprintable() or c == "\n" for c in done.stderr)


def test_words_that_are_no_text_are_faults(xpk: Xpk, project: Path) -> None:
    done = xpk(*WORKLOAD.split(), "--env", "A=\udcff", "--docker-name", "a\0b")
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr
    assert "NUL" in done.stderr
