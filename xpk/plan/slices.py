"""Which node pools a cluster keeps, deletes and creates to become what was asked for. Pure.

A pool is judged by what it is (machine, topology, capacity, status) and never by its name or its
place in a list: Google's xpk keeps the first names of gcloud's list, busy or not. Not here: the
requests (`plan/pools.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xpk.errors import FaultCollector, StateError
from xpk.frozen import dataclass
from xpk.plan.observed import Observed
from xpk.plan.pool_body import pool_body
from xpk.plan.request import Json
from xpk.spec.cluster import ClusterSpec


@dataclass(frozen=True, slots=True)
class Removal:
    """A pool that is deleted, and why. `busy` names the workloads that run on it."""

    name: str
    why: str
    busy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slices:
    """The node pools of a cluster's slices. A name that is both removed and created is made anew."""

    kept: tuple[str, ...]
    removed: tuple[Removal, ...]
    created: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The pools that will be there."""
        return tuple(sorted((*self.kept, *self.created), key=by_number))


def choose_slices(spec: ClusterSpec, observed: Observed, *, force: bool = False) -> Slices:
    """Keep what is right, replace what is broken or of another kind, and make up the number.

    Of too many slices the idle ones go first, those with the highest number first among them. Busy
    ones go only with `force`. Raises StateError, all faults together, for work that would be lost.
    """
    right: list[str] = []
    wrong: list[Removal] = []
    for pool in _pools(spec.name, observed):
        name = str(pool["name"])
        why = trouble(pool) or "; ".join(mismatches(spec, pool))
        if why:
            wrong.append(Removal(name, why, observed.running.get(name, ())))
        else:
            right.append(name)
    spare = _spare(spec, right, observed)
    kept = tuple(name for name in right if name not in {one.name for one in spare})
    missing = max(0, spec.num_slices - len(right))
    removed = sorted((*wrong, *spare), key=lambda one: by_number(one.name))
    if not force:
        _check_idle(spec, spare, wrong)
    return Slices(kept, tuple(removed), _names(spec, kept, [one.name for one in wrong], missing))


def trouble(pool: Json) -> str:
    """What GKE says of a pool that it could not make; empty for one that is there.

    Such a pool holds its name, has no machines, and is never repaired.
    """
    if pool.get("status") != "ERROR":
        return ""
    messages = [str(c["message"]) for c in pool.get("conditions", []) if c.get("message")]
    return "; ".join(dict.fromkeys(messages)) or str(pool.get("statusMessage") or "in ERROR")


def mismatches(spec: ClusterSpec, pool: Json) -> Iterator[str]:
    """Everything that cannot be changed in place and is not as asked for."""
    wanted = pool_body(spec, pool["name"])
    config, other = wanted["config"], pool.get("config", {})
    topology = wanted.get("placementPolicy", {}).get("tpuTopology")
    pairs: list[tuple[str, object, object]] = [
        ("machine type", config["machineType"], other.get("machineType")),
        ("topology", topology, _topology(spec, pool)),
    ]
    if spec.capacity_given or not spec.adapt:  # an adapted cluster's slices may come from anywhere
        project = spec.place.project
        pairs += [
            ("spot", bool(config.get("spot")), bool(other.get("spot"))),
            ("flex start", bool(config.get("flexStart")), bool(other.get("flexStart"))),
            ("reservation", _reservation(config, project), _reservation(other, project)),
        ]
    if spec.place.zone:
        pairs.append(("zone", wanted["locations"], pool.get("locations", wanted["locations"])))
    for what, asked, found in pairs:
        if asked != found:
            yield f"{what} {_words(found)} -> {_words(asked)}"


def _pools(cluster: str, observed: Observed) -> list[Json]:
    """The pools that are slices of ours or of Google's xpk, by number. One that goes away is not there."""
    pattern = re.compile(rf"{re.escape(cluster)}-np-\d+")
    pools = (observed.cluster or {}).get("nodePools", [])
    ours = [p for p in pools if pattern.fullmatch(str(p["name"])) and p.get("status") != "STOPPING"]
    return sorted(ours, key=lambda pool: by_number(str(pool["name"])))


def _spare(spec: ClusterSpec, right: Sequence[str], observed: Observed) -> list[Removal]:
    """The slices of which there are too many, in the order in which they are given up."""
    number = max(0, len(right) - spec.num_slices)
    if not number:
        return []
    order = sorted(right, key=lambda name: (bool(observed.running.get(name)), -by_number(name)[1]))
    why = f"idle; {len(right)} slices -> {spec.num_slices}"
    found = []
    for name in order[:number]:
        busy = observed.running.get(name, ())
        found.append(Removal(name, f"{_works(busy)}; {why.partition('; ')[2]}" if busy else why, busy))
    return found


def _names(spec: ClusterSpec, kept: Sequence[str], replaced: Sequence[str], number: int) -> tuple[str, ...]:
    """Names for new slices: those of replaced ones first, then the lowest numbers that are free."""
    chosen = list(replaced[:number])
    taken, index = {*kept, *replaced}, 0
    while len(chosen) < number:
        name = f"{spec.name}-np-{index}"
        if name not in taken:
            chosen.append(name)
        index += 1
    return tuple(sorted(chosen, key=by_number))


def _check_idle(spec: ClusterSpec, spare: Sequence[Removal], wrong: Sequence[Removal]) -> None:
    faults = FaultCollector()
    busy = [one for one in spare if one.busy]
    if busy:
        what = f"--num-slices {spec.num_slices}"
        where = "; ".join(f"{', '.join(one.busy)} on {one.name}" for one in busy)
        faults.add(what, f"too few slices are idle: {where}", _fix(spec, busy))
    for one in wrong:
        if one.busy:
            why = f"{', '.join(one.busy)} runs on it, and it would be replaced ({one.why})"
            faults.add(f"node pool {one.name}", why, _fix(spec, [one]))
    faults.raise_if_any(StateError)


def _fix(spec: ClusterSpec, busy: Sequence[Removal]) -> str:
    first = busy[0].busy[0]
    namespace, _, name = first.rpartition("/")
    where = f" --namespace {namespace}" if namespace else ""
    return (
        f"wait until it is over, xpk workload delete --cluster {spec.name} --workload {name}{where}, "
        "or the same command with --force"
    )


def _works(busy: Sequence[str]) -> str:
    return f"{', '.join(busy)} is stopped"


def by_number(name: str) -> tuple[str, int]:
    """Sorts c-np-2 before c-np-10, and names without a number by their letters."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isascii() and number.isdecimal() else (name, -1)


def _topology(spec: ClusterSpec, pool: Json) -> str | None:
    """The topology of a pool; that of one host is the same whether it was said or not."""
    topology = pool.get("placementPolicy", {}).get("tpuTopology")
    shape = spec.slice_type
    if not topology or (not shape.multi_host and topology == shape.topology_text):
        return None
    return str(topology)


def _reservation(config: Json, project: str) -> str | None:
    """The reservation of a pool; one of the cluster's own project may be named with or without it."""
    values = config.get("reservationAffinity", {}).get("values", [])
    return str(values[0]).removeprefix(f"projects/{project}/reservations/") if values else None


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value is not None else "none"
