"""Where a container's log is, and its last lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_BLOCK = 1 << 16


def log_path(folder: Path, namespace: str, pod: str, container: str) -> Path:
    """The file with all that a container wrote, over its restarts. Names of Kubernetes hold no slash."""
    return folder / f"{namespace}_{pod}_{container}.log"


def paths_of(folder: Path, pod: Json) -> dict[str, Path]:
    """The logs of a pod by container, in the pod's order."""
    meta = pod["metadata"]
    names = [str(one["name"]) for one in pod["spec"]["containers"]]
    return {name: log_path(folder, meta.get("namespace", "default"), meta["name"], name) for name in names}


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, raw but for what is no UTF-8; none where there is no log yet.

    Reads no more of the file than it needs.
    """
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            content = b""
            while end > 0 and content.count(b"\n") <= lines:
                start = max(0, end - _BLOCK)
                file.seek(start)
                content = file.read(end - start) + content
                end = start
    except FileNotFoundError:
        return []
    return content.decode("utf-8", "replace").splitlines()[-lines:]
