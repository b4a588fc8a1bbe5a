"""Contradictions between the MaxText line and the workload; real lines raise no false alarm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.spec.command import Surroundings, command_findings

TRAIN = "python3 -m maxtext.trainers.pre_train.train src/maxtext/configs/base.yml"
OWN = "python3 src/MaxText/train.py my.yml"
MESH = "'mesh_axes=[data,fsdp]'"
EMC = f"{MESH} enable_emergency_checkpoint=True local_checkpoint_directory=/local local_checkpoint_period=20"
MTC = (
    "enable_multi_tier_checkpointing=True local_checkpoint_directory=/local local_checkpoint_period=20 "
    "multi_tier_checkpointing_backup_interval_minutes=30"
)
RAMDISK = Surroundings("/local", 2)
NONE = Surroundings(None, 2)


def found(command: str, around: Surroundings = RAMDISK) -> tuple[list[str], list[str]]:
    findings = command_findings(command, around)
    fatal = [finding.fault.what.removeprefix("--command: ") for finding in findings if finding.fatal]
    return fatal, [
        finding.fault.what.removeprefix("--command: ") for finding in findings if not finding.fatal
    ]


FINE = [
    "ls",
    f"{TRAIN} steps=10",
    f"{TRAIN} {EMC}",
    f"{TRAIN} {MTC}",
    f"{TRAIN} {MTC} checkpoint_period=10",
    f"{TRAIN} {EMC} enable_multi_tier_checkpointing=True multi_tier_checkpointing_backup_interval_minutes=1",
    f"set -xue;export A=1 && export B=2 && {TRAIN} {EMC} checkpoint_period=25 run_name=max-sv-2026-01-02",
    f"{TRAIN} {EMC}".replace("=/local", "=//local/"),
    f"{TRAIN} {EMC} local_checkpoint_directory=$DIR",
    f"{TRAIN} {EMC} local_checkpoint_period=${{PERIOD:-0}}",
    f"{TRAIN} {EMC} run_name=run_$(date)",
    f"{TRAIN} enable_emergency_checkpoint=$EMC",
    f"{TRAIN} enable_emergency_checkpoint=False checkpoint_period=20",
    f"echo {MTC} run_name=A/B",
    f"# {TRAIN} enable_emergency_checkpoint=True",
    "bash end_to_end/test_multi_tier_checkpointing.sh run out",
    "bash test.sh X=${GCS_OUTPUT}xla_dump enable_checkpointing=False",
    "export JAX_PLATFORMS=tpu && python3 run.py --local_directory=/local/test",
    f"cat > f <<EOF\n{TRAIN} enable_emergency_checkpoint=True\nEOF",
    f"{TRAIN} {EMC} prompt='local_checkpoint_period=0'",
]


@pytest.mark.parametrize("command", FINE)
def test_no_false_alarm(command: str) -> None:
    assert found(command) == ([], [])


FATAL = [
    (f"{TRAIN} {EMC} local_checkpoint_directory=/other", "local_checkpoint_directory=/other"),
    (f"{TRAIN} {EMC} local_checkpoint_directory=/local/sub", "local_checkpoint_directory=/local/sub"),
    (f"{TRAIN} {EMC} local_checkpoint_directory=", "enable_emergency_checkpoint=True without"),
    (
        f"{TRAIN} {MESH} enable_emergency_checkpoint=True local_checkpoint_period=2",
        "enable_emergency_checkpoint=True w",
    ),
    (f"{TRAIN} {EMC} local_checkpoint_period=0", "local_checkpoint_period=0"),
    (f"{TRAIN} {EMC} local_checkpoint_period=ten", "local_checkpoint_period=ten"),
    (f"{TRAIN} {EMC.replace('local_checkpoint_period=20', '')}", "enable_emergency_checkpoint=True without"),
    (
        f"{TRAIN} {EMC} enable_checkpointing=False",
        "enable_emergency_checkpoint=True with enable_checkpointing",
    ),
    (f"{OWN} {MTC} enable_checkpointing=false", "enable_multi_tier_checkpointing=True with enable_chec"),
    (
        f"{TRAIN} {MTC} multi_tier_checkpointing_backup_interval_steps=9",
        "multi_tier_checkpointing_backup_inte",
    ),
    (f"{TRAIN} {MTC.replace('_minutes', '_steps')}", "multi_tier_checkpointing_backup_interval_steps"),
    (
        f"{TRAIN} {MTC.replace('_minutes=30', '_minutes=0')}",
        "multi_tier_checkpointing_backup_interval_minutes=0",
    ),
    (f"{TRAIN} {MTC.rsplit(' ', 1)[0]}", "enable_multi_tier_checkpointing=True without"),
    (f"{TRAIN} {MTC} run_name=A/b", "run_name=A/b"),
    (f"{TRAIN} {MTC} run_name=My_Run", "run_name=My_Run"),
    (f"cd /app && A=1 {TRAIN} {EMC} local_checkpoint_period=0 2>&1 | tee log", "local_checkpoint_period=0"),
    (f'bash -c "{TRAIN} {EMC} local_checkpoint_period=0"', "local_checkpoint_period=0"),
    (
        f"if true; then {TRAIN} '{'local_checkpoint_period=0'}' {EMC.rsplit(' ', 1)[0]}; fi",
        "local_checkpoint_p",
    ),
]


@pytest.mark.parametrize(("command", "what"), FATAL)
def test_what_cannot_work_is_a_fault(command: str, what: str) -> None:
    fatal, unwise = found(command)
    assert len(fatal) == 1
    assert fatal[0].startswith(what)
    assert unwise == []


UNWISE = [
    (f"{TRAIN} {EMC} local_checkpoint_period=200 checkpoint_period=30", "local_checkpoint_period=200 with"),
    (
        f"{TRAIN} {EMC} local_checkpoint_period=10000",
        "local_checkpoint_period=10000 with checkpoint_period=10000",
    ),
    (
        f"{OWN} enable_emergency_checkpoint=True local_checkpoint_period=20",
        "enable_emergency_checkpoint=True wi",
    ),
    (f"{OWN} {MTC.rsplit(' ', 1)[0]}", "enable_multi_tier_checkpointing=True without"),
    (f"{TRAIN} {EMC} run_name=My/Run", "run_name=My/Run"),
]


@pytest.mark.parametrize(("command", "what"), UNWISE)
def test_what_is_unwise_is_a_warning(command: str, what: str) -> None:
    fatal, unwise = found(command)
    assert fatal == []
    assert len(unwise) == 1
    assert unwise[0].startswith(what)


def test_no_ramdisk_and_one_slice() -> None:
    fatal, _ = found(f"{TRAIN} {EMC}", Surroundings(None, 1))
    assert fatal == [
        "enable_emergency_checkpoint=True",
        "enable_emergency_checkpoint=True with --num-slices 1",
    ]
    (finding,) = command_findings(f"{TRAIN} {EMC}", NONE)
    assert finding.fault.fix.startswith("add --mtc-enabled --ramdisk-directory /local")
    assert found(f"{TRAIN} checkpoint_period=20 local_checkpoint_directory=/x", NONE) == ([], [])


def test_maxtext_takes_flags_from_the_environment() -> None:
    command = f"{TRAIN} {EMC.rsplit(' ', 1)[0]}"
    assert found(command, Surroundings("/local", 2, (("M_LOCAL_CHECKPOINT_PERIOD", "20"),))) == ([], [])
    fatal, _ = found(command, Surroundings("/local", 2, (("M_LOCAL_CHECKPOINT_PERIOD", "0"),)))
    assert fatal == ["local_checkpoint_period=0"]


def test_every_fault_names_the_way_out() -> None:
    for command, _ in FATAL:
        for finding in command_findings(command, RAMDISK):
            assert finding.fault.why
            assert "--no-command-checks" in finding.fault.fix


@given(st.text(st.sampled_from("a=b'\"$({})\\\n;|&<># ") | st.characters()))
def test_any_text_is_read(text: str) -> None:
    command_findings(f"{text} {TRAIN} {EMC} {text}", RAMDISK)
