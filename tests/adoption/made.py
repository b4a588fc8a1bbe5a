"""What Google's xpk 1.16 was asked for when it made a cluster, for each kind that the tests take over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Shape:
    """One slice type, with the names that xpk and GKE have for it (xpk's system_characteristics.py)."""

    device_type: str
    machine: str
    accelerator: str
    topology: str
    vms: int
    chips_per_vm: int = 4

    @property
    def chips(self) -> int:
        return self.vms * self.chips_per_vm


V6E = Shape("v6e-16", "ct6e-standard-4t", "tpu-v6e-slice", "4x4", 4)
V5E = Shape("v5litepod-16", "ct5lp-hightpu-4t", "tpu-v5-lite-podslice", "4x4", 4)
V5P_HOST = Shape("v5p-8", "ct5p-hightpu-4t", "tpu-v5p-slice", "2x2x1", 1)


@dataclass(frozen=True)
class Made:
    """A cluster c1 of xpk's. `pools` are the numbers of its node pools, in the order of creation.

    `flavor` counts the slices in the flavor's name; `old_flavors` are left from before a resize.
    `half`: the run ended at a pool in ERROR, before ConfigMaps, JobSet, Kueue and the rest.
    """

    shape: Shape = V6E
    pools: tuple[int, ...] = (0, 1)
    gcsfuse: bool = False
    mtc: bool = False
    capacity: Literal["ON_DEMAND", "SPOT", "RESERVATION", "FLEX_START"] = "ON_DEMAND"
    reservation: str = ""
    half: bool = False
    workload: bool = True
    tensorboard: bool = False
    old_flavors: tuple[str, ...] = ()
    jobset: str = "v0.10.1"
    kueue: str = "v0.17.1"
    name: str = "c1"

    @property
    def workload_identity(self) -> bool:
        """xpk's --enable-mtc alone turns it on neither for the cluster nor for the pools."""
        return self.gcsfuse

    @property
    def flavor(self) -> str:
        return f"{len(self.pools)}x{self.shape.device_type}"


KINDS = {
    "plain": Made(tensorboard=True),
    "gcsfuse": Made(V5E, gcsfuse=True),
    "mtc": Made(mtc=True, gcsfuse=True),
    "spot": Made(capacity="SPOT"),
    "reservation": Made(capacity="RESERVATION", reservation="my-reservation"),
    "flex": Made(capacity="FLEX_START", workload=False),
    "single-host": Made(V5P_HOST),
    "half-made": Made(half=True, workload=False),
    "resized": Made(pools=(0, 1, 10), old_flavors=("12xv6e-16",)),
}
