"""MaxText's three ways to keep checkpoints, as this trainer's loop needs them.

Each keeper wraps the Orbax manager that MaxText 0.2.5 makes for the mode, with the same options.
What is saved when is Orbax's decision alone, once the loop has handed over a step.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh
from orbax.checkpoint.checkpoint_managers import (
    AnySavePolicy,
    FixedIntervalPolicy,
    LatestN,
    PreemptionCheckpointingPolicy,
)

from xpk.rehearsal.trainer.flags import Flags
from xpk.rehearsal.trainer.lines import Tier
from xpk.rehearsal.trainer.need import mode
from xpk.rehearsal.trainer.state import Layout, State, abstract

_LOCAL_RESTORE = "emergency.CheckpointManager: restoring step=%s from local checkpoint"


class Keeper(Protocol):
    """The part of Orbax's manager interface that the loop uses."""

    def latest_step(self) -> int | None: ...
    def has(self, step: int) -> bool: ...
    def save(self, step: int, state: State, *, force: bool) -> bool: ...
    def restore(self, step: int) -> tuple[State, Tier]: ...
    def reached_preemption(self, step: int) -> bool: ...
    def wait(self) -> None: ...
    def close(self) -> None: ...


def open_keeper(flags: Flags, layout: Layout) -> Keeper | None:
    """The keeper of the mode that the flags ask for; None where checkpointing is off."""
    asked = mode(flags)
    if asked == "none":
        return None
    if asked == "multi-tier":
        return MultiTier(flags, layout)
    directory = Path(flags.base_output_directory, flags.run_name, "checkpoints").absolute()
    if asked == "bucket":
        return Bucket(_bucket_manager(flags, directory), "items", layout)
    return Emergency(flags, layout, directory)


class Bucket:
    """A keeper over one Orbax manager that holds the state as item `item`; the base of the others."""

    def __init__(self, manager: Any, item: str, layout: Layout) -> None:
        self._manager = manager
        self._item = item
        self._abstract = abstract(layout)

    def latest_step(self) -> int | None:
        found: int | None = self._manager.latest_step()
        return found

    def has(self, step: int) -> bool:
        return self.latest_step() == step or step in self._manager.all_steps()

    def save(self, step: int, state: State, *, force: bool) -> bool:
        arguments = ocp.args.PyTreeSave(item=state)
        saved: bool = self._manager.save(
            step, args=ocp.args.Composite(**{self._item: arguments}), force=force
        )
        return saved

    def restore(self, step: int) -> tuple[State, Tier]:
        arguments = ocp.args.PyTreeRestore(
            item=self._abstract, restore_args=ocp.checkpoint_utils.construct_restore_args(self._abstract)
        )
        restored = self._manager.restore(step, args=ocp.args.Composite(**{self._item: arguments}))
        state: State = restored[self._item]
        return state, "bucket"

    def reached_preemption(self, step: int) -> bool:
        reached: bool = self._manager.reached_preemption(step)
        return reached

    def wait(self) -> None:
        self._manager.wait_until_finished()

    def close(self) -> None:
        self._manager.close()


class Emergency(Bucket):
    """Orbax's emergency manager; says from its log which slice's ramdisk a restore was read from."""

    def __init__(self, flags: Flags, layout: Layout, directory: Path) -> None:
        super().__init__(_emergency_manager(flags, layout, directory), "state", layout)
        self._replica = _replica_of_process(layout.mesh)

    def restore(self, step: int) -> tuple[State, Tier]:
        with _LocalRestores() as seen:
            state, tier = super().restore(step)
        if not seen.slices:
            return state, tier
        return state, "ramdisk" if seen.slices[-1] == self._replica else "peer"


class MultiTier(Bucket):
    """Orbax's manager for the replicator: each host saves and reads its own ramdisk only."""

    def __init__(self, flags: Flags, layout: Layout) -> None:
        super().__init__(_replicator_manager(flags, layout), "state", layout)
        self._directory = Path(flags.local_checkpoint_directory)

    def save(self, step: int, state: State, *, force: bool) -> bool:
        self._heed_replicator()
        return super().save(step, state, force=force)

    def restore(self, step: int) -> tuple[State, Tier]:
        return super().restore(step)[0], "ramdisk"

    def _heed_replicator(self) -> None:
        """As MaxText before each save: errors are said once, a failure ends the training."""
        for name in ("replicator.errors", "replicator.failed"):
            path = self._directory / name
            if path.exists():
                logging.getLogger("absl").error("%s: %s", name, path.read_text())
                path.unlink(missing_ok=True)
                if name == "replicator.failed":
                    raise ValueError("Replicator fatal error found in replicator.failed file.")


class _LocalRestores(logging.Filter):
    """Listens to Orbax's log, the only place where it says whose ramdisk it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.slices: list[int] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_LOCAL_RESTORE) and isinstance(record.args, tuple):
            self.slices.append(int(str(record.args[1])))
        return True

    def __enter__(self) -> _LocalRestores:
        logging.getLogger("absl").addFilter(self)
        return self

    def __exit__(self, *ignored: object) -> None:
        logging.getLogger("absl").removeFilter(self)


def _replica_of_process(mesh: Mesh) -> int:
    """This process's index along the mesh's first axis, which Orbax takes for the replica axis."""
    owners = np.vectorize(lambda device: device.process_index)(mesh.devices)
    return int(np.argwhere(owners == jax.process_index())[0][0])


def _bucket_manager(flags: Flags, directory: Path) -> Any:
    """MaxText's plain manager: only `enable_autocheckpoint` makes it save when preempted."""
    directory.mkdir(parents=True, exist_ok=True)
    policy: Any = FixedIntervalPolicy(flags.checkpoint_period)
    if flags.enable_autocheckpoint:
        policy = AnySavePolicy([PreemptionCheckpointingPolicy(), policy])
    return ocp.CheckpointManager(
        directory,
        item_names=("items",),
        options=ocp.CheckpointManagerOptions(
            create=True,
            enable_async_checkpointing=flags.async_checkpointing,
            save_decision_policy=policy,
            preservation_policy=LatestN(flags.max_num_checkpoints_to_keep),
        ),
    )


def _emergency_manager(flags: Flags, layout: Layout, directory: Path) -> Any:
    from orbax.checkpoint.experimental.emergency import checkpoint_manager as emergency

    _use_distributed_ids()
    directory.mkdir(parents=True, exist_ok=True)
    return emergency.CheckpointManager(
        flags.local_checkpoint_directory,
        directory,
        global_mesh=layout.mesh,
        abstract_state=abstract(layout),
        options=emergency.CheckpointManagerOptions(
            local=emergency.LocalCheckpointOptions(save_interval_steps=flags.local_checkpoint_period),
            persistent=emergency.PersistentCheckpointOptions(save_interval_steps=flags.checkpoint_period),
        ),
    )


def _replicator_manager(flags: Flags, layout: Layout) -> Any:
    from etils import epath
    from orbax.checkpoint.experimental.emergency import replicator_checkpoint_manager as replicator

    _use_distributed_ids()
    return replicator.ReplicatorCheckpointManager(
        epath.Path(flags.local_checkpoint_directory),
        options=replicator.ReplicatorCheckpointManagerOptions(
            save_interval_steps=flags.local_checkpoint_period
        ),
        global_mesh=layout.mesh,
    )


def _use_distributed_ids() -> None:
    """As MaxText before it makes either manager."""
    from absl import flags as absl_flags

    known: Any = absl_flags.FLAGS
    known.experimental_orbax_use_distributed_process_id = True
