"""From the words of `xpk rehearse` to a `Scenario`, with every fault at once."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

from xpk.catalog.slices import SliceType, resolve
from xpk.cli.cluster_request import TYPE, gathered
from xpk.cli.words import Words
from xpk.errors import UsageError
from xpk.rehearsal.conduct import moments, trainer_command
from xpk.rehearsal.conduct.moments import Moment
from xpk.rehearsal.conduct.scaling import scaled
from xpk.rehearsal.conduct.scenario import Periods, Scenario
from xpk.rehearsal.conduct.user_command import modes_of
from xpk.rehearsal.record.events import FaultKind
from xpk.rehearsal.record.outcome import Mode, Override, Trainer
from xpk.rehearsal.story import BUCKET
from xpk.spec.quantity import Quantity, parse_quantity
from xpk.spec.ramdisk import parse_ramdisk_directory

Choice: TypeAlias = Literal["none", "orbax", "maxtext"]
SLICE = "v6e-256"
FAULTS = ("host", "last-slice-host", "slice", "all-ramdisks", "process", "sigterm", "none")
EXTRA = "pip install 'jax>=0.10.2' orbax-checkpoint==0.12.8"
"""The extra `rehearse` by its parts: by the name of `xpk` pip may find another program."""
_NEEDED = ("jax", "orbax.checkpoint")
_RAMDISK = "64Mi"
_OF_OUR_TRAINER = ("--step-seconds", "--state-size")
_OF_THE_COMMAND = (
    "--trainer",
    "--mode",
    "--local-checkpoint-period",
    "--checkpoint-period",
    "--steps",
    *_OF_OUR_TRAINER,
)


@dataclass(frozen=True, slots=True)
class _Breaking:
    fault: FaultKind | None
    moments: tuple[Moment, ...]
    seed: int


def trainer_is_here() -> bool:
    """Whether the extra `rehearse` is installed."""
    return all(importlib.util.find_spec(name.partition(".")[0]) is not None for name in _NEEDED)


def choice(words: Words) -> Choice:
    """What is to run in the pods. `orbax` where nothing was said and the extra is installed."""
    default = "orbax" if trainer_is_here() or words.given("--command") else "none"
    found = cast(Choice, words.choice("--trainer", ("orbax", "maxtext", "none"), default))
    if found == "orbax" and not words.given("--command") and not trainer_is_here():
        words.faults.add("--trainer orbax", "JAX and Orbax are not installed here", EXTRA)
    return found


def slices(words: Words) -> tuple[SliceType, int]:
    """The slice type that was named, and how many."""
    flag = words.named(*TYPE)
    name = words.text(*TYPE)
    slice_type = gathered(words, lambda: resolve((name or SLICE).strip(), flag), resolve(SLICE))
    num_slices = words.number("--num-slices", 2) or 0
    if not 2 <= num_slices <= 64:
        why = "a rehearsal shows 2 to 64 slices: a lost one comes back from another"
        words.faults.add(f"--num-slices {num_slices}", why, "write --num-slices 2")
    return slice_type, num_slices


def scenario(words: Words, chosen: Choice) -> Scenario:
    """The scenario. Raises UsageError with all faults, those of the words included."""
    wanted, num_slices = slices(words)
    hosts = words.number("--hosts-per-slice", 2) or 0
    slice_type, scaling = gathered(words, lambda: scaled(wanted, hosts, "--hosts-per-slice"), (wanted, ()))
    ramdisk = _ramdisk(words)
    directory = words.text("--ramdisk-directory")
    mount = gathered(
        words,
        lambda: parse_ramdisk_directory("ramdisk" if directory is None else directory),
        parse_ramdisk_directory("ramdisk"),
    ).mount_path
    python = _python(words, chosen)
    trainer: Trainer = "command" if words.given("--command") else cast(Trainer, chosen)
    mode, periods = _saving(words, trainer)
    breaking = _breaking(words, periods, trainer)
    steps = _steps(words, breaking, periods, trainer)
    command, overrides = _command(words, trainer, mode, periods, steps, mount, python)
    words.faults.raise_if_any()
    return Scenario(
        slice_type=slice_type,
        num_slices=num_slices,
        trainer=trainer,
        mode=mode,
        periods=periods,
        steps=steps,
        fault=breaking.fault,
        moments=breaking.moments,
        seed=breaking.seed,
        command=command,
        environ=trainer_command.CPU + (trainer_command.TPU_BY_NAME if trainer != "orbax" else ()),
        python=python,
        ramdisk_bytes=ramdisk.bytes,
        ramdisk_text=ramdisk.text,
        mount_path=mount,
        bucket=BUCKET,
        grace_seconds=_positive(words, "-tgps", 60),
        overrides=(*scaling, *trainer_command.stand_ins(trainer == "orbax", mode), *overrides),
    )


def _ramdisk(words: Words) -> Quantity:
    text = words.text("--mtc-ramdisk-size") or _RAMDISK
    return gathered(
        words,
        lambda: parse_quantity(text, "--mtc-ramdisk-size"),
        parse_quantity(_RAMDISK, "--mtc-ramdisk-size"),
    )


def _python(words: Words, chosen: Choice) -> Path:
    """The interpreter for `python3` in the pods: this one, or the one that was named."""
    text = words.text("--python")
    if text is None:
        if chosen == "maxtext":
            why = "MaxText's own environment is needed: it is not part of xpk"
            words.faults.add("--trainer maxtext", why, "--python VENV/bin/python, where MaxText is installed")
        return Path(sys.executable)
    path = Path(text).expanduser()
    if not (path.is_file() and os.access(path, os.X_OK)):
        words.faults.add(f"--python {text or repr('')}", "no such program", "write --python VENV/bin/python")
    return path.absolute()


def _saving(words: Words, trainer: Trainer) -> tuple[Mode, Periods]:
    """How the trainer saves: by flags of ours, or as the user's command says."""
    if trainer == "command":
        _not_given(words, _OF_THE_COMMAND, "with --command it is the command that says so")
        return modes_of(words.text("--command") or "")
    mode = cast(Mode, words.choice("--mode", ("emergency", "multi-tier", "bucket"), "emergency"))
    local, bucket = (
        _positive(words, "--local-checkpoint-period", 5),
        _positive(words, "--checkpoint-period", 20),
    )
    if trainer == "maxtext":
        _not_given(words, _OF_OUR_TRAINER, "is for xpk's own trainer")
    if mode == "bucket":
        _not_given(words, ("--local-checkpoint-period",), "with --mode bucket no ramdisk is saved to")
    if mode == "multi-tier":
        why = "with --mode multi-tier the bucket is saved to by minutes, not by steps"
        _not_given(words, ("--checkpoint-period",), why)
    return mode, Periods(local, bucket, 1 if mode == "multi-tier" else None)


def _not_given(words: Words, names: Sequence[str], why: str) -> None:
    for name in names:
        if words.given(name):
            words.faults.add(name, why, f"leave {name} out")


def _positive(words: Words, name: str, default: int) -> int:
    found = words.number(name, default)
    if found is None or found < 1:
        words.faults.add(f"{name} {found}", "not a number above 0", f"write {name} {default}")
        return default
    return found


def _breaking(words: Words, periods: Periods, trainer: Trainer) -> _Breaking:
    kind = words.choice("--fail", FAULTS, "host")
    times, seed = _positive(words, "--times", 1), words.number("--seed", 0) or 0
    local = periods.local or 5
    text = (words.text("--at-step") or str(2 * local + 3)).strip()
    if kind == "none":
        return _Breaking(None, (), seed)
    fault = cast(FaultKind, kind)
    if text == "random":
        return _Breaking(fault, moments.drawn(local, times, seed), seed)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) < 10**9):
        words.faults.add(f"--at-step {text}", "neither a step nor random", "write --at-step random")
        return _Breaking(fault, (), seed)
    return _Breaking(fault, moments.fixed(int(text), times), seed)


def _steps(words: Words, breaking: _Breaking, periods: Periods, trainer: Trainer) -> int | None:
    """How long the trainer runs: long enough for every moment."""
    if trainer == "command":
        return None
    if breaking.fault is None:
        return _positive(words, "--steps", 6 * (periods.local or 5))
    needed = moments.steps_needed(breaking.moments, periods.local or 5)
    steps = words.number("--steps", max(needed, 6 * (periods.local or 5))) or 0
    if steps < needed:
        why = f"ends before the last fault can be put in and come back from; that takes {needed}"
        words.faults.add(f"--steps {steps}", why, f"write --steps {needed}, or fewer --times")
    return steps


def _command(
    words: Words, trainer: Trainer, mode: Mode, periods: Periods, steps: int | None, mount: str, python: Path
) -> tuple[str, tuple[Override, ...]]:
    flags = trainer_command.checkpoint_flags(mode, periods, mount, BUCKET)
    if trainer == "command":
        return words.required("write --command 'python3 train.py ...'", "--command") or "", ()
    if trainer == "orbax":
        seconds, size = _step_seconds(words), _state(words)
        return trainer_command.own(flags, steps or 0, seconds, size), ()
    if words.text("--python") is None:
        return "", ()  # which is a fault already
    found = sorted(python.parent.parent.glob("lib/python3*/site-packages/maxtext/configs/base.yml"))
    if not found:
        why = "its environment has no maxtext/configs/base.yml"
        words.faults.add(f"--python {python}", why, f"{python} -m pip install --no-deps maxtext==0.2.5")
        return "", ()
    return trainer_command.maxtext(flags, steps or 0, found[0])


def _step_seconds(words: Words) -> float:
    text = words.text("--step-seconds") or "0.2"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 60:
        words.faults.add(f"--step-seconds {text}", "not a number from 0 to 60", "write --step-seconds 0.2")
        return 0.2
    return value


def _state(words: Words) -> int:
    """Bytes of one host's part of the state."""
    text = words.text("--state-size") or "1Mi"
    try:
        return parse_quantity(text, "--state-size").bytes
    except UsageError as error:
        words.faults.extend(error.faults)
        return 1 << 20
