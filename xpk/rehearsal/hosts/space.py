"""The directories of one rehearsal: what stands for ramdisks, homes, buckets and volumes.

They are gone after it; those of a rehearsal that was killed are removed by the next one that starts
(`claim`). A ramdisk is a directory: its size is not enforced.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from xpk.rehearsal.hosts.claim import Claim, empty, remove
from xpk.rehearsal.record.events import Host

_MEMORY = Path("/dev/shm")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


class Space:
    """Made at once, removed by `close` or at the end of `with`.

    `root` and `ramdisk_root` hold one directory per rehearsal each; by default they are this user's
    below the temporary directory and /dev/shm. Where /dev/shm is missing or has not
    `ramdisk_bytes` (of all hosts together) free, ramdisks are below the root. Raises StateError, OSError.
    """

    def __init__(
        self, *, root: Path | None = None, ramdisk_root: Path | None = None, ramdisk_bytes: int = 0
    ) -> None:
        own = f"xpk-rehearsal-{os.geteuid()}"
        self._claims = [Claim(root if root is not None else Path(tempfile.gettempdir(), own))]
        self._root = self._claims[0].path
        self._ramdisks, self.ramdisk_in_memory = self._root / "ramdisks", False
        memory = ramdisk_root if ramdisk_root is not None else _MEMORY / own
        why = _no_room(memory, ramdisk_bytes)
        if not why:
            try:
                self._claims.append(Claim(memory))
            except OSError as error:
                why = f"{memory}: {error.strerror}"
            except BaseException:
                self.close()
                raise
            else:
                self._ramdisks = self._claims[1].path
                self.ramdisk_in_memory = memory.is_relative_to(_MEMORY)
        where = f"{self._ramdisks} (memory)" if self.ramdisk_in_memory else str(self._ramdisks)
        self.where_ramdisks = f"{where}, since {why}" if why else where
        self.logs.mkdir()

    def __enter__(self) -> Space:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything. A second time does nothing."""
        for claim in self._claims:
            claim.release()

    @property
    def logs(self) -> Path:
        """The directory of the containers' logs."""
        return self._root / "logs"

    def ramdisk(self, host: Host) -> Path:
        """What stands for the host's ramdisk."""
        return _made(self._ramdisks, _name(host))

    def wipe_ramdisk(self, host: Host) -> None:
        """Lose all that is in the host's ramdisk. Its containers have ended before."""
        empty(self.ramdisk(host))

    def home(self, host: Host) -> Path:
        """The host's home directory: what HOME is for its containers."""
        return _made(self._root, "homes", _name(host))

    def bucket(self, name: str) -> Path:
        """What stands for gs://`name`. Raises ValueError for what cannot be a bucket's name."""
        if not _BUCKET.fullmatch(name):
            raise ValueError(f"no name of a bucket: {name!r}")
        return _made(self._root, "buckets", name)

    def scratch(self, *names: str, memory: bool = False) -> Path:
        """A directory for something short-lived, such as `scratch(pod_uid, volume)`.

        `memory` puts it beside the ramdisks. Raises ValueError for names that are no file names.
        """
        return _made(self._scratch(memory), *_safe(names))

    def discard(self, *names: str) -> None:
        """Remove `scratch(*names)` of both kinds with all below it."""
        for memory in (False, True):
            remove(self._scratch(memory).joinpath(*_safe(names)))

    def _scratch(self, memory: bool) -> Path:
        return (self._ramdisks if memory else self._root) / "scratch"


def _name(host: Host) -> str:
    return f"slice-{host.slice_index}-host-{host.host_index}"


def _made(parent: Path, *names: str) -> Path:
    path = parent.joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _safe(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ValueError(f"no name of a directory: {name!r}")
    if not names:
        raise ValueError("a name is needed")
    return names


def _no_room(memory: Path, needed: int) -> str:
    """Why ramdisks cannot be below `memory`; "" when they can."""
    existing = memory
    with contextlib.suppress(OSError):
        while not existing.exists():
            existing = existing.parent
            if memory.is_relative_to(_MEMORY) and not existing.is_relative_to(_MEMORY):
                return f"there is no {_MEMORY} here"
        if not os.access(existing, os.W_OK | os.X_OK):
            return f"{existing} cannot be written"
        free = shutil.disk_usage(existing).free
        if free < needed:
            return f"{existing} has {free >> 20} MiB free and {needed >> 20} MiB are wanted"
        return ""
    return f"{memory} cannot be looked at"
