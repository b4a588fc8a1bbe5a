"""Carries out a plan: every step as soon as those that it needs are done.

Not here: what a step does (`perform.py`), the waiting (`loop.py`), which steps there are (`plan/`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from xpk.engine.bucket_steps import check_member
from xpk.engine.context import Context
from xpk.engine.events import Event
from xpk.engine.graph import Graph
from xpk.engine.loop import Loop
from xpk.engine.perform import perform
from xpk.engine.report import Report, error_of, interrupted
from xpk.engine.timing import Timing
from xpk.engine.wire import CloudApi
from xpk.engine.workers import ThreadWorkers, Workers
from xpk.errors import CloudError, NotReady
from xpk.plan.steps import ApplyCounted, CreateNodePool, GrantBucketRole, Plan, RevokeBucketRole


def apply(
    plan: Plan,
    cloud: CloudApi,
    cluster: str,
    *,
    on_event: Callable[[Event], None],
    stop: threading.Event | None = None,
    ignore_failed_slices: bool = False,
    timing: Timing | None = None,
    workers: Workers | None = None,
) -> Report:
    """Carry out a plan for the cluster `projects/P/locations/L/clusters/C`.

    A step that fails keeps back only those that need it; the others go on to their end. With
    `ignore_failed_slices` a report comes back where slices failed, some are up, and all else is done.
    Events are told on the calling thread. Setting `stop`, or Ctrl-C, starts nothing more and
    waits for nothing more. Raises the first failure's error with the faults of all, and what is
    done and left; Interrupted with the same; ValueError for a plan that was made without looking.
    """
    _check(plan)
    stop = stop or threading.Event()
    timing = timing or Timing.real(stop)
    workers = workers or ThreadWorkers()
    loop = _loop(plan, Context(cloud, cluster, timing), workers, on_event, stop)
    started = timing.now()
    try:
        _run(loop, stop)
    finally:
        workers.close()
    report = _report(loop, plan, timing.now() - started)
    if not (report.left or report.started_in_cloud or report.failed):
        return report
    if ignore_failed_slices and _only_slices_failed(plan, report):
        return report
    raise interrupted(report) if stop.is_set() else (error_of(report) or interrupted(report))


def _check(plan: Plan) -> None:
    """Nothing that an offline plan left open may ever be sent; found before the first step."""
    if plan.offline:
        raise ValueError("an offline plan is for reading: it may name what does not exist")
    for planned in plan.steps:
        if isinstance(planned.step, GrantBucketRole | RevokeBucketRole):
            check_member(planned.step.member)


def _loop(
    plan: Plan,
    context: Context,
    workers: Workers,
    on_event: Callable[[Event], None],
    stop: threading.Event,
) -> Loop:
    gke, location = context.cloud.gke, context.location
    return Loop(
        graph=Graph(plan.steps),
        perform=lambda planned: perform(context, planned.step),
        read_operations=lambda names: gke.list_operations(location, lambda found: found.get("name") in names),
        read_operation=lambda name: gke.get_operation(f"{location}/operations/{name}"),
        workers=workers,
        timing=context.timing,
        on_event=on_event,
        stop=stop,
    )


def _run(loop: Loop, stop: threading.Event) -> None:
    try:
        loop.run()
    except KeyboardInterrupt:
        if stop.is_set():
            raise  # the second time: leave at once
        stop.set()
        loop.run()


def _only_slices_failed(plan: Plan, report: Report) -> bool:
    """Whether nothing else went wrong, and Google's answer is a reason and not a lack of rights."""
    creations = {planned.id for planned in plan.steps if isinstance(planned.step, CreateNodePool)}
    ours = all(f.step_id in creations and isinstance(f.error, CloudError | NotReady) for f in report.failed)
    some = report.slices is not None and report.slices[0] > 0
    return ours and some and not (report.left or report.started_in_cloud)


def _report(loop: Loop, plan: Plan, seconds: float) -> Report:
    graph = loop.graph
    done = graph.of("done")
    order = {planned.id: index for index, planned in enumerate(plan.steps)}
    counted = [planned.step for planned in plan.steps if isinstance(planned.step, ApplyCounted)]
    slices = [(s.base + len({*s.pools} & {*done}), s.base + len(s.pools)) for s in counted]
    return Report(
        done=done,
        failed=tuple(sorted(loop.failures, key=lambda failure: order[failure.step_id])),
        left=graph.of("left") + graph.of("waiting"),
        started_in_cloud=graph.of("abandoned"),
        seconds=seconds,
        slices=slices[0] if slices else None,
    )
