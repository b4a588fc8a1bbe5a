"""From a request to the cloud and back: the one place that imports the engine, and does it late.

The engine pulls in Google's and Kubernetes' client libraries; a dry run, a mistake and a help
text must not wait for them. Nothing else in `cli/` imports late.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from xpk.cli import output
from xpk.cli.ask import confirm
from xpk.cli.progress import Plain, Screen
from xpk.cloud.endpoints import Endpoints
from xpk.plan.cluster import plan_cluster
from xpk.plan.steps import Plan
from xpk.plan.text import text
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import ClusterSpec, Place
from xpk.spec.workload import WorkloadSpec

if TYPE_CHECKING:
    from xpk.cloud.session import Cloud
    from xpk.engine.report import Report


@contextmanager
def connected(endpoints: Endpoints) -> Iterator[Cloud]:
    """Clients for the project, closed at the end."""
    from xpk.cloud.session import Cloud

    output.Looked.at_project = True
    with Cloud(endpoints, environ=os.environ) as cloud:
        yield cloud


def planned_cluster(cloud: Cloud, spec: ClusterSpec) -> Plan:
    """What `cluster create` would do to the project as it is now."""
    from xpk.engine.observe import observe_cluster

    return plan_cluster(spec, observe_cluster(cloud, spec))


def planned_workload(cloud: Cloud, spec: WorkloadSpec, place: Place, number: str | None) -> Plan:
    """What `workload create` would do to the cluster as it is now."""
    from xpk.engine.observe import observe_workload

    return plan_workload(spec, place, observe_workload(cloud, spec, place), number)


def carry_out(
    cloud: Cloud, plan: Plan, cluster: str, *, consented: bool, question: str = "Apply?"
) -> Report | None:
    """Show the plan on stderr, ask, do it with progress. None when there is nothing to do.

    Raises what the engine raises, and NotConfirmed.
    """
    from xpk.engine.apply import apply

    output.notes(plan.notes)
    output.say(text(plan).rstrip("\n"))
    if plan.empty:
        return None
    if not consented:
        confirm(question)
    with _screen(plan) as screen, _stop_on_signal() as stop:
        return apply(plan, cloud, cluster, on_event=screen.show, stop=stop)


@contextmanager
def _screen(plan: Plan) -> Iterator[Screen]:
    """Lines that are updated in place on a terminal, one line a change elsewhere."""
    screen: Screen
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from xpk.cli.live import Live

        screen = Live(plan)
    else:
        screen = Plain(plan)
    with screen:
        yield screen


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """Ctrl-C once: start nothing new and say what is left. Twice: leave at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    watched: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in watched}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
