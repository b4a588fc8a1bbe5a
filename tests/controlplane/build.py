"""Builds the control plane's binaries, once, into a cache folder outside the repository.

What is built is `module/`: Kubernetes, etcd, JobSet, Kueue and KWOK from their Go modules, unmodified.
The manifests of JobSet and Kueue are rendered from the same modules at the same time.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULE = Path(__file__).parent / "module"
KUBERNETES = "v1.36.3"
TOOLS = ("sigs.k8s.io/jobset", "sigs.k8s.io/kueue/cmd/kueue", "sigs.k8s.io/kwok/cmd/kwok")
COLD = "about 5 minutes on two cores and 4 GB of Go's caches the first time, seconds after that"

_VERSION = "k8s.io/component-base/version"
_LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36 "
    f"-X {_VERSION}.gitTreeState=clean"
)


class NoGo(Exception):
    """Nothing is built yet and there is no Go toolchain to build it with."""


class BuildFailed(Exception):
    """`go build` failed; the message ends with its last lines."""


@dataclass(frozen=True, slots=True)
class Build:
    """A folder with the binaries, and what was taken from the modules as JSON files."""

    folder: Path

    def program(self, name: str) -> Path:
        """One of testcluster, jobset, kueue, kwok."""
        return self.folder / name

    def objects(self, component: str) -> list[dict[str, Any]]:
        """The objects of `config/default` of jobset or kueue, as their release has them."""
        found: list[dict[str, Any]] = json.loads((self.folder / f"{component}.json").read_bytes())
        return found

    def stage(self, name: str) -> Path:
        """A file of KWOK's that says what a simulated node or pod does."""
        return self.folder / f"{name}.yaml"


_STAGES = ("node/fast/node-initialize.yaml", "pod/fast/pod-ready.yaml")


@functools.cache
def key() -> str:
    """Names the content of all that decides what is built."""
    parts = [(MODULE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go")]
    parts += [_LDFLAGS.encode(), Path(__file__).read_bytes(), sys.platform.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def cache() -> Path:
    """`$XPK_TEST_CACHE`, else a folder in the user's cache."""
    given = os.environ.get("XPK_TEST_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else base / "xpk-tests"


def build(announce: Callable[[str], None]) -> Build:
    """The binaries from the cache, or built now; two processes that ask at once build once.

    `announce` is told before anything slow. Raises NoGo or BuildFailed.
    """
    folder = cache() / f"controlplane-{key()}"
    if not folder.is_dir():
        cache().mkdir(parents=True, exist_ok=True)
        with _locked(cache() / "controlplane.lock"):
            if not folder.is_dir():
                _build(folder, announce)
    return Build(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The lock goes with the process that holds it, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, announce: Callable[[str], None]) -> None:
    go = shutil.which("go")
    if go is None:
        raise NoGo("no Go toolchain: `go` (1.26 or later) is not in PATH")
    announce(f"building Kubernetes {KUBERNETES}, JobSet, Kueue and KWOK into {folder}: {COLD}")
    for stale in folder.parent.glob("partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    try:
        _run(go, "build", "-ldflags", _LDFLAGS, "-o", f"{partial}{os.sep}", ".", *TOOLS)
        _take_manifests(go, partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _take_manifests(go: str, partial: Path) -> None:
    for component in ("jobset", "kueue"):
        source = _run(go, "list", "-m", "-f", "{{.Dir}}", f"sigs.k8s.io/{component}").strip()
        rendered = json.loads(
            _run(str(partial / "testcluster"), "kustomize", str(Path(source) / "config" / "default"))
        )
        for item in rendered:
            if item["kind"] == "CustomResourceDefinition":
                _drop_descriptions(item)
        (partial / f"{component}.json").write_text(json.dumps(rendered))
    kwok = Path(_run(go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok").strip())
    for stage in _STAGES:
        shutil.copyfile(kwok / "kustomize" / "stage" / stage, partial / Path(stage).name)


def _drop_descriptions(node: object) -> None:
    """Two thirds of a CRD are descriptions, which the server stores and nobody reads here."""
    if isinstance(node, dict):
        if isinstance(node.get("description"), str):
            del node["description"]
        for value in node.values():
            _drop_descriptions(value)
    elif isinstance(node, list):
        for value in node:
            _drop_descriptions(value)


def _run(*words: str) -> str:
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    done = subprocess.run(words, cwd=MODULE, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[-15:])
        raise BuildFailed(f"{' '.join(words[:2])} ended with {done.returncode}:\n{last}")
    return done.stdout
