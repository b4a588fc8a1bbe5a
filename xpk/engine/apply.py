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
from xpk.plan.steps import GrantBucketRole, Plan, RevokeBucketRole


def apply(
    plan: Plan,
    cloud: CloudApi,
    cluster: str,
    *,
    on_event: Callable[[Event], None],
    stop: threading.Event | None = None,
    timing: Timing | None = None,
    workers: Workers | None = None,
) -> Report:
    """Carry out a plan for the cluster `projects/P/locations/L/clusters/C`.

    A step that fails keeps back only those that need it; the others go on to their end.
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
    report = _report(loop, timing.now() - started)
    if not (report.left or report.started_in_cloud or report.failed):
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
        read_operations=lambda: gke.list_operations(location),
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


def _report(loop: Loop, seconds: float) -> Report:
    graph = loop.graph
    return Report(
        done=graph.of("done"),
        failed=tuple(loop.failures),
        left=graph.of("left") + graph.of("waiting"),
        started_in_cloud=graph.of("abandoned"),
        seconds=seconds,
    )
