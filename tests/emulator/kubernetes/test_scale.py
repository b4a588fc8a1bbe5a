"""The work grows with the number of hosts, not with its square."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

Json = dict[str, Any]


def writes(rig: Any, jobset: Callable[..., Json], slices: int, hosts: int) -> float:
    """Writes to the store for each host, from an empty cluster to a JobSet that was started and restarted."""
    for index in range(2):
        rig.world.remove_pool(f"demo-np-{index}")
    for index in range(slices):
        config = {"machineType": "ct6e-standard-4t"}
        pool = {"name": f"np-{index}", "initialNodeCount": hosts, "config": config}
        rig.world.add_pool({**pool, "placementPolicy": {"tpuTopology": "4x4"}})
    body = copy.deepcopy(jobset())
    (group,) = body["spec"]["replicatedJobs"]
    group["replicas"] = slices
    group["template"]["spec"] |= {"parallelism": hosts, "completions": hosts}
    rig.applied(body)
    rig.advance(30)
    assert len(rig.pods("Running")) == slices * hosts
    rig.world.exit_pod("default", rig.pods("Running")[-1]["metadata"]["name"], 1)
    rig.advance(30)
    assert len(rig.pods("Running")) == slices * hosts
    return float(rig.world._cluster.store.version) / (slices * hosts)


@pytest.mark.parametrize(("slices", "hosts"), [(2, 64), (16, 16)])
def test_writes_for_each_host_do_not_grow(
    cluster: Any, jobset: Callable[..., Json], slices: int, hosts: int
) -> None:
    assert writes(cluster, jobset, slices, hosts) < 20  # four of them Events
