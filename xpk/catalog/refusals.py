"""What to say about a TPU name that means no slice: why not, and the nearest that do.

Runs only when a name has failed, so it may walk over all shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, prod

from xpk.catalog.machines import FAMILIES, MACHINES, Family
from xpk.catalog.topologies import (
    CORES_PER_CHIP,
    LARGEST,
    PREFIX,
    PREFIXES,
    Topology,
    chip_counts,
    count_name,
    default_topology,
    parse_number,
    parse_topology,
    topologies,
    topology_name,
    topology_text,
    unique_name,
)
from xpk.errors import Fault

_SUPPORTED = "xpk supports v4, v5e (v5litepod), v5p and v6e"


def refusal(name: str, flag: str, exists: Callable[[str], bool]) -> Fault:
    """The fault of `name`, which is no slice. `exists` tells whether another spelling is one."""
    what = f"{flag} {name or repr('')}".strip()
    respelt = _respell(name)
    if respelt != name and exists(respelt):
        return Fault(what, "no such slice", f"did you mean {respelt}?")
    prefix, _, size = respelt.partition("-")
    family = PREFIXES.get(prefix)
    if family is None:
        return _unknown_family(what, respelt, exists)
    count, topology = parse_number(size), parse_topology(size)
    if topology is not None:
        return _bad_topology(what, family, topology)
    if count is not None:
        return _bad_count(what, family, count)
    if size.isascii() and size.isdigit() and size[0] != "0":
        return Fault(what, _too_large(family), f"the largest is {_label(family, LARGEST[family])}")
    if size.endswith("t") and parse_number(size[:-1]):
        return Fault(what, f"no {family} machine has that many chips", f"write {_one_of(_hosts(family))}")
    example = topologies(family)[-1]
    return Fault(
        what,
        "not a name of a slice",
        f"write {_label(family, prod(example))} or {topology_name(family, example)}; "
        f"all of them: xpk tpu list --family {family}",
    )


def _respell(name: str) -> str:
    text = "-".join(name.strip().lower().replace("_", "-").split())
    for wrong in ("*", "×"):
        text = text.replace(wrong, "x")
    if "-" not in text:
        for prefix in sorted(PREFIXES, key=len, reverse=True):
            rest = text.removeprefix(prefix)
            if rest != text and rest:
                return f"{prefix}-{rest}"
    return text


def _bad_count(what: str, family: Family, count: int) -> Fault:
    chips = count / CORES_PER_CHIP[family]
    if chips > LARGEST[family]:
        return Fault(what, _too_large(family), f"the largest is {_label(family, LARGEST[family])}")
    # A tie goes to the larger slice: it does what was asked for.
    near = sorted(chip_counts(family), key=lambda legal: (abs(legal - chips), -legal))[:2]
    return Fault(
        what, "no such slice", f"nearest are {' and '.join(_label(family, legal) for legal in near)}"
    )


def _bad_topology(what: str, family: Family, topology: Topology) -> Fault:
    ordered = sorted(topology)
    legal = [shape for shape in topologies(family) if sorted(shape) == ordered]
    if legal:
        return Fault(what, "GKE writes the axes in another order", f"write {_by_shape(family, legal[0])}")
    why = "no such slice"
    if prod(topology) > LARGEST[family]:
        why = _too_large(family)
    elif len(topology) != len(topologies(family)[0]):
        why = f"slices of {family} have {len(topologies(family)[0])} axes"
    near = sorted(topologies(family), key=lambda shape: _distance(ordered, shape))[:2]
    return Fault(what, why, f"nearest are {' and '.join(_by_shape(family, shape) for shape in near)}")


def _distance(ordered: list[int], shape: Topology) -> tuple[float, float]:
    """How far a shape is from the one asked for: by its sides, or by its chips if axes differ."""
    chips = abs(log(prod(ordered) / prod(shape)))
    if len(ordered) != len(shape):
        return chips, max(shape) / min(shape)
    return sum(abs(log(a / b)) for a, b in zip(ordered, sorted(shape), strict=True)), chips


def _unknown_family(what: str, name: str, exists: Callable[[str], bool]) -> Fault:
    series = name.partition("-")[0]
    same = [machine for machine in MACHINES if machine.startswith(f"{series}-")]
    if same:
        return Fault(what, "no slice is made of one such machine", f"write {_one_of(same)}")
    prefix, _, size = name.removeprefix("tpu-").partition("-")
    alike = _families_like(prefix)
    meant = [f"{PREFIX[family]}-{size}" for family in alike if exists(f"{PREFIX[family]}-{size}")]
    if meant:
        return Fault(what, f"no such TPU family; {_SUPPORTED}", f"did you mean {_one_of(meant)}?")
    if alike:
        listing = f"list the slices: xpk tpu list --family {alike[0]}"
        return Fault(what, f"no such TPU family; {_SUPPORTED}", listing)
    return Fault(what, f"not a TPU family that xpk knows; {_SUPPORTED}", "choose one of: xpk tpu list")


def _families_like(prefix: str) -> list[Family]:
    """Families whose generation the prefix names: `v5lite` is v5e, `v5` is v5e or v5p, `v3` is none."""
    if prefix.startswith("v5l"):
        return ["v5e"]
    return [family for family in FAMILIES if "v" in prefix and _digits(family) == _digits(prefix)]


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in "0123456789")


def _too_large(family: Family) -> str:
    return f"larger than the largest slice of {family}, {LARGEST[family]} chips"


def _hosts(family: Family) -> list[str]:
    return [f"{PREFIX[family]}-{machine.chips}t" for machine in MACHINES.values() if machine.family == family]


def _label(family: Family, chips: int) -> str:
    shape = default_topology(family, chips)
    assert shape is not None, f"{chips} chips of {family} have no shape"
    return f"{count_name(family, chips)} ({topology_text(shape)})"


def _by_shape(family: Family, shape: Topology) -> str:
    """`v4-4x4x8 (v4-256)`: someone who wrote a topology gets one back."""
    written, short = topology_name(family, shape), unique_name(family, shape)
    return written if written == short else f"{written} ({short})"


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
