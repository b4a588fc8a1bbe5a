"""The start of a process on GKE: rank, JAX's distributed system, and Orbax's knowledge of both.

Nothing listens anywhere but at the coordinator's own address.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, MutableMapping

import jax
from orbax.checkpoint import multihost

from xpk.rehearsal.trainer import place
from xpk.rehearsal.trainer.flags import Flags
from xpk.rehearsal.trainer.need import has_ramdisk, mode
from xpk.rehearsal.trainer.place import Place


def find_place(flags: Flags, environ: MutableMapping[str, str]) -> Place:
    """This process's place; with a ramdisk, waits for the driver. Raises StateError."""
    if has_ramdisk(mode(flags)):
        text = place.wait_for_init_info(flags.local_checkpoint_directory, flags.rehearsal_init_seconds)
        found = place.from_init_info(text, environ)
    else:
        found = place.from_environment(environ)
    if found.coordinator:
        environ.setdefault("JAX_COORDINATOR_BIND_ADDRESS", place.bind_address(found.coordinator))
    return found


def connect(flags: Flags, here: Place) -> None:
    """Joins the job, in the way of the mode; returns when all processes are there.

    For multi-tier checkpointing also hands `replicator.yaml` over and takes what the replicator
    restores. Raises what JAX and Orbax raise.
    """
    if mode(flags) == "multi-tier":
        _connect_multi_tier(flags, here)
        return
    if here.coordinator:
        jax.distributed.initialize(
            coordinator_address=here.coordinator,
            num_processes=here.processes,
            process_id=here.rank,
            initialization_timeout=flags.jax_distributed_initialization_timeout,
            shutdown_timeout_seconds=flags.rehearsal_shutdown_seconds,
        )
    if mode(flags) == "emergency":
        multihost.initialize_runtime_to_distributed_ids()
        multihost.initialize_distributed_to_device_ids()


def _connect_multi_tier(flags: Flags, here: Place) -> None:
    from orbax.checkpoint.experimental.emergency.multi_tier_checkpointing import initialization

    with _counted(here.processes):
        initialization.initialize_multi_tier_checkpointing(
            flags.local_checkpoint_directory,
            backup_interval_minutes=flags.multi_tier_checkpointing_backup_interval_minutes,
            backup_interval_steps=flags.multi_tier_checkpointing_backup_interval_steps,
            num_slices=here.slices,
            run_name=flags.run_name,
            data_parallelism=flags.mtc_data_parallelism,
            jax_initialization_timeout_seconds=flags.jax_distributed_initialization_timeout,
            jax_shutdown_timeout_seconds=flags.rehearsal_shutdown_seconds,
        )


@contextlib.contextmanager
def _counted(processes: int) -> Iterator[None]:
    """Orbax leaves the number of processes to JAX, which knows it on a TPU only."""
    unpatched = jax.distributed.initialize
    jax.distributed.initialize = functools.partial(unpatched, num_processes=processes)
    try:
        yield
    finally:
        jax.distributed.initialize = unpatched
