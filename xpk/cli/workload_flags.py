"""The flags of `workload create`, in the groups of its help."""

from __future__ import annotations

from xpk.cli.cluster_flags import TYPE
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING, NAMESPACE, QUIET, WHERE, dry_run

_WHAT = (
    Flag("--workload", metavar="NAME", help="Name of the workload. Required."),
    Flag("--command", metavar="TEXT", help="What each host runs; reaches bash unchanged. Required."),
    Flag("--docker-image", metavar="IMAGE", help="The image to run. Required."),
    *TYPE,
    Flag("--num-slices", metavar="N", help="Slices to run on.", default_words="1"),
    Flag("--docker-image-pull-secret", metavar="NAME", help="Kubernetes secret for pulling the image."),
    Flag("--docker-name", metavar="NAME", help="Name of the container.", default_words="jax-tpu"),
    Flag("--env", kind="many", metavar="K=V", help="A variable; any number of times."),
    Flag("--env-file", metavar="FILE", help="A file with a variable on each line."),
    Flag("--mount", kind="many", metavar="M", help="gs://BUCKET[/DIR]=/PATH[:ro]; any number of times."),
    Flag("--privileged", kind="switch", help="Run the container privileged."),
    Flag("--enable-debug-logs", kind="switch", help="More log lines of libtpu and JAX."),
    Flag("--no-command-checks", kind="switch", help="Do not look for contradictions in --command."),
)
_WHERE = (
    Flag("--cluster", metavar="NAME", group="where", help="The cluster. Required."),
    *WHERE,
    Flag(
        "--project-number", metavar="N", group="where", help="Number of the project.", default_words="asked"
    ),
    *NAMESPACE,
    Flag("--service-account", metavar="NAME", group="where", help="Kubernetes service account of the pods."),
    Flag(
        "--scheduler",
        metavar="NAME",
        group="where",
        help="The pods' scheduler.",
        default_words="default-scheduler",
    ),
)
_CAPACITY = (
    Flag(
        "--priority",
        metavar="P",
        group="capacity",
        help="very-low, low, medium, high or very-high.",
        default_words="medium",
    ),
    Flag("--on-demand", kind="switch", group="capacity", help="On on-demand machines alone."),
    Flag("--spot", kind="switch", group="capacity", help="On spot machines alone."),
    Flag("--flex", kind="switch", group="capacity", help="On flex-start machines alone."),
    Flag("--reservation", metavar="R", group="capacity", help="On machines of this reservation alone."),
)
_CHECKPOINTING = (
    Flag(
        "--mtc-enabled",
        kind="switch",
        group="checkpointing",
        help="Multi-tier checkpointing; 2 slices or more.",
    ),
    Flag(
        "--ramdisk-directory",
        metavar="PATH",
        group="checkpointing",
        help="Where the ramdisk is mounted: /ramdisk. Required with it.",
    ),
    Flag(
        "--max-restarts",
        metavar="N",
        group="checkpointing",
        help="Restarts after a failure.",
        default_words="0; 50 with MTC",
    ),
    Flag(
        "--restart-on-exit-codes",
        metavar="CODES",
        group="checkpointing",
        help="Codes that restart, 1,42,127-255.",
        default_words="42,127-255; all with MTC",
    ),
    Flag(
        "-tgps",
        "--termination-grace-period-seconds",
        metavar="S",
        group="checkpointing",
        help="Seconds from SIGTERM to SIGKILL.",
        default_words="30; 60 with MTC",
    ),
    Flag(
        "--ttl-seconds-after-finished",
        metavar="S",
        group="checkpointing",
        help="Seconds that a finished workload stays.",
        default_words="43200",
    ),
)
CREATE_FLAGS = (
    *_WHAT,
    *_WHERE,
    *_CAPACITY,
    *_CHECKPOINTING,
    Flag("--output-manifest-file", metavar="FILE", group="output", help="Write the manifest to a file, too."),
    *dry_run("yaml|text|json", "yaml with --dry-run"),
    *QUIET,
    *ENDING,
)
