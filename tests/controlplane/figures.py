"""How long a workload takes on the control plane: `python -m tests.controlplane.figures` prints a table.

From the start of `xpk workload create` to all hosts running, and from one container's exit to all running
again. Nothing is asserted on these: they are of this machine and of what else runs on it.
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google.oauth2.credentials
import pytest

from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.program import remove
from tests.controlplane.saying import Teller, telling
from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import real
from xpk.cloud.kube import Kube

Json = dict[str, Any]
ENDS = 180.0


@dataclass(frozen=True, slots=True)
class Size:
    """Two slices of one type, as words of the program."""

    slice_type: str
    hosts: int
    flavor: str

    @property
    def create(self) -> tuple[str, ...]:
        """`cluster create` with a ramdisk."""
        flags = ("--enable-mtc", "--mtc-ramdisk-size", "20Gi", "--mtc-gcs-bucket", "my-bucket", "--yes")
        return ("cluster", "create", "--cluster", "c1", *self._slices, *flags)

    @property
    def workload(self) -> tuple[str, ...]:
        """`workload create` on all of it, but for its name."""
        flags = ("--mtc-enabled", "--ramdisk-directory", "/ramdisk", "--docker-image", "i:1")
        command = ("--command", "true", "--yes")
        return ("workload", "create", "--cluster", "c1", *self._slices, *flags, *command)

    @property
    def _slices(self) -> tuple[str, ...]:
        return ("--tpu-type", self.slice_type, "--num-slices", "2")


SMALL = Size("v6e-16", 8, "v6e-4x4")
LARGE = Size("v6e-256", 128, "v6e-16x16")


@contextmanager
def cluster_of(plane: ControlPlane, kube: Kube, home: Path, size: Size) -> Iterator[Teller]:
    """A cluster of this size, made by the program; nothing of it is left afterwards."""
    with telling(plane, kube, home, size.create) as teller:
        yield teller
    remove(plane, (f"/apis/kueue.x-k8s.io/v1beta2/resourceflavors/{size.flavor}",))


def until_running(teller: Teller, name: str, hosts: int, old: list[Json]) -> list[Json]:
    """Wait until so many pods run, none of them one of `old`; the pods."""
    gone = {pod["metadata"]["uid"] for pod in old}
    found: list[Json] = []

    def running() -> bool:
        found[:] = teller.world.pods("default", name)
        return len(found) == hosts and all(
            p["status"].get("phase") == "Running" and p["metadata"]["uid"] not in gone for p in found
        )

    teller.world.plane.wait(running, f"{hosts} new pods of {name} running", ENDS)
    return found


def start_seconds(teller: Teller, name: str, size: Size) -> tuple[float, list[Json]]:
    """From `workload create` to all running, with the pods."""
    began = time.monotonic()
    teller.start(name, words=size.workload)
    pods = until_running(teller, name, size.hosts, [])
    return time.monotonic() - began, pods


def restart_seconds(teller: Teller, name: str, pods: list[Json]) -> tuple[float, list[Json]]:
    """From the exit of one container to all running again, with the new pods."""
    began = time.monotonic()
    teller.world.exit(pods[len(pods) // 2], 1)
    again = until_running(teller, name, len(pods), pods)
    return time.monotonic() - began, again


def main() -> None:
    """Measure both sizes, each on a cluster of its own."""
    plane = ControlPlane(build(lambda text: print(text, file=sys.stderr)))  # noqa: T201
    plane.start()
    bearer = google.oauth2.credentials.Credentials(token=plane.token)  # type: ignore[no-untyped-call]
    authority = {"clusterCaCertificate": base64.b64encode(plane.ca_pem.encode()).decode()}
    found = {"endpoint": plane.url.removeprefix("https://"), "masterAuth": authority}
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        patch.setenv("NO_PROXY", "127.0.0.1")
        kube = Kube(real(), Credentials(bearer), "projects/p1/locations/us-east5/clusters/c1", found)
        try:
            for size in (SMALL, LARGE):
                with cluster_of(plane, kube, Path(home), size) as teller:
                    start, pods = start_seconds(teller, "w1", size)
                    restart, _ = restart_seconds(teller, "w1", pods)
                    teller.clear()
                line = f"2 x {size.hosts // 2} hosts: created to running {start:.1f} s, "
                print(f"{line}failure to running {restart:.1f} s", flush=True)  # noqa: T201
        finally:
            kube.close()
            plane.stop()


if __name__ == "__main__":
    main()
