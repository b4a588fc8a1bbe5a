"""Contradictions between the MaxText line in `--command` and the workload around it.

The command is read and never changed. What cannot work is a fault; what is only unwise is a
warning; a value that only the pod's shell knows is not judged. `--no-command-checks` turns all
of this off. The rules are MaxText's own (configs/types.py, maxtext_utils), Orbax's
multi-tier initialisation and those of Google's checkpoint-replicator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from xpk.spec.command_finding import EMERGENCY as EMERGENCY
from xpk.spec.command_finding import MULTI_TIER as MULTI_TIER
from xpk.spec.command_finding import Finding as Finding
from xpk.spec.command_finding import Surroundings as Surroundings
from xpk.spec.command_finding import fatal, lacking, mode_of, unwise
from xpk.spec.command_mesh import mesh_findings
from xpk.spec.container_path import tidy
from xpk.spec.trainer_line import TrainerLine, Unknown, trainer_lines

_DIRECTORY: Final = "local_checkpoint_directory"
_PERIOD: Final = "local_checkpoint_period"
_MINUTES: Final = "multi_tier_checkpointing_backup_interval_minutes"
_STEPS: Final = "multi_tier_checkpointing_backup_interval_steps"
_DEFAULT_CHECKPOINT_PERIOD: Final = 10_000


def command_findings(command: str, around: Surroundings) -> tuple[Finding, ...]:
    """All findings over all MaxText lines in `command`, each once."""
    found: dict[Finding, None] = {}
    for line in trainer_lines(command, dict(around.env)):
        for rule in (_directory, _place, _period, _master_switch, _frequency, _backup, _run_name):
            found.update(dict.fromkeys(rule(line, around)))
        found.update(dict.fromkeys(mesh_findings(line)))
    return tuple(found)


def _directory(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    mode, value = mode_of(line), line.value(_DIRECTORY)
    if isinstance(value, Unknown):
        return
    wanted = around.ramdisk or "/ramdisk"
    if value is None or value == "":
        if mode is not None:
            what = f"{mode}=True without {_DIRECTORY}"
            fix = f"write {_DIRECTORY}={wanted} in it"
            why = "MaxText refuses to start without the ramdisk's path"
            yield fatal(what, why, fix) if value == "" else lacking(line, what, why, fix)
        return
    if around.ramdisk is not None and tidy(value) != around.ramdisk:
        why = f"the ramdisk is mounted at {around.ramdisk}, so checkpoints would go to the container's disk"
        yield fatal(
            f"{_DIRECTORY}={value}",
            why,
            f"write {_DIRECTORY}={wanted}, or --ramdisk-directory {tidy(value)}",
        )


def _place(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    mode = mode_of(line)
    if mode is None:
        return
    if around.ramdisk is None:
        value = line.value(_DIRECTORY)
        path = tidy(value) if isinstance(value, str) and value.startswith("/") else "/ramdisk"
        why = "without the ramdisk's driver nobody writes jax-init-info.txt, and MaxText gives up after 900 s"
        yield fatal(f"{mode}=True", why, f"add --mtc-enabled --ramdisk-directory {path}")
    if around.num_slices < 2:
        why = "a slice restores from another slice's ramdisks, and there is only one"
        yield fatal(f"{mode}=True with --num-slices {around.num_slices}", why, "write --num-slices 2 or more")


def _period(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    mode = mode_of(line)
    if mode is None:
        return
    fix = f"write {_PERIOD}=20 in it, or as many steps as you can lose"
    if line.missing(_PERIOD):
        yield lacking(
            line, f"{mode}=True without {_PERIOD}", "its default, 0, saves nothing to the ramdisk", fix
        )
        return
    value, period = line.value(_PERIOD), line.number(_PERIOD)
    if isinstance(value, str) and (period is None or period <= 0):
        yield fatal(f"{_PERIOD}={value}", "MaxText wants a number of steps above 0 here", fix)


def _master_switch(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    mode = mode_of(line)
    if mode is not None and line.switch("enable_checkpointing") is False:
        what = f"{mode}=True with enable_checkpointing=False"
        yield fatal(what, "the master switch turns every checkpoint off", "write enable_checkpointing=True")


def _frequency(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    local, persistent = line.number(_PERIOD), line.number("checkpoint_period")
    if line.missing("checkpoint_period") and line.base_config:
        persistent = _DEFAULT_CHECKPOINT_PERIOD
    # With multi-tier checkpointing the bucket is the replicator's, and its interval is in minutes.
    if mode_of(line) != EMERGENCY or local is None or persistent is None:
        return
    if persistent <= 0 or local < persistent:
        return
    what = f"{_PERIOD}={local} with checkpoint_period={persistent}"
    why = "the ramdisk is saved no more often than the bucket, so a restart gains nothing from it"
    yield unwise(what, why, f"write a {_PERIOD} much smaller than checkpoint_period")


def _backup(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    if mode_of(line) != MULTI_TIER:
        return
    minutes, steps = not line.missing(_MINUTES), not line.missing(_STEPS)
    fix = f"write {_MINUTES}=30 alone"
    if minutes and steps:
        yield fatal(f"{_MINUTES} with {_STEPS}", "MaxText takes exactly one of the two", fix)
    elif steps:
        why = "Google's replicator reads backup-interval-minutes alone and ends with a KeyError"
        yield fatal(_STEPS, why, fix)
    elif not minutes:
        what = f"{MULTI_TIER}=True without {_MINUTES}"
        yield lacking(line, what, "MaxText refuses to start without a backup interval", fix)
    else:
        value, number = line.value(_MINUTES), line.number(_MINUTES)
        if isinstance(value, str) and (number is None or number <= 0):
            yield fatal(f"{_MINUTES}={value}", "MaxText wants minutes, a whole number above 0", fix)


def _run_name(line: TrainerLine, around: Surroundings) -> Iterator[Finding]:
    mode, name = mode_of(line), line.value("run_name")
    if mode is None or not isinstance(name, str) or name == "":
        return
    legal = re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name, re.ASCII)
    if legal is not None and len(name) <= 253:
        return
    lower = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:253].rstrip("-") or "run-1"
    why = "the replicator names a ConfigMap so: lower case letters, digits, - and ., no /"
    if mode == MULTI_TIER:
        yield fatal(f"run_name={name}", why, f"write run_name={lower}")
    else:
        yield unwise(
            f"run_name={name}", f"multi-tier checkpointing cannot take it over: {why}", f"run_name={lower}"
        )
