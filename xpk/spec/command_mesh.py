"""Emergency checkpointing and MaxText's device mesh: a mesh that makes Orbax ignore the ramdisk.

Orbax's emergency manager takes the mesh's first axis for the slices unless it is told another
(`replica_axis_index`), and MaxText tells it none. In base.yml of MaxText 0.2.0 to 0.2.5 the first
axis is `diloco`, of size 1: Orbax sees one slice, quietly makes a plain manager for the bucket, and
nothing is ever saved to the ramdisk. Where the emergency manager is used it logs `Configured
emergency.CheckpointManager with replica_axis_index=0`. The image's version is not known here, so
this is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xpk.spec.command_finding import EMERGENCY, MULTI_TIER, Finding, mode_of, unwise
from xpk.spec.trainer_line import TrainerLine

_AXES: Final = "mesh_axes"
_FIRST: Final = "diloco"


def mesh_findings(line: TrainerLine) -> Iterator[Finding]:
    """A warning where emergency checkpointing surely is on and the mesh begins with `diloco`, or may."""
    unsure = not line.missing(MULTI_TIER) and line.switch(MULTI_TIER) is None
    if mode_of(line) != EMERGENCY or unsure or _several(line):
        return
    if line.missing(_AXES):
        if line.base_config:
            why = "MaxText 0.2.0 to 0.2.5 saves nothing to the ramdisk"
            fix = "use multi-tier, or see the log say `replica_axis_index=0`"
            yield unwise(EMERGENCY, why, fix)
        return
    value = line.value(_AXES)
    if isinstance(value, str) and value.strip("[]( )").split(",")[0].strip("'\" ") == _FIRST:
        why = "Orbax takes the first axis for the slices, so nothing is saved to the ramdisk"
        yield unwise(f"{_AXES} begins with {_FIRST}", why, "put data first")


def _several(line: TrainerLine) -> bool:
    """Whether the axis is given a size of its own (`dcn_diloco_parallelism=2`)."""
    sizes = (line.value(f"{where}_{_FIRST}_parallelism") for where in ("dcn", "ici"))
    return any(size is not None and size != "1" for size in sizes)
