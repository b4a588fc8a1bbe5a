"""Which node pools a cluster keeps, deletes and creates to become what was asked for. Pure.

A pool is judged by what it is (machine, topology, capacity, status) and never by its name or its
place in a list: Google's xpk keeps the first names of gcloud's list, busy or not. Not here: the
requests (`plan/pools.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from xpk.catalog.slices import slice_types
from xpk.errors import FaultCollector, StateError
from xpk.frozen import dataclass
from xpk.plan.kept import and_, runs_on_it
from xpk.plan.observed import Observed
from xpk.plan.pool_body import pool_body
from xpk.plan.request import Json
from xpk.spec.cluster import ClusterSpec

_SAID = 60


@dataclass(frozen=True, slots=True)
class Removal:
    """A pool that is deleted, and why. `busy` names the workloads that run on it.

    `etag` is that of the pool that was looked at; another one of its name stays. `failed`: GKE could not
    make it.
    """

    name: str
    why: str
    busy: tuple[str, ...] = ()
    etag: str = ""
    failed: bool = False


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
    right: dict[str, Json] = {}
    wrong: list[Removal] = []
    for pool in _pools(spec.name, observed):
        name = str(pool["name"])
        why = trouble_in_words(pool) or "; ".join(mismatches(spec, pool))
        if why:
            busy = observed.running.get(name, ())
            why = f"{why}; {_stops(busy)}" if busy else why
            wrong.append(Removal(name, why, busy, str(pool.get("etag", "")), bool(trouble(pool))))
        else:
            right[name] = pool
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


def trouble_in_words(pool: Json) -> str:
    """The same for a row of a plan: the cloud's own code, or the beginning of what it said."""
    said = trouble(pool)
    codes = [str(c["code"]) for c in pool.get("conditions", []) if c.get("code")]
    if not said or not codes:
        return said if len(said) <= _SAID else f"{said[: _SAID - 3]}..."
    meanings = {"GCE_STOCKOUT": "no machines were free", "GCE_QUOTA_EXCEEDED": "no quota was left"}
    meaning = meanings.get(codes[0])
    return f"{codes[0]}: {meaning}" if meaning else f"in ERROR: {codes[0]}"


def mismatches(spec: ClusterSpec, pool: Json) -> Iterator[str]:
    """Everything that cannot be changed in place and is not as asked for."""
    wanted = pool_body(spec, pool["name"])
    config, other = wanted["config"], pool.get("config", {})
    pairs: list[tuple[str, object, object]] = [("", _kind(wanted), _kind(pool))]
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
            yield f"{what} {_words(found)} -> {_words(asked)}".lstrip()


def _pools(cluster: str, observed: Observed) -> list[Json]:
    """The pools that are slices of ours or of Google's xpk, by number. One that goes away is not there."""
    pattern = re.compile(rf"{re.escape(cluster)}-np-\d+")
    pools = (observed.cluster or {}).get("nodePools", [])
    ours = [p for p in pools if pattern.fullmatch(str(p["name"])) and p.get("status") != "STOPPING"]
    return sorted(ours, key=lambda pool: by_number(str(pool["name"])))


def _spare(spec: ClusterSpec, right: Mapping[str, Json], observed: Observed) -> list[Removal]:
    """The slices of which there are too many, in the order in which they are given up."""
    number = max(0, len(right) - spec.num_slices)
    if not number:
        return []
    order = sorted(right, key=lambda name: (bool(observed.running.get(name)), -by_number(name)[1]))
    why = f"idle; {len(right)} slices -> {spec.num_slices}"
    found = []
    for name in order[:number]:
        busy = observed.running.get(name, ())
        said = f"{_stops(busy)}; {why.partition('; ')[2]}" if busy else why
        found.append(Removal(name, said, busy, str(right[name].get("etag", ""))))
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
        where = "; ".join(f"{and_(one.busy)} on {one.name}" for one in busy)
        faults.add(what, f"too few slices are idle: {where}", ways_out(spec, busy[0].busy))
    for one in wrong:
        if one.busy:
            why = f"{runs_on_it(one.busy)}, and it would be replaced: {one.why.rpartition('; ')[0]}"
            faults.add(f"node pool {one.name}", why, ways_out(spec, one.busy))
    faults.raise_if_any(StateError)


def ways_out(spec: ClusterSpec, busy: Sequence[str]) -> str:
    """What to do about workloads that are in the way of a change."""
    return f"wait until that is over, or {deletion_of(spec, busy[0])}\nor the same command with --force"


def deletion_of(spec: ClusterSpec, workload: str) -> str:
    """The command that deletes a workload, which has its namespace before its name where that is another."""
    namespace, _, name = workload.rpartition("/")
    where = f" --namespace {namespace}" if namespace else ""
    return f"xpk workload delete --cluster {spec.name} --workload {name}{where}"


def _stops(busy: Sequence[str]) -> str:
    return f"{and_(busy)} {'is' if len(busy) == 1 else 'are'} stopped"


def by_number(name: str) -> tuple[str, int]:
    """Sorts c-np-2 before c-np-10, and names without a number by their letters."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isascii() and number.isdecimal() else (name, -1)


def _kind(pool: Json) -> str:
    """The slice that a pool is, by its machine type and topology, in the words of `--tpu-type`."""
    machine = str(pool.get("config", {}).get("machineType"))
    topology = pool.get("placementPolicy", {}).get("tpuTopology")
    for shape in slice_types():
        fits = topology == shape.topology_text or (not topology and not shape.multi_host)
        if shape.machine.name == machine and fits:
            return f"{shape.name} ({shape.topology_text})"
    return f"{machine} {topology}" if topology else machine


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
