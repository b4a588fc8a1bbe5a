"""Rows of `cluster adapt`."""

from __future__ import annotations

from xpk.cli.flag_row import FlagRow, ignored, ours, works
from xpk.cli.flags_cluster import addon_rows, beyond, checkpointing_rows, limit_rows, output_rows
from xpk.cli.flags_shared import machinery, where


def cluster_adapt(command: str) -> tuple[FlagRow, ...]:
    """All rows, those that work first. xpk's own command has no flags for checkpointing."""
    return (
        works(command, "--cluster=", "the cluster's name"),
        works(command, "--tpu-type=", "the slice type, such as v6e-256 or v5p-4x4x8"),
        works(command, "--device-type=", "as --tpu-type, for names of TPU slices"),
        works(
            command, "--num-slices=", "slices that must be there; default: all that fit, which are counted"
        ),
        works(command, "--project-number=", "the project's number; saves one look-up"),
        *where(command),
        *_capacity(command),
        *(_ours(row) for row in checkpointing_rows(command)),
        *addon_rows(command),
        *limit_rows(command),
        *output_rows(command),
        *_ignored(command),
        *machinery(command),
        *beyond(command),
    )


def _capacity(command: str) -> tuple[FlagRow, ...]:
    only = "no other node pools count; without a capacity flag all do"
    return (
        works(command, "--on-demand", f"on-demand machines: {only}"),
        works(command, "--spot", f"spot machines: {only}"),
        works(command, "--flex", f"flex-start machines: {only}"),
        works(command, "--reservation=", f"machines of this reservation: {only}"),
    )


def _ours(row: FlagRow) -> FlagRow:
    return ours(row.command, f"{' '.join(row.flags)}{'=' if row.takes_value else ''}", row.why)


def _ignored(command: str) -> tuple[FlagRow, ...]:
    return (
        ignored(command, "--namespace=", "the queue and the ConfigMaps are in default, as xpk has them"),
        ignored(command, "--num-nodes=", "it is for GPUs; a slice has the hosts that its type has"),
        ignored(command, "--ignore-nodepool-creation-errors", "no node pool is created"),
    )
