"""A `WorkloadSpec` as the JobSet that Kubernetes is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache

from xpk.catalog.slices import SliceType
from xpk.frozen import dataclass
from xpk.render.engine import Json, render, templates_folder
from xpk.render.expansion import escape_references
from xpk.spec.capacity import Capacity, FlexStart, OnDemand, Reservation, Spot
from xpk.spec.mounts import BucketMount
from xpk.spec.names import REPLICATED_JOB
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec

HASH_ANNOTATION = "xpk.google.com/spec-hash"
"""Annotation with the hash of all that xpk asked for: the same hash means there is nothing to do."""
RAMDISK_DRIVER = "multitier-checkpoint.csi.storage.gke.io"
"""The CSI driver of the multi-tier checkpointing add-on."""

_DEBUG_LOGS = {
    "TPU_STDERR_LOG_LEVEL": "0",
    "TPU_MIN_LOG_LEVEL": "0",
    "TF_CPP_MIN_LOG_LEVEL": "0",
    "TPU_VMODULE": "real_program_continuator=1",
}


@dataclass(frozen=True, slots=True)
class _View:
    """What `templates/workload/jobset.yaml` sees."""

    spec: WorkloadSpec
    slice: SliceType
    replicated_job: str
    restarts: RestartPolicy
    restart_codes: tuple[int, ...] | None
    host_network: bool
    command: list[str]
    env: list[Json]
    node_selector: dict[str, str]
    tolerations: list[Json]
    volumes: list[Json]
    volume_mounts: list[Json]


def render_workload(spec: WorkloadSpec, *, fuse_host_network: bool) -> Json:
    """The JobSet of `spec`, with the hash of itself in an annotation.

    `fuse_host_network`: whether the cluster's GCS FUSE driver serves pods on the host's network
    with their own identity (GKE 1.33.3-gke.1226000 and later, Standard). Where it does not, a
    workload with bucket mounts gets a network of its own.
    """
    host_network = fuse_host_network or not spec.mounts
    view = _View(
        spec=spec,
        slice=spec.slice_type,
        replicated_job=REPLICATED_JOB,
        restarts=spec.restarts,
        restart_codes=spec.restarts.restart_codes,
        host_network=host_network,
        command=container_command(spec.command),
        env=_env(spec),
        node_selector=_node_selector(spec),
        tolerations=list(_tolerations(spec.capacity)),
        volumes=list(_volumes(spec, host_network)),
        volume_mounts=list(_volume_mounts(spec)),
    )
    (jobset,) = render("workload/jobset.yaml", view)
    jobset["metadata"]["annotations"][HASH_ANNOTATION] = spec_hash(jobset)
    return jobset


def spec_hash(manifest: Json) -> str:
    """A hash of a manifest that is the same wherever it is computed.

    Left out are the hash annotation itself, and how long a finished JobSet stays: that can change
    while it runs, everything else is another workload.
    """
    metadata = dict(manifest["metadata"])
    spec = {key: value for key, value in manifest["spec"].items() if key != "ttlSecondsAfterFinished"}
    annotations = metadata.get("annotations", {})
    metadata["annotations"] = {key: value for key, value in annotations.items() if key != HASH_ANNOTATION}
    text = json.dumps({**manifest, "metadata": metadata, "spec": spec}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@cache
def _wrapper() -> str:
    return (templates_folder() / "workload" / "run.sh").read_text(encoding="utf-8")


def container_command(text: str) -> list[str]:
    """The container's `command` that runs `text` (docs/decisions/0003-container-command.md).

    `-p` keeps BASH_ENV and exported functions out of the wrapper, not out of the text's own bash.
    """
    return ["bash", "-p", "-c", escape_references(_wrapper()), "xpk", escape_references(text)]


def _env(spec: WorkloadSpec) -> list[Json]:
    """What real commands read from xpk's pods, then the user's own, which replace those of one name.

    JAX's coordinator and process id are not set: JAX takes them from GKE's TPU_WORKER_* and
    MEGASCALE_*, or from the checkpointing driver's jax-init-info.txt.
    """
    fields = {
        "JOBSET_NAME": "jobset.sigs.k8s.io/jobset-name",
        "JOB_INDEX": "jobset.sigs.k8s.io/job-index",
        "JOB_COMPLETION_INDEX": "batch.kubernetes.io/job-completion-index",
    }
    values = {"PROCESSES_IN_JOB": str(spec.slice_type.hosts), "JAX_PROCESS_COUNT": str(spec.hosts)}
    found: dict[str, Json] = {
        name: {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{key}']"}}}
        for name, key in fields.items()
    }
    if spec.debug_logs:
        values.update(_DEBUG_LOGS)
    values.update((variable.name, variable.value) for variable in spec.env)
    for name, value in values.items():
        found[name] = {"name": name, "value": escape_references(value)}
    return list(found.values())


def _node_selector(spec: WorkloadSpec) -> dict[str, str]:
    selector = {
        "cloud.google.com/gke-tpu-accelerator": spec.slice_type.accelerator,
        "cloud.google.com/gke-tpu-topology": spec.slice_type.topology_text,
    }
    match spec.capacity:
        case None | OnDemand():
            pass
        case Spot():
            selector["cloud.google.com/gke-spot"] = "true"
        case FlexStart():
            selector["cloud.google.com/gke-flex-start"] = "true"
        case Reservation(name=name):
            selector["cloud.google.com/reservation-name"] = name
    return selector


def _tolerations(capacity: Capacity | None) -> Iterator[Json]:
    yield {"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}
    match capacity:
        case Spot():
            yield {"key": "cloud.google.com/gke-spot", "operator": "Exists", "effect": "NoSchedule"}
        case FlexStart():
            yield {"key": "cloud.google.com/gke-flex-start", "operator": "Exists", "effect": "NoSchedule"}
        case None | OnDemand() | Reservation():
            pass


def _volumes(spec: WorkloadSpec, host_network: bool) -> Iterator[Json]:
    yield {"name": "dshm", "emptyDir": {"medium": "Memory"}}
    if spec.ramdisk is not None:
        yield {"name": "ramdisk", "csi": {"driver": RAMDISK_DRIVER}}
    for index, mount in enumerate(spec.mounts):
        yield {"name": f"bucket-{index}", "csi": _bucket_volume(mount, host_network)}


def _bucket_volume(mount: BucketMount, host_network: bool) -> Json:
    options = ["implicit-dirs"]
    if mount.directory is not None:
        options.append(f"only-dir={mount.directory}")
    attributes = {"bucketName": mount.bucket, "mountOptions": ",".join(options)}
    if host_network:
        attributes["hostNetworkPodKSA"] = "true"
    return {
        "driver": "gcsfuse.csi.storage.gke.io",
        **_read_only(mount),
        "volumeAttributes": attributes,
    }


def _volume_mounts(spec: WorkloadSpec) -> Iterator[Json]:
    yield {"name": "dshm", "mountPath": "/dev/shm"}
    if spec.ramdisk is not None:
        yield {"name": "ramdisk", "mountPath": spec.ramdisk.mount_path}
    for index, mount in enumerate(spec.mounts):
        yield {"name": f"bucket-{index}", "mountPath": mount.path, **_read_only(mount)}


def _read_only(mount: BucketMount) -> Json:
    return {"readOnly": True} if mount.read_only else {}
