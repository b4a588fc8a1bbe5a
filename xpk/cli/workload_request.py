"""From the words of `workload create` to a `WorkloadSpec`, with every fault of the request at once.

As in `cluster_request.py`, a harmless stand-in takes the place of a part that is at fault.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xpk.catalog.slices import resolve
from xpk.cli.cluster_request import capacity_of, gathered, project_number, slice_type_of
from xpk.cli.where import place
from xpk.cli.words import Words
from xpk.spec.capacity import Capacity, OnDemand
from xpk.spec.cluster import Place
from xpk.spec.environment import EnvVar, check_sources, parse_env, parse_env_file
from xpk.spec.mounts import BucketMount, parse_mount
from xpk.spec.names import check_cluster_name
from xpk.spec.ramdisk import Ramdisk, ramdisk_from_flags
from xpk.spec.restarts import RestartPolicy, parse_exit_codes, parse_max_restarts, restart_policy
from xpk.spec.workload import DEFAULT_TTL_SECONDS, WorkloadSpec, grace_seconds, parse_seconds

GRACE = "-tgps"
_GRACE_NAME = "--termination-grace-period-seconds"
_TTL = "--ttl-seconds-after-finished"
_BUILDING = ("--base-docker-image", "--script-dir")
_STAND_IN = Ramdisk("/ramdisk")


@dataclass(frozen=True, slots=True)
class WorkloadRequest:
    """A workload and the place of its cluster. `project_number` is None unless it was named."""

    spec: WorkloadSpec
    place: Place
    project_number: str | None


def workload_request(words: Words) -> WorkloadRequest:
    """The request. Raises UsageError with all faults, those of the words included."""
    name = words.required("write --workload NAME", "--workload")
    cluster = cluster_name(words)
    where, _ = place(words)
    slice_type = slice_type_of(words)
    command = words.required("write --command 'python3 train.py ...'", "--command")
    image = _image(words)
    mtc = words.on("--mtc-enabled")
    ramdisk = gathered(
        words, lambda: ramdisk_from_flags(mtc, words.text("--ramdisk-directory")), _STAND_IN if mtc else None
    )
    ramdisk_known = ramdisk is not _STAND_IN and (mtc or words.text("--ramdisk-directory") is None)
    restarts = _restarts(words, mtc=ramdisk is not None)
    spec = gathered(
        words,
        lambda: WorkloadSpec(
            name=name or "w1",
            cluster=cluster or "c1",
            slice_type=slice_type or resolve("v6e-16"),
            num_slices=_num_slices(words, mtc),
            image=image or "image",
            command=command or "true",
            restarts=restarts,
            namespace=_or_default(words, "--namespace", "default"),
            container=_or_default(words, "--docker-name", "jax-tpu"),
            env=_env(words),
            priority=_or_default(words, "--priority", "medium"),
            scheduler=_or_default(words, "--scheduler", "default-scheduler"),
            service_account=words.text("--service-account"),
            pull_secret=words.text("--docker-image-pull-secret"),
            ttl_seconds=_seconds(words, _TTL, _TTL, DEFAULT_TTL_SECONDS),
            grace_seconds=_seconds(words, GRACE, _GRACE_NAME, grace_seconds(None, mtc=mtc)),
            ramdisk=ramdisk,
            mounts=_mounts(words),
            privileged=words.on("--privileged"),
            capacity=_capacity(words),
            debug_logs=words.on("--enable-debug-logs"),
            command_checks=ramdisk_known and not words.on("--no-command-checks"),
        ),
        None,
    )
    number = project_number(words)
    words.faults.raise_if_any()
    assert spec is not None
    return WorkloadRequest(spec, where, number)


def cluster_name(words: Words) -> str | None:
    """The name of an existing cluster, None where it is missing or at fault."""
    name = words.required("write --cluster NAME (xpk cluster list shows them)", "--cluster")
    if name is not None:
        with words.faults.gather():
            check_cluster_name(name, 0)
            return name
    return None


def _image(words: Words) -> str | None:
    if words.text("--docker-image") is None and any(flag in words.typed for flag in _BUILDING):
        return None  # their refusal says already what to write
    return words.required("write --docker-image REGISTRY/PROJECT/NAME:TAG", "--docker-image")


def _num_slices(words: Words, mtc: bool) -> int:
    number = words.number("--num-slices", 2 if mtc and words.given("--num-slices") else 1)
    return 1 if number is None else number


def _or_default(words: Words, flag: str, default: str) -> str:
    value = words.text(flag)
    return default if value is None else value.strip()


def _restarts(words: Words, *, mtc: bool) -> RestartPolicy:
    maximum, codes = words.text("--max-restarts"), words.text("--restart-on-exit-codes")
    number = None if maximum is None else gathered(words, lambda: parse_max_restarts(maximum.strip()), None)
    parsed = None if codes is None else gathered(words, lambda: parse_exit_codes(codes), None)
    return restart_policy(number, parsed, mtc=mtc)


def _seconds(words: Words, flag: str, name: str, default: int) -> int:
    text = words.text(flag)
    return default if text is None else gathered(words, lambda: parse_seconds(text.strip(), name), default)


def _capacity(words: Words) -> Capacity | None:
    capacity, given = gathered(words, lambda: capacity_of(words), (OnDemand(), False))
    return capacity if given else None


def _mounts(words: Words) -> tuple[BucketMount, ...]:
    found = [gathered(words, partial(parse_mount, text), None) for text in words.many("--mount")]
    return tuple(mount for mount in found if mount is not None)


def _env(words: Words) -> tuple[EnvVar, ...]:
    items, file = words.many("--env"), words.text("--env-file")
    with words.faults.gather():
        check_sources(items, file)
    variables = gathered(words, lambda: parse_env(items), ())
    if file is None:
        return variables
    text = _read(words, file)
    return gathered(words, lambda: parse_env_file(text, file, os.environ), ()) if text is not None else ()


def _read(words: Words, path: str) -> str | None:
    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        why = f"cannot be read: {(error.strerror or 'no such file').lower()}"
        words.faults.add(f"--env-file {path or repr('')}", why, "name a file with a K=V on each line")
    except ValueError:
        words.faults.add(f"--env-file {path}", "not UTF-8 text", "name a file with a K=V on each line")
    return None
