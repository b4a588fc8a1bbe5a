"""KEY=VALUE words to flags: MaxText's names, spellings and defaults."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from xpk.errors import UsageError
from xpk.rehearsal.trainer.flags import Flags, parse


def test_no_word_gives_maxtext_defaults() -> None:
    parsed = parse([], {})
    assert parsed.flags == Flags()
    assert parsed.ignored == ()
    assert (parsed.flags.steps, parsed.flags.checkpoint_period) == (150_001, 10_000)


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("run_name=llama", "run_name", "llama"),
        ("run_name='llama'", "run_name", "llama"),
        ("--run_name=llama", "run_name", "llama"),
        ("steps=40", "steps", 40),
        ("checkpoint_period=10_000", "checkpoint_period", 10_000),
        ("enable_emergency_checkpoint=True", "enable_emergency_checkpoint", True),
        ("enable_emergency_checkpoint=true", "enable_emergency_checkpoint", True),
        ("enable_checkpointing=False", "enable_checkpointing", False),
        ("max_num_checkpoints_to_keep=None", "max_num_checkpoints_to_keep", None),
        ("max_num_checkpoints_to_keep=3", "max_num_checkpoints_to_keep", 3),
        ("rehearsal_step_seconds=0.05", "rehearsal_step_seconds", 0.05),
        ("mesh_axes=['data','fsdp']", "mesh_axes", ("data", "fsdp")),
        ("mesh_axes=[diloco, data, fsdp]", "mesh_axes", ("diloco", "data", "fsdp")),
        ("local_checkpoint_directory=/a=b", "local_checkpoint_directory", "/a=b"),
    ],
)
def test_words_are_read(word: str, name: str, value: object) -> None:
    found = getattr(parse([word], {}).flags, name)
    assert found == value
    assert type(found) is type(value)


def test_unknown_names_and_paths_are_ignored_by_name() -> None:
    parsed = parse(["src/maxtext/configs/base.yml", "vocab_size=256", "steps=3"], {})
    assert parsed.ignored == ("src/maxtext/configs/base.yml", "vocab_size=256")
    assert parsed.flags.steps == 3


def test_last_of_two_equal_names_counts() -> None:
    assert parse(["steps=3", "steps=4"], {}).flags.steps == 4


@pytest.mark.parametrize(
    ("words", "environ", "name"),
    [
        ([], {"JOBSET_NAME": "set"}, "set"),
        (["run_name="], {"JOBSET_NAME": "set"}, "set"),
        (["run_name=own"], {"JOBSET_NAME": "set"}, "own"),
        ([], {}, ""),
    ],
)
def test_run_name_falls_back_to_the_jobset(words: list[str], environ: dict[str, str], name: str) -> None:
    assert parse(words, environ).flags.run_name == name


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("steps=many", "not a whole number"),
        ("steps=1.5", "not a whole number"),
        ("enable_checkpointing=yes", "neither true nor false"),
        ("rehearsal_step_seconds=-1", "not a number of seconds"),
        ("rehearsal_step_seconds=nan", "not a number of seconds"),
        ("mesh_axes=['data','data']", "not a list of different axis names"),
        ("mesh_axes=['da ta']", "not a list of different axis names"),
        ("mesh_axes=['fsdp']", "there is no axis 'data', along which the slices are laid"),
    ],
)
def test_values_that_cannot_be_read_are_refused(word: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse([word], {})
    (fault,) = caught.value.faults
    assert (fault.what, fault.why) == (word, why)
    assert parse([fault.fix], {}).ignored == ()


def test_all_unreadable_values_are_told_together() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["steps=x", "checkpoint_period=y"], {})
    assert [fault.what for fault in caught.value.faults] == ["steps=x", "checkpoint_period=y"]


@pytest.mark.parametrize("name", [field.name for field in fields(Flags)])
def test_every_flag_is_read_back_as_its_default(name: str) -> None:
    default = getattr(Flags(), name)
    text = list(default) if isinstance(default, tuple) else default
    parsed = parse([f"{name}={text}"], {})
    assert parsed.ignored == ()
    assert getattr(parsed.flags, name) == default


def test_the_pure_parts_import_no_jax() -> None:
    modules = ", ".join(
        f"xpk.rehearsal.trainer.{name}" for name in ("flags", "lines", "main", "need", "place")
    )
    script = f"import sys, {modules}; print(sorted({{'jax', 'numpy', 'orbax'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
