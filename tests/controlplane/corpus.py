"""Every manifest that a plan, a golden or a sample command line prints, by where it comes from.

`python -m tests.controlplane.corpus` has a control plane take them all and prints how many it took.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.specs import (
    CAPACITIES,
    COMMANDS,
    ENVS,
    OPTIONS,
    RESTARTS,
    STORAGE,
    TYPES,
    cluster,
    restarts,
    workload,
)
from tests.controlplane.taker import Taker, documents
from xpk.catalog.slices import resolve
from xpk.catalog.topologies import PREFIX, topologies, topology_name
from xpk.cli.main import root
from xpk.plan.cluster import plan_cluster
from xpk.plan.document import yaml_stream
from xpk.plan.observed import Observed
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.environment import parse_env
from xpk.spec.mounts import parse_mount
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.workload import WorkloadSpec

_TESTS = Path(__file__).parent.parent
GOLDENS = sorted((_TESTS / "golden").rglob("*.yaml"))
_LINES: list[list[str]] = json.loads((_TESTS / "cli" / "commands_sample.json").read_text(encoding="utf-8"))
_CREATES = [line[1:] for line in _LINES if line[1:3] in (["cluster", "create"], ["workload", "create"])]
_IMAGE_BUILT = ("--base-docker-image", "--script-dir")
_ENVIRONMENT = {"CLOUDSDK_CORE_PROJECT": "my-project", "CLOUDSDK_COMPUTE_ZONE": "us-east5-b"}


@dataclass(frozen=True, slots=True)
class Case:
    """One plan. `text` prints it; None where xpk refuses the line, which tests/cli explain one by one."""

    source: str
    name: str
    text: Callable[[], str | None]

    @property
    def id(self) -> str:
        """Its name among all."""
        return f"{self.source}-{self.name}".replace(" ", "-")


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _cluster_plans()
    yield from _workload_plans()
    yield from _shapes()
    yield from _odd_plans()
    for path in GOLDENS:
        text = partial(path.read_text, encoding="utf-8")
        yield Case("golden", f"{path.parent.name}-{path.stem}", text)
    for number, line in enumerate(_CREATES):
        yield Case("command line", f"{number}-{line[0]}", partial(dry_run, line))


def dry_run(line: list[str]) -> str | None:
    """What a command prints, or None where it refuses its words."""
    out = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as home,
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        patch.setattr(gc, "disable", lambda: None)
        for name, value in {**_ENVIRONMENT, "HOME": home}.items():
            patch.setenv(name, value)
        code: object = "none"
        try:
            root.main([*_with_image(line), "--dry-run"])
        except SystemExit as ended:
            code = ended.code
    assert code in (0, 2), line
    return out.getvalue() if code == 0 else None


def _printed_workload(spec: WorkloadSpec) -> str:
    return yaml_stream(plan_workload(spec, parse_place("p1", "us-east5-b"), Observed.nothing()))


def _printed_cluster(slice_type: str, capacity: str, mtc: bool) -> str:
    spec = cluster(resolve(slice_type), CAPACITIES[capacity], mtc=mtc, cpu_limit="100", memory_limit="1Ti")
    return yaml_stream(plan_cluster(spec, Observed.nothing()))


def _cluster_plans() -> Iterator[Case]:
    for slice_type in (*TYPES, "v6e-1", "v5litepod-8", "v5p-8"):
        for capacity in CAPACITIES:
            for mtc in (True, False):
                name = f"{slice_type}-{capacity}-{'ramdisk' if mtc else 'none'}"
                yield Case("cluster plan", name, partial(_printed_cluster, slice_type, capacity, mtc))


def _workload_plans() -> Iterator[Case]:
    for slice_type in TYPES:
        for capacity, value in CAPACITIES.items():
            for storage, (ramdisk, mounts) in STORAGE.items():
                spec = workload(
                    slice_type,
                    capacity=value,
                    mounts=tuple(parse_mount(text) for text in mounts),
                    **({"ramdisk": Ramdisk("/ramdisk")} if ramdisk else {}),
                )
                name = f"{slice_type}-{capacity}-{storage}"
                yield Case("workload plan", name, partial(_printed_workload, spec))


def _shapes() -> Iterator[Case]:
    """Every shape that GKE has, of every family."""
    for family in PREFIX:
        for topology in topologies(family):
            name = topology_name(family, topology)
            yield Case("shape", name, partial(_printed_workload, workload(name)))


def _odd_plans() -> Iterator[Case]:
    specs: dict[str, dict[str, Any]] = {
        **{f"command-{name}": {"command": text} for name, text in COMMANDS.items()},
        **{f"env-{name}": {"env": parse_env(items)} for name, items in ENVS.items()},
        **{f"restarts-{name}": restarts(name) for name in RESTARTS},
        "options": OPTIONS,
    }
    for name, changes in specs.items():
        yield Case("option", name, partial(_printed_workload, workload(**changes)))


def _with_image(line: list[str]) -> list[str]:
    """No image is built here: flags that have one built are replaced by an image."""
    words: list[str] = []
    skip = False
    for word in line:
        name, equals, _ = word.partition("=")
        if skip or name in _IMAGE_BUILT:
            skip = not skip and not equals
        else:
            words.append(word)
    if line[0] == "workload" and not any(w.startswith("--docker-image") for w in words):
        words.append("--docker-image=gcr.io/p1/i:1")
    return words


def main() -> int:
    """Take all, print the figures; 1 where one was not taken."""
    say = partial(print, flush=True)
    plane = ControlPlane(build(partial(print, file=sys.stderr)))
    plane.start()
    try:
        taker = Taker(plane)
        for case in cases():
            text = case.text()
            if text is None:
                taker.refused_by_xpk[case.source] += 1
            for document in documents(text or ""):
                problem = taker.try_to_take(case.source, document)
                if problem:
                    say(f"{case.id}: {problem}")
        say("\n".join(taker.figures()))
        return 0 if taker.all_taken() else 1
    finally:
        plane.stop()


if __name__ == "__main__":
    sys.exit(main())
