"""What `cluster describe` says of pools that are not as they should be."""

from __future__ import annotations

from dataclasses import replace

from xpk.cli.cluster_show import _described
from xpk.engine.clusters import ClusterDescription, ClusterStatus
from xpk.engine.pool_status import PoolStatus

POOL = PoolStatus(
    name="c1-np-0",
    machine="ct6e-standard-4t",
    slice_type="v6e-16",
    topology="4x4",
    capacity="on demand",
    status="RUNNING",
    message="",
    hosts=4,
    hosts_joined=4,
    hosts_ready=4,
)


def described(*pools: PoolStatus) -> str:
    status = ClusterStatus("c1", "us-east5", "RUNNING", "1.33.5", (("v6e-16", 2),), 8, 1, True, "")
    return _described(
        ClusterDescription(
            status=status, message="", endpoint="", pools=pools, ramdisks=(), queues=(), workloads=()
        )
    )


def test_a_pool_that_failed_says_why() -> None:
    failed = replace(
        POOL, name="c1-np-1", status="ERROR", message="[GCE_STOCKOUT]: no resources", hosts_ready=0
    )
    lines = described(POOL, failed).splitlines()
    assert lines[-1] == "c1-np-1: [GCE_STOCKOUT]: no resources"
    assert not any(line.startswith("c1-np-0:") for line in lines)


def test_pools_that_are_well_say_nothing() -> None:
    assert described(POOL).splitlines()[-1].startswith("c1-np-0 ")
