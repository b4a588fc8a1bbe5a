"""`xpk workload create`."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from xpk.cli import output, run
from xpk.cli.command import Leaf
from xpk.cli.options import consented, decisions
from xpk.cli.plan_output import dry_run_form, print_plan, print_report, report_form
from xpk.cli.where import endpoints, say_where
from xpk.cli.words import Words
from xpk.cli.workload_flags import CREATE_FLAGS
from xpk.cli.workload_request import WorkloadRequest, workload_request
from xpk.errors import Fault, UsageError
from xpk.plan.document import manifests_of, yaml_stream
from xpk.plan.observed import Observed
from xpk.plan.steps import Plan
from xpk.plan.workload import plan_workload

_FILE = "--output-manifest-file"


def _run(words: Words) -> None:
    target = endpoints(words)
    dry = words.on("--dry-run")
    form = dry_run_form(words) if dry else report_form(words)
    file = words.text(_FILE)
    if file is not None and not file.strip():
        words.faults.add(f"{_FILE} ''", "the value is empty", f"write {_FILE} FILE")
    request = workload_request(words)
    say_where(target)
    output.notes(words.notes)
    if dry and not words.on("--observe"):
        plan = plan_workload(request.spec, request.place, Observed.nothing(), request.project_number)
        _write(plan, file, dry)
        print_plan(plan, form)
        return
    with run.connected(target) as cloud:
        observed = run.observe_workload(cloud, request.spec, request.place, looks=dry)
        plan = plan_workload(request.spec, request.place, observed, request.project_number)
        _write(plan, file, dry)
        if dry:
            print_plan(plan, form)
            return
        cluster = request.place.cluster(request.spec.cluster)
        report = run.carry_out(cloud, plan, cluster, consented=consented(words) or run.only_adds(plan))
    if report is not None:
        output.say(_ending(request))
    print_report(plan, report, form)


def _write(plan: Plan, path: str | None, dry: bool) -> None:
    """Write the Kubernetes objects of the plan to a file, whole or not at all."""
    if path is None:
        return
    if not any(manifests_of(planned.step) for planned in plan.steps):
        output.say(f"note: nothing to do, so {path} is not written")
        return
    target = Path(path)
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as stream:
            temporary = stream.name
            stream.write(yaml_stream(plan))
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        why = f"cannot be written: {(error.strerror or 'error').lower()}"
        raise UsageError(
            Fault(f"{_FILE} {path}", why, "name a file in a folder that you may write to")
        ) from None
    also = "" if dry else "; the workload is created as well (only the file: --dry-run)"
    output.say(f"wrote {path}{also}")


def _ending(request: WorkloadRequest) -> str:
    spec = request.spec
    place = request.place
    where = f"--cluster {spec.cluster} {place.flags}"
    return (
        f"workload {spec.name} is created: {spec.hosts} pods on {spec.num_slices} "
        f"slice{'s' if spec.num_slices > 1 else ''} of {spec.slice_type.name}. Next:\n"
        f"  xpk workload list {where}"
    )


create = Leaf(
    "workload create",
    _run,
    sentence="Run a command on every host of one or more TPU slices.",
    examples=(
        (
            "xpk workload create --cluster c1 --project my-project --zone us-east5-b --workload w1 "
            "--tpu-type v6e-16 --num-slices 2 --docker-image python:3.12 --command 'python3 train.py'"
        ),
        (
            "xpk workload create --cluster c1 --project my-project --zone us-east5-b --workload w2 "
            "--tpu-type v6e-16 --num-slices 2 --mtc-enabled --ramdisk-directory /ramdisk "
            "--docker-image gcr.io/my-project/trainer:1 --command 'python3 train.py' --dry-run -o text"
        ),
    ),
    flags=CREATE_FLAGS,
    decide=decisions("workload create"),
)
