"""One workload in full: its slices with their hosts, its conditions, what failed, what was said lately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xpk.cloud.errors import clean
from xpk.engine import slim
from xpk.engine.conditions import Condition, conditions_of
from xpk.engine.kube_reads import JOBSET_API, KUEUE, all_nodes
from xpk.engine.pods import JOBSET_LABEL, PodFailure, failures_of
from xpk.engine.queue_closed import closed_queues
from xpk.engine.queue_order import by_jobset
from xpk.engine.reads import together
from xpk.engine.settle import LOOK, Waiting
from xpk.engine.slice_status import SliceStatus, on_nodes, slices_of
from xpk.engine.status import FILTERS, WorkloadStatus
from xpk.engine.wire import CloudApi, Json, KubeApi
from xpk.engine.workloads import assemble, connect
from xpk.errors import Fault, StateError
from xpk.spec.cluster import Place

_EVENTS = 10
_NOISE = ("follower pod node selector for topology domain not found", "leader pod not yet scheduled")
"""JobSet's webhook refuses followers until their leader has a place: Warnings that mean nothing."""
_ROUTINE = frozenset({"SuccessfulCreate", "SuccessfulDelete"})
"""One a pod and restart: they would push out everything else."""
_OF_OTHERS = ",".join(["involvedObject.kind!=Pod", *(f"reason!={reason}" for reason in sorted(_ROUTINE))])
_OF_PODS = "involvedObject.kind=Pod,type!=Normal"
"""A pod that starts well has four Normal events, and there may be 16,384 of them: they are not even read."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """Something that was reported about a workload. `kind` is Normal or Warning."""

    time: str
    kind: str
    reason: str
    about: str
    message: str
    count: int

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "time": self.time,
            "type": self.kind,
            "reason": self.reason,
            "about": self.about,
            "message": self.message,
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class WorkloadDescription:
    """Everything about one workload. `events` are the last ones, newest last, without known noise."""

    status: WorkloadStatus
    slices: tuple[SliceStatus, ...]
    conditions: tuple[Condition, ...]
    queue_conditions: tuple[Condition, ...]
    failures: tuple[PodFailure, ...]
    events: tuple[EventLine, ...]

    def as_json(self) -> Json:
        """As JSON."""
        return {
            **self.status.as_json(),
            "sliceStatus": [one.as_json() for one in self.slices],
            "conditions": [condition.as_json() for condition in self.conditions],
            "queueConditions": [condition.as_json() for condition in self.queue_conditions],
            "failures": [failure.as_json() for failure in self.failures],
            "events": [event.as_json() for event in self.events],
        }


def describe_workload(
    cloud: CloudApi,
    place: Place,
    cluster: str,
    name: str,
    namespace: str = "default",
    waiting: Waiting | None = None,
) -> WorkloadDescription:
    """Read one workload, after a short wait where GKE works on the control plane.

    Raises StateError when there is no such cluster or workload, NotReady when that work takes longer.
    """
    kube = connect(cloud, place, cluster)
    return (waiting or Waiting(within=LOOK)).answer(
        cloud, place.cluster(cluster), lambda: read_description(kube, name, namespace, cluster)
    )


def read_description(kube: KubeApi, name: str, namespace: str, cluster: str) -> WorkloadDescription:
    """Seven requests. The nodes of TPU pools tell which pool a slice is on, and which hosts are gone.

    So this knows of a lost host at once; `workload list` reads no nodes and learns it from the pods.
    """
    inside = f"/namespaces/{namespace}"
    jobsets, workloads, pods, queues, events, warnings, nodes = together(
        [
            lambda: _as_list(kube.get(f"{JOBSET_API}{inside}/jobsets/{name}")),
            lambda: kube.list(f"{KUEUE}/workloads", keep=slim.queued),
            lambda: kube.list(
                f"/api/v1{inside}/pods", label_selector=f"{JOBSET_LABEL}={name}", keep=slim.pod
            ),
            lambda: kube.list(f"{KUEUE}/localqueues"),
            lambda: kube.list(f"/api/v1{inside}/events", field_selector=_OF_OTHERS, keep=slim.event),
            lambda: kube.list(f"/api/v1{inside}/events", field_selector=_OF_PODS, keep=slim.event),
            lambda: all_nodes(kube),
        ]
    )
    if not jobsets:
        raise missing(name, namespace, cluster)
    pods = on_nodes(pods, nodes)
    (found,) = assemble(jobsets, workloads, pods, queues, closed_queues(kube, workloads, queues))
    kueue = by_jobset(workloads, jobsets).get((namespace, name))
    names = {name, *(pod["metadata"]["name"] for pod in pods)}
    if kueue is not None:
        names.add(kueue["metadata"]["name"])
    return WorkloadDescription(
        status=found.status,
        slices=slices_of(jobsets[0], pods, nodes, alive=found.status.state in FILTERS["RUNNING"]),
        conditions=conditions_of(jobsets[0]),
        queue_conditions=conditions_of(kueue),
        failures=failures_of(pods),
        events=events_of([*events, *warnings], names, name),
    )


def missing(name: str, namespace: str, cluster: str) -> StateError:
    """The error for a workload that is not there."""
    where = f"no such workload in cluster {cluster}" + (
        f", namespace {namespace}" if namespace != "default" else ""
    )
    return StateError(Fault(f"--workload {name}", where, f"xpk workload list --cluster {cluster}"))


def events_of(events: Iterable[Json], names: set[str], workload: str) -> tuple[EventLine, ...]:
    """The last events about these objects and the workload's Jobs. Pure."""
    lines = []
    for event in events:
        about = event.get("involvedObject", {})
        name, message = str(about.get("name", "")), str(event.get("message") or "")
        ours = name in names or (about.get("kind") == "Job" and name.startswith(f"{workload}-"))
        if not ours or event.get("reason") in _ROUTINE or any(noise in message for noise in _NOISE):
            continue
        time = (
            event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
        )
        lines.append(
            EventLine(
                time=str(time or ""),
                kind=str(event.get("type", "")),
                reason=clean(str(event.get("reason") or ""), limit=80),
                about=clean(f"{about.get('kind', '')} {name}", limit=120),
                message=clean(message, limit=300),
                count=int(event.get("count") or 1),
            )
        )
    return tuple(sorted(lines, key=lambda line: line.time.rstrip("Z"))[-_EVENTS:])


def _as_list(found: Json | None) -> list[Json]:
    return [] if found is None else [found]
