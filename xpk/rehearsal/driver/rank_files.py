"""The two files of a ramdisk that carry ranks: `rank-data` and `jax-init-info.txt`.

Their content is the published driver's (`pkg/idfile/ranks_client.go`): what a host remembers, and
what a trainer reads at its start. Who gets which rank is not decided here. Every function may raise OSError.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Final

RANK_DATA: Final = "rank-data"
JAX_INIT_INFO: Final = "jax-init-info.txt"


def remembered_rank(ramdisk: Path, jobset: str, shape: str) -> int | None:
    """The rank that this ramdisk holds for exactly this JobSet (`namespace/name`) and shape (`2x4`)."""
    try:
        data = json.loads((ramdisk / RANK_DATA).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(data, dict) or data.get("Jobset") != jobset or data.get("JobsetShape") != shape:
        return None
    rank = data.get("Rank")
    return rank if isinstance(rank, int) and not isinstance(rank, bool) and rank >= 0 else None


def remember_rank(ramdisk: Path, jobset: str, shape: str, rank: int, node: str, pod_uid: str) -> None:
    """Write down a host's rank, so that it outlives the pod and dies with the ramdisk."""
    data = {"Node": node, "PodUID": pod_uid, "Jobset": jobset, "JobsetShape": shape, "Rank": rank}
    _replace(ramdisk / RANK_DATA, json.dumps(data))


def remove_init_info(ramdisk: Path) -> None:
    """Take the last attempt's file away, so that no trainer starts with it."""
    with contextlib.suppress(FileNotFoundError):
        (ramdisk / JAX_INIT_INFO).unlink()


def write_init_info(ramdisk: Path, rank: int, address: str) -> None:
    """Tell the trainer its rank and the coordinator's `ip:port`; it appears whole or not at all."""
    _replace(ramdisk / JAX_INIT_INFO, f"{rank}\n{address}\n")


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".tmp.{path.name}")
    temporary.write_text(text)
    os.replace(temporary, path)
