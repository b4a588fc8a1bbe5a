"""A cluster that others made and go on to manage, with Terraform or gcloud: its pools are slices as they are.

None is created, deleted or made anew, whatever its name. What such a cluster lacks is the same as for
one of ours (`plan/cluster.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xpk.errors import Fault, FaultCollector, StateError
from xpk.plan.observed import Observed
from xpk.plan.request import Json
from xpk.plan.slices import Slices, by_number, mismatches, trouble
from xpk.spec.capacity import Capacity, FlexStart, OnDemand, Reservation, Spot, parse_reservation
from xpk.spec.cluster import ClusterSpec


def as_found(spec: ClusterSpec, observed: Observed) -> ClusterSpec:
    """The spec with what only a look can tell: how many slices there are, and what they come from.

    Any other spec, and one for a cluster that was not looked at, is returned as it is.
    """
    if not spec.adapt or observed.cluster is None:
        return spec
    pools = [pool for pool, why in _judged(spec, observed) if not why]
    number = spec.num_slices if spec.num_slices_given else max(1, len(pools))
    capacity = spec.capacity if spec.capacity_given or not pools else _capacity(pools[:number])
    return replace(spec, num_slices=number, capacity=capacity)


def found_slices(spec: ClusterSpec, observed: Observed) -> Slices:
    """The node pools that count. Raises StateError, all faults together, where there are not enough.

    A pool in ERROR is a fault when all slices are wanted, or when without it there are too few.
    """
    right, wrong, broken = [], [], []
    for pool, why in _judged(spec, observed):
        name = str(pool["name"])
        if not why:
            right.append(name)
        elif trouble(pool) and not _other_kind(spec, pool):
            broken.append((name, why))
        elif _is_tpu(pool):
            wrong.append((name, why))
    enough = len(right) >= spec.num_slices
    faults = FaultCollector()
    if not (enough and spec.num_slices_given):
        for name, why in broken:
            fix = f"gcloud container node-pools delete {name} {_where(spec)}"
            fix += f", or --num-slices {len(right)}" if right and not spec.num_slices_given else ""
            faults.add(f"node pool {name}", f"in ERROR: {why}", fix)
    if not enough:
        faults.extend([_too_few(spec, right, wrong)])
    faults.raise_if_any(StateError)
    return Slices(tuple(right[: spec.num_slices]), (), ())


def check_there(spec: ClusterSpec, observed: Observed, faults: FaultCollector) -> None:
    """A cluster that is to be adapted must be there."""
    if spec.adapt and observed.live and observed.cluster is None:
        faults.add(
            f"--cluster {spec.name}",
            f"no such regional cluster in project {spec.place.project}, {spec.place.region}",
            f"xpk cluster list --project {spec.place.project} shows all; to make it: xpk cluster create "
            f"--cluster {spec.name} {spec.place.flags} --tpu-type {spec.slice_type.name} "
            f"--num-slices {spec.num_slices}",
        )


def adapt_notes(spec: ClusterSpec, observed: Observed, slices: Slices) -> Iterator[str]:
    """What a person wants to know of the pools that were found."""
    if not observed.live:
        if not spec.num_slices_given:
            yield "one slice is assumed: --num-slices says another number, --observe counts"
        return
    names = ", ".join(slices.kept[:6]) + (f" and {len(slices.kept) - 6} more" if len(slices.kept) > 6 else "")
    yield f"slices of {spec.slice_type.name}: {names}"
    more = sum(1 for _, why in _judged(spec, observed) if not why) - len(slices.kept)
    if more > 0:
        yield f"{more} more node pools fit: the queue hands out no more than --num-slices {spec.num_slices}"


def _judged(spec: ClusterSpec, observed: Observed) -> Iterator[tuple[Json, str]]:
    """Each pool that is there, and why it is no slice of the kind that was asked for."""
    pools = (observed.cluster or {}).get("nodePools", [])
    for pool in sorted(pools, key=lambda pool: by_number(str(pool["name"]))):
        if pool.get("status") != "STOPPING":
            yield pool, trouble(pool) or "; ".join(mismatches(spec, pool))


def _other_kind(spec: ClusterSpec, pool: Json) -> bool:
    return any(mismatches(spec, pool))


def _is_tpu(pool: Json) -> bool:
    machine = str(pool.get("config", {}).get("machineType", ""))
    return machine.startswith("ct") or bool(pool.get("placementPolicy", {}).get("tpuTopology"))


def _too_few(spec: ClusterSpec, right: list[str], wrong: list[tuple[str, str]]) -> Fault:
    shape = spec.slice_type
    there = f"{len(right)} node pools are slices" if len(right) != 1 else "1 node pool is a slice"
    why = f"{there} of {shape.name}: {shape.machine.name}, {shape.topology_text}"
    others = "; ".join(f"{name}: {reason.replace(' -> ', ', not ')}" for name, reason in wrong[:6])
    why += f" ({others})" if wrong else ""
    fix = f"--num-slices {len(right)}, or one more: " if right else "to make one: "
    what = f"--num-slices {spec.num_slices}" if spec.num_slices_given else f"--tpu-type {shape.name}"
    return Fault(what, why, fix + _gcloud(spec))


def _gcloud(spec: ClusterSpec) -> str:
    """The command that makes a node pool that would fit."""
    shape, capacity = spec.slice_type, spec.capacity
    words = f"gcloud container node-pools create NAME {_where(spec)}"
    words += f" --node-locations {spec.place.zone or 'ZONE'} --machine-type {shape.machine.name}"
    words += f" --num-nodes {0 if isinstance(capacity, FlexStart) else shape.hosts}"
    if shape.multi_host:
        words += f" --placement-type COMPACT --tpu-topology {shape.topology_text}"
    match capacity:
        case Spot():
            words += " --spot"
        case Reservation():
            words += f" --reservation-affinity specific --reservation {capacity.path}"
        case FlexStart():
            words += f" --flex-start --enable-autoscaling --max-nodes {shape.hosts}"
            words += " --reservation-affinity none"
        case OnDemand():
            pass
    return words


def _where(spec: ClusterSpec) -> str:
    return f"--cluster {spec.name} --location {spec.place.region} --project {spec.place.project}"


def _capacity(pools: list[Json]) -> Capacity:
    """Where the machines come from, for the record: what all pools say, flex-start where one does."""
    found = [_capacity_of(pool) for pool in pools]
    for capacity in found:
        if isinstance(capacity, FlexStart):  # nodes that come when they are called must not be waited for
            return capacity
    return found[0] if all(capacity == found[0] for capacity in found) else OnDemand()


def _capacity_of(pool: Json) -> Capacity:
    config = pool.get("config", {})
    values = config.get("reservationAffinity", {}).get("values", [])
    if config.get("flexStart"):
        return FlexStart()
    if config.get("spot"):
        return Spot()
    return parse_reservation(str(values[0])) if values else OnDemand()
