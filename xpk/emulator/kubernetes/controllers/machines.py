"""What a GKE machine type brings to Kubernetes: cores, memory, TPU chips and labels.

From the tables of https://cloud.google.com/tpu/docs and https://cloud.google.com/compute/docs/general-purpose-machines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TPU = {
    "ct4p-hightpu-4t": ("tpu-v4-podslice", 4, 240, 407, "2x2x1"),
    "ct5lp-hightpu-1t": ("tpu-v5-lite-podslice", 1, 24, 48, "1x1"),
    "ct5lp-hightpu-4t": ("tpu-v5-lite-podslice", 4, 112, 192, "2x2"),
    "ct5lp-hightpu-8t": ("tpu-v5-lite-podslice", 8, 224, 384, "2x4"),
    "ct5l-hightpu-1t": ("tpu-v5-lite-device", 1, 24, 48, "1x1"),
    "ct5l-hightpu-4t": ("tpu-v5-lite-device", 4, 112, 192, "2x2"),
    "ct5l-hightpu-8t": ("tpu-v5-lite-device", 8, 224, 384, "2x4"),
    "ct5p-hightpu-1t": ("tpu-v5p-slice", 1, 52, 112, "1x1x1"),
    "ct5p-hightpu-2t": ("tpu-v5p-slice", 2, 104, 224, "1x2x1"),
    "ct5p-hightpu-4t": ("tpu-v5p-slice", 4, 208, 448, "2x2x1"),
    "ct6e-standard-1t": ("tpu-v6e-slice", 1, 44, 176, "1x1"),
    "ct6e-standard-4t": ("tpu-v6e-slice", 4, 180, 720, "2x2"),
    "ct6e-standard-8t": ("tpu-v6e-slice", 8, 180, 1440, "2x4"),
    "tpu7x-standard-1t": ("tpu7x", 1, 56, 240, "1x1x1"),
    "tpu7x-standard-4t": ("tpu7x", 4, 224, 960, "2x2x1"),
}
_SHARED = {
    "e2-micro": (2, 1),
    "e2-small": (2, 2),
    "e2-medium": (2, 4),
    "g1-small": (1, 2),
    "f1-micro": (1, 1),
}
_GB_PER_CORE = {"standard": 4, "highmem": 8, "highcpu": 1, "megamem": 14, "ultramem": 24}


@dataclass(frozen=True, slots=True)
class Machine:
    """``memory`` in decimal GB; ``accelerator`` is empty and ``chips`` 0 for a machine without TPU."""

    cores: int
    memory: int
    accelerator: str = ""
    chips: int = 0
    topology: str = ""

    @property
    def allocatable_millicores(self) -> int:
        """Cores left for pods after GKE's reservation, in thousandths."""
        reserved = 60 + 10 * min(self.cores - 1, 1) + 5 * min(max(self.cores - 2, 0), 2)
        return self.cores * 1000 - reserved - int(2.5 * max(self.cores - 4, 0))

    @property
    def allocatable_kib(self) -> int:
        """Memory left for pods after GKE's reservation, in KiB."""
        left, reserved = float(self.memory), 0.0
        for size, share in ((4, 0.25), (4, 0.2), (8, 0.1), (112, 0.06), (1e9, 0.02)):
            part = min(left, size)
            reserved += part * share
            left -= part
        return int((self.memory - reserved) * 1_000_000_000 / 1024) - 100 * 1024


def machine(name: str) -> Machine:
    """The machine of a type; one that is not known is taken for a small one."""
    if name in _TPU:
        accelerator, chips, cores, memory, topology = _TPU[name]
        return Machine(cores, memory, accelerator, chips, topology)
    if name in _SHARED:
        return Machine(*_SHARED[name])
    match = re.fullmatch(r"\w+-(?:custom-)?(\w+?)-?(\d+)?(?:-(\d+))?(?:-\w+)?", name)
    if match and match.group(2):
        cores = int(match.group(2))
        return Machine(cores, cores * _GB_PER_CORE.get(match.group(1), 4))
    return Machine(2, 8)
