"""`xpk tpu list` and `xpk tpu show`."""

from __future__ import annotations

from xpk.catalog.machines import FAMILIES, Family
from xpk.catalog.slices import SliceType, resolve, slice_types
from xpk.cli import output
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING, listing
from xpk.cli.words import Words

_FORMS = ("table", "json", "yaml")
_ALIASES = {"v5litepod": "v5e", "v5lite": "v5e", "trillium": "v6e"}
_COLUMNS = (
    ("name", "NAME"),
    ("topology", "TOPOLOGY"),
    ("chips", "CHIPS"),
    ("hosts", "HOSTS"),
    ("machine_type", "MACHINE"),
    ("ram_gb_per_host", "GB/HOST"),
)


def facts(slice_type: SliceType) -> dict[str, object]:
    """What the catalog knows about a slice type. GB is 10^9 bytes."""
    return {
        "name": slice_type.name,
        "family": slice_type.family,
        "topology": slice_type.topology_text,
        "chips": slice_type.chips,
        "hosts": slice_type.hosts,
        "chips_per_host": slice_type.chips_per_host,
        "machine_type": slice_type.machine.name,
        "accelerator": slice_type.accelerator,
        "vcpus_per_host": slice_type.machine.vcpus,
        "ram_gb_per_host": slice_type.machine.ram_gb,
        "boot_disk": slice_type.machine.boot_disk,
        "device_type": slice_type.device_type,
        "multi_host": slice_type.multi_host,
    }


def _list(words: Words) -> None:
    form = words.choice("-o", _FORMS, "table")
    typed = words.text("--family")
    family: Family | None = None
    if typed is not None:
        name = typed.strip().lower()
        name = _ALIASES.get(name, name)
        if name in FAMILIES:
            family = name
        else:
            fix = f"write --family {FAMILIES[-1]}"
            words.faults.add(f"--family {typed or repr('')}", f"takes one of {', '.join(FAMILIES)}", fix)
    hosts = words.number("--hosts")
    if hosts is not None and hosts < 1:
        words.faults.add(f"--hosts {hosts}", "a slice has at least one host", "write --hosts 32")
    words.faults.raise_if_any()
    rows = [facts(one) for one in slice_types(family) if hosts in (None, one.hosts)]
    if form == "table":
        if rows:
            output.result(output.table(rows, _COLUMNS, width=output.width()))
        else:
            output.say("no slice type is like that; xpk tpu list shows all")
        return
    output.structured(rows, "json" if form == "json" else "yaml")


def _show(words: Words) -> None:
    form = words.choice("-o", _FORMS, "table")
    found: SliceType | None = None
    if words.rest:
        with words.faults.gather():
            found = resolve(words.rest[0].strip())
    else:
        words.faults.add("xpk tpu show", "needs the name of a slice type", "xpk tpu show v6e-256")
    words.faults.raise_if_any()
    assert found is not None
    row = facts(found)
    if form == "table":
        width = max(len(key) for key in row)
        lines = [f"{key.replace('_', ' '):<{width}}  {_word(value)}" for key, value in row.items()]
        output.result("\n".join(lines))
        return
    output.structured(row, "json" if form == "json" else "yaml")


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


list_ = Leaf(
    "tpu list",
    _list,
    sentence="List TPU slice types: one line each, by family and size.",
    examples=("xpk tpu list --family v5p --hosts 32", "xpk tpu list --family v6e -o json"),
    flags=(
        Flag("--family", metavar="F", help=f"One of {', '.join(FAMILIES)}.", default_words="all"),
        Flag("--hosts", metavar="N", help="Only slices of this many hosts.", default_words="all"),
        *listing(),
        *ENDING,
    ),
)
show = Leaf(
    "tpu show",
    _show,
    sentence="Show one TPU slice type: topology, hosts, machine and its memory.",
    examples=("xpk tpu show v6e-256", "xpk tpu show v5p-4x4x8 -o json"),
    flags=(*listing(), *ENDING),
    positionals=("NAME",),
)
