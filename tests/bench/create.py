"""How long `cluster create` takes on the emulator, against the chain of operations that GKE's rules force.

    python -m tests.bench.create [--slices 2,20,64] [--quotas 5,20,100] [--time-scale 0.02]

The chain is the cluster's own operation and then the pools', as many at once as the quota for
concurrent operations allows. Printed are the ratio of the engine's wall time to that chain, and how many
requests were sent for how many slices. Start-up and the first round of reads are not in the ratio. The
emulator is a process of its own; the slices are small, so that its own work is not what is measured.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from typing import Any

from tests.bench.processes import emulator, take_requests
from xpk.catalog.slices import resolve
from xpk.cloud.endpoints import emulated
from xpk.cloud.session import Cloud
from xpk.engine.apply import apply
from xpk.engine.observe import observe_cluster
from xpk.plan.cluster import plan_cluster
from xpk.spec.capacity import OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mtc import MtcFlags, check_mtc

LIMIT = 1.1


def spec(slices: int, tpu_type: str) -> ClusterSpec:
    """A cluster with multi-tier checkpointing and so many slices."""
    slice_type = resolve(tpu_type)
    mtc = check_mtc(MtcFlags(enabled=True, ramdisk_size="60000Mi", bucket="my-bucket"), slice_type)
    place = parse_place("my-project", "us-east5-b")
    return ClusterSpec("bench", place, slice_type, slices, OnDemand(), mtc=mtc)


def create(wanted: ClusterSpec, url: str) -> tuple[float, list[dict[str, Any]], int, int]:
    """Create it; returns wall seconds, GKE's operations, and requests while observing and applying."""
    with Cloud(emulated(url), environ={}) as cloud:
        plan = plan_cluster(wanted, observe_cluster(cloud, wanted))
        reads = take_requests(url)
        begin = time.monotonic()
        apply(plan, cloud, wanted.full_name, on_event=lambda event: None)
        seconds, others = time.monotonic() - begin, take_requests(url)
        return seconds, cloud.gke.list_operations(wanted.place.parent), reads, others


def chain(operations: list[dict[str, Any]], quota: int) -> float:
    """Emulated seconds that no client can go below: the cluster, then the pools in waves of `quota`."""

    def seconds(operation: dict[str, Any]) -> float:
        start, end = (datetime.fromisoformat(operation[key]) for key in ("startTime", "endTime"))
        return (end - start).total_seconds()

    pools = sorted((seconds(o) for o in operations if o["operationType"] == "CREATE_NODE_POOL"), reverse=True)
    cluster = sum(seconds(o) for o in operations if o["operationType"] == "CREATE_CLUSTER")
    return cluster + sum(pools[0::quota])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", default="2,20,64", help="numbers of slices")
    parser.add_argument("--quotas", default="5,20,100", help="operations that GKE takes at once")
    parser.add_argument("--tpu-type", default="v6e-16", help="the slices' type")
    parser.add_argument("--time-scale", type=float, default=0.02, help="real seconds for an emulated one")
    arguments = parser.parse_args()
    for quota in map(int, arguments.quotas.split(",")):
        for slices in map(int, arguments.slices.split(",")):
            with emulator(arguments.time_scale, quota) as url:
                wall, operations, reads, others = create(spec(slices, arguments.tpu_type), url)
            ratio = wall / (chain(operations, quota) * arguments.time_scale)
            verdict = "" if ratio <= LIMIT else "  OVER"
            print(
                f"quota {quota:3}, {slices:4} slices: {ratio:5.2f} x the forced chain (at most {LIMIT}), ",
                end="",
            )
            print(f"{reads} requests to observe, {others} to apply{verdict}", flush=True)


if __name__ == "__main__":
    main()
