"""What `workload describe` prints of hosts that are missing."""

from __future__ import annotations

import time

from xpk.cli.workload_show import _described
from xpk.engine.slice_status import MissingHost, SliceStatus
from xpk.engine.status import State, WorkloadStatus
from xpk.engine.workload_description import WorkloadDescription


def described(missing: int) -> list[str]:
    """The lines for one slice of 16 hosts of which some are missing."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    status = WorkloadStatus(
        name="w1",
        namespace="default",
        state=State.RESTARTING,
        detail="",
        slices=1,
        hosts=16,
        hosts_ready=16 - missing,
        restarts=2,
        restarts_counted=1,
        max_restarts=50,
        priority="medium",
        created=created,
    )
    hosts = tuple(MissingHost(0, host, "", "Unschedulable", "no\x1b[31m room") for host in range(missing))
    one = SliceStatus(0, 16, 16 - missing, 2, ("n1",), "c1-np-0", 16 - missing, hosts)
    return _described(WorkloadDescription(status, (one,), (), (), (), ())).splitlines()


def test_a_slice_that_is_whole_lacks_nothing() -> None:
    assert not [line for line in described(0) if line.startswith(("short", "missing"))]


def test_each_host_that_is_missing_and_what_its_pool_lacks() -> None:
    assert described(2)[-3:] == [
        "short: slice 0: node pool c1-np-0 has 14 of 16 nodes ready",
        "missing: slice 0 host 0, Unschedulable: no?[31m room",
        "missing: slice 0 host 1, Unschedulable: no?[31m room",
    ]


def test_of_many_the_first_ten() -> None:
    lines = [line for line in described(13) if line.startswith("missing")]
    assert (len(lines), lines[-1]) == (11, "missing: 3 more, see -o json")
