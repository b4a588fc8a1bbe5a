"""What a person asked for with `workload create`: one frozen, checked value.

Everything that can be judged from the request alone is judged here, all faults together. Not
here: the JobSet (`render/workload.py`), and whether the cluster has such slices, a queue or the
checkpointing driver (`plan/`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from xpk.catalog.slices import SliceType
from xpk.errors import Fault, FaultCollector, UsageError
from xpk.frozen import dataclass
from xpk.spec.capacity import Capacity
from xpk.spec.command import Finding, Surroundings, command_findings
from xpk.spec.environment import EnvVar, text_problem
from xpk.spec.mounts import BucketMount, overlap_faults
from xpk.spec.names import check_workload_name
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy

PRIORITIES: Final = ("very-low", "low", "medium", "high", "very-high")
"""xpk's priority classes, lowest first."""

DEFAULT_TTL_SECONDS: Final = 12 * 60 * 60
"""How long a finished workload stays, as in xpk."""

GRACE_SECONDS: Final = 30
"""Time between SIGTERM and SIGKILL, as in xpk and Kubernetes."""

MTC_GRACE_SECONDS: Final = 60
"""The same with multi-tier checkpointing: time for a save that SIGTERM starts. Not more, because
trainers that wait for a lost peer use all of it, and every restart waits for them."""

_SUBDOMAIN: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSpec:
    """One multislice TPU workload. Raises `UsageError` with every fault when it is built.

    `command` is the user's text, unchanged. `env` holds the user's variables, which win over
    those of xpk. `ramdisk` is None without multi-tier checkpointing. `capacity` is None unless the
    user named one: then any slice of the type will do. Times are in seconds.
    """

    name: str
    cluster: str
    slice_type: SliceType
    num_slices: int
    image: str
    command: str
    restarts: RestartPolicy
    namespace: str = "default"
    container: str = "jax-tpu"
    env: tuple[EnvVar, ...] = ()
    priority: str = "medium"
    scheduler: str = "default-scheduler"
    service_account: str | None = None
    pull_secret: str | None = None
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    grace_seconds: int = GRACE_SECONDS
    ramdisk: Ramdisk | None = None
    mounts: tuple[BucketMount, ...] = ()
    privileged: bool = False
    capacity: Capacity | None = None
    debug_logs: bool = False
    command_checks: bool = True

    def __post_init__(self) -> None:
        if self.restarts.mtc != (self.ramdisk is not None):
            raise ValueError("the restart policy and the ramdisk disagree about multi-tier checkpointing")
        faults = FaultCollector()
        with faults.gather():
            check_workload_name(self.name, self.num_slices, self.slice_type.hosts)
        faults.extend(tuple(_name_faults(self)))
        faults.extend(tuple(_container_faults(self)))
        faults.extend(tuple(_number_faults(self)))
        faults.extend(tuple(_slice_faults(self)))
        faults.extend(overlap_faults(self.mounts, self.ramdisk.mount_path if self.ramdisk else None))
        faults.extend([finding.fault for finding in _findings(self) if finding.fatal])
        faults.raise_if_any()

    @property
    def hosts(self) -> int:
        """Hosts over all slices: one pod and one process each."""
        return self.num_slices * self.slice_type.hosts


def grace_seconds(given: int | None, *, mtc: bool) -> int:
    """The grace period: what the user gave, else `GRACE_SECONDS` or `MTC_GRACE_SECONDS`."""
    return given if given is not None else MTC_GRACE_SECONDS if mtc else GRACE_SECONDS


def parse_seconds(text: str, flag: str) -> int:
    """Read a number of seconds, 0 and up. Raises `UsageError`."""
    if re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) is None or int(text) > _INT32:
        why = f"it counts seconds, from 0 to {_INT32}"
        raise UsageError(Fault(f"{flag} {text or repr('')}", why, f"write {flag} 600"))
    return int(text)


def warnings(spec: WorkloadSpec) -> tuple[str, ...]:
    """What is legal and probably not meant, one sentence each."""
    found = []
    if spec.ramdisk is not None and not spec.slice_type.multi_host:
        found.append(
            f"{spec.slice_type.name} is a single host: Google's multislice page calls such slices "
            "unsupported, though Google tests multi-tier checkpointing on two v5p-8"
        )
    if spec.ramdisk is not None and spec.restarts.max_restarts == 0:
        found.append("--max-restarts 0: nothing restarts, so no checkpoint is ever restored from a ramdisk")
    elif spec.restarts.max_restarts == 0 and spec.restarts.codes is not None:
        found.append("--restart-on-exit-codes has no effect with --max-restarts 0: add --max-restarts")
    buckets = [mount.bucket for mount in spec.mounts]
    for bucket in sorted({bucket for bucket in buckets if buckets.count(bucket) > 1}):
        found.append(
            f"gs://{bucket} is mounted twice: GKE before 1.33.0-gke.1932000 cannot do that in one pod"
        )
    for name in (variable.name for variable in spec.env if variable.name in _SET_BY_GKE):
        found.append(f"--env {name}=... hides what GKE sets for each host; a wrong value stops the trainer")
    unwise = (finding.fault for finding in _findings(spec) if not finding.fatal)
    return (*found, *(f"{fault.what}: {fault.why}; {fault.fix}" for fault in unwise))


_SET_BY_GKE: Final = (
    "TPU_WORKER_ID",
    "TPU_WORKER_HOSTNAMES",
    "MEGASCALE_SLICE_ID",
    "MEGASCALE_COORDINATOR_ADDRESS",
)


def _name_faults(spec: WorkloadSpec) -> Iterator[Fault]:
    label = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
    checks = (
        ("--namespace", spec.namespace, label, "default"),
        ("--docker-name", spec.container, label, "jax-tpu"),
        ("--scheduler", spec.scheduler, rf"(?:{_SUBDOMAIN}/)?{_SUBDOMAIN}", "default-scheduler"),
        ("--service-account", spec.service_account, _SUBDOMAIN, "trainer"),
        ("--docker-image-pull-secret", spec.pull_secret, _SUBDOMAIN, "registry-key"),
    )
    for flag, value, pattern, example in checks:
        if value is not None and (re.fullmatch(pattern, value, re.ASCII) is None or len(value) > 253):
            why = "Kubernetes takes a-z, 0-9 and -, a letter or digit at both ends"
            yield Fault(f"{flag} {value or repr('')}", why, f"write {flag} {example}")


def _container_faults(spec: WorkloadSpec) -> Iterator[Fault]:
    if (
        re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*", spec.image, re.ASCII) is None
        or len(spec.image) > 1024
    ):
        why = "not a reference to an image"
        fix = "write --docker-image REGISTRY/PROJECT/NAME:TAG"
        yield Fault(f"--docker-image {spec.image or repr('')}", why, fix)
    if not spec.command.strip():
        yield Fault(
            f"--command {spec.command!r}", "there is nothing to run", 'write --command "python3 train.py"'
        )
    elif (problem := text_problem(spec.command)) is not None:
        yield Fault("--command", problem, "put it into a script of the image, and call that")
    if spec.priority not in PRIORITIES:
        why = f"the priorities are {', '.join(PRIORITIES)}"
        yield Fault(f"--priority {spec.priority or repr('')}", why, "write --priority medium")


def _number_faults(spec: WorkloadSpec) -> Iterator[Fault]:
    numbers = (
        ("--max-restarts", spec.restarts.max_restarts),
        ("--ttl-seconds-after-finished", spec.ttl_seconds),
        ("--termination-grace-period-seconds", spec.grace_seconds),
    )
    for flag, value in numbers:
        if not 0 <= value <= _INT32:
            yield Fault(
                f"{flag} {value}",
                f"Kubernetes takes 0 to {_INT32}",
                f"write {flag} {max(0, min(value, 600))}",
            )


def _slice_faults(spec: WorkloadSpec) -> Iterator[Fault]:
    what = f"--num-slices {spec.num_slices}"
    if spec.num_slices < 1:
        yield Fault(what, "a workload runs on one slice or more", "write --num-slices 2")
    elif spec.hosts > _INT32:
        yield Fault(what, "JobSet counts at most 2147483647 pods", "write fewer slices")
    elif spec.ramdisk is not None and spec.num_slices < 2:
        why = "recovery copies a lost slice's checkpoint from the ramdisks of another slice"
        yield Fault(f"--mtc-enabled with {what}", why, "write --num-slices 2 or more, or drop --mtc-enabled")


def _findings(spec: WorkloadSpec) -> tuple[Finding, ...]:
    if not spec.command_checks:
        return ()
    path = spec.ramdisk.mount_path if spec.ramdisk else None
    # With the ramdisk the number of slices is a fault of its own already.
    slices = max(spec.num_slices, 2) if spec.ramdisk else spec.num_slices
    env = tuple((variable.name, variable.value) for variable in spec.env)
    return command_findings(spec.command, Surroundings(path, slices, env))
