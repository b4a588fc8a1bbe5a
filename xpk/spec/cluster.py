"""What a person asked for with `cluster create`: one frozen, checked value.

Not here: how that becomes API requests (`plan/cluster.py`) and what the project
looks like today (`plan/observed.py`). Words are parsed in `cli/`; everything that can be
judged from the request alone is judged here, all faults together.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Literal

from xpk.catalog.slices import SliceType
from xpk.catalog.versions import MTC_DOCUMENTED, MTC_FLOOR, GkeVersion
from xpk.errors import FaultCollector
from xpk.frozen import dataclass
from xpk.spec.api_field import NO_ARGUMENTS, ApiField, GcloudArguments
from xpk.spec.capacity import Capacity
from xpk.spec.mtc import Mtc, mtc_warnings
from xpk.spec.names import check_cluster_name
from xpk.spec.private import PrivateAccess

_ZONE = re.compile(r"[a-z]+(?:-[a-z]+)+\d+-(?:[a-z]|ai\d+[a-z])")
_REGION = re.compile(r"[a-z]+(?:-[a-z]+)+\d+")
_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{2,28}[a-z0-9]|[a-z][a-z0-9]?")
_MACHINE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")


class Addon(Enum):
    """A GKE add-on; the value is the field of `AddonsConfig` (GKE API v1) that turns it on."""

    MTC = "highScaleCheckpointingConfig"
    GCS_FUSE = "gcsFuseCsiDriverConfig"
    FILESTORE = "gcpFilestoreCsiDriverConfig"
    PARALLELSTORE = "parallelstoreCsiDriverConfig"
    PERSISTENT_DISK = "gcePersistentDiskCsiDriverConfig"
    LUSTRE = "lustreCsiDriverConfig"


@dataclass(frozen=True, slots=True)
class Controllers:
    """Where the JobSet and Kueue release files come from; None means the pinned release.

    A path names a file of the user's. A SHA-256 (hex) that the user names is enforced.
    """

    jobset_manifest: str | None = None
    kueue_manifest: str | None = None
    jobset_sha256: str | None = None
    kueue_sha256: str | None = None


_PINNED = Controllers()


@dataclass(frozen=True, slots=True)
class Place:
    """A Google Cloud project and a zone or region in it.

    `zone` is None where the user named only a region, which is enough to talk to a
    cluster but not to create TPU nodes.
    """

    project: str
    region: str
    zone: str | None = None

    @property
    def parent(self) -> str:
        """The location that GKE's API wants for a regional cluster."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def flags(self) -> str:
        """The flags that name this place, for a command that a person can paste."""
        return f"--project {self.project} --zone {self.zone or self.region}"

    def cluster(self, name: str) -> str:
        """The full resource name of a cluster in this region."""
        return f"{self.parent}/clusters/{name}"


def parse_place(project: str, zone: str) -> Place:
    """Read a project and a zone or region.

    Raises UsageError when either is not a legal name.
    """
    faults = FaultCollector()
    if not _PROJECT.fullmatch(project):
        faults.add(
            f"--project {project}",
            "not a project id (letters, digits and dashes, starting with a letter)",
            "gcloud projects list",
        )
    region = zone
    named_zone: str | None = None
    if _ZONE.fullmatch(zone):
        region, named_zone = zone.rpartition("-")[0], zone
    elif not _REGION.fullmatch(zone):
        faults.add(f"--zone {zone}", "neither a zone nor a region", "--zone us-east5-b")
    faults.raise_if_any()
    return Place(project=project, region=region, zone=named_zone)


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A multislice TPU cluster, as asked for.

    `capacity_given` is False when no capacity flag was typed (on demand is then taken,
    as GKE itself does). `cpu_nodes` counts the machines of the default pool, which run the
    controllers. `project_number` is None unless the user named it. `adapt`: the cluster and its
    node pools are somebody else's and are taken as they are; `num_slices_given` is False when all
    that fit are wanted (`plan/adapt.py` counts them).
    Raises UsageError with every fault that the request alone can show.
    """

    name: str
    place: Place
    slice_type: SliceType
    num_slices: int
    capacity: Capacity
    capacity_given: bool = True
    gke_version: GkeVersion | None = None
    cpu_machine_type: str = "e2-standard-16"
    cpu_nodes: int = 6
    requested_addons: frozenset[Addon] = frozenset()
    requested_workload_identity: bool = False
    legacy_lustre_port: bool = False
    mtc: Mtc | None = None
    private: PrivateAccess | None = None
    host_maintenance: Literal["AS_NEEDED", "PERIODIC"] = "AS_NEEDED"
    cluster_arguments: GcloudArguments = NO_ARGUMENTS
    pool_arguments: GcloudArguments = NO_ARGUMENTS
    tpu_pool_arguments: GcloudArguments = NO_ARGUMENTS
    controllers: Controllers = _PINNED
    memory_limit: str | None = None
    cpu_limit: str | None = None
    project_number: str | None = None
    adapt: bool = False
    num_slices_given: bool = True

    def __post_init__(self) -> None:
        faults = FaultCollector()
        with faults.gather():
            check_cluster_name(self.name, 0 if self.adapt else max(self.num_slices, 1))
        if self.num_slices < 1:
            faults.add(
                f"--num-slices {self.num_slices}",
                "a cluster needs at least one slice",
                "--num-slices 2 (to remove the cluster: xpk cluster delete)",
            )
        elif self.num_slices > 1000:
            faults.add(
                f"--num-slices {self.num_slices}",
                "more node pools than one GKE cluster can be planned with",
                "--num-slices 1000 or less",
            )
        if self.place.zone is None and not self.adapt:
            faults.add(
                f"--zone {self.place.region}",
                "a region; TPU slices are created in one zone",
                f"--zone {self.place.region}-a (gcloud compute tpus locations list shows the zones)",
            )
        self._check_nodes(faults)
        self._check_version(faults)
        self._check_arguments(faults)
        faults.raise_if_any()

    def _check_nodes(self, faults: FaultCollector) -> None:
        if not _MACHINE.fullmatch(self.cpu_machine_type):
            faults.add(
                f"--default-pool-cpu-machine-type {self.cpu_machine_type}",
                "not the name of a machine type",
                "--default-pool-cpu-machine-type e2-standard-16",
            )
        if self.cpu_nodes < 1:
            faults.add(
                f"--default-pool-cpu-num-nodes {self.cpu_nodes}",
                "JobSet, Kueue and the checkpointing controller run on the default pool",
                "--default-pool-cpu-num-nodes 6",
            )

    def _check_version(self, faults: FaultCollector) -> None:
        if self.mtc and self.gke_version and self.gke_version < MTC_FLOOR:
            faults.add(
                f"--gke-version {self.gke_version}",
                f"multi-tier checkpointing needs GKE {MTC_DOCUMENTED} or later",
                f"--gke-version {MTC_DOCUMENTED}, or leave the flag out",
            )

    def _check_arguments(self, faults: FaultCollector) -> None:
        disk = self.slice_type.machine.boot_disk
        for field in (*self.pool_arguments.fields, *self.tpu_pool_arguments.fields):
            if field.path != ("config", "diskType"):
                continue
            if str(field.value).startswith("hyperdisk") != disk.startswith("hyperdisk"):
                faults.add(
                    f"{field.flag} {field.value}",
                    f"{self.slice_type.machine.name} does not boot from it",
                    f"--disk-type={disk}, or leave it out",
                )
        self._check_metadata(faults)
        self._check_taints(faults)
        pool = next((f for f in self.cluster_arguments.fields if f.path[-1] == "workloadPool"), None)
        expected = f"{self.place.project}.svc.id.goog"
        if pool is not None and pool.value != expected:
            faults.add(
                f"{pool.flag} {pool.value}",
                f"the workload pool of a GKE cluster is that of its own project, {expected}",
                f"--workload-pool={expected}, or leave it out",
            )

    def _check_metadata(self, faults: FaultCollector) -> None:
        for field in (*self.cluster_arguments.fields, *self.pool_fields):
            metadata = field.path[-2:] == ("workloadMetadataConfig", "mode")
            if metadata and field.value != "GKE_METADATA" and self.workload_identity:
                faults.add(
                    f"{field.flag} {field.value}",
                    "Workload Identity, which checkpointing and Cloud Storage FUSE need, would not work",
                    "--workload-metadata=GKE_METADATA, or leave it out",
                )

    def _check_taints(self, faults: FaultCollector) -> None:
        for field in self.pool_fields if self.mtc else ():
            taints = (
                field.value if field.path == ("config", "taints") and isinstance(field.value, list) else ()
            )
            for taint in taints:
                key, effect = str(taint["key"]), str(taint["effect"])
                tolerated = self.mtc and key in self.mtc.toleration_keys and effect == "NO_SCHEDULE"
                if not tolerated and effect != "PREFER_NO_SCHEDULE":
                    faults.add(
                        f"{field.flag} {key}",
                        "the checkpointing driver would be kept off these hosts",
                        f"--mtc-toleration-key {key}, with the effect NoSchedule",
                    )

    @property
    def addons(self) -> frozenset[Addon]:
        """The add-ons asked for, with those that multi-tier checkpointing needs."""
        implied = {Addon.MTC, Addon.GCS_FUSE} if self.mtc else set()
        return self.requested_addons | implied

    @property
    def workload_identity(self) -> bool:
        """True when asked for, or needed by an add-on (GCS FUSE refuses nodes without it)."""
        return self.requested_workload_identity or bool(self.addons & {Addon.MTC, Addon.GCS_FUSE})

    @property
    def full_name(self) -> str:
        """The cluster's resource name in the GKE API."""
        return self.place.cluster(self.name)

    @property
    def hosts(self) -> int:
        """TPU hosts in all slices."""
        return self.num_slices * self.slice_type.hosts

    @property
    def pool_names(self) -> tuple[str, ...]:
        """One node pool a slice, named as Google's xpk names them."""
        return tuple(f"{self.name}-np-{index}" for index in range(self.num_slices))

    @property
    def pool_fields(self) -> tuple[ApiField, ...]:
        """The user's gcloud arguments for TPU pools, the more special ones last."""
        return (*self.pool_arguments.fields, *self.tpu_pool_arguments.fields)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know though nothing is wrong, one sentence each."""
        notes: list[str] = []
        if not self.capacity_given and not self.adapt:
            notes.append("no capacity flag given: on demand, as GKE does (or --spot, --reservation, --flex)")
        if self.mtc and self.mtc.ignored_path:
            notes.append(
                f"--mtc-gcs-bucket: the bucket {self.mtc.bucket} is used, "
                f"the path /{self.mtc.ignored_path} is ignored"
            )
        if self.mtc and self.gke_version and self.gke_version < MTC_DOCUMENTED:
            notes.append(
                f"--gke-version {self.gke_version} is older than {MTC_DOCUMENTED}, the first that Google's "
                "page names for multi-tier checkpointing"
            )
        if self.mtc and self.num_slices == 1:
            notes.append(
                "one slice: no other slice holds a copy, so a lost host resumes from Cloud Storage; "
                "emergency checkpointing needs --num-slices 2"
            )
        if self.mtc:
            notes.extend(mtc_warnings(self.mtc, self.slice_type))
        if self.private:
            notes.extend(self.private.notes)
        for arguments in (self.cluster_arguments, self.pool_arguments, self.tpu_pool_arguments):
            notes.extend(arguments.notes)
        return tuple(notes)
