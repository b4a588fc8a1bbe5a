"""Rows of `cluster create`."""

from __future__ import annotations

from xpk.cli.flag_row import FlagRow, foreign, ignored, ours, refused, works
from xpk.cli.flags_shared import DRY_RUN, QUIET, machinery, where

_TPU7X = "it is for tpu7x, which this program does not make"
_TENSORBOARD = "this program makes no Vertex AI Tensorboard"
_TENSORBOARD_INSTEAD = "gcloud ai tensorboards create --display-name=NAME --region=REGION"
_NAP = "slices are node pools of their own; node auto-provisioning would make others"


def cluster_create(command: str) -> tuple[FlagRow, ...]:
    """All rows, those that work first."""
    return (
        *_what(command),
        *where(command),
        *_capacity(command),
        *checkpointing_rows(command),
        *addon_rows(command),
        *_diagnostics(command),
        *_private(command),
        *_gcloud(command),
        *limit_rows(command),
        *output_rows(command),
        works(command, "--force", "do not ask, and delete or replace slices on which workloads run, too"),
        *_ignored(command),
        *machinery(command),
        *_refused(command),
        *_foreign(command),
    )


def _what(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--cluster=", "the cluster's name"),
        works(command, "--tpu-type=", "the slice type, such as v6e-256 or v5p-4x4x8"),
        works(command, "--device-type=", "as --tpu-type, for names of TPU slices"),
        works(command, "--num-slices=", "slices in the whole cluster, at least 1; default 1"),
        works(command, "--gke-version=", "the control plane's version; default: that of the release channel"),
        works(
            command, "--host-maintenance-interval=", "AS_NEEDED (default) or PERIODIC, for the slices' hosts"
        ),
        works(command, "--default-pool-cpu-machine-type=", "machine type of the CPU pool"),
        works(command, "--cluster-cpu-machine-type=", "as --default-pool-cpu-machine-type"),
        works(command, "--default-pool-cpu-num-nodes=", "nodes of the CPU pool at the start"),
        works(command, "--project-number=", "the project's number; saves one look-up"),
        works(
            command,
            "--ignore-nodepool-creation-errors",
            "succeed with the slices that come up; those that fail are named on stderr",
        ),
    )


def _capacity(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--on-demand", "on-demand machines; the default, and said when no other is given"),
        works(command, "--spot", "spot machines"),
        works(command, "--flex", "flex-start machines"),
        works(command, "--reservation=", "[projects/P/reservations/]R[/reservationBlocks/B[/...]]"),
    )


def checkpointing_rows(command: str) -> tuple[FlagRow, ...]:
    """Multi-tier checkpointing."""
    return (
        works(command, "--enable-mtc", "multi-tier checkpointing, with all that it needs"),
        works(command, "--mtc-ramdisk-size=", "ramdisk of each host, with a unit: 60000Mi"),
        works(command, "--mtc-gcs-bucket=", "bucket that backs the ramdisks up: b or gs://b"),
        works(
            command, "--mtc-toleration-key=", "another taint that the driver tolerates, beside google.com/tpu"
        ),
        ours(command, "--mtc-model-params=", "compute the ramdisk's size for a model: 70B"),
    )


def addon_rows(command: str) -> tuple[FlagRow, ...]:
    """Workload Identity and the CSI drivers."""
    csi = {
        "gcpfilestore": ("Filestore", "GcpFilestoreCsiDriver"),
        "parallelstore": ("Parallelstore", "ParallelstoreCsiDriver"),
        "pd": ("Persistent Disk", "GcePersistentDiskCsiDriver"),
        "lustre": ("Managed Lustre", "LustreCsiDriver"),
    }
    return (
        works(command, "--enable-workload-identity", "Workload Identity Federation for GKE"),
        works(command, "--enable-gcsfuse-csi-driver", "the Cloud Storage FUSE add-on and Workload Identity"),
        *(
            works(command, f"--enable-{flag}-csi-driver", f"the {name} add-on", gcloud=f"--addons={addon}")
            for flag, (name, addon) in csi.items()
        ),
        works(
            command,
            "--enable-legacy-lustre-port",
            "port 6988 for Lustre, for nodes before 1.33.2-gke.4655000",
            gcloud="--enable-legacy-lustre-port",
        ),
    )


def _diagnostics(command: str) -> tuple[FlagRow, ...]:
    return (
        works(
            command,
            "--managed-mldiagnostics",
            "GKE's managed machine learning diagnostics",
            gcloud="--enable-managed-mldiagnostics",
        ),
    )


def _private(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--private", "nodes without public addresses; the caller's own address is not added"),
        works(command, "--authorized-networks=", "ranges, one or more, that may reach the IP endpoint"),
        works(command, "--enable-private-endpoint", "no public address for the control plane either"),
        works(command, "--private-endpoint-subnetwork=", "subnetwork of the control plane's private address"),
        works(command, "--enable-master-global-access", "that address is reachable from other regions"),
    )


def _gcloud(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--custom-cluster-arguments=", "flags of gcloud container clusters create"),
        works(
            command, "--custom-nodepool-arguments=", "flags of gcloud container node-pools create, each pool"
        ),
        works(command, "--custom-tpu-nodepool-arguments=", "the same, over those, for slices"),
    )


def limit_rows(command: str) -> tuple[FlagRow, ...]:
    """The queue's limits, and the release files."""
    return (
        works(command, "--memory-limit=", "quota of memory in the ClusterQueue; default: none is kept"),
        works(command, "--cpu-limit=", "quota of CPUs in the ClusterQueue; default: none is kept"),
        ours(command, "--jobset-manifest=", "JobSet's release as a file; default: fetched"),
        ours(command, "--jobset-manifest-sha256=", "the digest that it has to have"),
        ours(command, "--kueue-manifest=", "Kueue's release as a file; default: fetched"),
        ours(command, "--kueue-manifest-sha256=", "the digest that it has to have"),
    )


def output_rows(command: str) -> tuple[FlagRow, ...]:
    """Questions and output."""
    return (
        works(command, DRY_RUN, "print the plan, contact nothing"),
        works(command, QUIET, "do not ask; as --yes"),
        ours(command, "--yes", "do not ask"),
        ours(command, "--observe", "with --dry-run: compare with the live project, by reads alone"),
        ours(command, "-o --output=", "text, yaml or json"),
    )


def _ignored(command: str) -> tuple[FlagRow, ...]:
    return (
        ignored(command, "--namespace=", "the queue and the ConfigMaps are in default, as xpk has them"),
        ignored(command, "--num-nodes=", "it is for GPUs; a slice has the hosts that its type has"),
        ignored(command, "--pathways-gce-machine-type=", "it is for Pathways; xpk ignores it without, too"),
        ignored(command, "--cluster-state-gcs-bucket=", "it is for GPU clusters made with Cluster Toolkit"),
    )


def _refused(command: str) -> tuple[FlagRow, ...]:
    return (
        *beyond(command),
        refused(command, "--enable-pathways", "this program does not run Pathways", "Google's xpk"),
        refused(
            command,
            "--adapt-from-ct",
            "what Cluster Toolkit made has a command of its own",
            "xpk cluster adapt, with the same flags",
        ),
    )


def beyond(command: str) -> tuple[FlagRow, ...]:
    """What neither `cluster create` nor `cluster adapt` does."""
    return (
        refused(command, "--enable-autoprovisioning", _NAP, "--num-slices"),
        refused(command, "--autoprovisioning-min-chips=", _NAP, "--num-slices"),
        refused(command, "--autoprovisioning-max-chips=", _NAP, "--num-slices"),
        refused(command, "--create-vertex-tensorboard", _TENSORBOARD, _TENSORBOARD_INSTEAD),
        refused(command, "--tensorboard-region=", _TENSORBOARD, _TENSORBOARD_INSTEAD),
        refused(command, "--tensorboard-name=", _TENSORBOARD, _TENSORBOARD_INSTEAD),
        refused(command, "--super-slicing", _TPU7X, "--tpu-type with a larger slice"),
        refused(command, "--num-cubes=", _TPU7X, "--num-slices"),
    )


def _foreign(command: str) -> tuple[FlagRow, ...]:
    return (
        foreign(command, "--slices=", "a misspelling that stands in public scripts", "--num-slices"),
        foreign(
            command, "--sub-slicing", "a slice is used as a whole here", "--tpu-type with a smaller slice"
        ),
        foreign(command, "--enable-tpu-autolock", "xpk 1.16 does not have it either", "leave it out"),
    )
