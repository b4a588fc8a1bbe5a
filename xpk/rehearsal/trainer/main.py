"""The trainer's process from its first word to its exit code.

0: all steps are done, or the run was preempted (as MaxText exits then). 1: anything else.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from xpk.errors import UsageError, XpkError
from xpk.rehearsal.trainer import flags as flag
from xpk.rehearsal.trainer import lines, need


def main(words: Sequence[str]) -> int:
    """Trains as `words` say; returns the exit code."""
    try:
        parsed = flag.parse(words)
        found = need.faults(parsed.flags)
        if found:
            raise UsageError(*found)
        if parsed.ignored:
            say(lines.ignored(parsed.ignored))
        return _run(parsed.flags)
    except XpkError as error:
        for fault in error.faults:
            say(f"error: {fault.what}: {fault.why}; {fault.fix}")
        return 1


def say(line: str) -> None:
    """One line in one write, so that it stays whole beside what JAX and Orbax write to stderr."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run(flags: flag.Flags) -> int:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    # Imports make many objects and next to no garbage: looking for it is a tenth of their time.
    gc.disable()
    from xpk.rehearsal.trainer import keepers, noise, start, state, train

    gc.freeze()
    gc.enable()
    noise.let_orbax_speak()
    here = start.find_place(flags, os.environ)
    start.connect(flags, here)
    say(lines.began(here.rank, here.processes, here.slice_index, here.host_index))
    mesh = state.build_mesh(flags.mesh_axes, here.slices, here.hosts)
    parameters = max(1, flags.rehearsal_state_bytes // state.BYTES_OF_PARAMETER)
    layout = state.Layout(mesh, parameters)
    keeper = keepers.open_keeper(flags, layout)
    try:
        train.train(flags, layout, keeper, say)
    except train.StopTraining as stopped:
        say(f"Training stopped: {stopped}")
    return 0
