"""Which step the ramdisks could give back at each moment of a run."""

from __future__ import annotations

from dataclasses import replace

from xpk.rehearsal.record.events import Event, Host, HostLost, RamdiskHolds
from xpk.rehearsal.record.outcome import Setup
from xpk.rehearsal.record.standing import servable, standing


class Ramdisks:
    """Takes events in their order; `newest` is the newest step that a restart could take, -1 for none."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._nothing = standing(())
        self.holds: dict[Host, tuple[int, ...]] = {}
        self.newest = -1

    def take(self, event: Event) -> bool:
        """Whether the event changed what a host's ramdisk holds."""
        match event:
            case RamdiskHolds():
                self.holds[event.host] = event.steps
            case HostLost():
                self.holds[event.host] = ()
            case _:
                return False
        found = servable(self._setup, replace(self._nothing, ramdisks=self.holds))
        self.newest = -1 if found is None else found
        return True
