"""Builds the control plane's binaries, once, into a cache folder outside the repository.

What is built is `module/`: Kubernetes, etcd, JobSet, Kueue and KWOK from their Go modules, unmodified.
The manifests of JobSet and Kueue are rendered from the same modules at the same time.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane.processes import Folder

MODULE = Path(__file__).parent / "module"
KUBERNETES = "v1.36.3"
TOOLS = ("sigs.k8s.io/jobset", "sigs.k8s.io/kueue/cmd/kueue", "sigs.k8s.io/kwok/cmd/kwok")
COLD = "about 5 minutes on two cores and 4 GB of Go's caches the first time, seconds after that"

_VERSION = "k8s.io/component-base/version"
_LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36 "
    f"-X {_VERSION}.gitTreeState=clean"
)


# In the child, before Go: an interrupt when the run dies, upon which `go build` clears up and ends.
_LAUNCHER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 2, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class NoGo(Exception):
    """Nothing is built yet and there is no Go toolchain that could build it: the tier is skipped."""


class BuildFailed(Exception):
    """There is a Go toolchain and it failed; the message ends with its last lines. The tier fails."""


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
    texts = [
        _LDFLAGS,
        *TOOLS,
        *_STAGES,
        inspect.getsource(_take_manifests),
        inspect.getsource(_drop_descriptions),
    ]
    parts += [text.encode() for text in (*texts, sys.platform)]
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
        with _locked(cache() / "controlplane.lock", announce):
            if not folder.is_dir():
                _build(folder, announce)
    return Build(folder)


@contextmanager
def _locked(path: Path, announce: Callable[[str], None]) -> Iterator[None]:
    """The lock goes with the process that holds it, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce("another run is building the control plane of the tests: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, announce: Callable[[str], None]) -> None:
    """What is under `folder` is whole: it gets its name last. A run that is killed leaves nothing."""
    go = _toolchain()
    announce(f"building Kubernetes {KUBERNETES}, JobSet, Kueue and KWOK into {folder}: {COLD}")
    for stale in folder.parent.glob("partial-*"):  # of a machine that went down
        shutil.rmtree(stale, ignore_errors=True)
    partial = Folder("partial-", folder.parent)
    work = partial.path / "work"
    work.mkdir()
    try:
        out = f"{partial.path}{os.sep}"
        _run(go, "build", "-ldflags", _LDFLAGS, "-o", out, ".", *TOOLS, GOTMPDIR=str(work))
        _take_manifests(go, partial.path)
        shutil.rmtree(work)
        partial.path.rename(folder)
    finally:
        partial.remove()


def needed() -> tuple[int, int]:
    """The oldest Go that builds the module, from its go.mod."""
    return _version((MODULE / "go.mod").read_text(), r"^go ")


def _toolchain() -> str:
    """The path of `go`. An older one will do where it fetches the newer one by itself. Raises NoGo."""
    go, wanted = shutil.which("go"), "{}.{} or later".format(*needed())
    if go is None:
        raise NoGo(f"no Go toolchain: `go` ({wanted}) is not in PATH")
    found = _version(_run(go, "version", GOTOOLCHAIN="local"), r"\bgo")
    if found < needed():
        try:
            fetched = _version(_run(go, "version"), r"\bgo")
        except BuildFailed:
            fetched = found
        if fetched < needed():
            raise NoGo("the Go toolchain is too old: {} is {}.{}, needed is {}".format(go, *found, wanted))
    return go


def _version(text: str, before: str) -> tuple[int, int]:
    match = re.search(before + r"(\d+)\.(\d+)", text, re.MULTILINE)
    if match is None:
        raise BuildFailed(f"no version of Go in {text[:200]!r}")
    return int(match[1]), int(match[2])


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


def _run(*words: str, **more: str) -> str:
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", **more}
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
    done = subprocess.run(
        [*launcher, *words], cwd=MODULE, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[-15:])
        raise BuildFailed(
            f"cannot build the control plane of the tests: `{' '.join(words[:2])}` ended with "
            f"{done.returncode} (a first build needs the network for its modules):\n{last}"
        )
    return done.stdout
