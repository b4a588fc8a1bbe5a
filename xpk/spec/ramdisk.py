"""The ramdisk of multi-tier checkpointing, as one workload mounts it."""

from __future__ import annotations

import posixpath

from xpk.errors import Fault, UsageError
from xpk.frozen import dataclass
from xpk.spec.container_path import check_container_path, tidy


@dataclass(frozen=True, slots=True)
class Ramdisk:
    """Where the container sees the host's ramdisk: MaxText's `local_checkpoint_directory`."""

    mount_path: str


def parse_ramdisk_directory(text: str, flag: str = "--ramdisk-directory") -> Ramdisk:
    """Read `ramdisk`, `/ramdisk` or `/mnt/ramdisk`; a path without a leading / is taken from /.

    `/ramdisk/` and `//ramdisk` are `/ramdisk`: the guide itself puts a / before the directory.
    Raises `UsageError` for what cannot be mounted at exactly that path.
    """
    what = f"{flag} {text or repr('')}"
    if not text.strip():
        raise UsageError(Fault(what, "the ramdisk needs a path in the container", f"write {flag} /ramdisk"))
    path = tidy(f"/{text}")
    check_container_path(path, what, f"{flag} {_nearest(path)}")
    return Ramdisk(path)


def ramdisk_from_flags(mtc_enabled: bool, directory: str | None) -> Ramdisk | None:
    """What `--mtc-enabled` and `--ramdisk-directory` ask for together: both or neither.

    xpk took the directory alone for an older driver of Google's, `phase1-checkpoint`, which
    neither its published source nor its documentation has any more. Raises `UsageError`.
    """
    if directory is None:
        if not mtc_enabled:
            return None
        why = "the ramdisk needs a path in the container, where the trainer saves"
        raise UsageError(
            Fault("--mtc-enabled without --ramdisk-directory", why, "add --ramdisk-directory /ramdisk")
        )
    ramdisk = parse_ramdisk_directory(directory)
    if not mtc_enabled:
        why = "the ramdisk comes from GKE's multi-tier checkpointing driver, emergency checkpoints too"
        raise UsageError(
            Fault(f"--ramdisk-directory {directory} without --mtc-enabled", why, "add --mtc-enabled")
        )
    return ramdisk


def _nearest(path: str) -> str:
    """The simplest form of `path` where that can be mounted, else the name that the docs use."""
    simple = "/" + posixpath.normpath(path).lstrip("/")
    try:
        check_container_path(simple, "", "")
    except UsageError:
        return "/ramdisk"
    return simple
