"""The program as a process on the control plane, as the administrator or as a user with few rights.

GKE's own API is the emulator's; which user asks Kubernetes is the gateway's matter.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import User
from tests.controlplane.gateway import Gateway
from tests.controlplane.gke import GkeHalves
from xpk.emulator.server import Emulator

_ROOT = Path(__file__).parent.parent.parent
HOSTS = 8
CREATE = (
    *("cluster", "create", "--cluster", "c1", "--tpu-type", "v6e-16", "--num-slices", "2", "--enable-mtc"),
    *("--mtc-ramdisk-size", "20Gi", "--mtc-gcs-bucket", "my-bucket", "--yes"),
)
WORKLOAD = (
    *("workload", "create", "--cluster", "c1", "--tpu-type", "v6e-16", "--num-slices", "2", "--yes"),
    *("--mtc-enabled", "--ramdisk-directory", "/ramdisk", "--docker-image", "i:1", "--command", "true"),
)
DEPLOYMENTS = tuple(
    f"/apis/apps/v1/namespaces/{name}-system/deployments/{name}-controller-manager"
    for name in ("jobset", "kueue")
)
OBJECTS = (
    "/apis/checkpointing.gke.io/v1/checkpointconfigurations/my-checkpointconfiguration",
    "/apis/kueue.x-k8s.io/v1beta2/namespaces/default/localqueues/multislice-queue",
    "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/cluster-queue",
    "/apis/kueue.x-k8s.io/v1beta2/resourceflavors/v6e-4x4",
    *(f"/api/v1/namespaces/default/configmaps/c1-{name}-configmap" for name in ("resources", "metadata")),
)
PRIORITIES = tuple(
    f"/apis/scheduling.k8s.io/v1/priorityclasses/{name}"
    for name in ("very-low", "low", "medium", "high", "very-high")
)
"""What `CREATE` makes in Kubernetes."""


class Program:
    """Runs xpk: `program("workload", "list", ...)`, `program(..., url=address)` through another gateway."""

    def __init__(self, home: Path, emulator: str, url: str) -> None:
        self.emulator = emulator
        self._url = url
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "CLOUDSDK_CORE_PROJECT": "my-project",
            "CLOUDSDK_COMPUTE_ZONE": "us-east5-b",
        }

    def __call__(self, *words: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """What it printed and its exit code."""
        command = [sys.executable, str(_ROOT / "xpk.py"), *words]
        env = {**self._env, "XPK_EMULATOR": url or self._url}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    def works(self, *words: str, url: str | None = None) -> str:
        """What it printed where it must not fail."""
        done = self(*words, url=url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def as_user(self, plane: ControlPlane, user: User) -> Iterator[str]:
        """An address through which Kubernetes is asked by this user."""
        with Gateway(plane, emulator=self.emulator, user=user) as gateway:
            yield gateway.url


@contextlib.contextmanager
def program(plane: ControlPlane, home: Path) -> Iterator[Program]:
    """For the length of a block; what `CREATE` leaves in Kubernetes is removed afterwards."""
    with (
        Emulator(port=0, time_scale=0.001) as emulator,
        Gateway(plane, emulator=emulator.url) as gateway,
        GkeHalves(plane, emulator.url, "my-project") as halves,
    ):
        yield Program(home, emulator.url, gateway.url)
        assert halves.broken is None
    remove(plane, (*DEPLOYMENTS, *OBJECTS))


def remove(plane: ControlPlane, paths: tuple[str, ...]) -> None:
    """Delete objects, as far as they are there, and wait until they are gone."""
    api = plane.api
    for path in paths:
        if api.get(path) is not None:
            api.request("DELETE", path, query={"propagationPolicy": "Background"})
    plane.wait(lambda: all(api.get(path) is None for path in paths), "all removed")
