"""The flags of `cluster create` and `cluster adapt`, in the groups of their help."""

from __future__ import annotations

from xpk.cli.flag import Flag
from xpk.cli.options import ENDING, FORCE, QUIET, WHERE, dry_run

CAPACITY = (
    Flag("--on-demand", kind="switch", group="capacity", help="On-demand machines; taken if none is named."),
    Flag("--spot", kind="switch", group="capacity", help="Spot machines: cheaper, taken back any time."),
    Flag("--flex", kind="switch", group="capacity", help="Flex-start machines, for up to seven days."),
    Flag(
        "--reservation",
        metavar="R",
        group="capacity",
        help="Reserved: [projects/P/reservations/]R[/reservationBlocks/B].",
    ),
)
TYPE = (
    Flag("--tpu-type", metavar="TYPE", help="Slice type, v6e-256 or v5p-4x4x8; see xpk tpu list. Required."),
    Flag("--device-type", metavar="TYPE", help="The same as --tpu-type."),
)
ADDONS = (
    Flag("--enable-workload-identity", kind="switch", help="Workload Identity; implied by checkpointing."),
    Flag("--enable-gcsfuse-csi-driver", kind="switch", help="Cloud Storage FUSE; implied by checkpointing."),
    Flag("--enable-gcpfilestore-csi-driver", kind="switch", help="Filestore."),
    Flag("--enable-parallelstore-csi-driver", kind="switch", help="Parallelstore."),
    Flag("--enable-pd-csi-driver", kind="switch", help="Persistent Disk."),
    Flag("--enable-lustre-csi-driver", kind="switch", help="Managed Lustre."),
    Flag("--enable-legacy-lustre-port", kind="switch", help="Port 6988 for Lustre."),
)
QUEUE = (
    Flag("--memory-limit", metavar="SIZE", help="Memory quota of the queue, 100Gi.", default_words="none"),
    Flag("--cpu-limit", metavar="N", help="CPU quota of the queue.", default_words="none"),
    Flag("--jobset-manifest", metavar="FILE", help="JobSet's release as a file.", default_words="fetched"),
    Flag("--jobset-manifest-sha256", metavar="HEX", help="The digest that it must have."),
    Flag("--kueue-manifest", metavar="FILE", help="Kueue's release as a file.", default_words="fetched"),
    Flag("--kueue-manifest-sha256", metavar="HEX", help="The digest that it must have."),
)
_WHAT = (
    Flag("--cluster", metavar="NAME", help="Name of the cluster. Required."),
    *TYPE,
    Flag("--num-slices", metavar="N", help="Slices in the whole cluster.", default_words="1"),
    Flag(
        "--ignore-nodepool-creation-errors",
        kind="switch",
        help="Succeed with the slices that come up; the same command tries the others again.",
    ),
    Flag("--gke-version", metavar="V", help="Complete GKE version.", default_words="the channel's"),
    Flag(
        "--default-pool-cpu-machine-type",
        metavar="M",
        help="Machines of the CPU pool.",
        default_words="e2-standard-16",
    ),
    Flag("--cluster-cpu-machine-type", metavar="M", help="The same as --default-pool-cpu-machine-type."),
    Flag(
        "--default-pool-cpu-num-nodes",
        metavar="N",
        help="Nodes of the CPU pool at the start.",
        default_words="6",
    ),
    Flag(
        "--host-maintenance-interval",
        metavar="I",
        help="AS_NEEDED or PERIODIC, of the TPU hosts.",
        default_words="AS_NEEDED",
    ),
    *ADDONS,
    Flag("--managed-mldiagnostics", kind="switch", help="GKE's machine learning diagnostics."),
    *QUEUE,
)
NUMBER = Flag(
    "--project-number", metavar="N", group="where", help="Number of the project.", default_words="asked"
)
_WHERE = (
    *WHERE,
    NUMBER,
    Flag("--private", kind="switch", group="where", help="Nodes without public addresses."),
    Flag(
        "--authorized-networks",
        kind="list",
        metavar="CIDR",
        group="where",
        help="Who may reach the control plane's IP address; implies --private.",
    ),
    Flag(
        "--enable-private-endpoint",
        kind="switch",
        group="where",
        help="No public address of the control plane; implies --private.",
    ),
    Flag(
        "--private-endpoint-subnetwork",
        metavar="SUBNET",
        group="where",
        help="Where its private address is from; implies --private.",
    ),
    Flag(
        "--enable-master-global-access",
        kind="switch",
        group="where",
        help="Reach that address from all regions; implies --private.",
    ),
    Flag(
        "--custom-cluster-arguments",
        metavar="ARGS",
        group="where",
        help="Flags of gcloud container clusters create: '--network=N --subnetwork=S'.",
    ),
    Flag(
        "--custom-nodepool-arguments",
        metavar="ARGS",
        group="where",
        help="Flags of gcloud container node-pools create, for all pools.",
    ),
    Flag(
        "--custom-tpu-nodepool-arguments",
        metavar="ARGS",
        group="where",
        help="The same, for TPU pools alone.",
    ),
)
CHECKPOINTING = (
    Flag("--enable-mtc", kind="switch", group="checkpointing", help="Multi-tier checkpointing, all of it."),
    Flag(
        "--mtc-ramdisk-size",
        metavar="SIZE",
        group="checkpointing",
        help="Ramdisk of each host, with a unit: 60000Mi. Required, or:",
    ),
    Flag(
        "--mtc-model-params",
        metavar="N",
        group="checkpointing",
        help="Compute the ramdisk for a model of N parameters: 70B.",
    ),
    Flag(
        "--mtc-gcs-bucket",
        metavar="BUCKET",
        group="checkpointing",
        help="Bucket for the backups: gs://B. Required.",
    ),
    Flag(
        "--mtc-toleration-key",
        metavar="KEY",
        group="checkpointing",
        help="Another taint that the driver tolerates, beside google.com/tpu.",
        default_words="none",
    ),
)
CREATE_FLAGS = (
    *_WHAT,
    *_WHERE,
    *CAPACITY,
    *CHECKPOINTING,
    *dry_run("yaml|text|json", "yaml with --dry-run"),
    *FORCE,
    *ENDING,
)
_ADAPT_CAPACITY = (
    Flag("--on-demand", kind="switch", group="capacity", help="Only node pools of on-demand machines count."),
    Flag("--spot", kind="switch", group="capacity", help="Only node pools of spot machines count."),
    Flag("--flex", kind="switch", group="capacity", help="Only node pools of flex-start machines count."),
    Flag("--reservation", metavar="R", group="capacity", help="Only node pools of this reservation count."),
)
ADAPT_FLAGS = (
    Flag("--cluster", metavar="NAME", help="Name of the cluster that is there. Required."),
    *TYPE,
    Flag("--num-slices", metavar="N", help="Slices that must be there.", default_words="all that fit"),
    *ADDONS,
    *QUEUE,
    *WHERE,
    NUMBER,
    *_ADAPT_CAPACITY,
    *CHECKPOINTING,
    *dry_run("yaml|text|json", "yaml with --dry-run"),
    *QUIET,
    *ENDING,
)
