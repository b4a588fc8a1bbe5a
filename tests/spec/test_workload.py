"""`WorkloadSpec`: everything wrong with one request is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.catalog.slices import resolve
from xpk.errors import UsageError
from xpk.spec.environment import EnvVar
from xpk.spec.mounts import BucketMount
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import CodeRange, restart_policy
from xpk.spec.workload import (
    GRACE_SECONDS,
    MTC_GRACE_SECONDS,
    WorkloadSpec,
    grace_seconds,
    parse_seconds,
    warnings,
)

PLAIN: dict[str, Any] = {
    "name": "w1",
    "cluster": "c1",
    "slice_type": resolve("v5p-128"),
    "num_slices": 2,
    "image": "gcr.io/p1/i:1",
    "command": "python3 train.py",
    "restarts": restart_policy(None, None, mtc=False),
}
MTC: dict[str, Any] = {
    **PLAIN,
    "ramdisk": Ramdisk("/local"),
    "restarts": restart_policy(None, None, mtc=True),
}
EMC = "python3 train.py base.yml enable_emergency_checkpoint=True local_checkpoint_directory=/local"


def faults(**changes: Any) -> list[str]:
    with pytest.raises(UsageError) as caught:
        WorkloadSpec(**{**PLAIN, **changes})
    return [fault.what for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"name": "W_1"}, "--workload W_1"),
        ({"name": "w" * 60}, f"--workload {'w' * 60}"),
        ({"namespace": "a.b"}, "--namespace a.b"),
        ({"container": "Bad_Name"}, "--docker-name Bad_Name"),
        ({"scheduler": "x y"}, "--scheduler x y"),
        ({"service_account": ""}, "--service-account ''"),
        ({"pull_secret": "a: b"}, "--docker-image-pull-secret a: b"),
        ({"image": ""}, "--docker-image ''"),
        ({"image": "a b"}, "--docker-image a b"),
        ({"command": " \n"}, "--command ' \\n'"),
        ({"command": "a\0b"}, "--command"),
        ({"command": "a\udcff"}, "--command"),
        ({"command": "x" * 131_072}, "--command"),
        ({"priority": "urgent"}, "--priority urgent"),
        ({"num_slices": 0}, "--num-slices 0"),
        ({"num_slices": -1}, "--num-slices -1"),
        ({"ttl_seconds": -1}, "--ttl-seconds-after-finished -1"),
        ({"grace_seconds": -1}, "--termination-grace-period-seconds -1"),
        ({"restarts": restart_policy(-1, None, mtc=False)}, "--max-restarts -1"),
        ({**MTC, "num_slices": 1}, "--mtc-enabled with --num-slices 1"),
        ({**MTC, "mounts": (BucketMount("bkt", "/local"),)}, "--mount gs://bkt=/local"),
        ({**MTC, "command": f"{EMC} local_checkpoint_period=0"}, "--command: local_checkpoint_period=0"),
        ({"command": f"{EMC} local_checkpoint_period=2"}, "--command: enable_emergency_checkpoint=True"),
    ],
)
def test_one_fault(changes: dict[str, Any], what: str) -> None:
    assert faults(**changes) == [what]


def test_all_faults_together() -> None:
    assert len(faults(name="W", image="", command="", num_slices=0, priority="x", container="_")) == 6


def test_one_slice_is_said_once() -> None:
    assert faults(**{**MTC, "num_slices": 1, "command": f"{EMC} local_checkpoint_period=2"}) == [
        "--mtc-enabled with --num-slices 1"
    ]


def test_checks_of_the_command_can_be_turned_off() -> None:
    spec = WorkloadSpec(**{**MTC, "command": f"{EMC} local_checkpoint_period=0", "command_checks": False})
    assert warnings(spec) == ()


def test_ramdisk_and_policy_belong_together() -> None:
    with pytest.raises(ValueError, match="disagree"):
        WorkloadSpec(**{**PLAIN, "ramdisk": Ramdisk("/local")})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (PLAIN, []),
        (MTC, []),
        ({**MTC, "slice_type": resolve("v5p-8")}, ["v5p-8 is a single host"]),
        ({**MTC, "slice_type": resolve("v4-8")}, ["v4-8 is a single host"]),
        ({**PLAIN, "slice_type": resolve("v5p-8")}, []),
        ({**MTC, "restarts": restart_policy(0, None, mtc=True)}, ["--max-restarts 0: nothing restarts"]),
        (
            {**PLAIN, "restarts": restart_policy(0, (CodeRange(1, 1),), mtc=False)},
            ["--restart-on-exit-codes has no effect"],
        ),
        (
            {**PLAIN, "mounts": (BucketMount("bkt", "/a"), BucketMount("bkt", "/b"))},
            ["gs://bkt is mounted twice"],
        ),
        ({**PLAIN, "env": (EnvVar("TPU_WORKER_ID", "0"),)}, ["--env TPU_WORKER_ID=..."]),
        (
            {**MTC, "command": f"{EMC} local_checkpoint_period=200 checkpoint_period=30"},
            ["--command: local_checkpoint_period=200", "--command: enable_emergency_checkpoint: MaxText 0.2"],
        ),
    ],
)
def test_warnings(changes: dict[str, Any], words: list[str]) -> None:
    said = warnings(WorkloadSpec(**changes))
    assert len(said) == len(words)
    assert all(text.startswith(word) for text, word in zip(said, words, strict=True))


def test_grace_period() -> None:
    assert grace_seconds(None, mtc=False) == GRACE_SECONDS
    assert grace_seconds(None, mtc=True) == MTC_GRACE_SECONDS
    assert grace_seconds(0, mtc=True) == 0
    assert parse_seconds("120", "--ttl-seconds-after-finished") == 120
    for text in ("", "-1", "1h", "99999999999"):
        with pytest.raises(UsageError):
            parse_seconds(text, "--ttl-seconds-after-finished")
