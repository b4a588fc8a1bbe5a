"""Gives CPU devices the slice that a TPU's would have, for trainers that were written for TPUs.

Python runs this file by itself in a pod whose PYTHONPATH names its folder: only there, and only where the
agent says how many hosts a slice has. jaxlib puts every CPU device into slice 0; MaxText builds its mesh from
slices, so a rehearsal would have one. Nothing else is changed. It is no part of `xpk`, and imports
nothing of it: the pod's Python may be another one.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

HOSTS = "XPK_REHEARSAL_HOSTS_PER_SLICE"
_MODULE = "jaxlib._jax"


class _Loader(importlib.abc.Loader):
    """Loads the module as it would be loaded, then sets the property."""

    def __init__(self, loader: importlib.abc.Loader, hosts: int) -> None:
        self._loader = loader
        self._hosts = hosts

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        hosts = self._hosts
        device: Any = module.__dict__["Device"]
        device.slice_index = property(lambda self: self.process_index // hosts)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, hosts: int) -> None:
        self._hosts = hosts

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._hosts)
        return spec


def _others() -> None:
    """The environment's own sitecustomize, which this one hides."""
    own = os.path.dirname(os.path.abspath(__file__))
    rest = [place for place in sys.path if os.path.abspath(place or ".") != own]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if os.environ.get(HOSTS, "").isdecimal():
    sys.meta_path.insert(0, _Finder(int(os.environ[HOSTS])))
    _others()
