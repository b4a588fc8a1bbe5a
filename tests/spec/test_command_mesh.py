"""Emergency checkpointing with a mesh that leaves the ramdisk empty is warned of, and nothing else is."""

from __future__ import annotations

import pytest

from xpk.spec.command import Surroundings, command_findings

TRAIN = "python3 -m maxtext.trainers.pre_train.train base.yml"
ON = "enable_emergency_checkpoint=True local_checkpoint_directory=/local local_checkpoint_period=20"
MULTI_TIER = "enable_multi_tier_checkpointing=True multi_tier_checkpointing_backup_interval_minutes=30"
DEFAULT = "enable_emergency_checkpoint: MaxText 0.2.0 to 0.2.5 saves nothing to the ramdisk"
GIVEN = "mesh_axes begins with diloco: Orbax takes the first axis for the slices"


def said(command: str, *env: tuple[str, str]) -> list[str]:
    findings = command_findings(command, Surroundings("/local", 2, env))
    assert not any(finding.fatal for finding in findings)
    return [f"{one.fault.what}: {one.fault.why}; {one.fault.fix}" for one in findings]


@pytest.mark.parametrize(
    ("command", "start"),
    [
        (f"{TRAIN} {ON}", DEFAULT),
        (f"{TRAIN} {ON} enable_multi_tier_checkpointing=False", DEFAULT),
        (f"bash -c 'cd /app && {TRAIN} {ON}'", DEFAULT),
        (f"""{TRAIN} {ON} "mesh_axes=['diloco','data','fsdp']" """, GIVEN),
        (f"""{TRAIN} {ON} mesh_axes='["diloco", "data"]' """, GIVEN),
        (f"{TRAIN} {ON} mesh_axes=diloco,data", GIVEN),
        (f"python3 train.py own.yml {ON} 'mesh_axes=[ diloco ]'", GIVEN),
        (f"{TRAIN} {ON} mesh_axes=diloco dcn_diloco_parallelism=1", GIVEN),
    ],
)
def test_the_ramdisk_would_stay_empty(command: str, start: str) -> None:
    (text,) = said(command)
    assert text.startswith(f"--command: {start}")
    assert len(f"warning: {text}") <= 160, "more than two lines of a terminal"


@pytest.mark.parametrize(
    "command",
    [
        f"{TRAIN} steps=10",
        f"{TRAIN} mesh_axes=diloco",
        f"{TRAIN} {ON.replace('True', 'False')}",
        f"{TRAIN} {ON.replace('True', '$ON')}",
        f"{TRAIN} {ON} {MULTI_TIER}",
        f"{TRAIN} {ON} {MULTI_TIER} mesh_axes=diloco",
        f"{TRAIN} {ON} enable_multi_tier_checkpointing=$ON",
        f"{TRAIN} {ON} mesh_axes=$AXES",
        f"""{TRAIN} {ON} "mesh_axes=['data','diloco']" """,
        f"{TRAIN} {ON} mesh_axes=[]",
        f"{TRAIN} {ON} mesh_axes=",
        f"{TRAIN} {ON} dcn_diloco_parallelism=2",
        f"{TRAIN} {ON} dcn_diloco_parallelism=$N",
        f"python3 train.py own.yml {ON}",
        f"python3 run.py $CONFIG base.yml {ON}",
    ],
)
def test_no_false_alarm(command: str) -> None:
    assert said(command) == []


def test_the_mesh_from_the_environment() -> None:
    assert said(f"{TRAIN} {ON}", ("M_MESH_AXES", "['data','fsdp']")) == []
    (text,) = said(f"{TRAIN} {ON}", ("M_MESH_AXES", "['diloco','data']"))
    assert text.startswith(f"--command: {GIVEN}")


def test_the_log_line_that_shows_it_works_is_named() -> None:
    (text,) = said(f"{TRAIN} {ON}")
    assert "`replica_axis_index=0`" in text
    assert "multi-tier" in text
