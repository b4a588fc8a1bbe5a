"""Absolute paths in the container where something may be mounted."""

from __future__ import annotations

import re

from xpk.errors import Fault, UsageError

# A volume on or under these hides what the image, the container runtime or xpk itself puts there.
_TAKEN = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/run",
)
_TAKEN_WHOLE = ("/home", "/opt", "/root", "/var")


def tidy(path: str) -> str:
    """The path with doubled and trailing slashes gone: `//local/` is `/local` to the kernel."""
    return re.sub(r"/+", "/", path).rstrip("/") or path[:1]


def check_container_path(path: str, what: str, example: str) -> None:
    """Raise `UsageError` unless a volume can be mounted at exactly `path`.

    `what` is the flag and value as typed; `example` is a whole flag that works. Refused are
    paths that are not absolute and in their simplest form, and those that hide system folders.
    """
    why = _problem(path)
    if why is not None:
        raise UsageError(Fault(what, why, f"write {example}"))


def _problem(path: str) -> str | None:
    if not path.startswith("/"):
        return "a path in the container starts with /"
    segments = path[1:].split("/")
    if path.strip("/") == "":
        return "that is the container's root, where the image itself is"
    if ".." in segments or "." in segments:
        return "a mount path cannot hold . or .. steps"
    if "" in segments:
        return "a mount path has no doubled and no trailing /"
    if re.fullmatch(r"[A-Za-z0-9._@+=/-]+", path, re.ASCII) is None:
        return "a mount path here has only letters, digits and . _ - + = @"
    if path == "/dev/shm" or path.startswith("/dev/shm/"):
        return "/dev/shm is the container's shared memory already"
    for taken in _TAKEN:
        if within(path, taken):
            return f"it would hide {taken}, which the container needs"
    if path in _TAKEN_WHOLE:
        return f"it would hide all of {path}, which the container needs"
    return None


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return path == folder or path.startswith(f"{folder}/")
