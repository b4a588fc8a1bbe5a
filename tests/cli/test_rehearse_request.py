"""What `xpk rehearse` makes of its words before anything is started, with every fault at once."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from xpk.cli import rehearse_request
from xpk.cli.rehearse import rehearse
from xpk.cli.rehearse_real import Rehearsal
from xpk.cli.rehearse_request import EXTRA, choice, scenario
from xpk.errors import UsageError
from xpk.rehearsal.conduct.machine import forced
from xpk.rehearsal.conduct.scenario import Periods, Scenario


def asked(*argv: str) -> Scenario:
    words = rehearse.read(argv)
    return scenario(words, choice(words))


def faults(*argv: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        asked(*argv)
    assert all(fault.what and fault.why and fault.fix for fault in caught.value.faults)
    return [fault.what for fault in caught.value.faults]


def test_without_a_word() -> None:
    found = asked()
    assert (found.slice_type.name, found.num_slices, found.hosts) == ("v6e-8", 2, 2)
    assert (found.trainer, found.mode, found.periods) == ("orbax", "emergency", Periods(5, 20))
    assert (found.fault, [one.steps for one in found.moments]) == ("host", [13])
    assert found.python == Path(sys.executable)
    assert found.mount_path == "/ramdisk"
    assert "local_checkpoint_directory=/ramdisk" in found.command
    assert "enable_emergency_checkpoint=True" in found.command
    assert found.steps is not None
    assert found.steps > 13 + 5
    assert {one.what for one in found.overrides} >= {"--tpu-type", "trainer", "JAX_PLATFORMS"}


def test_multi_tier_saves_to_the_bucket_by_minutes() -> None:
    found = asked("--mode", "multi-tier", "--local-checkpoint-period", "3")
    assert found.periods == Periods(3, 20, 1)
    assert "enable_multi_tier_checkpointing=True" in found.command
    assert "multi_tier_checkpointing_backup_interval_minutes=1" in found.command
    assert "checkpoint_period=20" not in found.command.split()


def test_the_users_own_command_says_how_it_saves() -> None:
    line = "python3 t.py enable_emergency_checkpoint=True local_checkpoint_period=7 checkpoint_period=70"
    found = asked("--command", line, "--fail", "process")
    assert (found.trainer, found.mode, found.periods) == ("command", "emergency", Periods(7, 70))
    assert (found.command, found.steps) == (line, None)
    assert [one.steps for one in found.moments] == [17]


@pytest.mark.parametrize("words", [("--mode", "emergency"), ("--mode", "multi-tier"), ("--mode", "bucket")])
def test_our_own_trainer_saves_when_sigterm_comes(words: tuple[str, ...]) -> None:
    assert Rehearsal(asked(*words), "1", "json").setup().autocheckpoint


@pytest.mark.parametrize(("flag", "saves"), [("", False), ("=True", True), ("=false", False)])
def test_whether_the_users_own_does_is_what_its_command_says(flag: str, saves: bool) -> None:
    line = f"python3 t.py enable_emergency_checkpoint=True enable_autocheckpoint{flag}"
    assert Rehearsal(asked("--command", line), "1", "json").setup().autocheckpoint is saves


def test_random_moments_are_those_of_the_seed() -> None:
    words = ("--at-step", "random", "--times", "5", "--seed")
    assert asked(*words, "7").moments == asked(*words, "7").moments != asked(*words, "8").moments


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (("--hosts-per-slice", "3"), "--hosts-per-slice 3"),
        (("--num-slices", "1"), "--num-slices 1"),
        (("--tpu-type", "v9-8"), "--tpu-type v9-8"),
        (("--fail", "disk"), "--fail disk"),
        (("--at-step", "soon"), "--at-step soon"),
        (("--at-step", "0"), "--at-step 0"),
        (("--times", "0"), "--times 0"),
        (("--steps", "10"), "--steps 10"),
        (("--steps", "many"), "--steps many"),
        (("--step-seconds", "-1"), "--step-seconds -1"),
        (("--step-seconds", "nan"), "--step-seconds nan"),
        (("--state-size", "1000"), "--state-size 1000"),
        (("--mtc-ramdisk-size", "64"), "--mtc-ramdisk-size 64"),
        (("--local-checkpoint-period", "0"), "--local-checkpoint-period 0"),
        (("--mode", "both"), "--mode both"),
        (("--trainer", "mine"), "--trainer mine"),
        (("--trainer", "maxtext"), "--trainer maxtext"),
        (("--python", "/no/such/python"), "--python /no/such/python"),
        (("--command", "python3 t.py", "--mode", "emergency"), "--mode"),
        (("--command", "python3 t.py", "--steps", "9"), "--steps"),
        (("--command", ""), "--command ''"),
        (("--command", "python3 t.py", "--trainer", "orbax"), "--trainer"),
        (("--command", "python3 t.py", "--state-size", "1Mi"), "--state-size"),
        (("--mode", "bucket", "--local-checkpoint-period", "3"), "--local-checkpoint-period"),
        (("--mode", "multi-tier", "--checkpoint-period", "30"), "--checkpoint-period"),
        (("--ramdisk-directory", "a b"), "--ramdisk-directory a b"),
        (("--ramdisk-directory", "/"), "--ramdisk-directory /"),
    ],
)
def test_what_cannot_be_is_told(argv: Sequence[str], what: str) -> None:
    assert what in faults(*argv)


def test_without_a_fault_a_run_may_be_short() -> None:
    assert asked("--fail", "none", "--steps", "3").steps == 3
    assert faults("--fail", "none", "--steps", "0") == ["--steps 0"]


def test_maxtext_without_an_environment_is_one_fault() -> None:
    assert faults("--trainer", "maxtext") == ["--trainer maxtext"]


def test_multi_tier_tells_what_stands_for_a_minute() -> None:
    told = [one for one in asked("--mode", "multi-tier").overrides if "minute" in one.what]
    assert [(one.was, one.now) for one in told] == [("60 s", "2 s")]


def test_the_trainers_of_an_attempt_meet_at_its_own_address() -> None:
    found = forced(asked("--mode", "bucket"), "127.0.0.1:7")
    assert found["JAX_COORDINATOR_ADDRESS"] == found["JAX_COORDINATOR_BIND_ADDRESS"] == "127.0.0.1:7"


@pytest.mark.parametrize("name", ["", "/no/such/folder/a.html", "/"])
def test_a_report_that_cannot_be_written_is_told_first(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        rehearse.run(rehearse.read(["--report", name]))
    assert [fault.fix for fault in caught.value.faults] == ["write --report rehearsal.html"]


def test_all_faults_at_once() -> None:
    found = faults("--hosts-per-slice", "3", "--fail", "disk", "--times", "0", "--state-size", "1000")
    assert len(found) == 4


def test_without_the_extra_the_trainer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearse_request, "trainer_is_here", lambda: False)
    assert choice(rehearse.read([])) == "none"
    words = rehearse.read(["--trainer", "orbax"])
    choice(words)
    with pytest.raises(UsageError) as caught:
        words.faults.raise_if_any()
    (fault,) = caught.value.faults
    assert fault.fix == EXTRA


def test_the_extra_by_its_parts_is_the_projects_own() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    parts = project["project"]["optional-dependencies"]["rehearse"]
    assert shlex.split(EXTRA) == ["pip", "install", *parts]
