"""The training loop with MaxText's rules of when a step is handed to the checkpoint manager.

Numbering and order are those of `maybe_save_checkpoint` in MaxText 0.2.5: saved after step N, resumed
at N + 1; a preempted run stops at the step that all processes agreed on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import numpy as np

from xpk.rehearsal.trainer import lines
from xpk.rehearsal.trainer.flags import Flags
from xpk.rehearsal.trainer.keepers import Keeper
from xpk.rehearsal.trainer.need import saves_at
from xpk.rehearsal.trainer.state import Layout, State, build_step, first, host_bytes

Say = Callable[[str], None]


class StopTraining(Exception):
    """The run ends before its last step, on purpose. MaxText catches it and exits with 0."""


def train(flags: Flags, layout: Layout, keeper: Keeper | None, say: Say) -> None:
    """Restores what there is and trains to the last step.

    Raises StopTraining when preempted, RuntimeError when a checkpoint cannot be saved.
    """
    state, start = _resume(layout, keeper, say)
    step_once = build_step(layout)
    for step in range(start, flags.steps):
        began = time.monotonic()
        state, digest, curve = step_once(state)
        text = lines.loss(_number(curve), _number(digest))
        time.sleep(max(0.0, flags.rehearsal_step_seconds - (time.monotonic() - began)))
        say(lines.stepped(step, text))
        if keeper is not None:
            _maybe_save(flags, keeper, step, state, say)
    if keeper is not None:
        if flags.save_checkpoint_on_completion and start < flags.steps:
            _save_last(flags, keeper, state)
        keeper.wait()
        keeper.close()


def _resume(layout: Layout, keeper: Keeper | None, say: Say) -> tuple[State, int]:
    latest = None if keeper is None else keeper.latest_step()
    if keeper is None or latest is None:
        say(lines.NOTHING_RESTORED)
        return first(layout), 0
    state, tier = keeper.restore(latest)
    jax.block_until_ready(state)
    say(lines.restored(latest, tier, host_bytes(state)))
    return state, latest + 1


def _maybe_save(flags: Flags, keeper: Keeper, step: int, state: State, say: Say) -> None:
    preempted = keeper.reached_preemption(step)
    saved = False
    if saves_at(step, flags) or (flags.enable_autocheckpoint and preempted):
        saved = _save(keeper, step, state, force=False)
    if preempted:
        keeper.wait()
        say(lines.caught(step, saved))
        raise StopTraining("Job received termination signal (SIGTERM).")


def _save_last(flags: Flags, keeper: Keeper, state: State) -> None:
    """MaxText's save on completion; forced only where the bucket's period would not save it."""
    step = flags.steps - 1
    force = step % flags.checkpoint_period != 0
    if force or saves_at(step, flags):
        _save(keeper, step, state, force=force)


def _save(keeper: Keeper, step: int, state: State, *, force: bool) -> bool:
    if keeper.has(step):
        return False
    try:
        return keeper.save(step, state, force=force)
    except Exception as error:
        raise RuntimeError(f"Checkpointing failed. {error}") from error


def _number(scalar: jax.Array) -> int:
    return int(np.asarray(scalar.addressable_data(0)))
