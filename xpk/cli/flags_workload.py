"""Rows of `workload create`, `workload delete` and `workload list`."""

from __future__ import annotations

from xpk.cli.flag_row import FlagRow, foreign, ignored, ours, refused, works
from xpk.cli.flags_shared import DRY_RUN, QUIET, machinery, no_kind, reading, where

_BUILD = "no image is built here, so that what runs is what was pushed"
_BUILD_INSTEAD = "docker build and docker push, then --docker-image IMAGE"
_PATHWAYS = "this program does not run Pathways"
_TENSORBOARD = "this program sets up no Vertex AI Tensorboard"
_TENSORBOARD_INSTEAD = "vertex_tensorboard_project=PROJECT inside --command"


def workload_create(command: str) -> tuple[FlagRow, ...]:
    """All rows of `workload create`, those that work first."""
    return (
        *_what(command),
        *where(command),
        *_container(command),
        *_restarts(command),
        *_capacity(command),
        *_output(command),
        *_ignored(command),
        *machinery(command),
        *_refused(command),
        *_foreign(command),
    )


def _what(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--cluster=", "the cluster's name"),
        works(command, "--workload=", "the workload's name"),
        works(command, "--command=", "what each host runs; it reaches bash unchanged"),
        works(command, "--tpu-type=", "the slice type, such as v6e-256 or v5p-4x4x8"),
        works(command, "--device-type=", "as --tpu-type, for names of TPU slices"),
        works(command, "--num-slices=", "slices to train on; default 1"),
        works(command, "--priority=", "very-low, low, medium (default), high, very-high"),
        works(command, "--namespace=", "namespace of the workload; default: default"),
        works(command, "--project-number=", "the project's number; saves one look-up"),
    )


def _container(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--docker-image=", "the image to run"),
        works(command, "--docker-image-pull-secret=", "secret for pulling it"),
        works(command, "--docker-name=", "the container's name; default jax-tpu"),
        works(command, "--env=", "NAME=VALUE, any number of times"),
        works(command, "--env-file=", "a file of such lines"),
        works(command, "--ramdisk-directory=", "where the ramdisk is mounted: ramdisk or /ramdisk"),
        works(command, "--mtc-enabled", "use multi-tier checkpointing; needs --ramdisk-directory"),
        works(command, "--scheduler=", "the pods' scheduler"),
        works(command, "--enable-debug-logs", "more log lines of libtpu and JAX"),
        ours(command, "--mount=", "gs://BUCKET[/DIR]=/PATH[:ro], any number of times"),
        ours(command, "--service-account=", "Kubernetes service account of the pods"),
        ours(command, "--privileged", "run the container privileged; default: not"),
        ours(command, "--no-command-checks", "do not look into --command for contradictions"),
    )


def _restarts(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--max-restarts=", "restarts of all slices after a failure"),
        works(command, "--restart-on-exit-codes=", "exit codes that restart, such as 1,42,127-255"),
        works(command, "--ttl-seconds-after-finished=", "how long a finished workload stays, in seconds"),
        works(command, "-tgps --termination-grace-period-seconds=", "time between SIGTERM and SIGKILL"),
    )


def _capacity(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--on-demand", "only on on-demand machines"),
        works(command, "--spot", "only on spot machines"),
        works(command, "--flex", "only on flex-start machines"),
        works(command, "--reservation=", "only on machines of this reservation"),
    )


def _output(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, DRY_RUN, "print the manifest, contact nothing"),
        works(command, "--output-manifest-file=", "write the manifest to this file as well"),
        works(command, QUIET, "do not ask; as --yes"),
        ours(command, "--yes", "do not ask"),
        ours(command, "--observe", "with --dry-run: compare with the live cluster, by reads alone"),
        ours(command, "-o --output=", "text, yaml or json"),
    )


def _ignored(command: str) -> tuple[FlagRow, ...]:
    return (
        ignored(command, "--num-nodes=", "it is for GPUs; a slice has the hosts that its type has"),
        ignored(
            command,
            "--use-parallel-containers --no-use-parallel-containers",
            "it is for tpu7x; one container runs on each host",
        ),
        ignored(
            command, "--colocated-python-sidecar-image=", "it is for Pathways; xpk ignores it without, too"
        ),
    )


def _refused(command: str) -> tuple[FlagRow, ...]:
    return (
        refused(command, "--base-docker-image=", _BUILD, _BUILD_INSTEAD),
        refused(command, "--script-dir=", _BUILD, _BUILD_INSTEAD),
        refused(
            command,
            "--storage=",
            "the objects of xpk storage attach are not read",
            "--mount gs://BUCKET=/PATH",
        ),
        refused(
            command,
            "--debug-dump-gcs=",
            "nothing is uploaded behind the trainer's back, and an upload at exit is lost with the host",
            "--env XLA_FLAGS=--xla_dump_to=gs://BUCKET/DIR",
        ),
        refused(
            command,
            "--deploy-stacktrace-sidecar",
            "no second container runs beside the trainer",
            "collect_stack_trace=True stack_trace_to_cloud=False inside --command (MaxText)",
        ),
        refused(command, "--use-pathways", _PATHWAYS, "Google's xpk workload create-pathways"),
        refused(command, "--use-vertex-tensorboard", _TENSORBOARD, _TENSORBOARD_INSTEAD),
        refused(command, "--experiment-name=", _TENSORBOARD, _TENSORBOARD_INSTEAD),
    )


def _foreign(command: str) -> tuple[FlagRow, ...]:
    gone = "xpk 1.16 does not have it either"
    return (
        foreign(
            command,
            "--restart-on-user-code-failure",
            f"{gone} (gone since 0.7)",
            "--max-restarts N --restart-on-exit-codes 1-255",
        ),
        foreign(command, "--sa=", gone, "--service-account"),
        foreign(
            command, "--run-name=", f"{gone}; the run's name is the trainer's", "run_name=NAME in --command"
        ),
        foreign(
            command, "--enable-ops-agent", f"{gone}; GKE collects logs and metrics itself", "leave it out"
        ),
        foreign(command, "--enable-debug-flag", gone, "--enable-debug-logs"),
        foreign(command, "--sub-slicing-topology=", gone, "--tpu-type with the topology: v6e-4x4"),
        no_kind(command),
    )


def workload_delete(command: str) -> tuple[FlagRow, ...]:
    """All rows of `workload delete`."""
    return (
        works(command, "--cluster=", "the cluster's name"),
        works(command, "--workload=", "the workload's name; none: all that the filters leave"),
        *_filters(command),
        *where(command),
        works(command, "--namespace=", "namespace of the workloads; default: default"),
        works(command, "--force", "do not ask; as --yes"),
        works(command, QUIET, "do not ask; as --yes"),
        works(command, DRY_RUN, "print what would be deleted, delete nothing"),
        ours(command, "--yes", "do not ask"),
        ours(command, "-o --output=", "text, yaml or json"),
        ignored(command, "--project-number=", "the command does not need it"),
        *machinery(command),
        no_kind(command),
    )


def workload_list(command: str) -> tuple[FlagRow, ...]:
    """All rows of `workload list`."""
    return (
        works(command, "--cluster=", "the cluster's name"),
        *_filters(command),
        works(command, "--wait-for-job-completion=", "wait for this workload; exit 0, 124 or 125"),
        works(command, "--timeout=", "limit of that wait, in seconds"),
        works(command, "--namespace=", "namespace of the workloads; default: default"),
        *reading(command),
        foreign(command, "--num-slices=", "a workload is found by its name", "--filter-by-job"),
        no_kind(command),
    )


def _filters(command: str) -> tuple[FlagRow, ...]:
    return (
        works(command, "--filter-by-job=", "workloads by name"),
        works(command, "--filter-by-status=", "EVERYTHING, QUEUED, RUNNING, FINISHED, FAILED, SUCCESSFUL"),
    )
