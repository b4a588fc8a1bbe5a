"""The program as a process on the control plane, as the administrator or as a user with few rights.

GKE's own API is the emulator's; which user asks Kubernetes is the gateway's matter.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.api import Refused
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import User
from tests.controlplane.gateway import Gateway
from tests.controlplane.gke import GkeHalves
from xpk.cli import output
from xpk.cli.main import root
from xpk.emulator.server import Emulator

_ROOT = Path(__file__).parent.parent.parent
_NAMES = ("CLOUDSDK_", "GOOGLE_", "GCLOUD_", "XPK_", "NO_COLOR")
_GONE = 240.0
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
_KUEUE = "/apis/kueue.x-k8s.io/v1beta2"
_JOBSET = "/apis/jobset.x-k8s.io/v1alpha2"
OBJECTS = (
    "/apis/checkpointing.gke.io/v1/checkpointconfigurations/my-checkpointconfiguration",
    f"{_KUEUE}/namespaces/default/localqueues/multislice-queue",
    f"{_KUEUE}/clusterqueues/cluster-queue",
    f"{_KUEUE}/resourceflavors/v6e-4x4",
    *(f"/api/v1/namespaces/default/configmaps/c1-{name}-configmap" for name in ("resources", "metadata")),
)
PRIORITIES = tuple(
    f"/apis/scheduling.k8s.io/v1/priorityclasses/{name}"
    for name in ("very-low", "low", "medium", "high", "very-high")
)
"""What `CREATE` makes in Kubernetes; a queue stands before what it refers to."""


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
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=False)

    def here(self, *words: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """The same in this process, for tests that run it often: it starts in no time."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name in (name for name in os.environ if name.startswith(_NAMES)):
                patch.delenv(name)
            for name, value in {**self._env, "XPK_EMULATOR": url or self._url}.items():
                patch.setenv(name, value)
            patch.setattr(gc, "disable", lambda: None)  # for a short process, not for a test session
            patch.setattr(output.Colour, "wanted", True)
            patch.setattr(output.Looked, "at_project", False)
            patch.setattr(sys, "stdin", io.StringIO())
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    root.main(list(words))
                except SystemExit as ended:
                    code = ended.code if isinstance(ended.code, int) else 1
        return subprocess.CompletedProcess(list(words), code, out.getvalue(), err.getvalue())

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
    """Delete objects one after the other, as far as they are there, each gone before the next is asked for.

    Kueue keeps a ClusterQueue while a Workload of any namespace has its quota, and a ResourceFlavor
    while a ClusterQueue names it. It looks again when the one or the other goes, and then finds the queue
    of a Workload through its LocalQueue (pkg/controller/core/clusterqueue_controller.go): so Workloads
    go first, LocalQueues next, and what they refer to last.
    """
    if any(path.startswith(_KUEUE) for path in paths):
        remove_workloads(plane)
    for path in paths:
        _delete(plane, path)
        plane.wait(lambda path=path: plane.api.get(path) is None, f"{path} removed", _GONE)  # type: ignore[misc]


def remove_workloads(plane: ControlPlane) -> None:
    """Delete the JobSets of all namespaces, then Kueue's Workloads, and wait until none is left.

    A Workload outlives its JobSet until Kubernetes collects it, which it does not do in the first half
    minute after a kind was installed; and one that has ended is no JobSet's business any more.
    """
    for collection in (f"{_JOBSET}/jobsets", f"{_KUEUE}/workloads"):

        def empty(collection: str = collection) -> bool:
            found = [item["metadata"] for item in plane.api.items(collection)]
            for one in found:
                if "deletionTimestamp" not in one:
                    root, _, plural = collection.rpartition("/")
                    _delete(plane, f"{root}/namespaces/{one['namespace']}/{plural}/{one['name']}")
            return not found

        plane.wait(empty, f"no {collection} left", _GONE)


def _delete(plane: ControlPlane, path: str) -> None:
    """Ask for the deletion of an object that may be gone already."""
    try:
        plane.api.request("DELETE", path, query={"propagationPolicy": "Background"})
    except Refused as refused:
        if refused.status != 404:
            raise
