"""Which hosts a fault meets: pure choice, the same for the same seed."""

from __future__ import annotations

import random
from typing import assert_never

from xpk.rehearsal.record.events import FaultKind, Host


def victims(kind: FaultKind, num_slices: int, hosts: int, dice: random.Random) -> tuple[Host, ...]:
    """The hosts of one fault.

    `host` spares the last slice, which `last-slice-host` is for: in emergency mode its ramdisks are what the
    others come back from. Slices and hosts are drawn where there is a choice.
    """
    match kind:
        case "process" | "sigterm":
            return (Host(dice.randrange(num_slices), dice.randrange(hosts)),)
        case "host":
            return (Host(dice.randrange(num_slices - 1), dice.randrange(hosts)),)
        case "last-slice-host":
            return (Host(num_slices - 1, dice.randrange(hosts)),)
        case "slice":
            index = dice.randrange(num_slices)
            return tuple(Host(index, number) for number in range(hosts))
        case "all-ramdisks":
            return tuple(Host(index, number) for index in range(num_slices) for number in range(hosts))
        case _:
            assert_never(kind)
