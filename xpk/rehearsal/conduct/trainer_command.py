"""The trainer's command line in a rehearsal, and each difference from a real one. Pure.

The flags are MaxText's own. The environment's differences are those that a CPU needs: MaxText asks for TPUs,
which are not here.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final, assert_never

from xpk.rehearsal.conduct.scenario import BACKUP_MINUTE, Periods
from xpk.rehearsal.record.outcome import Mode, Override

RUN_NAME: Final = "rehearsal"
OWN: Final = "python3 -m xpk.rehearsal.trainer base.yml"
MAXTEXT: Final = "python3 -m maxtext.trainers.pre_train.train"
_TINY: Final = (
    "base_emb_dim=64 base_mlp_dim=128 base_num_query_heads=2 base_num_kv_heads=2 head_dim=32 "
    "base_num_decoder_layers=2 vocab_size=256 max_target_length=64 per_device_batch_size=1 "
    "dataset_type=synthetic attention=dot_product enable_tensorboard=false "
    "enable_goodput_recording=false dtype=float32 log_config=false"
)
"""Makes MaxText's model small enough for a laptop, and keeps it from asking the network for anything."""

CPU: Final = (("JAX_PLATFORMS", "cpu"),)
TPU_BY_NAME: Final = (("JAX_FORCE_TPU_INIT", "1"), ("TPU_SKIP_MDS_QUERY", "1"))
"""With these JAX counts processes from the variables that GKE injects, as on a TPU; libtpu is not needed."""


def checkpoint_flags(mode: Mode, periods: Periods, mount_path: str, bucket: str) -> list[str]:
    """MaxText's flags for a mode. A save at SIGTERM is part of each that saves: it is off by default."""
    flags = [f"run_name={RUN_NAME}", f"base_output_directory=gs://{bucket}/out", "enable_autocheckpoint=True"]
    local = [f"local_checkpoint_directory={mount_path}", f"local_checkpoint_period={periods.local}"]
    match mode:
        case "emergency":
            return [
                *flags,
                "enable_emergency_checkpoint=True",
                *local,
                f"checkpoint_period={periods.bucket}",
            ]
        case "multi-tier":
            minutes = f"multi_tier_checkpointing_backup_interval_minutes={periods.backup_minutes}"
            return [*flags, "enable_multi_tier_checkpointing=True", *local, minutes]
        case "bucket" | "none":
            return [*flags, f"checkpoint_period={periods.bucket}"]
        case _:
            assert_never(mode)


def own(flags: list[str], steps: int, step_seconds: float, state_bytes: int) -> str:
    """The command of the own trainer."""
    sizes = [f"rehearsal_step_seconds={step_seconds:g}", f"rehearsal_state_bytes={state_bytes}"]
    return f"{OWN} {shlex.join([*flags, f'steps={steps}', *sizes])}"


def maxtext(flags: list[str], steps: int, config: Path) -> tuple[str, tuple[Override, ...]]:
    """MaxText's command, with what makes its model small."""
    command = f"{MAXTEXT} {shlex.quote(str(config))} {shlex.join([*flags, f'steps={steps}'])} {_TINY}"
    return command, (Override("--command", "the model of base.yml", _TINY, "a model that fits here"),)


def stand_ins(trainer_is_own: bool, mode: Mode) -> tuple[Override, ...]:
    """What stands in for what, to be told before anything runs."""
    found = [Override("hosts", "TPU hosts", "processes of this machine", "no TPU is here")]
    if trainer_is_own:
        now = "xpk's own small trainer, with MaxText's flags and the same Orbax managers"
        found.append(
            Override("trainer", "MaxText", now, "--trainer maxtext --python PATH runs MaxText itself")
        )
    found.append(Override("JAX_PLATFORMS", "tpu", "cpu", "no TPU is here"))
    now, why = "a port of this machine", "each restart has its own: the one before may still hold its port"
    found.append(Override("JAX_COORDINATOR_ADDRESS", "", now, why))
    if mode == "multi-tier":
        why = "a rehearsal lasts minutes, so the bucket is newer here than it would be"
        found.append(Override("a minute between backups to the bucket", "60 s", f"{BACKUP_MINUTE:g} s", why))
    return tuple(found)
