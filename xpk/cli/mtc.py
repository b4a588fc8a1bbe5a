"""`xpk mtc size`."""

from __future__ import annotations

from xpk.catalog.slices import SliceType, resolve
from xpk.cli import output
from xpk.cli.cluster_request import TYPE, gathered
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING, listing
from xpk.cli.words import Words
from xpk.spec.fit import fit_of
from xpk.spec.size_rows import size_row, size_rows
from xpk.spec.sizing import parse_params, required_ramdisk

_PARAMS = "--model-params"
_COLUMNS = (
    ("name", "NAME"),
    ("hosts", "HOSTS"),
    ("machine_type", "MACHINE"),
    ("ramdisk", "RAMDISK/HOST"),
    ("ramdisk_percent_of_ram", "% OF RAM"),
)


def _run(words: Words) -> None:
    form = words.choice("-o", ("table", "json", "yaml"), "table")
    typed = words.required(f"write {_PARAMS} 70B", _PARAMS, "--mtc-model-params")
    params = gathered(words, lambda: parse_params(typed.strip(), _PARAMS), None) if typed else None
    name = words.text(*TYPE)
    flag = words.named(*TYPE)
    slice_type = None if name is None else gathered(words, lambda: resolve(name.strip(), flag), None)
    words.faults.raise_if_any()
    assert params is not None
    if form != "table":
        one = size_row(required_ramdisk(params, slice_type)) if slice_type else None
        output.structured(one if one else size_rows(params), "json" if form == "json" else "yaml")
    elif slice_type is None:
        if rows := size_rows(params):
            output.result(output.table(rows, _COLUMNS, width=output.width()))
        else:
            output.say(f"no slice type holds a model of {str(typed).strip()} parameters")
    else:
        output.result("\n".join(_working(params, slice_type, str(typed))))


def _working(params: int, slice_type: SliceType, typed: str) -> list[str]:
    sizing = required_ramdisk(params, slice_type)
    beside = fit_of(sizing)
    machine = slice_type.machine
    lines = [*sizing.working, f"{beside.percent} % of the {machine.ram_gb} GB of a {machine.name}"]
    if beside.fits:
        lines.append(f"Next: xpk cluster create --enable-mtc --mtc-ramdisk-size {sizing.quantity_text} ...")
    else:
        lines.append(f"does not fit beside the trainer; types that do: xpk mtc size {_PARAMS} {typed}")
    return lines


size = Leaf(
    "mtc size",
    _run,
    sentence="Work out the ramdisk that a model's checkpoints need on each host.",
    examples=(
        "xpk mtc size --model-params 70B --tpu-type v5p-256",
        "xpk mtc size --model-params 70B",
    ),
    flags=(
        Flag(
            "--model-params",
            "--mtc-model-params",
            metavar="N",
            help="Parameters of the model: 70B. Required.",
        ),
        Flag(
            "--tpu-type",
            "--device-type",
            metavar="TYPE",
            help="One slice type.",
            default_words="all that fit",
        ),
        *listing(),
        *ENDING,
    ),
)
