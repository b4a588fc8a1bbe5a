"""What a cluster of many slices costs the program: requests, CPU, memory, against the number of slices.

    python -m tests.bench.scale [--hosts 8,32,128,256] [--pools 100,300,1000] [--workloads 100,1000]

The emulator is another process, almost without delay; the program is a child, measured when it has ended.
Three series: slices of 64 hosts, pools of 4 hosts, and workloads on one cluster. Printed are each
command's requests and peak memory, and its growth: what one more slice (or workload) costs between two
numbers, as a ratio to the first such step. 1.00 is growth in proportion. Seconds depend on the machine and
are printed as ratios alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import yaml

from tests.bench.processes import emulator, take_requests, xpk
from xpk.emulator.http import Request
from xpk.emulator.server import Emulator

LIMIT = 150  # MiB
PROJECT = ("--project", "p1")
PLACE = (*PROJECT, "--zone", "us-east5-b")
AT = ("--cluster", "c1", *PLACE)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command has cost: requests, CPU and wall seconds, peak in KiB."""

    requests: int
    cpu: float
    wall: float
    peak: int


Series = dict[str, dict[int, Cost]]


def create(tpu_type: str, slices: int) -> list[str]:
    """`cluster create` with multi-tier checkpointing."""
    line = ["cluster", "create", *AT, "--tpu-type", tpu_type, "--num-slices", str(slices), "--on-demand"]
    return [*line, "--enable-mtc", "--mtc-ramdisk-size", "10Gi", "--mtc-gcs-bucket", "gs://b1", "--yes"]


def workload(name: str, slices: int, tpu_type: str) -> list[str]:
    """`workload create` over so many slices."""
    line = [
        "workload",
        "create",
        *AT,
        "--workload",
        name,
        "--tpu-type",
        tpu_type,
        "--num-slices",
        str(slices),
    ]
    return [*line, "--docker-image", "python:3.12", "--command", "true", "--yes"]


def measure(url: str, line: Sequence[str]) -> Cost:
    """Run one command and count."""
    take_requests(url)
    found = xpk(line, url)
    return Cost(take_requests(url), found.cpu, found.wall, found.peak)


def clusters(tpu_type: str, sizes: Iterable[int], *, jobs: bool) -> Series:
    """Each command on clusters of several sizes; with `jobs` one workload on all slices as well."""
    found: Series = {}
    for size in sizes:
        lines = {
            "cluster create": create(tpu_type, size),
            "the same again": create(tpu_type, size),
            "cluster list": ["cluster", "list", *PROJECT],
            "cluster describe": ["cluster", "describe", *AT],
        }
        if jobs:
            lines["workload create"] = workload("w1", size, tpu_type)
            lines["workload list"] = ["workload", "list", *AT]
            lines["workload describe"] = ["workload", "describe", *AT, "--workload", "w1"]
        with emulator() as url:
            for name, line in lines.items():
                found.setdefault(name, {})[size] = measure(url, line)
    return found


def workloads(sizes: Iterable[int]) -> Series:
    """`workload list` and `describe` with many workloads, which are put there without the program."""
    found: Series = {}
    with Emulator(time_scale=0.0003) as here:
        url = here.url
        xpk(create("v6e-16", 2), url)
        template = jobset_of(xpk([*workload("w", 1, "v6e-16"), "--dry-run", "-o", "yaml"], url).stdout)
        there = 0
        for size in sizes:
            fill(here, [template(f"w{number}") for number in range(there, size)])
            there = size
            for name, line in {
                "workload list": ["workload", "list", *AT],
                "workload describe": ["workload", "describe", *AT, "--workload", f"w{size // 2}"],
                "cluster describe": ["cluster", "describe", *AT],
            }.items():
                found.setdefault(name, {})[size] = measure(url, line)
    return found


def jobset_of(text: str) -> Callable[[str], object]:
    """What makes a JobSet of another name, from the YAML of a dry run."""
    (jobset,) = (o for o in yaml.safe_load_all(text) if o and o["kind"] == "JobSet")
    return lambda name: {**jobset, "metadata": {**jobset["metadata"], "name": name}}


def fill(here: Emulator, jobsets: list[object]) -> None:
    """Many JobSets at one moment: the controllers look at all of them once, and not after each."""
    path = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets"
    with here.cloud.lock:
        (world,) = here.cloud.store.worlds.values()
        for body in jobsets:
            kind = {"Content-Type": "application/json"}
            world.handle(Request.parse("POST", path, kind, json.dumps(body).encode()))


def steps(costs: dict[int, Cost], value: Callable[[Cost], float]) -> list[float]:
    """What one more costs, between each two neighbouring sizes."""
    pairs = itertools.pairwise(sorted(costs))
    return [(value(costs[high]) - value(costs[low])) / (high - low) for low, high in pairs]


def ratios(values: Sequence[float], least: float) -> str:
    """Each as a ratio to the first; what is below what can be measured is a dash."""
    return " ".join(f"{v / values[0]:6.2f}" if values[0] > least and v > least else "     -" for v in values)


def show(title: str, series: Series) -> bool:
    """Print a series; False when a peak is over the limit."""
    sizes = sorted(next(iter(series.values())))
    print(f"\n{title}: {', '.join(map(str, sizes))}")
    print(
        "                    requests                 peak MiB                 at the largest to the smallest"
    )
    good = True
    for name, costs in series.items():
        first, last = costs[sizes[0]], costs[sizes[-1]]
        requests = " ".join(f"{costs[size].requests:5}" for size in sizes)
        peaks = " ".join(f"{costs[size].peak / 1024:5.0f}" for size in sizes)
        print(f"{name:<18}  {requests:<23}  {peaks:<23}  CPU {last.cpu / first.cpu:5.2f} x", end="")
        print(f"  wall {last.wall / first.wall:5.2f} x  peak {last.peak / first.peak:4.2f} x")
        if len(sizes) > 2:
            print(f"{'':<20}for one more, to the first step: requests", end=" ")
            print(ratios(steps(costs, lambda c: c.requests), 0.001), end="  ")
            print(f"CPU {ratios(steps(costs, lambda c: c.cpu * 1000), 0.2)}", end="  ")
            print(f"memory {ratios(steps(costs, lambda c: c.peak), 2)}")
        good = good and max(cost.peak for cost in costs.values()) <= LIMIT * 1024
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", default="8,32,128,256", help="numbers of slices of 64 hosts")
    parser.add_argument("--pools", default="100,300,1000", help="numbers of pools of 4 hosts")
    parser.add_argument("--workloads", default="100,300,1000", help="numbers of workloads")
    arguments = parser.parse_args()

    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",") if word]

    good = True
    if sizes := numbers(arguments.hosts):
        good &= show("slices of v6e-256, 64 hosts each", clusters("v6e-256", sizes, jobs=True))
    if sizes := numbers(arguments.pools):
        good &= show("pools of v6e-16, 4 hosts each", clusters("v6e-16", sizes, jobs=False))
    if sizes := numbers(arguments.workloads):
        good &= show("workloads on one cluster", workloads(sizes))
    print(f"\npeak memory is at most {LIMIT} MiB: {'yes' if good else 'NO'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
