"""What this machine gives to the pods of a rehearsal, in the place of an image and of TPU chips. Pure.

A pod's own environment is Kubernetes' matter; here is what an image would have brought (PATH, a home), and
what a machine without TPUs must force.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from xpk.rehearsal.conduct.scenario import Scenario

SHIM: Final = Path(__file__).resolve().parent.parent / "shim"
HOSTS_PER_SLICE: Final = "XPK_REHEARSAL_HOSTS_PER_SLICE"
_ROOT: Final = Path(__file__).resolve().parent.parent.parent.parent
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def image(scenario: Scenario, home: Path, programs: Path) -> dict[str, str]:
    """Variables that a pod's own replace. `programs` holds what `python` and `python3` mean."""
    found = {"PATH": f"{programs}:{_SYSTEM_PATH}", "HOME": str(home), "LANG": "C.UTF-8"}
    if found_path := python_path(scenario):
        found["PYTHONPATH"] = found_path
    return found


def python_path(scenario: Scenario) -> str:
    """What the pods' Python must find beside its own packages."""
    installed = _ROOT.name in ("site-packages", "dist-packages") and scenario.python == Path(sys.executable)
    places = [SHIM] if scenario.trainer != "orbax" else []
    if scenario.trainer != "maxtext" and not installed:
        places.append(_ROOT)  # a command of the user's may be the own trainer, too
    return os.pathsep.join(map(str, places))


def forced(scenario: Scenario, coordinator: str) -> dict[str, str]:
    """Variables that replace a pod's own. `coordinator`: the attempt's meeting place, on loopback."""
    found = dict(scenario.environ)
    # Without the driver's file a trainer takes the first; rank 0 listens where the second says.
    found["JAX_COORDINATOR_ADDRESS"] = found["JAX_COORDINATOR_BIND_ADDRESS"] = coordinator
    found["PYTHONUNBUFFERED"] = "1"
    if scenario.trainer != "orbax":
        found[HOSTS_PER_SLICE] = str(scenario.hosts)
    return found


def lay_programs(python: Path, folder: Path) -> None:
    """Make `python` and `python3` in `folder` start an interpreter with its own environment's packages.

    A script, not a link: a link to a virtual environment's Python is another Python to Python itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{_quoted(str(python))}" "$@"\n', encoding="utf-8")
        path.chmod(0o755)


def needed(scenario: Scenario, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Folders that no volume may hide: the interpreter's, and where the trainer's code is."""
    places = [Path(sys.prefix), Path(sys.base_prefix), scenario.python.parent.parent, _ROOT]
    places += [Path(part) for part in environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return tuple(dict.fromkeys(place for place in places if place.is_absolute() and place.exists()))


def _quoted(text: str) -> str:
    return "".join(f"\\{c}" if c in '"\\$`' else c for c in text)
