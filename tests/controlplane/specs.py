"""What is asked of xpk in the tests of its manifests: clusters, workloads and what varies in them."""

from __future__ import annotations

from typing import Any

from xpk.catalog.slices import SliceType, resolve
from xpk.spec.capacity import Capacity, FlexStart, OnDemand, Reservation, Spot
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mtc import MtcFlags, check_mtc
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import parse_exit_codes, restart_policy
from xpk.spec.workload import WorkloadSpec

TYPES = ("v4-16", "v5litepod-16", "v5p-32", "v6e-16", "v6e-256")
CAPACITIES: dict[str, Capacity] = {
    "on-demand": OnDemand(),
    "spot": Spot(),
    "flex-start": FlexStart(),
    "reservation": Reservation("r1"),
    "reservation-block": Reservation("r1", project="p2", block="b1", sub_block="s1"),
}
STORAGE = {
    "none": (False, ()),
    "ramdisk": (True, ()),
    "mounts": (False, ("gs://data1/books=/data:ro", "gs://out1=/out")),
    "ramdisk-and-mounts": (True, ("gs://data1/books=/data:ro", "gs://out1=/out")),
}
COMMANDS = {
    "quotes": """python3 -c 'print("a'"'"'b")' && echo "$HOME" `date`""",
    "references": "echo $(HOME) $$(HOME) $$ ${HOME} $(",
    "lines": "set -e\n\techo one\n\n# not a comment: yes\necho 'two: three'\n",
    "yaml": "- a: {b: [c]}\n--- \n...\n&anchor *alias !tag | > % @ `",
    "template": "echo {{ view }} {% raw %} {# comment #}",
    "unicode": "echo \u00fc \u4e2d \ufeff \u2028 \u0085 \u007f \u001b[0m",
    "emoji": "echo \U0001f600 \U0010ffff",
    "long": "echo " + "x" * 100_000,
    "null": "null",
    "number": "0x10",
}
ENVS = {
    "words": ("A=yes", "B=no", "C=null", "D=1e3", "E=0o17", "F=", "G=~"),
    "text": ("A=$(B)", "B=$$", "C=a=b", "D='\"", "E=line\nline", "F= spaces ", "G=\ttab"),
    "names": ("a.b-c=1", "_=2", "-x=3", "lower=4"),
    "own": ("JOBSET_NAME=mine", "JOB_INDEX=7", "PROCESSES_IN_JOB=1"),
    "unicode": ("A=\u00fc\u4e2d", "B=\u0001\u007f\u2028\u0085"),
    "emoji": ("A=\U0001f600",),
}
RESTARTS = {
    "never": (0, None, False),
    "some": (3, None, False),
    "codes": (3, "1,3-5", False),
    "all-codes": (3, "1-255", False),
    "mtc-never": (0, None, True),
    "mtc-codes": (5, "1,3-5", True),
    "mtc-most": (2**31 - 1, "1-254", True),
}
OPTIONS: dict[str, Any] = {
    "namespace": "default",
    "priority": "very-high",
    "scheduler": "my-scheduler",
    "service_account": "trainer",
    "pull_secret": "key",
    "container": "trainer",
    "privileged": True,
    "debug_logs": True,
    "grace_seconds": 0,
    "ttl_seconds": 0,
}


def workload(slice_type: str = "v5p-32", **changes: Any) -> WorkloadSpec:
    """Two slices of a plain workload."""
    values: dict[str, Any] = {
        "name": "w1",
        "cluster": "c1",
        "slice_type": resolve(slice_type),
        "num_slices": 2,
        "image": "gcr.io/p1/i:1",
        "command": "python3 train.py",
        "restarts": restart_policy(None, None, mtc="ramdisk" in changes),
        "command_checks": False,
    }
    return WorkloadSpec(**(values | changes))


def restarts(name: str) -> dict[str, Any]:
    """The changes of a workload that `RESTARTS` names."""
    budget, codes, mtc = RESTARTS[name]
    policy = restart_policy(budget, parse_exit_codes(codes) if codes else None, mtc=mtc)
    return {"restarts": policy, **({"ramdisk": Ramdisk("/ramdisk")} if mtc else {})}


def cluster(slice_type: SliceType, capacity: Capacity, *, mtc: bool = True, **changes: Any) -> ClusterSpec:
    """Two slices, with a ramdisk unless said otherwise."""
    flags = MtcFlags(enabled=True, ramdisk_size="20Gi", bucket="gs://b1")
    values: dict[str, Any] = {
        "name": "c1",
        "place": parse_place("p1", "us-east5-b"),
        "slice_type": slice_type,
        "num_slices": 2,
        "capacity": capacity,
        "mtc": check_mtc(flags, slice_type) if mtc else None,
    }
    return ClusterSpec(**(values | changes))
