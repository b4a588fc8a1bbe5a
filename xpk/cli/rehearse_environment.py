"""The environment in which a rehearsal's commands run: the emulator's address, a project, a zone."""

from __future__ import annotations

import os

from xpk.cli import output
from xpk.cli.where import EMULATOR
from xpk.rehearsal.children import own_environment

PROJECT, ZONE = "rehearsal-1", "us-east5-b"


def environment(url: str) -> dict[str, str]:
    """This process's environment, pointed at the emulator."""
    environ = own_environment(os.environ)
    environ |= {EMULATOR: url, "CLOUDSDK_CORE_PROJECT": PROJECT, "CLOUDSDK_COMPUTE_ZONE": ZONE}
    if not output.Colour.wanted:
        environ["NO_COLOR"] = "1"
    return environ
