"""From the words of `cluster create` and `cluster adapt` to a `ClusterSpec`, with every fault at once.

Where a part is at fault a harmless stand-in takes its place, so that the checks of the other
parts still run; the spec is returned only when there was no fault at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, TypeVar, cast

from xpk.catalog.slices import SliceType, resolve
from xpk.catalog.versions import GkeVersion
from xpk.cli.where import place
from xpk.cli.words import Words
from xpk.errors import UsageError
from xpk.spec.api_field import NO_ARGUMENTS, GcloudArguments
from xpk.spec.capacity import Capacity, OnDemand, capacity_from_flags
from xpk.spec.cluster import Addon, ClusterSpec, Controllers
from xpk.spec.mtc import Mtc, MtcFlags, check_mtc
from xpk.spec.private import PrivateAccess, private_access
from xpk.spec.quantity import parse_quantity

TYPE = ("--tpu-type", "--device-type")
_MACHINE = ("--default-pool-cpu-machine-type", "--cluster-cpu-machine-type")
_ADDONS = {
    "--enable-gcsfuse-csi-driver": Addon.GCS_FUSE,
    "--enable-gcpfilestore-csi-driver": Addon.FILESTORE,
    "--enable-parallelstore-csi-driver": Addon.PARALLELSTORE,
    "--enable-pd-csi-driver": Addon.PERSISTENT_DISK,
    "--enable-lustre-csi-driver": Addon.LUSTRE,
}
T = TypeVar("T")
U = TypeVar("U")


def cluster_spec(words: Words, *, adapt: bool = False) -> ClusterSpec:
    """The spec. Raises UsageError with all faults, those of the words included.

    `adapt`: for a cluster that is there, whose slices are counted unless their number was given.
    """
    name = words.required("write --cluster NAME", "--cluster")
    slice_type = slice_type_of(words)
    where, known = place(words, zone_needed=not adapt)
    capacity, capacity_given = gathered(words, lambda: capacity_of(words), (OnDemand(), False))
    cluster_arguments = _arguments(words, "--custom-cluster-arguments")
    diagnostics = _diagnostics(words)
    spec = gathered(
        words,
        lambda: ClusterSpec(
            name=name or "c1",
            place=where,
            slice_type=slice_type or _stand_in(),
            num_slices=cast(int, words.number("--num-slices", 1)),
            capacity=capacity,
            capacity_given=capacity_given,
            gke_version=_version(words),
            cpu_machine_type=_machine(words),
            cpu_nodes=cast(int, words.number("--default-pool-cpu-num-nodes", 6)),
            requested_addons=frozenset(addon for flag, addon in _ADDONS.items() if words.on(flag)),
            requested_workload_identity=words.on("--enable-workload-identity"),
            legacy_lustre_port=words.on("--enable-legacy-lustre-port"),
            mtc=_mtc(words, slice_type),
            private=_private(words),
            host_maintenance=_maintenance(words),
            cluster_arguments=_joined(cluster_arguments, diagnostics) if known else NO_ARGUMENTS,
            pool_arguments=_pool_arguments(words, "--custom-nodepool-arguments", slice_type),
            tpu_pool_arguments=_pool_arguments(words, "--custom-tpu-nodepool-arguments", slice_type),
            controllers=_controllers(words),
            memory_limit=_memory_limit(words),
            cpu_limit=_cpu_limit(words),
            project_number=project_number(words),
            adapt=adapt,
            num_slices_given=not adapt or words.given("--num-slices"),
        ),
        None,
    )
    words.faults.raise_if_any()
    assert spec is not None
    return spec


def gathered(words: Words, build: Callable[[], T], otherwise: U) -> T | U:
    """What `build` returns; `otherwise` when it raises UsageError, whose faults are kept."""
    try:
        return build()
    except UsageError as error:
        words.faults.extend(error.faults)
        return otherwise


def slice_type_of(words: Words) -> SliceType | None:
    """The slice type, None where it is missing or at fault."""
    flag = words.named(*TYPE)
    name = words.required("write --tpu-type v6e-256 (xpk tpu list shows all)", *TYPE)
    return gathered(words, lambda: resolve(name.strip(), flag), None) if name else None


def capacity_of(words: Words) -> tuple[Capacity, bool]:
    """The capacity flags, at most one of them."""
    return capacity_from_flags(
        on_demand=words.on("--on-demand"),
        spot=words.on("--spot"),
        reservation=words.text("--reservation"),
        flex=words.on("--flex"),
    )


def _stand_in() -> SliceType:
    return resolve("v6e-256")


def _version(words: Words) -> GkeVersion | None:
    text = words.text("--gke-version")
    if text is None:
        return None
    return gathered(words, lambda: GkeVersion.parse(text.strip(), "--gke-version"), None)


def _machine(words: Words) -> str:
    value = words.text(*_MACHINE)
    if value is not None and not value.strip():
        words.faults.add(
            f"{words.named(*_MACHINE)} ''", "the value is empty", f"write {_MACHINE[0]} e2-standard-16"
        )
        return "e2-standard-16"
    return value.strip() if value else "e2-standard-16"


def _mtc(words: Words, slice_type: SliceType | None) -> Mtc | None:
    flags = MtcFlags(
        enabled=words.on("--enable-mtc"),
        ramdisk_size=words.text("--mtc-ramdisk-size"),
        model_params=words.text("--mtc-model-params"),
        bucket=words.text("--mtc-gcs-bucket"),
        toleration_key=words.text("--mtc-toleration-key"),
    )
    return gathered(words, lambda: check_mtc(flags, slice_type), None)


def _private(words: Words) -> PrivateAccess | None:
    return gathered(
        words,
        lambda: private_access(
            private=words.on("--private"),
            authorized_networks=words.many("--authorized-networks"),
            enable_private_endpoint=words.on("--enable-private-endpoint"),
            private_endpoint_subnetwork=words.text("--private-endpoint-subnetwork") or "",
            enable_master_global_access=words.on("--enable-master-global-access"),
        ),
        None,
    )


def _maintenance(words: Words) -> Literal["AS_NEEDED", "PERIODIC"]:
    value = words.choice("--host-maintenance-interval", ("AS_NEEDED", "PERIODIC"), "AS_NEEDED")
    return "PERIODIC" if value == "PERIODIC" else "AS_NEEDED"


def _arguments(words: Words, flag: str) -> GcloudArguments:
    text = words.text(flag)
    return NO_ARGUMENTS if text is None else _read(words, text, flag)


def _read(words: Words, text: str, flag: str) -> GcloudArguments:
    from xpk.spec.gcloud import parse_cluster_arguments, parse_nodepool_arguments  # large: only where used

    pool = flag in ("--custom-nodepool-arguments", "--custom-tpu-nodepool-arguments")
    parse = parse_nodepool_arguments if pool else parse_cluster_arguments
    return gathered(words, lambda: parse(text, flag), NO_ARGUMENTS)


def _pool_arguments(words: Words, flag: str, slice_type: SliceType | None) -> GcloudArguments:
    found = _arguments(words, flag)
    return found if slice_type else NO_ARGUMENTS  # what fits depends on the machine


def _diagnostics(words: Words) -> GcloudArguments:
    if not words.on("--managed-mldiagnostics"):
        return NO_ARGUMENTS
    return _read(words, "--enable-managed-mldiagnostics", "--managed-mldiagnostics")


def _joined(one: GcloudArguments, other: GcloudArguments) -> GcloudArguments:
    return GcloudArguments(fields=(*one.fields, *other.fields), notes=(*one.notes, *other.notes))


def _controllers(words: Words) -> Controllers:
    return Controllers(
        jobset_manifest=_file(words, "--jobset-manifest"),
        kueue_manifest=_file(words, "--kueue-manifest"),
        jobset_sha256=_digest(words, "--jobset-manifest-sha256"),
        kueue_sha256=_digest(words, "--kueue-manifest-sha256"),
    )


def _file(words: Words, flag: str) -> str | None:
    text = words.text(flag)
    if text is not None and not os.path.isfile(text):
        words.faults.add(
            f"{flag} {text or repr('')}", "no such file", "leave it out: the pinned release is fetched"
        )
        return None
    return text


def _digest(words: Words, flag: str) -> str | None:
    text = words.text(flag)
    if text is None:
        return None
    digest = text.strip().removeprefix("sha256:").lower()
    if len(digest) != 64 or any(c not in "0123456789abcdef" for c in digest):
        words.faults.add(
            f"{flag} {text or repr('')}", "a SHA-256 has 64 hexadecimal digits", "sha256sum FILE prints it"
        )
        return None
    return digest


def _memory_limit(words: Words) -> str | None:
    text = words.text("--memory-limit")
    if text is None:
        return None
    found = gathered(words, lambda: parse_quantity(text.strip(), "--memory-limit"), None)
    return found.text if found else None


def _cpu_limit(words: Words) -> str | None:
    number = words.number("--cpu-limit")
    if number is not None and number < 1:
        words.faults.add(
            f"--cpu-limit {number}", "a queue without CPUs admits nothing", "write --cpu-limit 112"
        )
    return None if number is None else str(number)


def project_number(words: Words) -> str | None:
    text = words.text("--project-number")
    if text is None:
        return None
    number = text.strip()
    if not (number.isascii() and number.isdecimal() and number.strip("0")):
        fix = "gcloud projects describe P --format='value(projectNumber)'"
        words.faults.add(f"--project-number {text or repr('')}", "not the number of a project", fix)
        return None
    return number
