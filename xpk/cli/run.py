"""From a request to the cloud and back: the one place that imports the engine, and does it late.

The engine pulls in Google's and Kubernetes' client libraries; a dry run, a mistake and a help
text must not wait for them. Nothing else in `cli/` imports late.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xpk.cli import output
from xpk.cloud.endpoints import Endpoints
from xpk.errors import Fault, UnreachableError
from xpk.plan.question import PLAIN, question_of
from xpk.plan.text import describe_step, text

if TYPE_CHECKING:
    from xpk.cli.progress import Screen
    from xpk.cloud.session import Cloud
    from xpk.engine.clusters import ClusterDescription, ClusterStatus
    from xpk.engine.report import Report
    from xpk.engine.settle import Waiting
    from xpk.engine.status import WorkloadStatus
    from xpk.engine.waiting import Outcome
    from xpk.engine.workload_description import WorkloadDescription
    from xpk.engine.workloads import Filter, Found
    from xpk.plan.observed import Observed
    from xpk.plan.steps import Plan
    from xpk.rehearsal.story import Eyes
    from xpk.spec.cluster import ClusterSpec, Place
    from xpk.spec.workload import WorkloadSpec


_QUIET_SECONDS = 10.0


@contextmanager
def connected(endpoints: Endpoints) -> Iterator[Cloud]:
    """Clients for the project, closed at the end. An emulator that is not there is told as such."""
    from xpk.cloud.session import Cloud

    gc.enable()
    output.Looked.at_project = True
    try:
        with Cloud(endpoints, environ=os.environ) as cloud:
            yield cloud
    except UnreachableError as error:
        if not (endpoints.emulated and any("no connection" in fault.why for fault in error.faults)):
            raise
        port = endpoints.container.rpartition(":")[2]
        fix = f"xpk emulator serve --port {port} in another shell, or unset XPK_EMULATOR"
        raise UnreachableError(*error.faults, Fault("emulator", "does not answer", fix)) from error


class NowAndThen:
    """Says the first of many lines at once, and later ones at most every ten seconds."""

    def __init__(self) -> None:
        self._last: float | None = None

    def __call__(self, words: str) -> None:
        now = time.monotonic()
        if self._last is None or now - self._last >= _QUIET_SECONDS:
            self._last = now
            output.say(words)


def observe_cluster(cloud: Cloud, spec: ClusterSpec, *, wait: bool) -> Observed:
    """What `cluster create` needs to know; `wait`: after operations of an earlier run have ended."""
    from xpk.engine import observe

    return observe.observe_cluster(cloud, spec, observe.Waiting(wait, on_progress=NowAndThen()))


def observe_workload(cloud: Cloud, spec: WorkloadSpec, place: Place, *, looks: bool) -> Observed:
    """What `workload create` needs to know; `looks`: nothing follows from it, so that a wait is short."""
    from xpk.engine import observe

    return observe.observe_workload(cloud, spec, place, waiting=_waiting(looks=looks))


def observe_deletion(cloud: Cloud, place: Place, name: str) -> Observed:
    """What `cluster delete` needs to know."""
    from xpk.engine import observe

    return observe.observe_deletion(cloud, place, name, _waiting(looks=False))


def _waiting(*, looks: bool) -> Waiting:
    """A short wait for a control plane on which GKE works, or a long one; says what it waits for."""
    from xpk.engine.settle import LOOK, Waiting

    said = NowAndThen()
    return Waiting(on_progress=said, within=LOOK) if looks else Waiting(on_progress=said)


def workload_filter(status: str, job: str | None, namespace: str | None) -> Filter:
    """Read the two filters. Raises UsageError."""
    from xpk.engine.workloads import parse_filter

    return parse_filter(status, job, namespace)


def find_workloads(
    cloud: Cloud, place: Place, cluster: str, chosen: Filter, *, looks: bool = True
) -> list[Found]:
    """The workloads of a cluster that the filter leaves, newest first; `looks`: the wait is short."""
    from xpk.engine import workloads

    return workloads.find_workloads(cloud, place, cluster, chosen, _waiting(looks=looks))


def describe_workload(
    cloud: Cloud, place: Place, cluster: str, name: str, namespace: str
) -> WorkloadDescription:
    """Everything about one workload."""
    from xpk.engine import workload_description

    waiting = _waiting(looks=True)
    return workload_description.describe_workload(cloud, place, cluster, name, namespace, waiting)


def wait_for_workload(
    cloud: Cloud,
    place: Place,
    cluster: str,
    name: str,
    *,
    timeout: float | None,
    namespace: str,
    on_progress: Callable[[WorkloadStatus], None],
) -> Outcome:
    """Wait until a workload has ended; Ctrl-C ends the wait and not the workload."""
    from xpk.cli.stopping import stop_on_signal
    from xpk.engine import waiting

    with stop_on_signal() as stop:
        return waiting.wait_for_workload(
            cloud,
            place,
            cluster,
            name,
            timeout=timeout,
            namespace=namespace,
            on_progress=on_progress,
            stop=stop,
        )


def list_clusters(cloud: Cloud, project: str, region: str | None) -> list[ClusterStatus]:
    """The clusters of a project, or of one of its regions."""
    from xpk.engine import clusters

    return clusters.list_clusters(cloud, project, region)


def describe_cluster(cloud: Cloud, place: Place, name: str) -> ClusterDescription:
    """Everything about one cluster."""
    from xpk.engine import clusters

    return clusters.describe_cluster(cloud, place, name, _waiting(looks=True))


def carry_out(
    cloud: Cloud,
    plan: Plan,
    cluster: str,
    *,
    consented: bool,
    question: str | None = None,
    deletes: bool = False,
    shown: str | None = None,
    ignore_failed_slices: bool = False,
) -> Report | None:
    """Show the plan (or `shown`) on stderr, ask, do it with progress. None when there is nothing to do.

    The question is that of the plan unless one is given. Where nobody can be asked, a plan that only adds
    things goes on, as xpk does: programs run it. Where a flag has answered, a question about
    what is lost is written down all the same.
    Raises what the engine raises, and NotConfirmed.
    """
    from xpk.cli.ask import confirm
    from xpk.cli.stopping import stop_on_signal
    from xpk.engine.apply import apply

    output.notes(plan.notes)
    output.say((text(plan) if shown is None else shown).rstrip("\n"))
    if plan.empty:
        return None
    asked = question_of(plan) if question is None else question
    if not consented:
        confirm(asked, harmless=not deletes and only_adds(plan))
    elif question is None and asked != PLAIN:
        output.say(f"{asked} Not asked: a flag says yes.")
    with _screen(plan) as screen, stop_on_signal() as stop:
        return apply(
            plan,
            cloud,
            cluster,
            on_event=screen.show,
            stop=stop,
            ignore_failed_slices=ignore_failed_slices,
        )


def only_adds(plan: Plan) -> bool:
    """Whether nothing that exists is changed or deleted."""
    return all(describe_step(planned.step).sign in ("+", ".") for planned in plan.steps)


@contextmanager
def watching(endpoints: Endpoints, place: Place) -> Iterator[Eyes]:
    """Looks at a workload again and again, for a rehearsal."""
    from xpk.cli.eyes import EngineEyes

    with connected(endpoints) as cloud:
        yield EngineEyes(cloud, place)


@contextmanager
def _screen(plan: Plan) -> Iterator[Screen]:
    """Lines that are updated in place on a terminal, one line a change elsewhere."""
    screen: Screen
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from xpk.cli.live import Live

        screen = Live(plan)
    else:
        from xpk.cli.progress import Plain

        screen = Plain(plan)
    with screen:
        yield screen
