"""Flags that several commands have, and the rows of the short commands for clusters."""

from __future__ import annotations

from xpk.cli.flag_row import FlagRow, foreign, ignored, ours, works

DRY_RUN = "--dry-run --no-dry-run"
QUIET = "--quiet --no-quiet"
_CHILDREN = "no kubectl, gcloud or crane is started"


def where(command: str) -> tuple[FlagRow, ...]:
    """The project and the zone, in every command."""
    return (
        works(command, "--project=", "the Google Cloud project; default: as gcloud finds it"),
        works(command, "--zone=", "the zone, or a region where that is enough; default: as gcloud finds it"),
        foreign(command, "--projet=", "a misspelling that stands in public scripts", "--project"),
    )


def machinery(command: str) -> tuple[FlagRow, ...]:
    """What tuned xpk's own helpers, in every command; and the output, which is ours."""
    return (
        ignored(command, "--skip-validation --no-skip-validation", f"{_CHILDREN}, so there is none to check"),
        ignored(command, "--sandbox-kubeconfig --no-sandbox-kubeconfig", "the kubeconfig is never changed"),
        ignored(command, "--dependency-auto-download --no-dependency-auto-download", _CHILDREN),
        ours(command, "--debug", "show the traceback of an error"),
        ours(command, "--no-color", "no colours, as with NO_COLOR"),
    )


def reading(command: str) -> tuple[FlagRow, ...]:
    """Rows of a command that only reads."""
    return (
        *where(command),
        ours(command, "-o --output=", "table, json or yaml"),
        ignored(command, DRY_RUN, "the command only reads"),
        ignored(command, QUIET, "the command asks nothing"),
        ignored(command, "--project-number=", "the command does not need it"),
        *machinery(command),
    )


def no_kind(command: str) -> FlagRow:
    """kind clusters, which xpk gave up in 1.0."""
    return foreign(command, "--kind-cluster", "there are no TPUs on kind", "xpk emulator run -- xpk ...")


def cluster_list(command: str) -> tuple[FlagRow, ...]:
    """`cluster list`."""
    return (*reading(command), ignored(command, "--namespace=", "clusters stand in no namespace"))


def cluster_describe(command: str) -> tuple[FlagRow, ...]:
    """`cluster describe`."""
    return (
        works(command, "--cluster=", "the cluster's name"),
        *cluster_list(command),
        no_kind(command),
    )


def cluster_delete(command: str) -> tuple[FlagRow, ...]:
    """`cluster delete`."""
    return (
        works(command, "--cluster=", "the cluster's name"),
        *where(command),
        works(command, "--force", "do not ask; as --yes"),
        works(command, QUIET, "do not ask; as --yes"),
        works(command, DRY_RUN, "print what would be deleted, delete nothing"),
        ours(command, "--yes", "do not ask"),
        ours(command, "-o --output=", "text, yaml or json"),
        ignored(command, "--namespace=", "the cluster goes with all of its namespaces"),
        ignored(command, "--project-number=", "the command does not need it"),
        ignored(command, "--cluster-state-gcs-bucket=", "it is for GPU clusters made with Cluster Toolkit"),
        *machinery(command),
    )
