"""`xpk version`."""

from __future__ import annotations

from xpk import __version__
from xpk.cli import output
from xpk.cli.command import Leaf
from xpk.cli.options import ENDING
from xpk.cli.words import Words


def _run(words: Words) -> None:
    words.faults.raise_if_any()
    output.result(f"xpk {__version__}")


version = Leaf(
    "version",
    _run,
    sentence="Print the version.",
    examples=("xpk version", "python3 xpk.py version"),
    flags=ENDING,
)
