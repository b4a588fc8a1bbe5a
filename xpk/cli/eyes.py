"""The eyes of a rehearsal: the workload's state, read as `xpk workload list` reads it.

Loaded late by `run.py`, since it brings the engine with it.
"""

from __future__ import annotations

from xpk.cloud.session import Cloud
from xpk.engine.workload_description import describe_workload
from xpk.engine.workloads import list_workloads
from xpk.errors import Fault, StateError
from xpk.rehearsal.story import CLUSTER, WORKLOAD, Glimpse
from xpk.spec.cluster import Place


class EngineEyes:
    """Sees the one workload of a rehearsal."""

    def __init__(self, cloud: Cloud, place: Place) -> None:
        self._cloud = cloud
        self._place = place

    def workload(self) -> Glimpse:
        """The workload now. Raises StateError when it is not there."""
        for status in list_workloads(self._cloud, self._place, CLUSTER):
            if status.name == WORKLOAD:
                running = status.state.value == "Running"
                return Glimpse(
                    _words(status.words, status.hosts_ready, status.hosts),
                    running,
                    status.restarts,
                    status.ended,
                )
        raise StateError(Fault(f"workload {WORKLOAD}", "is not there", "run again"))

    def node(self, slice_index: int) -> str:
        """A node that a pod of the slice runs on."""
        found = describe_workload(self._cloud, self._place, CLUSTER, WORKLOAD)
        return found.slices[slice_index].nodes[0]


def _words(words: str, ready: int, hosts: int) -> str:
    """The state with the hosts that are ready, unless it says so itself."""
    return words if f"{ready}/{hosts}" in words else f"{words}, {ready} of {hosts} hosts ready"
