"""Which mode the flags ask for, what it needs, and at which steps MaxText hands over a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xpk.rehearsal.trainer.flags import Flags
from xpk.rehearsal.trainer.need import Mode, faults, has_ramdisk, mode, saves_at

EMERGENCY = Flags(
    run_name="r",
    base_output_directory="/bucket",
    steps=40,
    checkpoint_period=10,
    enable_emergency_checkpoint=True,
    local_checkpoint_directory="/local",
    local_checkpoint_period=5,
)
MULTI_TIER = replace(
    EMERGENCY,
    enable_multi_tier_checkpointing=True,
    base_output_directory="",
    multi_tier_checkpointing_backup_interval_minutes=30,
)
BUCKET = Flags(run_name="r", base_output_directory="/bucket", steps=40, checkpoint_period=10)
NONE = Flags(enable_checkpointing=False, enable_multi_tier_checkpointing=True)


@pytest.mark.parametrize(
    ("flags", "expected", "ramdisk"),
    [
        (MULTI_TIER, "multi-tier", True),
        (EMERGENCY, "emergency", True),
        (BUCKET, "bucket", False),
        (NONE, "none", False),
    ],
)
def test_mode_follows_maxtext_precedence(flags: Flags, expected: Mode, ramdisk: bool) -> None:
    assert mode(flags) == expected
    assert has_ramdisk(mode(flags)) is ramdisk
    assert faults(flags) == ()


@pytest.mark.parametrize(
    ("flags", "what", "why"),
    [
        (replace(BUCKET, steps=0), "steps=0", "no step"),
        (replace(BUCKET, checkpoint_period=0), "checkpoint_period=0", "> 0"),
        (replace(BUCKET, rehearsal_state_bytes=11), "rehearsal_state_bytes=11", "12 bytes"),
        (replace(BUCKET, base_output_directory=""), "base_output_directory=", "need a place"),
        (replace(BUCKET, base_output_directory="gs://b/o"), "base_output_directory=gs://b/o", "directories"),
        (replace(BUCKET, run_name=""), "run_name=", "name"),
        (replace(EMERGENCY, base_output_directory=""), "base_output_directory=", "need a place"),
        (replace(EMERGENCY, local_checkpoint_directory=""), "local_checkpoint_directory=", "emergency"),
        (replace(EMERGENCY, local_checkpoint_period=0), "local_checkpoint_period=0", "> 0"),
        (replace(EMERGENCY, local_checkpoint_period=41), "local_checkpoint_period=41", "steps=40"),
        (replace(MULTI_TIER, local_checkpoint_directory=""), "local_checkpoint_directory=", "multi-tier"),
        (
            replace(MULTI_TIER, multi_tier_checkpointing_backup_interval_minutes=None),
            "multi_tier_checkpointing_backup_interval_*: neither",
            "exactly one",
        ),
        (
            replace(MULTI_TIER, multi_tier_checkpointing_backup_interval_steps=10),
            "multi_tier_checkpointing_backup_interval_*: minutes=30 and steps=10",
            "exactly one",
        ),
        (
            replace(MULTI_TIER, multi_tier_checkpointing_backup_interval_minutes=0),
            "multi_tier_checkpointing_backup_interval_minutes=0",
            "> 0",
        ),
        (
            replace(
                MULTI_TIER,
                multi_tier_checkpointing_backup_interval_minutes=None,
                multi_tier_checkpointing_backup_interval_steps=4,
            ),
            "multi_tier_checkpointing_backup_interval_steps=4",
            "local_checkpoint_period=5",
        ),
        (replace(MULTI_TIER, run_name=""), "run_name=", "name"),
    ],
)
def test_what_is_missing_is_told(flags: Flags, what: str, why: str) -> None:
    (fault,) = faults(flags)
    assert fault.what == what
    assert why in fault.why
    assert fault.fix.partition("=")[0].startswith(what.partition("=")[0].partition("*")[0])


def test_all_faults_are_told_together() -> None:
    broken = replace(EMERGENCY, local_checkpoint_directory="", local_checkpoint_period=0, run_name="")
    assert [fault.what for fault in faults(broken)] == [
        "local_checkpoint_directory=",
        "local_checkpoint_period=0",
        "run_name=",
    ]


@pytest.mark.parametrize(
    ("flags", "steps"),
    [
        (BUCKET, [0, 10, 20]),
        (replace(BUCKET, save_checkpoint_on_start=False), [10, 20]),
        (EMERGENCY, [0, 5, 10, 15, 20]),
        (replace(EMERGENCY, local_checkpoint_period=8), [0, 8, 10, 16, 20]),
        (MULTI_TIER, [0, 5, 10, 15, 20]),
        (replace(BUCKET, local_checkpoint_period=5), [0, 10, 20]),
    ],
)
def test_both_periods_hand_a_step_over(flags: Flags, steps: list[int]) -> None:
    assert [step for step in range(21) if saves_at(step, flags)] == steps
