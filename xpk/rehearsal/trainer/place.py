"""Which process of the job this one is, from what GKE gives a pod. Pure; imports no JAX.

With a ramdisk the driver's `jax-init-info.txt` ("rank", then "address:port" of rank 0) decides, as in
MaxText's emergency and Orbax's multi-tier start; without one the variables that GKE injects do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xpk.errors import Fault, StateError

INIT_INFO = "jax-init-info.txt"
PORT = 8476
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """`rank` of slices x hosts processes; rank 0 listens at `coordinator` ("" for one process)."""

    rank: int
    slices: int
    hosts: int
    coordinator: str

    @property
    def processes(self) -> int:
        return self.slices * self.hosts

    @property
    def slice_index(self) -> int:
        return self.rank // self.hosts

    @property
    def host_index(self) -> int:
        return self.rank % self.hosts


def shape(environ: Mapping[str, str]) -> tuple[int, int]:
    """(slices, hosts of a slice). Raises StateError for variables that cannot be."""
    names = [name for name in environ.get("TPU_WORKER_HOSTNAMES", "localhost").split(",") if name.strip()]
    return _number(environ, "MEGASCALE_NUM_SLICES", "1", least=1), max(1, len(names))


def from_init_info(text: str, environ: Mapping[str, str]) -> Place:
    """The place that the driver gave. Raises StateError when the file does not fit the job."""
    slices, hosts = shape(environ)
    lines = text.split("\n")
    rank = int(lines[0]) if lines[0].isdecimal() else -1
    if len(lines) < 2 or not 0 <= rank < slices * hosts or ":" not in lines[1]:
        raise StateError(
            Fault(
                f"{INIT_INFO}: {text!r}",
                f"it needs a rank below {slices * hosts} and an address:port, a line each",
                "the checkpointing driver writes it",
            )
        )
    return Place(rank, slices, hosts, lines[1].strip())


def from_environment(environ: Mapping[str, str]) -> Place:
    """The place of a job without ramdisk; `JAX_COORDINATOR_ADDRESS` goes first, as in JAX itself.

    Raises StateError for variables that cannot be.
    """
    slices, hosts = shape(environ)
    slice_index = _number(environ, "MEGASCALE_SLICE_ID", "0", below=slices)
    host = _number(environ, "TPU_WORKER_ID", "0", below=hosts)
    rank = slice_index * hosts + host
    if slices * hosts == 1:
        return Place(0, 1, 1, "")
    names = environ.get("TPU_WORKER_HOSTNAMES", "").split(",")
    given = environ.get("JAX_COORDINATOR_ADDRESS") or environ.get("MEGASCALE_COORDINATOR_ADDRESS")
    address = given or names[0].strip()
    return Place(rank, slices, hosts, address if ":" in address else f"{address}:{PORT}")


def bind_address(coordinator: str) -> str:
    """Where rank 0 listens: at the coordinator's own address only (JAX's default is everywhere)."""
    return coordinator.replace("localhost:", "127.0.0.1:", 1)


def wait_for_init_info(
    directory: str,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """The text of `jax-init-info.txt` as soon as it has both lines.

    Raises StateError when it is not there after `seconds`: the driver writes it when all pods of the
    JobSet are there.
    """
    path = Path(directory, INIT_INFO)
    end = clock() + seconds
    while True:
        text = path.read_text() if path.is_file() else ""
        if "\n" in text.strip():
            return text
        if clock() >= end:
            raise StateError(
                Fault(
                    f"local_checkpoint_directory={directory}",
                    f"no {INIT_INFO} after {seconds:g} s",
                    "is the ramdisk mounted there, and are all pods of the JobSet running?",
                )
            )
        sleep(_LOOK_SECONDS)


def _number(
    environ: Mapping[str, str], name: str, default: str, *, least: int = 0, below: int | None = None
) -> int:
    text = environ.get(name) or default
    if not text.isdecimal() or int(text) < least or (below is not None and int(text) >= below):
        limit = f"from {least}" if below is None else f"from {least} to {below - 1}"
        raise StateError(
            Fault(f"{name}={text}", f"it must be a number {limit}", "GKE sets it in pods of a TPU slice")
        )
    return int(text)
