"""`xpk cluster create`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xpk.catalog.versions import JOBSET, KUEUE, Release
from xpk.cli import output, run
from xpk.cli.cluster_flags import CREATE_FLAGS
from xpk.cli.cluster_request import cluster_spec
from xpk.cli.command import Leaf, wrapped
from xpk.cli.options import consented, decisions
from xpk.cli.plan_output import dry_run_form, print_plan, print_report, report_form
from xpk.cli.where import endpoints, say_where
from xpk.cli.words import Words
from xpk.errors import StateError, UsageError
from xpk.plan.adapt import as_found
from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import Observed, ReleaseFile
from xpk.plan.releases import read_release_file
from xpk.spec.cluster import ClusterSpec

if TYPE_CHECKING:
    from xpk.engine.report import Report


def _run(words: Words) -> None:
    bring_up(words, cluster_spec)


def bring_up(words: Words, spec_of: Callable[[Words], ClusterSpec]) -> None:
    """Plan what the cluster lacks, and print that or do it. `cluster adapt` differs in its spec alone."""
    target = endpoints(words)
    dry = words.on("--dry-run")
    form = dry_run_form(words) if dry else report_form(words)
    spec = spec_of(words)
    say_where(target)
    output.notes(words.notes)
    _say_sizing(spec)
    if dry and not words.on("--observe"):
        print_plan(plan_cluster(spec, _offline(spec)), form)
        return
    with run.connected(target) as cloud:
        observed = run.observe_cluster(cloud, spec, wait=not dry)
        spec = as_found(spec, observed)
        plan = plan_cluster(spec, observed, force=words.on("--force"))
        if dry:
            print_plan(plan, form)
            return
        report = run.carry_out(
            cloud,
            plan,
            spec.full_name,
            consented=consented(words),
            ignore_failed_slices=words.on("--ignore-nodepool-creation-errors"),
        )
    if report is not None:
        output.say(_incomplete(spec, report) if report.failed else _ending(spec))
    print_report(plan, report, form)


def _offline(spec: ClusterSpec) -> Observed:
    """The empty project, with the release files that the user named: they are on this machine."""
    releases: dict[Literal["JobSet", "Kueue"], ReleaseFile] = {}
    named: tuple[tuple[Release, str | None, str | None], ...] = (
        (JOBSET, spec.controllers.jobset_manifest, spec.controllers.jobset_sha256),
        (KUEUE, spec.controllers.kueue_manifest, spec.controllers.kueue_sha256),
    )
    for release, path, digest in named:
        if path is not None:
            try:
                releases[release.component] = read_release_file(
                    release, path, Path(path).read_bytes(), digest
                )
            except StateError as error:  # a file of the user's, and nothing was contacted
                raise UsageError(*error.faults) from None
    return Observed(live=False, releases=releases)


def _say_sizing(spec: ClusterSpec) -> None:
    if spec.mtc and spec.mtc.sizing:
        for line in spec.mtc.sizing.working:
            output.say(f"ramdisk: {line}")


def _incomplete(spec: ClusterSpec, report: Report) -> str:
    """Slices are missing, and that was to be no error."""
    up, of = report.slices or (0, spec.num_slices)
    reasons = [f"  {fault.what}: {fault.why}" for failure in report.failed for fault in failure.error.faults]
    head = f"cluster {spec.name} is usable with {up} of {of} slices; the same command tries the others again:"
    return "\n".join([head, *(output.clean(line) for line in reasons)])


def _ending(spec: ClusterSpec) -> str:
    slices = f"{spec.num_slices} slice{'s' if spec.num_slices > 1 else ''}"
    ramdisk = f", ramdisk on {spec.hosts} hosts" if spec.mtc else ""
    mtc = " --mtc-enabled --ramdisk-directory /ramdisk" if spec.mtc and spec.num_slices > 1 else ""
    command = (
        f"xpk workload create --cluster {spec.name} --workload NAME --tpu-type {spec.slice_type.name} "
        f"--num-slices {spec.num_slices}{mtc} --docker-image IMAGE --command '...'"
    )
    return f"cluster {spec.name} is ready: {slices}{ramdisk}. Next:\n{wrapped(command)}"


create = Leaf(
    "cluster create",
    _run,
    sentence="Create a cluster of TPU slices, or bring one up to what is asked for.",
    examples=(
        (
            "xpk emulator run -- xpk cluster create --cluster c1 --project my-project --zone us-east5-b "
            "--tpu-type v6e-16 --num-slices 2 --yes"
        ),
        (
            "xpk cluster create --cluster c1 --project my-project --zone us-east5-b --tpu-type v6e-256 "
            "--num-slices 2 --enable-mtc --mtc-ramdisk-size 60000Mi --mtc-gcs-bucket gs://my-bucket "
            "--dry-run -o text"
        ),
    ),
    flags=CREATE_FLAGS,
    decide=decisions("cluster create"),
)
